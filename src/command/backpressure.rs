//! `playground backpressure`: measures back pressure once, or again and again.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{MissedTickBehavior, interval};

use super::interrupt::interrupted;
use super::kafka_of;
use crate::cli::Global;
use crate::cli::job::Backpressure as Arguments;
use crate::failure::Status;
use crate::flink::Flink;
use crate::flink::job::{Job, Summary};
use crate::flink::pressure::{Bottleneck, Meter, SPAN, VertexPressure, bottleneck};
use crate::history::seen::JobSeen;
use crate::operation::workload::Named;
use crate::report::Terminal;
use crate::report::backpressure::{Backpressure, Board};
use crate::report::live::Waiting;
use lag::Newest;

mod lag;

/// Between two measurements.
const EVERY: Duration = Duration::from_secs(1);

/// Measures once, with exit code 3 if the result is unknown, or until Ctrl-C, with exit code 130.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let (platform, flink) = super::reach(global, terminal).await?;
    let job = flink.find_job(arguments.job.as_deref()).await?;
    still_there(&job)?;
    let workload = Named::meant(arguments.workload.as_deref(), &platform).await?.workload;
    let lag = Newest::of(&job, workload, kafka_of(global, terminal, None).await)?;
    if arguments.follow {
        let mut board = Board::new(terminal);
        return tokio::select! {
            ended = follow(&flink, job, &lag, &mut board) => ended.map(|()| Status::Interrupted),
            () = interrupted() => Ok(Status::Interrupted),
        };
    }
    once(&flink, &job, lag, terminal).await
}

async fn once(flink: &Flink, job: &Summary, mut lag: Newest, terminal: &Terminal) -> Result<Status> {
    let job = flink.job(&job.id).await?;
    let waiting = Waiting::new(terminal, &format!("measuring for {} s", SPAN.as_secs()));
    let vertices = look(flink, &job).await?;
    lag.answered().await;
    drop(waiting);
    let page = page(job, vertices, &lag);
    terminal.result(&page)?;
    Ok(if page.bottleneck == Bottleneck::Unknown { Status::Unknown } else { Status::Pass })
}

/// A job that is over has no tasks to measure.
fn still_there(job: &Summary) -> Result<()> {
    if job.is_over() {
        bail!("job {} ({}) is {}\n  playground jobs lists all", job.id, job.name, job.state);
    }
    Ok(())
}

async fn look(flink: &Flink, job: &Job) -> Result<Vec<VertexPressure>> {
    if job.is_running() {
        return flink.pressure(job).await;
    }
    // No need to measure: tasks that are not running have no metrics.
    let mut meter = Meter::default();
    meter.add(flink.pressure_sample(job).await?);
    Ok(meter.vertices())
}

/// Measures every second until the job is over. A JobManager that does not answer is shown, and is not an error.
async fn follow(flink: &Flink, mut summary: Summary, lag: &Newest, board: &mut Board) -> Result<()> {
    let mut meter = Meter::default();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match again(flink, &summary.id, &mut meter).await {
            Ok(job) => {
                summary.state.clone_from(&job.state);
                board.show(&page(job, meter.vertices(), lag))?;
            }
            Err(error) => board.show(&unreachable(&summary, &error, lag))?,
        }
        still_there(&summary)?;
    }
}

async fn again(flink: &Flink, id: &str, meter: &mut Meter) -> Result<Job> {
    let job = flink.job(id).await?;
    meter.add(flink.pressure_sample(&job).await?);
    Ok(job)
}

fn page(job: Job, vertices: Vec<VertexPressure>, lag: &Newest) -> Backpressure {
    let (running, subtasks) = job.subtasks();
    Backpressure {
        at: now(),
        id: job.id,
        name: job.name,
        state: job.state,
        running,
        subtasks,
        bottleneck: bottleneck(&vertices),
        vertices,
        lag: lag.get(),
        problem: None,
    }
}

fn unreachable(job: &Summary, error: &anyhow::Error, lag: &Newest) -> Backpressure {
    Backpressure {
        at: now(),
        id: job.id.clone(),
        name: job.name.clone(),
        state: JobSeen::UNREACHABLE.to_owned(),
        running: 0,
        subtasks: 0,
        bottleneck: Bottleneck::Unknown,
        vertices: Vec::new(),
        lag: lag.get(),
        problem: Some(match error.chain().count() {
            1 => error.to_string(),
            // The outer errors only name the address, which is of no use here.
            _ => format!("the JobManager does not answer: {}", error.root_cause()),
        }),
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
