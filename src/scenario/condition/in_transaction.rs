//! `in-transaction`: a transaction of the sink is open, with records in it, and will be for a while.

use serde::{Deserialize, Serialize};

use super::{Answer, Condition, either, seconds};
use crate::fold::Fold;

/// A record waits for the next checkpoint to commit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InTransaction {}

impl Condition for InTransaction {
    const NAME: &'static str = "in-transaction";
    const TITLE: &'static str = "in transaction";

    /// Open for long enough that a fault done now falls into it: records are in it, and the next checkpoint, which commits
    /// it, is not near. Right after a checkpoint, what waits may be of the transaction before, which is just being committed:
    /// seen, a fault that interrupted none.
    fn ask(&self, fold: &Fold) -> Answer {
        let records = fold.transactions.open();
        let Some(newest) = fold.checkpoints.newest else {
            return Answer::NotYet(format!("{records} records written and not committed, no checkpoint yet"));
        };
        let age = (fold.now - newest.begun).max(0);
        let interval = fold.head.as_ref().map_or(0, |head| head.job.checkpoint_interval_ms);
        let is_far = u64::try_from(age).is_ok_and(|age| (interval / 8..interval / 2).contains(&age));
        let text = format!("{records} records written and not committed, checkpoint {} ago", seconds(age));
        either(records > 0 && is_far, text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{began, holds};
    use super::*;
    use crate::history::What;
    use crate::history::traffic::{Emitted, Figures, Window};
    use crate::settings::JobVariant;

    #[test]
    fn a_transaction_is_open_when_records_wait_and_the_next_checkpoint_is_far() {
        let record = || Emitted {
            key: "a".into(),
            window: Window::ALWAYS,
            count: 1,
            figures: Figures::NONE,
            partition: 0,
            offset: 7,
        };
        let checkpoint = || What::Checkpoint { id: 1, took: 0, size: 1, begun: 0 };
        // Events are a ms apart.
        let begin = |interval| began(JobVariant { checkpoint_interval_ms: interval, ..JobVariant::default() });
        assert!(!holds(&InTransaction {}, [begin(8), What::Written(record())]));
        assert!(holds(&InTransaction {}, [begin(8), checkpoint(), What::Written(record())]));
        let committed = [begin(8), checkpoint(), What::Written(record()), What::Emitted(record())];
        assert!(!holds(&InTransaction {}, committed));
        // What is just being committed.
        assert!(!holds(&InTransaction {}, [begin(4000), checkpoint(), What::Written(record())]));
        // The next checkpoint is near.
        assert!(!holds(&InTransaction {}, [begin(2), checkpoint(), What::Written(record())]));
    }
}
