//! `playground metrics`: values by parts of their names, or the names that there are.

use anyhow::{Result, bail};

use crate::cli::Global;
use crate::cli::job::Metrics as Arguments;
use crate::failure::{Failure, Status};
use crate::flink::Flink;
use crate::flink::metric::{Metric, Of};
use crate::report::Terminal;
use crate::report::metric::{MetricList, Owned};

/// Shows them.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let flink = super::flink_of(global, terminal).await?;
    let mut list = MetricList::default();
    for (owner, id) in owners(&flink, &arguments).await? {
        let metrics = metrics(&flink, id.as_of(), &arguments.names).await?;
        list.of.push(Owned { owner, metrics });
    }
    if list.of.iter().all(|owned| owned.metrics.is_empty()) {
        let names = arguments.names.join(", ");
        return Err(
            Failure::Usage(format!("no metric is named like {names}\n  Without a name, all names are listed")).into()
        );
    }
    terminal.result(&list)?;
    Ok(Status::Pass)
}

/// What metrics are asked of, with its ids.
enum Id {
    Job(String),
    Vertex(String, String),
    TaskManager(String),
}

impl Id {
    fn as_of(&self) -> Of<'_> {
        match self {
            Self::Job(job) => Of::Job(job),
            Self::Vertex(job, vertex) => Of::Vertex(job, vertex),
            Self::TaskManager(id) => Of::TaskManager(id),
        }
    }
}

/// Whom the arguments mean, by name and id.
async fn owners(flink: &Flink, arguments: &Arguments) -> Result<Vec<(String, Id)>> {
    if arguments.taskmanager {
        let taskmanagers = flink.taskmanagers().await?;
        if taskmanagers.is_empty() {
            bail!("no TaskManager is registered\n  playground ps shows whether one runs");
        }
        return Ok(taskmanagers.into_iter().map(|one| (one.id.clone(), Id::TaskManager(one.id))).collect());
    }
    let job = flink.find_job(arguments.job.as_deref()).await?;
    let Some(wanted) = &arguments.vertex else {
        return Ok(vec![(job.name, Id::Job(job.id))]);
    };
    let vertices = flink.job(&job.id).await?.vertices;
    let list = vertices.iter().map(|vertex| vertex.name.as_str()).collect::<Vec<_>>().join("\n  ");
    let meant = vertices.iter().filter(|vertex| contains(&vertex.name, wanted));
    let meant: Vec<_> =
        meant.map(|vertex| (vertex.name.clone(), Id::Vertex(job.id.clone(), vertex.id.clone()))).collect();
    if meant.is_empty() {
        return Err(Failure::Usage(format!("no vertex is named like '{wanted}'; the job has:\n  {list}")).into());
    }
    Ok(meant)
}

/// Values of the metrics whose names have one of `parts`; without parts, all names without values.
async fn metrics(flink: &Flink, of: Of<'_>, parts: &[String]) -> Result<Vec<Metric>> {
    let mut names = flink.metric_names(of).await?;
    names.sort();
    if parts.is_empty() {
        return Ok(names.into_iter().map(|id| Metric { id, value: None }).collect());
    }
    // A name that is there as it was written is meant alone, not every longer one that has it as a part.
    let exact = |part: &String| names.contains(part);
    names = names
        .iter()
        .filter(|name| parts.iter().any(|part| if exact(part) { *name == part } else { contains(name, part) }))
        .cloned()
        .collect();
    let mut metrics = flink.metrics(of, &names).await?;
    metrics.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(metrics)
}

fn contains(name: &str, part: &str) -> bool {
    name.to_lowercase().contains(&part.to_lowercase())
}
