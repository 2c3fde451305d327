//! `playground tail`.

use anyhow::{Result, bail};

use crate::cli::{Global, topic::Tail};
use crate::failure::Status;
use crate::report::Terminal;

/// Not built yet.
pub async fn run(_global: &Global, _args: Tail, _terminal: &Terminal) -> Result<Status> {
    bail!("not built yet")
}
