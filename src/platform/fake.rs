//! A platform in memory, kept in a file between commands: for tests of the binary without an engine.
//!
//! It keeps the contract for what the contract says of instances and marks. Nothing runs: a service is healthy as soon as
//! it is started, a one-shot service is done at once, and a command prints itself.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::platform::{
    Contract, Elsewhere, Endpoint, ExecEnd, Extent, Health, Instance, Journal, Line, Lock, LogRange, Mark,
    PlatformNews, Port, Printed, State,
};
use crate::stack::{HealthCheck, Service, Stack};

mod engine;

/// Remembers what was done to it.
#[derive(Clone)]
pub struct Fake {
    file: PathBuf,
    project: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct World {
    made: Vec<Made>,
    marks: Vec<Mark>,
    lock: Option<Lock>,
    network: bool,
    volumes: Vec<String>,
    #[serde(default)]
    images: Vec<crate::image::Found>,
    /// The machine that it is on, where that is another one than this.
    #[serde(default)]
    remote: Option<String>,
}

/// An instance and what it was made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Made {
    instance: Instance,
    hash: String,
    one_shot: bool,
}

impl Fake {
    /// A project whose state lies in a folder.
    pub fn open(folder: &Path, project: &str) -> Result<Self> {
        Ok(Self { file: folder.join(format!("{project}.json")), project: project.to_owned() })
    }

    /// Looks at the world or changes it, one process after the other, as an engine does.
    fn with<T>(&self, act: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
        self.changed(act).with_context(|| format!("the fake's state in {}", self.file.display()))
    }

    fn changed<T>(&self, act: impl FnOnce(&mut World) -> Result<T>) -> Result<T> {
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&self.file)?;
        file.lock()?;
        let mut json = String::new();
        file.read_to_string(&mut json)?;
        let mut world = if json.is_empty() { World::default() } else { serde_json::from_str(&json)? };
        let result = act(&mut world)?;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&serde_json::to_vec(&world)?)?;
        Ok(result)
    }

    /// Makes an instance that is not there like another of its service.
    fn make_like_sibling(&self, name: &str) -> Result<()> {
        self.with(|world| {
            let is_sibling = |one: &&Made| name.strip_prefix(&format!("{}-", one.instance.service)).is_some();
            let sibling = world.made.iter().find(is_sibling).cloned();
            let number = name.rsplit('-').next().and_then(|number| number.parse().ok());
            let is_there = world.made.iter().any(|one| one.instance.name() == name);
            if let (false, Some(mut made), Some(number)) = (is_there, sibling, number) {
                (made.instance.number, made.instance.ports) = (number, Vec::new());
                world.made.push(made);
            }
            Ok(())
        })
    }

    /// Changes one instance.
    fn change(&self, name: &str, act: impl FnOnce(&mut Instance)) -> Result<()> {
        self.with(|world| match world.made.iter_mut().find(|one| one.instance.name() == name) {
            Some(made) => {
                act(&mut made.instance);
                Ok(())
            }
            None => bail!("no {name} in project {}", self.project),
        })
    }
}

fn make(service: &Service, number: u32) -> Made {
    let others = u16::try_from(number).unwrap_or(u16::MAX).saturating_sub(1);
    let ports = service
        .ports
        .iter()
        .filter_map(|port| Some((port.host.to_string(), port.published?, port.target)))
        // Nobody looks for free ones here.
        .map(|(host, first, target)| Port { host, published: first.saturating_add(others), target });
    let done = service.one_shot;
    let checked = !done && service.health != HealthCheck::Image;
    let instance = Instance {
        service: service.name.clone(),
        number,
        id: format!("{}-{number}-{}", service.name, &service.hash()[..8]),
        host: String::new(),
        state: if done { State::Exited } else { State::Running },
        health: checked.then_some(Health::Healthy),
        exit_code: done.then_some(0),
        ports: ports.collect(),
        connected: true,
        stage: None,
    };
    Made { instance, hash: service.hash(), one_shot: service.one_shot }
}

