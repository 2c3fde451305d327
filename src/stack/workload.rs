//! What a workload changes of the stack: who writes its input, and who submits its job.

use super::Stack;
use crate::workload::catalog::USUAL;
use crate::workload::feed::Feed;
use crate::workload::model::Workload;

/// The service that writes the input, and the one that submits the job, in the built-in compose file.
const GENERATOR: &str = "clickevent-generator";
const CLIENT: &str = "client";

impl Stack {
    /// The stack for a workload. The built-in one is in the file as it is.
    #[must_use]
    pub(super) fn of_workload(self, workload: &Workload, speed: f64) -> Self {
        if workload.name == USUAL {
            return self;
        }
        let stack = if workload.job.submitted_by.is_none() { self.submits_nothing(workload) } else { self };
        match &workload.input.feed {
            Some(feed) => stack.fed(workload, feed, speed),
            None => stack.without(GENERATOR),
        }
    }

    /// The client is there for Flink's command line, and uploads what runs SQL where the job is a script.
    fn submits_nothing(mut self, workload: &Workload) -> Self {
        let command = if workload.job.sql.is_some() { "upload-sql" } else { "true" };
        if let Some(client) = self.services.iter_mut().find(|service| service.name == CLIENT) {
            client.command = Some(vec![command.to_owned()]);
        }
        self
    }

    fn fed(mut self, workload: &Workload, feed: &Feed, speed: f64) -> Self {
        if let Some(generator) = self.services.iter_mut().find(|service| service.name == GENERATOR) {
            let mut command: Vec<String> =
                ["generate", "--bootstrap-server", "kafka:9092", "--topic", &workload.input.topic]
                    .map(str::to_owned)
                    .into();
            command.extend(["--also".to_owned(), format!("{}:{}", workload.output.topic, workload.output.partitions)]);
            command.extend(["--speed".to_owned(), speed.to_string()]);
            command.extend(feed.arguments());
            generator.command = Some(command);
        }
        self
    }
}
