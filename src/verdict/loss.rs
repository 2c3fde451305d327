//! A run that is meant to show a loss: records lost after the fault, and nothing else wrong.

use crate::fold::Fold;
use crate::ledger::{Judgement, Outcome};

/// The outcome, and why where it is not a pass.
pub(super) fn loss(fold: &Fold, ledger: &Judgement) -> (Outcome, Vec<String>) {
    let wrong = [
        (fold.wrong_before_fault, "windows were wrong before the fault"),
        (ledger.records_counted_twice, "records were counted twice, where only a loss was expected"),
        (ledger.counts.unexpected, "records in the output that the input does not explain"),
    ];
    let reasons: Vec<String> =
        wrong.into_iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
    if !reasons.is_empty() {
        return (Outcome::Fail, reasons);
    }
    match (ledger.records_lost, ledger.judged) {
        (1.., _) => (Outcome::Pass, Vec::new()),
        (0, 0) => (Outcome::Unknown, Vec::new()),
        (0, _) => (Outcome::Fail, vec!["nothing was lost, where a loss was expected".to_owned()]),
    }
}
