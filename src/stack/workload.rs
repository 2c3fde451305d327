//! What a workload changes of the stack: who writes its input, who serves it to a job that reads a socket, and who submits its
//! job or runs it.

use std::collections::BTreeSet;
use std::path::Path;

use super::jar::Jar;
use super::{JOBMANAGER, Service, Stack, TASKMANAGER};
use crate::failure::Failure;
use crate::settings::{PARALLELISM, StackSettings};
use crate::workload::catalog::USUAL;
use crate::workload::feed::Feed;
use crate::workload::model::{LINES, Mode, Socket, Workload};

/// The service that writes the input, and the one that submits the job, in the built-in compose file.
const GENERATOR: &str = "clickevent-generator";
const CLIENT: &str = "client";
/// Flink's option for the parallelism of an application.
const PARALLELISM_OPTION: &str = "parallelism.default=";
/// Starts the JobManager of an application, known by its own container's name as that of a session is. What stands behind the class
/// are the arguments of its `main`.
const APPLICATION: &str =
    r#"exec bin/standalone-job.sh "$1" -D jobmanager.rpc.address=$HOSTNAME -D rest.address=$HOSTNAME "${@:2}""#;
/// The broker, as containers of the stack reach it.
const BROKER: &str = "kafka:9092";

impl Stack {
    /// The stack for a workload. The built-in one is in the file as it is.
    ///
    /// # Errors
    /// [`Failure::Usage`] of a file of the user's that lacks a service that the workload's is made from.
    pub(super) fn of_workload(mut self, workload: &Workload, settings: &StackSettings) -> Result<Self, Failure> {
        if workload.name == USUAL {
            return Ok(self);
        }
        if workload.job.submitted_by.is_none() {
            self.submits_nothing(workload);
        }
        if !workload.flink.is_empty() {
            self.is_configured(workload)?;
        }
        if workload.job.mode == Mode::Application {
            self.runs_the_job(workload, settings)?;
        }
        if let Some(socket) = workload.input.socket {
            self.serves_lines(workload, socket)?;
        }
        match &workload.input.feed {
            Some(feed) => self.is_fed(workload, feed, settings.speed),
            None => return Ok(self.without(GENERATOR)),
        }
        Ok(self)
    }

    /// The client is there for Flink's command line, and uploads what runs SQL where the job is a script.
    fn submits_nothing(&mut self, workload: &Workload) {
        let command = if workload.job.sql.is_some() { "upload-sql" } else { "true" };
        if let Ok(client) = self.of_name(CLIENT, workload) {
            client.command = Some(vec![command.to_owned()]);
        }
    }

    /// Of an option that is given twice, Flink takes the last one.
    fn is_configured(&mut self, workload: &Workload) -> Result<(), Failure> {
        for name in [JOBMANAGER, TASKMANAGER] {
            let service = self.of_name(name, workload)?;
            let options = workload.flink.iter().flat_map(|(name, value)| ["-D".to_owned(), format!("{name}={value}")]);
            service.command.get_or_insert_default().extend(options);
        }
        Ok(())
    }

    /// The JobManager is started as that of an application, whose class it runs with these arguments.
    fn runs_the_job(&mut self, workload: &Workload, settings: &StackSettings) -> Result<(), Failure> {
        let jobmanager = self.of_name(JOBMANAGER, workload)?;
        let parallelism = settings.parallelism.unwrap_or(PARALLELISM);
        let mut command = jobmanager.command.take().unwrap_or_default();
        command.extend(["-D".to_owned(), format!("{PARALLELISM_OPTION}{parallelism}")]);
        // Otherwise it is the one jar whose manifest names a class.
        if let Some(class) = &workload.job.entry_class {
            command.extend(["--job-classname".to_owned(), class.clone()]);
        }
        command.extend(workload.arguments(BROKER));
        jobmanager.command = Some(command);
        jobmanager.entrypoint = Some(["bash", "-c", APPLICATION, JOBMANAGER].map(str::to_owned).into());
        self.jars = workload.job.files().map(|jar| Jar::at(Path::new(jar))).collect();
        let images: BTreeSet<&str> =
            [JOBMANAGER, TASKMANAGER].iter().filter_map(|name| Some(self.service(name)?.image.as_str())).collect();
        if images.len() > 1 && !self.jars.is_empty() {
            let images: Vec<&str> = images.into_iter().collect();
            return Err(Failure::Usage(format!(
                "workload {} is an application, whose jars are added to one image, and the compose file has two for {JOBMANAGER} and {TASKMANAGER}: {}",
                workload.name,
                images.join(", ")
            )));
        }
        Ok(())
    }

    /// The same stack with another parallelism of its application.
    #[must_use]
    pub fn with_application_parallelism(mut self, parallelism: u32) -> Self {
        let words = self.services.iter_mut().filter_map(|service| service.command.as_mut()).flatten();
        words.filter(|word| word.starts_with(PARALLELISM_OPTION)).for_each(|word| {
            *word = format!("{PARALLELISM_OPTION}{parallelism}");
        });
        self
    }

    /// One more service serves the topic as lines; it is made as the generator is.
    fn serves_lines(&mut self, workload: &Workload, socket: Socket) -> Result<(), Failure> {
        let generator = self.of_name(GENERATOR, workload)?;
        let group = workload.job.group.as_deref().unwrap_or(LINES);
        let listen = format!("0.0.0.0:{}", socket.port);
        let words = ["serve", "--bootstrap-server", BROKER, "--topic", &workload.input.topic, "--group", group];
        let command = words.into_iter().chain(["--listen", &listen]).map(str::to_owned).collect();
        let lines = Service { name: LINES.to_owned(), command: Some(command), ..generator.clone() };
        self.services.push(lines);
        Ok(())
    }

    fn is_fed(&mut self, workload: &Workload, feed: &Feed, speed: f64) {
        let Ok(generator) = self.of_name(GENERATOR, workload) else { return };
        let words = ["generate", "--bootstrap-server", BROKER, "--topic", &workload.input.topic];
        let mut command: Vec<String> = words.map(str::to_owned).into();
        if let Some((topic, partitions)) = workload.output.topic() {
            command.extend(["--also".to_owned(), format!("{topic}:{partitions}")]);
        }
        command.extend(["--speed".to_owned(), speed.to_string()]);
        command.extend(feed.arguments());
        generator.command = Some(command);
    }

    fn of_name(&mut self, name: &str, workload: &Workload) -> Result<&mut Service, Failure> {
        let found = self.services.iter_mut().find(|service| service.name == name);
        let workload = &workload.name;
        found.ok_or_else(|| {
            Failure::Usage(format!("the compose file has no service {name}, which workload {workload} needs"))
        })
    }
}
