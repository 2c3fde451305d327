//! What each fault did: a run whose fault had no effect has proved nothing.

use std::collections::BTreeSet;

use crate::history::What;
use crate::history::seen::JobSeen;
use crate::platform::is_instance_of;
use crate::stack::JOBMANAGER;

/// How long, in ms, the job may take to leave RUNNING after the JobManager lost a TaskManager that ran some of its
/// tasks: both happen at the same moment, and REST shows it soon after.
const NOTICE_MS: i64 = 3_000;

/// A fault that was injected, and its observed effects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultSeen {
    /// As in `kill`.
    pub fault: String,
    /// As in `taskmanager-1`.
    pub target: String,
    /// When, in ms since the run began.
    pub at: i64,
    /// Whether the platform showed the instance not running afterwards.
    pub shown: bool,
    /// When the JobManager was first seen with fewer TaskManagers than before.
    pub lost: Option<i64>,
    /// Whether the job was seen not running afterwards.
    pub felt: bool,
    undone: bool,
}

/// The faults of a run, in order.
#[derive(Debug, Default)]
pub struct Faults {
    seen: Vec<FaultSeen>,
    taskmanagers: u32,
    /// The instances that run.
    running: BTreeSet<String>,
}

impl Faults {
    /// Adds what was seen at `at`, in ms since the run began.
    pub fn add(&mut self, at: i64, what: &What) {
        match what {
            What::Fault { fault, target } => {
                let (fault, target) = (fault.clone(), target.clone());
                let seen = FaultSeen { fault, target, at, shown: false, lost: None, felt: false, undone: false };
                self.running.remove(&seen.target);
                self.seen.push(seen);
            }
            What::Undone { target, .. } => self.each(target, |fault| fault.undone = true),
            What::Instance { instance, state } if state == "running" => drop(self.running.insert(instance.clone())),
            What::Instance { instance, .. } => {
                self.running.remove(instance);
                self.each(instance, |fault| fault.shown = true);
            }
            What::Cluster { taskmanagers, .. } => {
                if *taskmanagers < self.taskmanagers {
                    self.seen.iter_mut().for_each(|fault| fault.lost = fault.lost.or(Some(at)));
                }
                self.taskmanagers = *taskmanagers;
            }
            What::Job(job) if !job.is_running() => self.seen.iter_mut().for_each(|fault| fault.felt = true),
            _ => {}
        }
    }

    fn each(&mut self, target: &str, change: impl Fn(&mut FaultSeen)) {
        self.seen.iter_mut().filter(|fault| fault.target == target && !fault.undone).for_each(change);
    }

    /// The first one.
    #[must_use]
    pub fn first(&self) -> Option<&FaultSeen> {
        self.seen.first()
    }

    /// The newest one.
    #[must_use]
    pub fn newest(&self) -> Option<&FaultSeen> {
        self.seen.last()
    }

    /// A JobManager that runs and can take over from the one that the newest fault broke.
    #[must_use]
    pub fn standby(&self) -> Option<&str> {
        let of_leader = self.newest().filter(|newest| is_instance_of(&newest.target, JOBMANAGER));
        let mut others = self.running.iter().filter(|name| is_instance_of(name, JOBMANAGER));
        of_leader.and_then(|_| others.next()).map(String::as_str)
    }

    /// How many there were.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// A complaint if the newest fault took down a TaskManager that ran none of the job's tasks. `at` is in ms since
    /// the run began.
    #[must_use]
    pub fn ran_nothing(&self, now: i64, job: Option<&JobSeen>) -> Option<String> {
        let newest = self.newest()?;
        let is_over = newest.lost.is_some_and(|lost| lost + NOTICE_MS <= now);
        let ran_on = !newest.felt && job.is_some_and(JobSeen::is_running);
        let target = &newest.target;
        (is_over && ran_on).then(|| {
            format!("{target} was running no tasks: the JobManager lost it, and every subtask is still running")
        })
    }

    /// One sentence for each fault that had no visible effect.
    #[must_use]
    pub fn without_effect(&self) -> Vec<String> {
        let sentence = |FaultSeen { fault, target, .. }: &FaultSeen| {
            format!("{fault} {target}: no effect was seen; {target} was never seen in any other state than running")
        };
        self.seen.iter().filter(|fault| !fault.shown && fault.lost.is_none()).map(sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(events: &[(i64, What)]) -> Faults {
        let mut faults = Faults::default();
        for (at, what) in events {
            faults.add(*at, what);
        }
        faults
    }

    fn kill() -> What {
        What::Fault { fault: "kill".into(), target: "taskmanager-2".into() }
    }

    fn taskmanagers(taskmanagers: u32) -> What {
        What::Cluster { taskmanagers, slots: 2 * taskmanagers }
    }

    fn job(state: &str) -> JobSeen {
        JobSeen { running: 4, subtasks: 4, ..JobSeen::absent(state) }
    }

    #[test]
    fn a_taskmanager_that_is_lost_while_the_job_runs_on_ran_nothing() {
        let events = [(0, taskmanagers(2)), (5, kill()), (2_000, taskmanagers(1))];
        let seen = faults(&events);
        assert_eq!(seen.ran_nothing(4_999, Some(&job("RUNNING"))), None);
        assert!(
            seen.ran_nothing(5_000, Some(&job("RUNNING"))).unwrap().starts_with("taskmanager-2 was running no tasks")
        );
        assert_eq!(seen.ran_nothing(5_000, Some(&job("RESTARTING"))), None);
        let felt = faults(&[&events[..], &[(2_001, What::Job(job("RESTARTING")))]].concat());
        assert_eq!(felt.ran_nothing(9_000, Some(&job("RUNNING"))), None);
    }

    #[test]
    fn a_fault_that_nothing_was_seen_of_is_none() {
        let exited = || What::Instance { instance: "taskmanager-2".into(), state: "exited".into() };
        assert_eq!(faults(&[(0, exited()), (1, kill())]).without_effect().len(), 1);
        assert!(faults(&[(0, kill()), (1, exited())]).without_effect().is_empty());
        let undone = What::Undone { fault: "kill".into(), target: "taskmanager-2".into() };
        assert_eq!(faults(&[(0, kill()), (1, undone), (2, exited())]).without_effect().len(), 1);
    }
}
