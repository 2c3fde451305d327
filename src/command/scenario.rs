//! `playground scenario`.

use anyhow::{Result, bail};

use crate::cli::{Global, scenario::Scenario};
use crate::failure::Status;
use crate::report::Terminal;

/// Not built yet.
pub async fn run(_global: &Global, _args: Scenario, _terminal: &Terminal) -> Result<Status> {
    bail!("not built yet")
}
