//! `playground job`.

use anyhow::{Result, bail};

use crate::cli::{Global, job::Job};
use crate::failure::Status;
use crate::report::Terminal;

/// Not built yet.
pub async fn run(_global: &Global, _args: Job, _terminal: &Terminal) -> Result<Status> {
    bail!("not built yet")
}
