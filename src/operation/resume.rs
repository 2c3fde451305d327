//! A job that is stopped, and how it is resumed: what it runs as, from which state, and the message if it could not be
//! started again.
//!
//! Whoever stops a job that is to run again holds one of these until it does.

use anyhow::{Context as _, Result, bail};

use super::come_up::CameUp;
use super::control::Control;
use super::marks::goes_on_with;
use super::origin::origin;
use super::start::{Earlier, Submission};
use crate::flink::jar::Run;
use crate::flink::{Flink, id};
use crate::history::operated::{Operated, OperationEnd};
use crate::platform::Platform;
use crate::workload::model::Workload;

/// A job that is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resume {
    /// The job's name.
    pub name: String,
    /// What it goes on as; [`Run::savepoint`] is where it begins, and nothing there is from nothing.
    pub run: Run,
    /// Where its state is, whether it goes on from there or not; none of a job that had no checkpoint.
    pub state: Option<String>,
}

impl Resume {
    /// A job that goes on as this; from nothing, unless it is said from where.
    #[must_use]
    pub fn of(name: &str, run: &Run) -> Self {
        Self { name: name.to_owned(), run: run.clone(), state: None }
    }

    /// A job that goes on as it was. Asked while Flink remembers the job, before it is stopped or right after.
    pub async fn as_it_was(platform: &Platform, flink: &Flink, job: &str, name: &str) -> Result<Self> {
        Ok(Self::of(name, &origin(platform, flink, job).await?))
    }

    /// The same, from a savepoint.
    #[must_use]
    pub fn from(mut self, savepoint: &str) -> Self {
        self.run.savepoint = Some(savepoint.to_owned());
        self.state = Some(savepoint.to_owned());
        self
    }

    /// Submits the job, and returns its id once Flink is known to have it; it may wait for slots then.
    ///
    /// # Errors
    /// Why not, with where its state is and which command goes on with it.
    pub async fn start(&self, control: &Control<'_>) -> Result<String> {
        self.begin(control).await.with_context(|| self.whereabouts(control.workload()))
    }

    /// The same, of a job that there was none of before.
    ///
    /// # Errors
    /// Why not.
    pub async fn begin(&self, control: &Control<'_>) -> Result<String> {
        let name = Some(self.name.as_str());
        let id = match control.earlier(name, &self.run.jar).await? {
            Earlier::Runs(id) => return Ok(id),
            Earlier::OnItsWay(id) => id,
            Earlier::None => id::fresh(),
        };
        match control.submit(name, &id, &self.run).await? {
            Submission::Taken => Ok(id),
            Submission::Refused(error) => Err(error),
        }
    }

    /// As [`Resume::start`], and waits until every subtask processes records.
    pub async fn bring_up(&self, control: &Control<'_>) -> Result<Operated> {
        let id = self.start(control).await?;
        if let CameUp::Not(why) = control.comes_up(&id, self.run.parallelism).await? {
            bail!(
                "{} was resubmitted as job {id}, but did not come up: {why}\n  playground job {id} shows its state",
                self.name
            );
        }
        control.marks(Some(&self.name)).settled(&id).await?;
        let (parts, seconds) = control.take_parts();
        Ok(Operated {
            operation: "submit".to_owned(),
            outcome: OperationEnd::Done,
            reason: None,
            job: Some(id),
            savepoint: self.run.savepoint.clone(),
            parallelism: Some(self.run.parallelism),
            downtime: None,
            seconds,
            parts,
        })
    }

    /// Where its state is, and the command that goes on with it.
    #[must_use]
    pub fn whereabouts(&self, workload: &Workload) -> String {
        let name = &self.name;
        let ours = &workload.job.name;
        match &self.state {
            Some(path) if name != ours => {
                format!("{name} is stopped, with its state in {path}\n  {}", goes_on_with(name, path, ours))
            }
            Some(path) => format!(
                "{name} is stopped, with its state in {path}\n  \
                 playground up resumes from it, and so does playground submit --from-savepoint {path}"
            ),
            None => {
                format!("{name} is stopped and had no checkpoint yet\n  playground up restarts it with empty state")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resume() -> Resume {
        let (jar, arguments) = ("7_a.jar".into(), Vec::new());
        let run = Run {
            jar,
            entry_class: None,
            libraries: Vec::new(),
            parallelism: 2,
            arguments,
            savepoint: None,
            allow_non_restored_state: false,
        };
        Resume { name: "Click Event Count".into(), run, state: None }
    }

    #[test]
    fn a_stopped_job_says_where_its_state_is_and_what_goes_on_with_it() {
        let usual = crate::workload::catalog::usual().unwrap();
        let stopped = resume().from("file:/s");
        assert_eq!(stopped.run.savepoint.as_deref(), Some("file:/s"));
        insta::assert_snapshot!(stopped.whereabouts(&usual), @r"
        Click Event Count is stopped, with its state in file:/s
          playground up resumes from it, and so does playground submit --from-savepoint file:/s
        ");
        insta::assert_snapshot!(resume().whereabouts(&usual), @r"
        Click Event Count is stopped and had no checkpoint yet
          playground up restarts it with empty state
        ");
    }
}
