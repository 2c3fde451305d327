//! `playground emit`: single records for a job's input, or lines for the socket that it reads.

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::kafka_of;
use crate::cli::{Global, topic::Emit};
use crate::failure::{Failure, Status};
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::produce::{Producer, Sent};
use crate::report::Terminal;
use crate::report::emit::Emitted;

/// How long to wait for the broker when its client has more records than it takes.
const FULL: Duration = Duration::from_millis(50);

/// Writes records, and returns once the broker has acknowledged all of them.
pub async fn run(global: &Global, args: Emit, terminal: &Terminal) -> Result<Status> {
    let topic = match (&args.topic, &args.workload, &args.bootstrap_server) {
        (Some(topic), _, _) => topic.clone(),
        (None, None, Some(_)) => crate::workload::catalog::usual()?.input.topic,
        (None, asked, _) => super::workload_of(global, asked.as_deref()).await?.workload.input.topic,
    };
    let records = records(args.records)?;
    let kafka = kafka_of(global, terminal, args.bootstrap_server).await?;
    let (partition, limit, to) = (args.partition, Duration::from_secs(args.timeout), topic.clone());
    let count = tokio::task::spawn_blocking(move || emit(&kafka, &to, partition, &records, limit)).await??;
    terminal.result(&Emitted { topic, partition, records: count })?;
    Ok(Status::Pass)
}

/// Those that are named, with `-` for those of standard input.
fn records(named: Vec<String>) -> Result<Vec<String>> {
    let mut records = Vec::new();
    for record in named {
        if record == "-" {
            let lines = std::io::stdin().lock().lines().collect::<Result<Vec<_>, _>>();
            records.extend(lines.context("read records from standard input")?);
        } else {
            records.push(record);
        }
    }
    // An empty record marks in a topic that is served as lines that somebody connected.
    if records.iter().any(String::is_empty) {
        bail!(Failure::Usage("a record is empty, and would say nothing".to_owned()));
    }
    Ok(records)
}

fn emit(kafka: &str, topic: &str, partition: i32, records: &[String], limit: Duration) -> Result<u64> {
    let admin = Admin::new(kafka, Isolation::Uncommitted)?;
    admin.wait(limit, |_| Ok(()))?;
    let partitions = admin.topics()?.get(topic).copied();
    let partitions = partitions.with_context(|| format!("the broker at {kafka} has no topic '{topic}'"))?;
    let is_there = usize::try_from(partition).is_ok_and(|partition| partition < partitions);
    ensure!(
        is_there,
        Failure::Usage(format!("topic '{topic}' has {partitions} partitions, and none is number {partition}"))
    );
    let mut producer = Producer::new(kafka, topic)?;
    let begun = Instant::now();
    for record in records {
        let now = jiff::Timestamp::now().as_millisecond();
        while producer.send(partition, now, None, record.as_bytes())? == Sent::Full {
            producer.serve(FULL)?;
            ensure!(begun.elapsed() < limit, "the broker did not acknowledge all records within {} s", limit.as_secs());
        }
    }
    let left = producer.flush(limit.saturating_sub(begun.elapsed()));
    ensure!(left == 0, "{left} of {} records were not acknowledged within {} s", records.len(), limit.as_secs());
    Ok(producer.acknowledged())
}
