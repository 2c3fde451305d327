//! `playground flink`.

use anyhow::{Result, bail};

use crate::cli::{Global, stack::Flink};
use crate::failure::Status;
use crate::report::Terminal;

/// Not built yet.
pub async fn run(_global: &Global, _args: Flink, _terminal: &Terminal) -> Result<Status> {
    bail!("not built yet")
}
