//! Ending a pod, and starting one again in its place.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, anyhow, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::observe::{container, ended, instances_of};
use super::{Kubernetes, MANAGER, Plain as _, is_missing, labels, wait, wait_of};
use crate::failure::Failure;
use crate::platform::{ExecEnd, State, instance_name, parts_of};
use crate::wait::Seen;

/// How long a pod that is deleted at once may take to be gone: a busy node takes a while.
const GONE: Duration = Duration::from_mins(1);
/// How long one that is started again may take to run. Whether it is ready is for others to wait for.
const RUNS: Duration = Duration::from_mins(2);

/// The error of a fault that a cluster has no way to make.
pub(super) fn impossible(fault: &str, instance: &str) -> Error {
    anyhow!(Failure::Usage(format!("{fault} {instance}: Kubernetes has no such request; kill takes the pod away")))
}

/// Sends SIGKILL to all processes of a pod but its first, which in a namespace of processes that its containers share is none of theirs, and
/// the shell itself.
const KILL: [&str; 3] = ["bash", "-c", "kill -KILL -1"];

/// How long that may take.
const KILLS: Duration = Duration::from_secs(20);
/// The exit code of a process that SIGKILL ended.
const KILLED: i64 = 137;

/// How a pod ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its processes are killed, and it is deleted before its node starts them again.
    AtOnce,
    /// With the time that its manifest gives it.
    InItsTime,
}

impl Ending {
    fn params(self) -> DeleteParams {
        // The least for which a node confirms the end: with 0 nobody waits for the node. A kubelet makes 2 s of it.
        let grace_period_seconds = (self == Self::AtOnce).then_some(1);
        DeleteParams { grace_period_seconds, ..DeleteParams::default() }
    }
}

impl Kubernetes {
    /// Makes the instance's Deployment smaller by it, and deletes its pod. One that has ended stays ended. No request of Kubernetes sends
    /// SIGKILL alone, and a JobManager that is asked first gives up its leadership: the signal comes before any request.
    pub(super) async fn end_instance(&self, instance: &str, ending: Ending) -> Result<()> {
        let size = self.sizes.lock().await;
        let (deployment, number) = self.deployment_of(instance).await?;
        let mut ended = ended(&deployment);
        let observed = self.observe().await?;
        let Some(pod) = observed.numbered(&deployment).get(&number).copied() else {
            if ended.contains(&number) {
                return Ok(());
            }
            bail!("{instance} is not running");
        };
        let is_running = |one: &&ContainerStatus| one.state.as_ref().is_some_and(|state| state.running.is_some());
        let runs = container(pod).filter(is_running).and_then(|one| one.container_id.clone());
        let pod = pod.name_any();
        if let (Ending::AtOnce, Some(container)) = (ending, &runs) {
            self.kill_processes(instance, &pod, container).await?;
        }
        ended.insert(number);
        self.ask_to_go(&pod, ending).await?;
        self.resize(&deployment, instances_of(&deployment), &ended).await?;
        drop(size);
        self.is_gone(&pod).await
    }

    async fn kill_processes(&self, instance: &str, pod: &str, id: &str) -> Result<()> {
        let (lines, mut printed) = mpsc::channel(8);
        let command = KILL.map(str::to_owned);
        let killed = async {
            let ended = self.run_in(instance, pod, &command, &lines).await;
            drop(lines);
            ended
        };
        let said = async {
            let mut said = Vec::new();
            while let Some(line) = printed.recv().await {
                said.push(line.text);
            }
            said.join("\n")
        };
        let what = || format!("send SIGKILL to the processes of {instance} (pod {pod})");
        let both = async { tokio::join!(killed, said) };
        let (ended, said) = timeout(KILLS, both).await.with_context(what)?;
        match ended.with_context(what) {
            // The node ends what is left in a container whose first process is gone: the shell as well.
            Ok(ExecEnd { exit_code: 0 | KILLED }) => Ok(()),
            Ok(ExecEnd { exit_code }) => bail!("{}: exit code {exit_code} {said}", what()),
            Err(error) if self.runs_still(pod, id).await? => Err(error),
            Err(_) => Ok(()),
        }
    }

