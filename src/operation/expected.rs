//! What a scenario's stack will be like when an operation begins, as far as that can be predicted: the plans come from
//! the same functions as those that are carried out, with placeholders for what is known only then.

use anyhow::Result;

use super::channel::Via;
use super::jar::Jars;
use super::model::Operation;
use super::plan::{Ids, JAR, Plan, library};
use super::scale::{self, Workers};
use super::slots::Room;
use super::subject::Subject;
use super::{cancel, rescale, stop, submit, take, upgrade};
use crate::flink::jar::Run;
use crate::settings::{PARALLELISM, StackSettings};
use crate::workload::model::Workload;

/// A stack that does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    parallelism: u32,
    taskmanagers: u32,
    /// Slots of each TaskManager.
    each: u32,
}

impl Expected {
    /// A stack that has just come up.
    #[must_use]
    pub fn of(settings: &StackSettings) -> Self {
        let parallelism = settings.parallelism.unwrap_or(PARALLELISM);
        Self { parallelism, taskmanagers: settings.taskmanagers(1), each: settings.slots }
    }

    /// The plan of an operation on it.
    ///
    /// # Errors
    /// What would be refused, if the stack is as expected.
    pub fn plan(&self, workload: &Workload, operation: &Operation, via: Via) -> Result<Plan> {
        let (subject, ids, workers) =
            (Subject::expected(self.parallelism, workload), Ids::named(), Workers::expected(self.taskmanagers));
        match operation {
            Operation::Savepoint => take::plan(&subject, &ids),
            Operation::Dispose { path } => Ok(take::dispose(path)),
            Operation::Stop { drain } => stop::plan(&subject, *drain, &ids),
            Operation::Cancel => cancel::plan(&subject),
            Operation::Submit(what) => {
                submit::plan(what, &submit::Observed::expected(self.was(workload), what), &ids, workload)
            }
            Operation::Upgrade(to) => {
                let was = self.was(workload);
                let jars = Jars::expected(&was, to.jar.as_ref(), to.libraries.as_deref());
                upgrade::plan(to, &upgrade::Observed { subject, was, jars, room: self.room(), workers }, &ids)
            }
            Operation::Scale { taskmanagers, force } => {
                let jobs = vec![(subject.summary, subject.job)];
                scale::plan(*taskmanagers, *force, &scale::Observed { workers, room: self.room(), jobs })
            }
            Operation::Rescale { parallelism, scale } => {
                let scheduler = rescale::Scheduler::Adaptive;
                let observed = rescale::Observed { subject, room: self.room(), workers, scheduler };
                rescale::plan(*parallelism, *scale, via, &observed)
            }
        }
    }

    /// How many TaskManagers it has.
    #[must_use]
    pub fn taskmanagers(&self) -> u32 {
        self.taskmanagers
    }

    /// What it is like after an operation that went as asked.
    #[must_use]
    pub fn after(self, operation: &Operation) -> Self {
        let parallelism = match operation {
            Operation::Submit(submit) => submit.parallelism,
            Operation::Upgrade(to) => to.parallelism,
            Operation::Rescale { parallelism, .. } => Some(*parallelism),
            _ => None,
        }
        .unwrap_or(self.parallelism);
        let taskmanagers = match operation {
            Operation::Scale { taskmanagers, .. } => *taskmanagers,
            Operation::Upgrade(_) | Operation::Rescale { .. } => self.room().taskmanagers_for(parallelism),
            _ => self.taskmanagers,
        };
        Self { parallelism, taskmanagers, ..self }
    }

    fn was(&self, workload: &Workload) -> Run {
        let arguments = vec![":arguments".to_owned()];
        let (jar, parallelism) = (JAR.to_owned(), self.parallelism);
        Run {
            jar,
            entry_class: super::workload::entry_class(workload),
            libraries: (1..=workload.job.libraries.len()).map(library).collect(),
            parallelism,
            arguments,
            savepoint: None,
            allow_non_restored_state: false,
        }
    }

