//! A workload's own program as its oracle: what it is given, how it is run, and how its answer is read. What comes of it is an
//! event; whoever judges events later needs no program.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::history::answer::Answer;
use crate::oracle::command::Command;
pub use program::{find, must_be_there};
pub use spool::Spool;

mod document;
mod program;
pub mod spool;

/// What a program is given: a JSON document a line, in the folder of a run.
pub const RECORDS: &str = "records.jsonl";
/// The same while it is read.
const SPOOL: &str = "records.spool";

/// The spool in a folder, where a program will have to judge.
#[must_use]
pub fn spool_in(folder: &Path) -> Spool {
    Spool::new(folder.join(SPOOL))
}

/// Gives a program all that was spooled, and returns its answer. `covered` says for each partition of the input before which
/// offset the job's checkpoints cover it. Whatever goes wrong is an answer that decides nothing.
pub async fn ask(command: &Command, spool: Spool, covered: BTreeMap<i32, i64>) -> Answer {
    let records = spool.path().with_file_name(RECORDS);
    let given = records.clone();
    let write = move || -> Result<()> {
        spool.write(&covered, &given)?;
        std::fs::remove_file(spool.path()).with_context(|| format!("remove {}", spool.path().display()))
    };
    let written = tokio::task::spawn_blocking(write).await.context("write the records").and_then(|written| written);
    match written {
        Ok(()) => program::run(command, &records).await,
        Err(error) => Answer::none(command.title(), format!("was not asked: {error:#}")),
    }
}