    /// Whether a container, by the runtime's id, has not ended.
    async fn runs_still(&self, pod: &str, id: &str) -> Result<bool> {
        let pod = self.api::<Pod>().get_opt(pod).await.plain().with_context(|| format!("look at {pod}"))?;
        let now = pod.as_ref().and_then(container);
        let runs = |one: &ContainerStatus| one.state.as_ref().is_some_and(|state| state.running.is_some());
        Ok(now.is_some_and(|one| one.container_id.as_deref() == Some(id) && runs(one)))
    }

    /// Makes the Deployment smaller by an instance for good, which is asked to end before it is made to.
    pub(super) async fn let_go(&self, instance: &str) -> Result<Vec<String>> {
        let size = self.sizes.lock().await;
        let (deployment, number) = self.deployment_of(instance).await?;
        let pod = self.observe().await?.numbered(&deployment).get(&number).map(|pod| pod.name_any());
        let (mut ended, mut instances) = (ended(&deployment), instances_of(&deployment));
        if pod.is_none() && !ended.contains(&number) {
            return Ok(Vec::new());
        }
        self.uncordon_for(&deployment, number).await?;
        ended.insert(number);
        // The highest numbers are given up. One below others that are left is known as ended.
        while instances > 0 && ended.remove(&instances) {
            instances -= 1;
        }
        if let Some(pod) = &pod {
            self.ask_to_go(pod, Ending::InItsTime).await?;
        }
        self.resize(&deployment, instances, &ended).await?;
        drop(size);
        if let Some(pod) = &pod {
            self.is_gone(pod).await?;
        }
        Ok(vec![instance.to_owned()])
    }

    /// Deletes a pod before its Deployment is made smaller. In the other order the cluster chooses which pod goes, and of several it
    /// chooses one that is not ready yet; in this one it chooses the one that it has just begun to make in its place.
    async fn ask_to_go(&self, pod: &str, how: Ending) -> Result<()> {
        match self.api::<Pod>().delete(pod, &how.params()).await {
            Err(error) if !is_missing(&error) => Err(error).plain().with_context(|| format!("delete {pod}")),
            _ => Ok(()),
        }
    }

    /// Makes the Deployment larger by an instance that was killed, or was never there, and waits until its process runs.
    pub(super) async fn start_instance(&self, instance: &str) -> Result<()> {
        let (service, _) = service_of(instance)?;
        let job = self.api::<Job>().get_opt(service).await.plain()?;
        if let Some(job) = job.filter(|job| labels::are_of(&self.project, job)) {
            return self.run_again(job).await;
        }
        let size = self.sizes.lock().await;
        let (deployment, number) = self.deployment_of(instance).await?;
        self.uncordon_for(&deployment, number).await?;
        let (mut ended, mut instances) = (ended(&deployment), instances_of(&deployment));
        if number > instances {
            ended.extend(instances + 1..number);
            instances = number;
            self.resize(&deployment, instances, &ended).await?;
        } else if ended.remove(&number) {
            self.resize(&deployment, instances, &ended).await?;
        }
        drop(size);
        wait(format!("start {instance}"), RUNS, async || {
            let observed = self.observe().await?;
            let found = observed.instances().into_iter().find(|one| one.name() == instance);
            Ok(match found.as_ref().map(|one| one.state) {
                Some(State::Running) => Seen::Done(()),
                Some(state) => Seen::NotYet(format!("{}{}", state.name(), self.why_not(&observed, instance).await)),
                None => Seen::NotYet("no pod".to_owned()),
            })
        })
        .await?;
        self.number_pods().await
    }