    fn room(&self) -> Room {
        Room { slots: self.taskmanagers * self.each, taskmanagers: self.taskmanagers, each: self.each }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::jar::JarChoice;
    use crate::operation::submit::{From, Submit};
    use crate::operation::upgrade::Upgrade;

    const STACK: Expected = Expected { parallelism: 2, taskmanagers: 1, each: 2 };

    fn usual() -> Workload {
        crate::workload::catalog::usual().unwrap()
    }

    /// Each part with its cause and its line, the roll-back behind a rule.
    fn shown(operation: &Operation, via: Via) -> String {
        let plan = STACK.plan(&usual(), operation, via).unwrap();
        let text = |part: &super::super::plan::Part| {
            let line = part.line(via).map_or_else(String::new, |line| format!("\n    {line}"));
            format!("{}: {}{line}", part.name, part.cause)
        };
        let back = plan.roll_back.iter().map(text);
        let rule = (!plan.roll_back.is_empty()).then(|| "---".to_owned());
        plan.parts.iter().map(text).chain(rule).chain(back).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_upgrade_shows_scaling_and_its_roll_back_too() {
        let upgrade = Operation::Upgrade(Upgrade { parallelism: Some(3), scale: true, ..Upgrade::default() });
        insta::assert_snapshot!(shown(&upgrade, Via::Rest), @r#"
        plan: main() of the new job is called while the old one keeps running
            POST /jars/:jar/plan {"parallelism":3,"programArgsList":[":arguments"]}
        scale up: 3 slots needed, 2 available: taskmanager 1 → 2
            start taskmanager-2
        stop: the new job starts from its savepoint
            POST /jobs/:job/stop {"drain":false,"triggerId":":trigger"}
        run: the new job starts where the old one stopped
            POST /jars/:jar/run {"jobId":":new-job","parallelism":3,"programArgsList":[":arguments"],"savepointPath":":savepoint"}
        running: every subtask processes records
        ---
        cancel: unless it has ended by itself
            PATCH /jobs/:new-job?mode=cancel
        run: the old job resumes where it stopped
            POST /jars/:jar/run {"jobId":":old-job","parallelism":2,"programArgsList":[":arguments"],"savepointPath":":savepoint"}
        running: every subtask processes records
        "#);
    }

    #[test]
    fn the_command_line_says_the_same_but_for_what_it_has_no_word_for() {
        let upgrade = Operation::Upgrade(Upgrade { parallelism: Some(3), scale: true, ..Upgrade::default() });
        insta::assert_snapshot!(STACK.plan(&usual(), &upgrade, Via::Cli).unwrap().lines(Via::Cli).join("\n"), @r#"
        POST /jars/:jar/plan {"parallelism":3,"programArgsList":[":arguments"]}
        start taskmanager-2
        flink stop :job
        flink run --detached '-D$internal.pipeline.job-id=:new-job' --fromSavepoint :savepoint --parallelism 3 /flink-data/uploads/flink-web-upload/:jar :arguments
        "#);
    }

    #[test]
    fn a_class_and_libraries_are_shown_as_they_are_sent() {
        let mut workload = usual();
        workload.job.libraries = vec!["./rates.jar".to_owned()];
        workload.job.entry_class = Some("shop.Job".to_owned());
        let libraries = Some(JarChoice::all(&["codec".to_owned(), "./new/rates.jar".to_owned()]));
        let upgrade = Upgrade { libraries, entry_class: Some("shop.Job2".to_owned()), ..Upgrade::default() };
        let plan = STACK.plan(&workload, &Operation::Upgrade(upgrade), Via::Rest).unwrap();
        let back = plan.roll_back.iter().filter_map(|part| part.line(Via::Rest));
        let lines: Vec<String> = plan.lines(Via::Rest).into_iter().chain(back).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        POST /jars/upload (./new/rates.jar)
        POST /jars/:jar/plan {"entryClass":"shop.Job2","flinkConfiguration":{"pipeline.classpaths":"file:///flink-data/uploads/flink-web-upload/:library-1;file:///flink-data/uploads/flink-web-upload/:library-2"},"parallelism":2,"programArgsList":[":arguments"]}
        POST /jobs/:job/stop {"drain":false,"triggerId":":trigger"}
        POST /jars/:jar/run {"entryClass":"shop.Job2","flinkConfiguration":{"pipeline.classpaths":"file:///flink-data/uploads/flink-web-upload/:library-1;file:///flink-data/uploads/flink-web-upload/:library-2"},"jobId":":new-job","parallelism":2,"programArgsList":[":arguments"],"savepointPath":":savepoint"}
        PATCH /jobs/:new-job?mode=cancel
        POST /jars/:jar/run {"entryClass":"shop.Job","flinkConfiguration":{"pipeline.classpaths":"file:///flink-data/uploads/flink-web-upload/:library-1"},"jobId":":old-job","parallelism":2,"programArgsList":[":arguments"],"savepointPath":":savepoint"}
        "#);
    }

    #[test]
    fn slots_that_nobody_adds_are_waited_for_with_the_state_safe() {
        let upgrade = Operation::Upgrade(Upgrade { parallelism: Some(3), ..Upgrade::default() });
        let names: Vec<&str> =
            STACK.plan(&usual(), &upgrade, Via::Rest).unwrap().parts.iter().map(|part| part.name).collect();
        assert_eq!(names, ["plan", "savepoint", "slots", "stop", "run", "running"]);
    }

    #[test]
    fn a_job_is_submitted_as_it_ran_last() {
        let submit = Operation::Submit(Submit { from: Some(From::Latest), ..Submit::default() });
        insta::assert_snapshot!(shown(&submit, Via::Rest), @r#"
        run: from :savepoint
            POST /jars/:jar/run {"jobId":":new-job","parallelism":2,"programArgsList":[":arguments"],"savepointPath":":savepoint"}
        running: it is up once every subtask processes records
        "#);
    }

    #[test]
    fn what_an_operation_leaves_is_what_the_next_begins_with() {
        let upgrade = Operation::Upgrade(Upgrade { parallelism: Some(3), scale: true, ..Upgrade::default() });
        let after = STACK.after(&upgrade);
        assert_eq!(after, Expected { parallelism: 3, taskmanagers: 2, each: 2 });
        assert!(after.plan(&usual(), &Operation::Scale { taskmanagers: 1, force: false }, Via::Rest).is_err());
        let rescale = Operation::Rescale { parallelism: 2, scale: true };
        let fewer = after
            .after(&rescale)
            .plan(&usual(), &Operation::Scale { taskmanagers: 1, force: false }, Via::Rest)
            .unwrap();
        assert_eq!(fewer.lines(Via::Rest), ["remove taskmanager-2"]);
    }
}
