//! Records that were deleted from the topics: what is expected never shrinks silently.

use crate::history::What;
use crate::history::traffic::Topic;
use crate::ledger::Ledger;

/// Deleted records that a verdict would have needed.
#[derive(Debug, Default)]
pub struct Losses {
    /// One sentence each.
    pub doubts: Vec<String>,
    /// Whether records were removed from the middle of a topic. What is left of it may be of any time, so nothing can be judged.
    pub compacted: bool,
}

/// How many losses are listed one by one.
const TOLD: usize = 6;

impl Losses {
    /// Adds records that were deleted.
    pub fn add(&mut self, what: &What, ledger: &mut Ledger) {
        match what {
            What::Gone { topic, partition, from, to, unread } => {
                if *unread && *topic == Topic::Input {
                    ledger.input_is_cut(*partition);
                }
                let windows = if *topic == Topic::Input { ledger.gone(*partition, *to) } else { 0 };
                if *unread || windows > 0 {
                    self.doubt(gone(*topic, *partition, (*from, *to), windows));
                }
            }
            What::Compacted { topic, partition, records, to } => {
                let (name, s) = (topic.name(), if *records == 1 { "" } else { "s" });
                self.compacted = true;
                self.doubt(format!("compaction removed {records} record{s} from topic {name} before they were read: {name}-{partition}, before @ {to}"));
            }
            What::Anew { topic, partition } => {
                let name = topic.name();
                self.doubt(format!("topic {name} was deleted and recreated while it was being read (noticed in {name}-{partition}): what it held before cannot be judged"));
            }
            _ => {}
        }
    }

    /// A partition of the output does not begin with its first record ever: a window of which it still has a count may have
    /// had another one as well, so not even that one is proved right.
    pub fn output_begins_at(&mut self, partition: i32, offset: i64) {
        let name = Topic::Output.name();
        self.doubt(format!(
            "topic {name} no longer holds its oldest records: {name}-{partition} starts at offset {offset}"
        ));
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
    let (last, were) = (to - 1, if records == 1 { "record was" } else { "records were" });
    let before = match (topic, windows) {
        (Topic::Input, 0) => "before their counts were seen".to_owned(),
        (Topic::Input, windows) => format!("before the counts of {windows} windows were seen"),
        (Topic::Output, _) => "before they were read".to_owned(),
    };
    format!("{records} {were} deleted from topic {name} {before}: {name}-{partition} @ {from} to {last}")
}
