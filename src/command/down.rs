//! `playground down`.

use anyhow::{Result, bail};

use crate::cli::{Global, stack::Down};
use crate::failure::Status;
use crate::report::Terminal;

/// Not built yet.
pub async fn run(_global: &Global, _args: Down, _terminal: &Terminal) -> Result<Status> {
    bail!("not built yet")
}
