//! `playground verify`.

use anyhow::{Result, bail};

use crate::cli::{Global, topic::Verify};
use crate::failure::Status;
use crate::report::Terminal;

/// Not built yet.
pub async fn run(_global: &Global, _args: Verify, _terminal: &Terminal) -> Result<Status> {
    bail!("not built yet")
}