    /// How many instances a Deployment is to have, and which of them were killed: it has pods for the others. One request, so that
    /// nothing is half done.
    async fn resize(&self, deployment: &Deployment, instances: u32, ended: &BTreeSet<u32>) -> Result<()> {
        let name = deployment.name_any();
        let numbers: Vec<String> = ended.iter().map(u32::to_string).collect();
        let replicas = instances.saturating_sub(u32::try_from(ended.len())?);
        let noted = json!({labels::ENDED: numbers.join(","), labels::INSTANCES: instances.to_string()});
        let patch = json!({"metadata": {"annotations": noted}, "spec": {"replicas": replicas}});
        let patched = self.api::<Deployment>().patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.map(drop).plain().with_context(|| format!("scale {name} to {replicas}"))
    }

    /// Deletes a pod, and waits until it is gone.
    pub(super) async fn delete_pod(&self, pod: &str, how: &DeleteParams) -> Result<()> {
        let pods = self.api::<Pod>();
        match pods.delete(pod, how).await {
            Err(error) if !is_missing(&error) => return Err(error).plain().with_context(|| format!("delete {pod}")),
            _ => {}
        }
        self.is_gone(pod).await
    }

    /// Waits until a pod that was deleted is gone.
    pub(super) async fn is_gone(&self, pod: &str) -> Result<()> {
        let pods = self.api::<Pod>();
        wait_of(format!("delete {pod}"), GONE, || {
            let (pods, pod) = (pods.clone(), pod.to_owned());
            async move {
                let there = pods.get_opt(&pod).await.plain()?;
                Ok(there.map_or(Seen::Done(()), |_| Seen::NotYet("it is terminating".to_owned())))
            }
        })
        .await
    }

    /// Writes on each pod which instance it is, so that it stays that one when others go.
    pub(super) async fn number_pods(&self) -> Result<()> {
        let observed = self.observe().await?;
        for deployment in &observed.deployments {
            for (number, pod) in observed.numbered(deployment) {
                let number = number.to_string();
                if pod.labels().get(labels::NUMBER) == Some(&number) {
                    continue;
                }
                let name = pod.name_any();
                let patch = json!({"metadata": {"labels": {labels::NUMBER: number}}});
                let patched = self.api::<Pod>().patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
                match patched {
                    Err(error) if !is_missing(&error) => {
                        return Err(error).plain().with_context(|| format!("number {name}"));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// A Job that is done does not run again: it is made anew. One that is at it goes on.
    async fn run_again(&self, mut job: Job) -> Result<()> {
        let name = job.name_any();
        if job.status.as_ref().and_then(|status| status.active).unwrap_or_default() > 0 {
            return Ok(());
        }
        self.delete_job(&name).await?;
        (job.metadata.resource_version, job.metadata.uid, job.status) = (None, None, None);
        if let Some(spec) = &mut job.spec {
            spec.selector = None;
            if let Some(labels) = spec.template.metadata.as_mut().and_then(|metadata| metadata.labels.as_mut()) {
                labels.retain(|label, _| !label.contains("controller-uid") && !label.contains("job-name"));
            }
        }
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let made = self.api::<Job>().create(&params, &job).await;
        made.map(drop).plain().with_context(|| format!("start {name} again"))
    }

    pub(super) async fn deployment_of(&self, instance: &str) -> Result<(Deployment, u32)> {
        let (service, number) = service_of(instance)?;
        let found = self.api::<Deployment>().get_opt(service).await.plain()?;
        let own = found.filter(|deployment| labels::are_of(&self.project, deployment));
        let deployment = own.with_context(|| {
            format!("there is no {} in namespace {}", instance_name(service, number), self.namespace)
        })?;
        Ok((deployment, number))
    }
}

fn service_of(instance: &str) -> Result<(&str, u32)> {
    parts_of(instance).with_context(|| format!("{instance} is no instance of a service"))
}
