//! `restored`: the job came back from a checkpoint since the newest fault, or without one where it takes none.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, seconds};
use crate::fold::Fold;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {}

impl Condition for Restored {
    const NAME: &'static str = "restored";
    const TITLE: &'static str = "restored";

    fn ask(&self, fold: &Fold) -> Answer {
        let fault = fold.faults.newest();
        let Some(restored) = &fold.checkpoints.restored else {
            let checkpointing = fold.head.as_ref().is_none_or(|head| head.job.checkpointing);
            let is_back = fault.is_some_and(|fault| fault.felt) && fold.job.is_running();
            return if !checkpointing && is_back {
                Answer::Holds("no checkpoint: the job started again without its state".to_owned())
            } else {
                Answer::NotYet("no restore yet".to_owned())
            };
        };
        let id = restored.checkpoint;
        let kind = if restored.savepoint { "savepoint" } else { "checkpoint" };
        Answer::Holds(match (fold.checkpoints.find(id), fault) {
            (Some(seen), Some(fault)) => {
                let age = seconds((fault.at - seen.begun).max(0));
                format!("{kind} {id}, {age} old at the fault, {}", bytes(seen.size))
            }
            _ => format!("{kind} {id}"),
        })
    }
}

fn bytes(size: u64) -> String {
    if size < 1024 { format!("{size} B") } else { format!("{} KiB", size / 1024) }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, began, job, kill};
    use super::*;
    use crate::history::What;
    use crate::history::seen::Restored as Seen;
    use crate::settings::JobVariant;

    #[test]
    fn a_restart_without_a_checkpoint_is_said_so() {
        let events = |checkpointing| {
            let begin = began(JobVariant { checkpointing, ..JobVariant::default() });
            [begin, kill(), job("RESTARTING", 0), job("RUNNING", 4)]
        };
        let expected = "no checkpoint: the job started again without its state";
        assert_eq!(answer(&Restored {}, events(false)), Answer::Holds(expected.into()));
        assert_eq!(answer(&Restored {}, events(true)), Answer::NotYet("no restore yet".into()));
    }

    #[test]
    fn the_checkpoint_is_told_with_its_age_at_the_fault() {
        let restored = || What::Restored(Seen { job: "a".into(), checkpoint: 41, savepoint: false, again: None });
        let checkpoint = What::Checkpoint { id: 41, took: 0, size: 12_345, begun: 0 };
        let events = [checkpoint, kill(), restored()];
        assert_eq!(answer(&Restored {}, events), Answer::Holds("checkpoint 41, 0.0 s old at the fault, 12 KiB".into()));
        assert_eq!(
            answer(&Restored {}, [restored(), kill()]),
            Answer::NotYet("no restore yet".into()),
            "before the fault"
        );
    }
}
