//! The job and its cluster, as last seen.

use std::collections::BTreeMap;

use crate::history::What;
use crate::history::seen::{JobFacts, JobSeen};

/// What is known of the job.
#[derive(Debug, Default)]
pub struct Job {
    /// Its state, once it was seen.
    pub seen: Option<JobSeen>,
    /// Registered TaskManagers.
    pub taskmanagers: u32,
    /// Their slots.
    pub slots: u32,
    /// Since when every subtask has been running without a break, in ms since the run began.
    pub running_since: Option<i64>,
    /// Every job seen so far, by id.
    facts: BTreeMap<String, JobFacts>,
    newest: Option<String>,
}

impl Job {
    /// Adds what was seen at `at`, in ms since the run began. While no JobManager answers, no TaskManager counts as registered.
    pub fn add(&mut self, at: i64, what: &What) {
        match what {
            What::Found(facts) => {
                self.newest = Some(facts.id.clone());
                self.facts.insert(facts.id.clone(), facts.clone());
            }
            What::Job(seen) => {
                if seen.state == JobSeen::UNREACHABLE {
                    (self.taskmanagers, self.slots) = (0, 0);
                }
                self.running_since = seen.is_running().then(|| self.running_since.unwrap_or(at));
                self.seen = Some(seen.clone());
            }
            What::Cluster { taskmanagers, slots } => (self.taskmanagers, self.slots) = (*taskmanagers, *slots),
            _ => {}
        }
    }

    /// The id of the job that was last seen.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.seen.as_ref()?.id.as_deref()
    }

    /// The facts of the job that was last seen, or else of the one that was last found.
    #[must_use]
    pub fn facts(&self) -> Option<&JobFacts> {
        self.facts.get(self.id().or(self.newest.as_deref())?)
    }

    /// Whether every subtask was running when last seen.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.seen.as_ref().is_some_and(JobSeen::is_running)
    }

    /// As in `job RESTARTING, 0 of 4 subtasks`.
    #[must_use]
    pub fn state(&self) -> String {
        match &self.seen {
            Some(job) if job.state == JobSeen::NONE => "no job".to_owned(),
            Some(job) if job.state == JobSeen::UNREACHABLE => "no JobManager answers".to_owned(),
            Some(job) => format!("job {}, {} of {} subtasks", job.state, job.running, job.subtasks),
            None => "the job has not been seen yet".to_owned(),
        }
    }
}
