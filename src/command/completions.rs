//! `playground completions`.

use anyhow::{Result, bail};

use crate::cli::{Completions, Global};
use crate::failure::Status;
use crate::report::Terminal;

/// Not built yet.
pub async fn run(_global: &Global, _args: Completions, _terminal: &Terminal) -> Result<Status> {
    bail!("not built yet")
}