fn told(progress: &mpsc::UnboundedSender<PlatformNews>, verb: &'static str, object: String, cause: &str) {
    let _ = progress.send(PlatformNews::Operation { verb, object, cause: cause.to_owned(), took: Duration::ZERO });
}

impl Contract for Fake {
    async fn services(&self) -> Result<Vec<Instance>> {
        self.with(|world| {
            let mut found: Vec<Instance> = world.made.iter().map(|made| made.instance.clone()).collect();
            found.sort_by(|a, b| (&a.service, a.number).cmp(&(&b.service, b.number)));
            Ok(found)
        })
    }

    async fn volumes(&self) -> Result<Vec<String>> {
        self.with(|world| Ok(world.volumes.clone()))
    }

    async fn foreign(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn endpoints(&self, service: &str, port: u16) -> Result<Vec<Endpoint>> {
        self.with(|world| {
            if let Some(host) = world.remote.clone() {
                bail!(Elsewhere { host, instead: "use an engine here".to_owned() });
            }
            let running = world.made.iter().filter(|one| one.instance.state == State::Running);
            let endpoint = |one: &Made| {
                let found = one.instance.ports.iter().find(|one| one.target == port)?;
                Some(Endpoint { instance: one.instance.name(), host: found.host.clone(), port: found.published })
            };
            Ok(running.filter(|one| one.instance.service == service).filter_map(endpoint).collect())
        })
    }

    async fn prepare(&self, _: &Stack, _: mpsc::UnboundedSender<PlatformNews>) -> Result<()> {
        Ok(())
    }

    async fn apply(&self, stack: &Stack, _: Duration, progress: mpsc::UnboundedSender<PlatformNews>) -> Result<()> {
        self.with(|world| {
            world.network = true;
            world.volumes = stack.volumes.iter().map(|volume| volume.name.clone()).collect();
            let wanted: Vec<Made> = stack
                .services
                .iter()
                .flat_map(|service| (1..=service.replicas).map(move |number| make(service, number)))
                .collect();
            let old = std::mem::take(&mut world.made);
            for one in &old {
                if !wanted.iter().any(|made| made.instance.name() == one.instance.name()) {
                    told(&progress, "remove", one.instance.name(), "not wanted");
                }
            }
            for made in wanted {
                let name = made.instance.name();
                let found = old.iter().find(|one| one.instance.name() == name && one.hash == made.hash);
                match found.map(|one| (one.instance.state, one.one_shot, one.instance.connected)) {
                    None => told(&progress, "create", name, "missing"),
                    Some((_, _, false)) => told(&progress, "connect", name, "not on it"),
                    Some((State::Running, ..) | (State::Exited, true, _)) => {}
                    Some(_) => told(&progress, "start", name, "ended"),
                }
                world.made.push(made);
            }
            Ok(())
        })
    }

    async fn start(&self, instance: &str) -> Result<()> {
        self.make_like_sibling(instance)?;
        self.change(instance, |one| {
            (one.state, one.exit_code, one.connected) = (State::Running, None, true);
            one.health = Some(Health::Healthy);
        })
    }

    async fn kill(&self, instance: &str) -> Result<()> {
        self.change(instance, |one| {
            if one.state != State::Exited {
                (one.state, one.exit_code, one.health) = (State::Exited, Some(137), None);
            }
        })
    }

    async fn terminate(&self, instance: &str) -> Result<()> {
        self.kill(instance).await
    }

    async fn drain(&self, instances: &[String]) -> Result<()> {
        bail!("no nodes of {} to drain", instances.join(", "))
    }

    async fn pause(&self, instance: &str) -> Result<()> {
        self.change(instance, |one| (one.state, one.health) = (State::Paused, None))
    }

    async fn disconnect(&self, instance: &str) -> Result<()> {
        self.change(instance, |one| one.connected = false)
    }

    /// Prints what lies in the file of the command's name in the folder `exec` or, without one, the command; `false` ends
    /// with 1.
    async fn exec(&self, service: &str, command: &[String], lines: mpsc::Sender<Line>) -> Result<ExecEnd> {
        if !self.services().await?.iter().any(|one| one.service == service) {
            bail!("there is no {service} in project {0}; playground -p {0} up starts it", self.project);
        }
        let name = command.first().map_or("", String::as_str);
        let prepared = std::fs::read_to_string(self.file.with_file_name("exec").join(name));
        for text in prepared.unwrap_or_else(|_| command.join(" ")).lines() {
            let _ = lines
                .send(Line {
                    instance: service.to_owned(),
                    log: String::new(),
                    stderr: false,
                    text: text.to_owned(),
                    at: 0,
                })
                .await;
        }
        Ok(ExecEnd { exit_code: i64::from(command.last().is_some_and(|word| word == "false")) })
    }

    /// One line for each instance.
    async fn logs(&self, service: Option<&str>, _: LogRange, lines: mpsc::Sender<Printed>) -> Result<()> {
        for one in self.services().await?.iter().filter(|one| service.is_none_or(|name| one.service == name)) {
            let _ = lines
                .send(Ok(Line {
                    instance: one.name(),
                    log: one.id.clone(),
                    stderr: false,
                    text: "started".to_owned(),
                    at: 0,
                }))
                .await;
        }
        Ok(())
    }

    async fn remove(&self, extent: Extent<'_>) -> Result<Vec<String>> {
        self.with(|world| {
            if let Extent::Instance(name) = extent {
                let before = world.made.len();
                world.made.retain(|one| one.instance.name() != name);
                return Ok(if world.made.len() < before { vec![name.to_owned()] } else { Vec::new() });
            }
            let mut taken: Vec<String> = world.made.drain(..).map(|made| made.instance.name()).collect();
            if std::mem::take(&mut world.network) {
                taken.push(format!("network {}_default", self.project));
            }
            let all = extent == Extent::Everything;
            let done = world.marks.extract_if(.., |mark| all || !mark.kind.outlives_containers());
            taken.extend(done.map(|mark| format!("mark {}", mark.id)));
            if extent == Extent::Everything {
                taken.extend(world.volumes.drain(..).map(|name| format!("volume {name}")));
            }
            Ok(taken)
        })
    }
}

impl Journal for Fake {
    async fn lock(&self, lock: &Lock) -> Result<Option<Lock>> {
        self.with(|world| {
            let other =
                world.lock.clone().filter(|other| !other.owner.is_same(&lock.owner) && !other.owner.has_ended());
            if other.is_none() {
                world.lock = Some(lock.clone());
            }
            Ok(other)
        })
    }
    async fn unlock(&self, lock: &Lock) -> Result<()> {
        self.with(|world| {
            world.lock.take_if(|held| held.owner.is_same(&lock.owner));
            Ok(())
        })
    }
    fn lock_removal(&self, _: &Lock) -> String {
        format!("rm {}", self.file.display())
    }
    fn mark_removal(&self, mark: &Mark) -> String {
        format!("rm {} {}", self.file.display(), mark.id)
    }
    async fn mark(&self, mark: &Mark) -> Result<()> {
        self.with(|world| {
            world.marks.retain(|one| one.id != mark.id);
            world.marks.push(mark.clone());
            Ok(())
        })
    }
    async fn forget(&self, id: &str) -> Result<()> {
        self.with(|world| {
            world.marks.retain(|mark| mark.id != id);
            Ok(())
        })
    }
    async fn marks(&self) -> Result<Vec<Mark>> {
        self.with(|world| Ok(world.marks.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{Kind, NotedJob, Owner};
    use crate::stack::{Source, Variables};

    #[tokio::test]
    async fn a_stack_has_one_owner_and_one_that_has_ended_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Fake::open(folder.path(), "p").unwrap();
        let owner = Owner::current().unwrap();
        let lock = |owner: &Owner| Lock { what: "up".into(), owner: owner.clone(), since: 7 };
        let ended = Owner { started: owner.started + 1, ..owner.clone() };
        let elsewhere = Owner { machine: "elsewhere".into(), boot: "another".into(), ..owner.clone() };
        assert_eq!(open().lock(&lock(&ended)).await.unwrap(), None);
        assert_eq!(open().lock(&lock(&owner)).await.unwrap(), None);
        assert_eq!(open().lock(&lock(&elsewhere)).await.unwrap(), Some(lock(&owner)));
        open().unlock(&lock(&elsewhere)).await.unwrap();
        assert_eq!(open().lock(&lock(&elsewhere)).await.unwrap(), Some(lock(&owner)));
        open().unlock(&lock(&owner)).await.unwrap();
        assert_eq!(open().lock(&lock(&elsewhere)).await.unwrap(), None);
        assert_eq!(open().lock(&lock(&owner)).await.unwrap(), Some(lock(&elsewhere)));
    }

    const FILE: &str = "\
services:
  a: {image: one, scale: 2, healthcheck: {test: [CMD, ok]}}
  once: {image: two, x-one-shot: true}
volumes: {data: }";

    async fn apply(fake: &Fake, text: &str) -> Vec<String> {
        let source = Source { name: "f", folder: Path::new("/"), text };
        let stack = Stack::parse(&source, "p", &Variables::new()).unwrap();
        let (sender, mut progress) = mpsc::unbounded_channel();
        fake.apply(&stack, Duration::ZERO, sender).await.unwrap();
        let mut told = Vec::new();
        while let Some(PlatformNews::Operation { verb, object, .. }) = progress.recv().await {
            told.push(format!("{verb} {object}"));
        }
        told
    }

    #[tokio::test]
    async fn it_keeps_the_contract_from_one_command_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Fake::open(folder.path(), "p").unwrap();
        assert_eq!(apply(&open(), FILE).await, ["create a-1", "create a-2", "create once-1"]);
        assert_eq!(apply(&open(), FILE).await, [""; 0]);
        open().kill("a-2").await.unwrap();
        open().disconnect("a-1").await.unwrap();
        let found = open().services().await.unwrap();
        assert_eq!(found.iter().map(Instance::name).collect::<Vec<_>>(), ["a-1", "a-2", "once-1"]);
        assert_eq!((found[1].state, found[1].exit_code), (State::Exited, Some(137)));
        assert!(!found[0].connected);
        assert_eq!(apply(&open(), FILE).await, ["connect a-1", "start a-2"]);
        assert_eq!(apply(&open(), &FILE.replace("scale: 2", "scale: 1")).await, ["remove a-2"]);
        assert!(open().kill("nobody-1").await.is_err());
        open().start("a-2").await.unwrap();
        assert_eq!(open().remove(Extent::Instance("a-2")).await.unwrap(), ["a-2"]);
        assert_eq!(open().services().await.unwrap().len(), 2);
        assert!(open().start("b-1").await.is_err());
    }

    #[tokio::test]
    async fn what_is_removed_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::open(folder.path(), "p").unwrap();
        apply(&fake, FILE).await;
        let owner = Owner::current().unwrap();
        let mark = Mark {
            id: "m".into(),
            kind: Kind::Fault,
            job: NotedJob::default(),
            what: "kill".into(),
            target: "a-1".into(),
            by: "me".into(),
            owner,
        };
        let job = Mark { id: "stopped".into(), kind: Kind::Stopped, ..mark.clone() };
        for mark in [&mark, &mark, &job] {
            fake.mark(mark).await.unwrap();
        }
        assert_eq!(fake.marks().await.unwrap(), [mark, job]);
        let removed = fake.remove(Extent::Containers).await.unwrap();
        assert_eq!(removed, ["a-1", "a-2", "once-1", "network p_default", "mark m"]);
        assert_eq!(fake.remove(Extent::Everything).await.unwrap(), ["mark stopped", "volume p_data"]);
        assert!(fake.remove(Extent::Everything).await.unwrap().is_empty());
    }
}
