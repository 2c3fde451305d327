//! Running a command in a service: in its running instance or, where none runs, in a container of its own.

use anyhow::{Context as _, Result, bail};
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptions, CreateContainerOptionsBuilder, RemoveContainerOptions,
    StartContainerOptions, WaitContainerOptions,
};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc::Sender;

use super::logs::Splitter;
use super::observe::Container;
use super::{Docker, Plain as _, container, is_missing, labels};
use crate::platform::{ExecEnd, Line, Owner, State};

impl Docker {
    pub(super) async fn run_command(&self, service: &str, command: &[String], lines: Sender<Line>) -> Result<ExecEnd> {
        self.sweep().await?;
        let containers = self.containers().await?;
        let of_service = |one: &&Container| !one.one_off && one.instance.service == service;
        match containers.iter().filter(of_service).find(|one| one.instance.state == State::Running) {
            Some(running) => self.run_in(running, command, lines).await,
            None => match containers.iter().find(of_service) {
                Some(model) => self.run_beside(model, command, lines).await,
                None => bail!("there is no {service} in project {0}; playground -p {0} up starts it", self.project),
            },
        }
        .with_context(|| format!("run {} in {service}", command.first().map_or("nothing", String::as_str)))
    }

    async fn run_in(&self, container: &Container, command: &[String], lines: Sender<Line>) -> Result<ExecEnd> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..CreateExecOptions::default()
        };
        let exec = self.api.create_exec(&container.instance.id, options).await.plain()?;
        if let StartExecResults::Attached { output, .. } = self.api.start_exec(&exec.id, None).await.plain()? {
            forward(&container.instance.name(), output, &lines).await?;
        }
        let ended = self.api.inspect_exec(&exec.id).await.plain()?;
        let exit_code = ended.exit_code.context("the engine reported no exit code")?;
        Ok(ExecEnd { exit_code })
    }

    /// In a container like `model`, with the same image, environment, mounts and networks.
    async fn run_beside(&self, model: &Container, command: &[String], lines: Sender<Line>) -> Result<ExecEnd> {
        let name = format!("{}-{}-run-{}", self.project, model.instance.service, std::process::id());
        let owner = serde_json::to_string(&Owner::current()?)?;
        let labels = labels::one_off(&self.project, &model.instance.service, &owner);
        let like = self.api.inspect_container(&model.instance.id, None).await.plain()?;
        let body = container::one_off(like, labels, command);
        let options: CreateContainerOptions = CreateContainerOptionsBuilder::new().name(&name).build();
        let id = self.api.create_container(Some(options), body).await.plain().context("create its container")?.id;
        let guard = Guard { api: self.api.clone(), id: Some(id.clone()) };
        let ended = self.run_attached(&id, &model.instance.service, &lines).await;
        guard.remove().await?;
        ended
    }

    async fn run_attached(&self, id: &str, instance: &str, lines: &Sender<Line>) -> Result<ExecEnd> {
        let options = AttachContainerOptionsBuilder::new().stdout(true).stderr(true).stream(true).build();
        let attached = self.api.attach_container(id, Some(options)).await.plain()?;
        self.api.start_container(id, None::<StartContainerOptions>).await.plain().context("start its container")?;
        forward(instance, attached.output, lines).await?;
        let mut waited = self.api.wait_container(id, None::<WaitContainerOptions>);
        let exit_code = match waited.next().await {
            // The crate makes an error of every exit code but 0.
            Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
            Some(answer) => answer.plain()?.status_code,
            None => bail!("the engine reported no exit code"),
        };
        Ok(ExecEnd { exit_code })
    }
}

/// Sends on what a command prints, line by line, until it has ended or nobody listens any more.
async fn forward(
    instance: &str,
    mut output: impl Stream<Item = Result<LogOutput, Error>> + Unpin,
    lines: &Sender<Line>,
) -> Result<()> {
    let mut splitter = Splitter::default();
    while let Some(chunk) = output.next().await {
        for (stderr, text) in splitter.take(&chunk.plain()?) {
            let line = Line { instance: instance.to_owned(), log: String::new(), stderr, text, at: 0 };
            if lines.send(line).await.is_err() {
                return Ok(());
            }
        }
    }
    for (stderr, text) in splitter.rest() {
        let _ = lines.send(Line { instance: instance.to_owned(), log: String::new(), stderr, text, at: 0 }).await;
    }
    Ok(())
}

/// Removes a container even if whoever waits for its command is dropped.
struct Guard {
    api: bollard::Docker,
    id: Option<String>,
}

const FORCE: RemoveContainerOptions = RemoveContainerOptions { force: true, v: true, link: false };

impl Guard {
    async fn remove(mut self) -> Result<()> {
        let Some(id) = self.id.take() else { return Ok(()) };
        match self.api.remove_container(&id, Some(FORCE)).await {
            Err(error) if is_missing(&error) => Ok(()),
            done => done.plain().with_context(|| format!("remove the command's container {id}")),
        }
    }
}

impl Drop for Guard {
    /// The runtime may be on its way down, so the request gets one of its own, and the process waits for it.
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let api = self.api.clone();
        let remove = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            // Failing, it is left to the next command, which finds it by its labels.
            runtime.map(|runtime| runtime.block_on(api.remove_container(&id, Some(FORCE))).is_ok())
        };
        drop(std::thread::spawn(remove).join());
    }
}
