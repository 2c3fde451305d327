//! `playground judge`: the verdict of a run, from its folder alone.

use anyhow::Result;

use crate::cli::topic::Judge;
use crate::failure::Status;
use crate::fold::Fold;
use crate::history::recorded::Recorded;
use crate::report::Terminal;
use crate::report::judge::JudgePage;
use crate::verdict;

/// Judges the events in the folder; needs nothing else.
pub fn run(args: &Judge, terminal: &Terminal) -> Result<Status> {
    let recorded = Recorded::open(&args.run)?;
    let fold = Fold::of(&recorded.events);
    let page = JudgePage::new(&recorded, &fold, verdict::judge(&fold), &args.run);
    terminal.result(&page)?;
    Ok(page.status())
}
