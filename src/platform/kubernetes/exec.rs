//! Running a command in a service: in its running pod or, where none runs, in a pod of its own.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::ResourceExt as _;
use kube::api::{AttachParams, DeleteParams, ListParams, LogParams, ObjectMeta, PostParams};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::mpsc::Sender;

use super::observe::container;
use super::{Kubernetes, MANAGER, Plain as _, labels, problem, wait_of};
use crate::platform::{ExecEnd, Line, Owner, State};
use crate::wait::Seen;

/// How long a pod for a single command may take to begin.
const BEGINS: Duration = Duration::from_mins(1);
/// How long one may live, in seconds: nobody may be left to take it away.
const LIVES_S: i64 = 3600;

impl Kubernetes {
    pub(super) async fn run_command(&self, service: &str, command: &[String], lines: Sender<Line>) -> Result<ExecEnd> {
        self.sweep().await?;
        let what = || format!("run {} in {service}", command.first().map_or("nothing", String::as_str));
        let instances = self.observe().await?.instances();
        let running = instances.into_iter().find(|one| one.service == service && one.state == State::Running);
        match running {
            Some(running) => self.run_in(&running.name(), &running.id, command, &lines).await,
            None => self.run_beside(service, command, &lines).await,
        }
        .with_context(what)
    }

    /// In a pod that runs.
    pub(super) async fn run_in(
        &self,
        instance: &str,
        pod: &str,
        command: &[String],
        lines: &Sender<Line>,
    ) -> Result<ExecEnd> {
        let own = self.api::<Pod>().get(pod).await.plain()?;
        let params = AttachParams { container: container(&own).map(|one| one.name.clone()), ..AttachParams::default() };
        let params = params.stdin(false).stdout(true).stderr(true);
        let mut process = self.open::<Pod>().exec(pod, command.to_vec(), &params).await.plain()?;
        let status = process.take_status().context("the cluster tells no exit code")?;
        let (stdout, stderr) = (process.stdout(), process.stderr());
        tokio::join!(forward(instance, false, stdout, lines), forward(instance, true, stderr, lines));
        let status = status.await.context("the connection to the pod was lost before the command ended")?;
        if status.status.as_deref() == Some("Success") {
            return Ok(ExecEnd { exit_code: 0 });
        }
        let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
        let code = causes.iter().find(|cause| cause.reason.as_deref() == Some("ExitCode"));
        let code = code.and_then(|cause| cause.message.as_ref()?.parse().ok());
        let told = status.message.unwrap_or_default();
        code.map(|exit_code| ExecEnd { exit_code }).ok_or_else(|| anyhow!("{told}"))
    }

    /// In a pod like those of the service, which is removed afterwards.
    async fn run_beside(&self, service: &str, command: &[String], lines: &Sender<Line>) -> Result<ExecEnd> {
        let pods = self.api::<Pod>();
        let moment = Timestamp::now().as_millisecond();
        let name = format!("{}-{service}-run-{}-{moment}", labels::name_of(&self.project), std::process::id());
        let pod = self.one_off(&name, self.spec_of(service).await?, command)?;
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        pods.create(&params, &pod).await.plain().context("create its pod")?;
        let ended = self.attended(&name, service, lines).await;
        let removed = self.delete_pod(&name, &DeleteParams::default()).await;
        let ended = ended?;
        removed.map(|()| ended)
    }

    async fn attended(&self, name: &str, instance: &str, lines: &Sender<Line>) -> Result<ExecEnd> {
        let pods = self.api::<Pod>();
        let look = || (pods.clone(), name.to_owned());
        wait_of(format!("the pod {name}"), BEGINS, || {
            let (pods, name) = look();
            async move { has_begun(&pods.get(&name).await.plain()?) }
        })
        .await?;
        let own = container(&pods.get(name).await.plain()?).map(|container| container.name.clone());
        let params = LogParams { container: own, follow: true, ..LogParams::default() };
        let mut printed = tokio_lines(self.open::<Pod>().log_stream(name, &params).await.plain()?);
        while let Some(text) = printed.next_line().await? {
            let line = Line { instance: instance.to_owned(), log: String::new(), stderr: false, text, at: 0 };
            if lines.send(line).await.is_err() {
                break;
            }
        }
        wait_of(format!("the end of pod {name}"), BEGINS, || {
            let (pods, name) = look();
            async move {
                let code = exit_code(&pods.get(&name).await.plain()?);
                Ok(code.map_or(Seen::NotYet("running".to_owned()), |exit_code| Seen::Done(ExecEnd { exit_code })))
            }
        })
        .await
    }

