//! `playground generate`.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Result;

use super::kafka_of;
use super::told::{Signal, alive_in_a_container, until_told};
use crate::cli::{Global, topic::Generate};
use crate::failure::{Failure, Status};
use crate::report::{Terminal, generate::Ticker};
use crate::workload::alive::Alive;
use crate::workload::catalog;
use crate::workload::feed::Records;
use crate::workload::generator::{self, Order};

/// Sends records until told to stop. SIGTERM, which is how a container is stopped, gives exit code 0 if all records were
/// acknowledged and 4 if not; Ctrl-C gives 130.
pub async fn run(global: &Global, args: Generate, terminal: &Terminal) -> Result<Status> {
    let workload = match (&args.workload, &args.bootstrap_server) {
        (None, Some(_)) => catalog::usual()?,
        (asked, _) => super::workload_of(global, asked.as_deref()).await?.workload,
    };
    let (name, input) = (workload.name, workload.input);
    let none = || Failure::Usage(format!("workload {name} has no input.feed: its input is written by somebody else"));
    let feed = args.feed.over(input.feed).ok_or_else(none)?;
    let records = Records::of(&feed).map_err(Failure::Usage)?;
    let order = Order {
        bootstrap: kafka_of(global, terminal, args.bootstrap_server).await?,
        topic: args.topic.unwrap_or(input.topic),
        also: args.also,
        records,
        speed: args.rate.map_or(args.speed, |rate| rate / feed.per_second()),
        limit: args.records,
        wait: Duration::from_secs(args.timeout),
    };
    let alive = args.alive.or_else(alive_in_a_container).map(Alive::new);
    let mut ticker = Ticker::new(*terminal);
    let send = move |stop: &AtomicBool| generator::generate(&order, stop, alive, |progress| ticker.tick(progress));
    let (summary, told) = until_told(send).await?;
    terminal.result(&summary)?;
    Ok(match told {
        Some(Signal::Interrupt) => Status::Interrupted,
        Some(Signal::Terminate) if summary.unacknowledged > 0 => Status::Environment,
        Some(Signal::Terminate) | None => Status::Pass,
    })
}
