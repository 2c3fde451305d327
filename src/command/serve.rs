//! `playground serve`.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::kafka_of;
use super::told::{Signal, alive_in_a_container, until_told};
use crate::cli::{Global, topic::Serve};
use crate::failure::Status;
use crate::report::{Terminal, lines};
use crate::workload::alive::Alive;
use crate::workload::lines::{Order, serve};

/// Serves lines until told to stop: by SIGTERM with exit code 0, by Ctrl-C with 130.
pub async fn run(global: &Global, args: Serve, terminal: &Terminal) -> Result<Status> {
    let (topic, group) = match (&args.topic, &args.group, &args.bootstrap_server) {
        (Some(topic), Some(group), Some(_)) => (topic.clone(), group.clone()),
        _ => named(global, &args).await?,
    };
    let order = Order {
        bootstrap: kafka_of(global, terminal, args.bootstrap_server).await?,
        topic,
        group,
        listen: args.listen,
        wait: Duration::from_secs(args.timeout),
    };
    let alive = args.alive.or_else(alive_in_a_container).map(Alive::new);
    let told = *terminal;
    let (summary, signal) =
        until_told(move |stop| serve(&order, stop, alive, |progress| lines::tell(told, progress))).await?;
    terminal.result(&summary)?;
    Ok(if signal == Some(Signal::Interrupt) { Status::Interrupted } else { Status::Pass })
}

/// Topic and group, as far as they are not named those of the workload.
async fn named(global: &Global, args: &Serve) -> Result<(String, String)> {
    let workload = super::workload_of(global, args.workload.as_deref()).await?.workload;
    let group = args.group.clone().or(workload.job.group);
    let group = group.with_context(|| format!("workload {} names no consumer group: --group", workload.name))?;
    Ok((args.topic.clone().unwrap_or(workload.input.topic), group))
}