    /// What the pods of a service are made from.
    async fn spec_of(&self, service: &str) -> Result<PodSpec> {
        let deployment = self.api::<Deployment>().get_opt(service).await.plain()?;
        let job = self.api::<Job>().get_opt(service).await.plain()?;
        let of_deployment =
            deployment.filter(|one| labels::are_of(&self.project, one)).and_then(|one| one.spec?.template.spec);
        let of_job = job.filter(|one| labels::are_of(&self.project, one)).and_then(|one| one.spec?.template.spec);
        of_deployment
            .or(of_job)
            .with_context(|| format!("there is no {service} in namespace {}; playground up starts it", self.namespace))
    }

    fn one_off(&self, name: &str, mut spec: PodSpec, command: &[String]) -> Result<Pod> {
        spec.init_containers = None;
        spec.restart_policy = Some("Never".to_owned());
        spec.active_deadline_seconds = Some(LIVES_S);
        let container = spec.containers.first_mut().context("a pod without a container")?;
        container.command = Some(command.to_vec());
        container.args = None;
        (container.startup_probe, container.readiness_probe, container.liveness_probe) = (None, None, None);
        let mut labels = labels::own(&self.project);
        labels.insert(labels::OWNER.to_owned(), String::new());
        let owner = serde_json::to_string(&Owner::current()?)?;
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels),
            annotations: Some([(labels::OWNER.to_owned(), owner)].into()),
            ..ObjectMeta::default()
        };
        Ok(Pod { metadata, spec: Some(spec), status: None })
    }

    /// Removes the pods of single commands whose process is gone: it could not do so itself.
    pub(super) async fn sweep(&self) -> Result<()> {
        let single = ListParams::default().labels(&format!("{},{}", labels::of(&self.project), labels::OWNER));
        let found = self.api::<Pod>().list(&single).await.plain().context("look for pods that were left behind")?;
        let is_gone = |pod: &Pod| {
            let owner = pod.annotations().get(labels::OWNER);
            owner.and_then(|json| serde_json::from_str::<Owner>(json).ok()).is_some_and(|owner| owner.has_ended())
        };
        for pod in found.into_iter().filter(is_gone) {
            self.delete_pod(&pod.name_any(), &DeleteParams::default()).await?;
        }
        Ok(())
    }
}

fn has_begun(pod: &Pod) -> Result<Seen<()>> {
    let runs = container(pod).and_then(|one| one.state.as_ref()).is_some_and(|state| state.running.is_some());
    if runs || exit_code(pod).is_some() {
        return Ok(Seen::Done(()));
    }
    match problem::of_pod(pod) {
        Some(problem) if problem.hope == problem::Hope::None => bail!(problem.text),
        found => Ok(Seen::NotYet(found.map_or_else(|| "starting".to_owned(), |problem| problem.text))),
    }
}

fn exit_code(pod: &Pod) -> Option<i64> {
    Some(container(pod)?.state.as_ref()?.terminated.as_ref()?.exit_code.into())
}

fn tokio_lines(stream: impl futures_util::AsyncBufRead + Unpin) -> tokio::io::Lines<BufReader<impl AsyncRead + Unpin>> {
    use tokio_util::compat::FuturesAsyncReadCompatExt as _;
    BufReader::new(stream.compat()).lines()
}

/// Sends on what a command prints, line by line, until it has ended or nobody listens any more.
async fn forward(instance: &str, stderr: bool, output: Option<impl AsyncRead + Unpin>, lines: &Sender<Line>) {
    let Some(output) = output else { return };
    let mut printed = BufReader::new(output).lines();
    while let Ok(Some(text)) = printed.next_line().await {
        if lines.send(Line { instance: instance.to_owned(), log: String::new(), stderr, text, at: 0 }).await.is_err() {
            return;
        }
    }
}
