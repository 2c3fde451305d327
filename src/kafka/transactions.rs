//! Which records are of aborted transactions, as Kafka's consumer finds it out: a broker tells with each answer where
//! aborted transactions begin, and each ends with a marker in the log.

use super::batch::Batch;

/// An aborted transaction: whose, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aborted {
    /// The producer's id.
    pub producer: i64,
    /// The offset of its first record.
    pub first: i64,
}

/// The aborted transactions of one answer, while its batches are read in order.
#[derive(Debug, Default)]
pub struct Transactions {
    /// Those that have not begun, the last one first.
    to_come: Vec<Aborted>,
    /// The producers of those that have begun and not ended.
    open: Vec<i64>,
}

impl Transactions {
    /// Of an answer that tells these.
    #[must_use]
    pub fn new(mut aborted: Vec<Aborted>) -> Self {
        aborted.sort_by_key(|aborted| std::cmp::Reverse(aborted.first));
        Self { to_come: aborted, open: Vec::new() }
    }

    /// Whether the records of the next batch were aborted.
    pub fn hide(&mut self, batch: &Batch<'_>) -> bool {
        while let Some(aborted) = self.to_come.pop_if(|aborted| aborted.first < batch.next_offset()) {
            self.open.push(aborted.producer);
        }
        if batch.aborts() {
            self.open.retain(|producer| *producer != batch.producer());
        }
        batch.is_transactional() && !batch.is_control() && self.open.contains(&batch.producer())
    }
}
