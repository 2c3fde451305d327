//! `playground generate`.

use anyhow::{Result, bail};

use crate::cli::{Global, topic::Generate};
use crate::failure::Status;
use crate::report::Terminal;

/// Not built yet.
pub async fn run(_global: &Global, _args: Generate, _terminal: &Terminal) -> Result<Status> {
    bail!("not built yet")
}
