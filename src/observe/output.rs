//! The counts in `output`, as the readers that the job promises something to see them.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Watch;
use crate::history::What;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::tail::{Next, Reader, Record};
use crate::workload::{OUTPUT, PAGES, encoding};

/// How long one read may wait, and so how soon a stop is noticed.
const READ: Duration = Duration::from_millis(100);

/// Where the reading begins: at the topic's end when the run does.
#[derive(Debug, Clone)]
pub(super) struct Begin {
    kafka: String,
    isolation: Isolation,
    from: Vec<Option<i64>>,
}

impl Begin {
    /// Finds the topic's end.
    pub(super) fn find(kafka: &str, isolation: Isolation) -> Result<Self> {
        let ends = Admin::new(kafka, isolation)?.ends(OUTPUT).context("find the end of the counts")?;
        Ok(Self { kafka: kafka.to_owned(), isolation, from: ends.iter().map(|ends| Some(ends.end)).collect() })
    }

    /// Tells every record behind it.
    pub(super) fn watcher(self) -> impl FnOnce(&Watch) -> Result<()> + Send {
        move |watch| self.read(self.isolation, watch, |record| Some(told(record)))
    }

    /// Tells every record behind it that is a count, of transactions that are open or aborted as well.
    pub(super) fn uncommitted_watcher(self) -> impl FnOnce(&Watch) -> Result<()> + Send {
        move |watch| {
            self.read(Isolation::Uncommitted, watch, |record| match told(record) {
                What::Counted { page, start, count, partition, offset } => {
                    Some(What::Uncommitted { page, start, count, partition, offset })
                }
                // The other reader tells of what is no count.
                _ => None,
            })
        }
    }

    fn read(&self, isolation: Isolation, watch: &Watch, told: impl Fn(&Record<'_>) -> Option<What>) -> Result<()> {
        let reader = Reader::new(&self.kafka, OUTPUT, isolation, &self.from)?;
        while watch.goes_on() {
            if let Next::Record(record) = reader.next(READ)?
                && let Some(what) = told(&record)
            {
                watch.tell(what);
            }
        }
        Ok(())
    }
}

fn told(record: &Record<'_>) -> What {
    let (partition, offset) = (record.partition(), record.offset());
    match encoding::decode_count(record.payload()) {
        Ok((page, start, count)) => What::Counted { page: PAGES[page].to_owned(), start, count, partition, offset },
        Err(what) => What::Stray { partition, offset, what },
    }
}
