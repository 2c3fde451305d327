//! Restarts of a job that takes no checkpoints: it resumes from the offsets that its group auto-committed, and may emit
//! again what it had counted beyond them.

use crate::history::seen::{JobSeen, Read};

/// The offsets from which such a job resumes, as far as they are known.
#[derive(Debug, Default)]
pub struct Restarts {
    /// Whether the job was running when it was last seen.
    ran: bool,
    /// For each partition of the input the committed offsets, each with where the output had ended before it was seen:
    /// what was emitted by then came from records before that offset.
    committed: Vec<(Option<i64>, Vec<i64>)>,
    ends: Vec<i64>,
}

impl Restarts {
    /// Both topics were read.
    pub fn read(&mut self, read: &Read) {
        self.committed.resize(read.committed.len(), (None, Vec::new()));
        for (known, committed) in self.committed.iter_mut().zip(&read.committed) {
            if known.0 != *committed {
                *known = (*committed, self.ends.clone());
            }
        }
        self.ends = read.output.iter().map(|place| place.end).collect();
    }

    /// The job was seen. If it has failed since it was last seen, returns for each partition of the output the offset
    /// from which on records may be emitted again.
    pub fn job(&mut self, seen: &JobSeen) -> Option<Vec<i64>> {
        if seen.state == JobSeen::UNREACHABLE {
            return None;
        }
        let failed = std::mem::replace(&mut self.ran, seen.is_running()) && !self.ran;
        failed.then(|| self.reach())
    }

    fn reach(&self) -> Vec<i64> {
        let earliest = |partition| self.committed.iter().map(|(_, ends)| ends.get(partition).copied()).min().flatten();
        (0..self.ends.len()).map(|partition| earliest(partition).unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::seen::Place;

    fn read(committed: [i64; 2], end: i64) -> Read {
        let output = vec![Place { start: 0, read: end, end }];
        Read { committed: committed.map(Some).to_vec(), input: Vec::new(), output }
    }

    fn job(state: &str, running: u32) -> JobSeen {
        JobSeen { state: state.to_owned(), running, subtasks: 2, ..JobSeen::absent("") }
    }

    #[test]
    fn a_job_without_checkpoints_repeats_what_it_emitted_since_the_oldest_of_its_commits() {
        let mut restarts = Restarts::default();
        for (committed, end) in [([10, 10], 0), ([20, 20], 6), ([30, 30], 12), ([30, 40], 18), ([30, 50], 24)] {
            restarts.read(&read(committed, end));
        }
        assert_eq!(restarts.job(&job("RUNNING", 2)), None);
        assert_eq!(restarts.job(&job(JobSeen::UNREACHABLE, 0)), None, "nothing is known of it");
        assert_eq!(restarts.job(&job("RESTARTING", 0)), Some(vec![6]), "6 of the output were there before 30 was seen");
        assert_eq!(restarts.job(&job("RUNNING", 1)), None, "the same failure");
    }

    #[test]
    fn what_nobody_saw_committed_may_be_all() {
        let mut restarts = Restarts::default();
        restarts.read(&read([10, 10], 12));
        restarts.job(&job("RUNNING", 2));
        assert_eq!(restarts.job(&job("FAILING", 0)), Some(vec![0]));
    }
}
