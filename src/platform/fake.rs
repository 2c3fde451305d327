//! A platform in memory, for tests of the binary without an engine.

use anyhow::{Result, bail};
use tokio::sync::mpsc;

use crate::platform::{Contract, Ended, Extent, Instance, Journal, Line, LogRange, Mark, Progress};
use crate::stack::Stack;

/// Remembers what was done to it.
pub struct Fake {}

impl Contract for Fake {
    async fn services(&self) -> Result<Vec<Instance>> {
        bail!("to come")
    }
    async fn apply(&self, _: &Stack, _: mpsc::UnboundedSender<Progress>) -> Result<()> {
        bail!("to come")
    }
    async fn start(&self, _: &str) -> Result<()> {
        bail!("to come")
    }
    async fn kill(&self, _: &str) -> Result<()> {
        bail!("to come")
    }
    async fn pause(&self, _: &str) -> Result<()> {
        bail!("to come")
    }
    async fn disconnect(&self, _: &str) -> Result<()> {
        bail!("to come")
    }
    async fn exec(&self, _: &str, _: &[String], _: mpsc::Sender<Line>) -> Result<Ended> {
        bail!("to come")
    }
    async fn logs(&self, _: Option<&str>, _: LogRange, _: mpsc::Sender<Line>) -> Result<()> {
        bail!("to come")
    }
    async fn remove(&self, _: Extent) -> Result<Vec<String>> {
        bail!("to come")
    }
}

impl Journal for Fake {
    async fn mark(&self, _: &Mark) -> Result<()> {
        bail!("to come")
    }
    async fn forget(&self, _: &str) -> Result<()> {
        bail!("to come")
    }
    async fn marks(&self) -> Result<Vec<Mark>> {
        bail!("to come")
    }
}
