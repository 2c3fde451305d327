//! What left the topics: the expectation never shrinks in silence.

use crate::history::What;
use crate::history::traffic::Topic;
use crate::ledger::Ledger;

/// Records that are gone, as far as a verdict would have needed them.
#[derive(Debug, Default)]
pub struct Losses {
    /// One sentence each.
    pub doubts: Vec<String>,
}

/// So many are told one by one.
const TOLD: usize = 6;

impl Losses {
    /// Takes in that records are gone.
    pub fn add(&mut self, what: &What, ledger: &mut Ledger) {
        match what {
            What::Gone { topic, partition, from, to, unread } => {
                let windows = if *topic == Topic::Input { ledger.gone(*partition, *to) } else { 0 };
                if *unread || windows > 0 {
                    self.doubt(gone(*topic, *partition, (*from, *to), windows));
                }
            }
            What::Anew { topic, partition } => {
                let name = topic.name();
                self.doubt(format!("topic {name} was deleted and recreated while it was being read (noticed in {name}-{partition}): what it held before cannot be judged"));
            }
            _ => {}
        }
    }

    fn doubt(&mut self, doubt: String) {
        if self.doubts.len() < TOLD && !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }
}

fn gone(topic: Topic, partition: i32, (from, to): (i64, i64), windows: u64) -> String {
    let name = topic.name();
    let records = (to - from).max(0);
    let last = to - 1;
    let before = match (topic, windows) {
        (Topic::Input, 0) => "before they were seen counted".to_owned(),
        (Topic::Input, windows) => format!("before {windows} windows were seen counted"),
        (Topic::Output, _) => "before they were read".to_owned(),
    };
    format!("{records} records left topic {name} {before}: {name}-{partition} @ {from} to {last}")
}
