//! `playground metrics`: values of metrics by parts of their names, or a list of all names.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::cli::Global;
use crate::cli::job::Metrics as Arguments;
use crate::failure::{Failure, Status};
use crate::flink::Flink;
use crate::flink::metric::{Metric, Of};
use crate::report::Terminal;
use crate::report::metric::{MetricList, Owned};

/// Prints the metrics that the arguments select; exit code 2 if there is none.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    let flink = super::reach(global, terminal).await?.1;
    let mut list = MetricList::default();
    let mut offered = BTreeSet::new();
    for (owner, id) in owners(&flink, &arguments).await? {
        let mut names = flink.metric_names(id.as_of()).await?;
        names.sort();
        let metrics = metrics(&flink, id.as_of(), &names, &arguments.names).await?;
        list.of.push(Owned { owner, metrics });
        offered.extend(names);
    }
    if list.of.iter().all(|owned| owned.metrics.is_empty()) {
        return Err(Failure::Usage(no_metric(&arguments.names, &offered)).into());
    }
    terminal.result(&list)?;
    Ok(Status::Pass)
}

/// An owner of metrics, by its ids.
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

/// The owners that the arguments select, by name and id.
async fn owners(flink: &Flink, arguments: &Arguments) -> Result<Vec<(String, Id)>> {
    if arguments.taskmanager {
        let taskmanagers = flink.taskmanagers().await?;
        if taskmanagers.is_empty() {
            bail!("no TaskManager is registered\n  playground ps shows whether one is running");
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
        return Err(Failure::Usage(format!("no vertex has '{wanted}' in its name; the job has:\n  {list}")).into());
    }
    Ok(meant)
}

/// Values of the metrics among `names` that have one of `parts`; without parts, all names without values.
async fn metrics(flink: &Flink, of: Of<'_>, names: &[String], parts: &[String]) -> Result<Vec<Metric>> {
    if parts.is_empty() {
        return Ok(names.iter().map(|id| Metric { id: id.clone(), value: None }).collect());
    }
    // An exact match selects that name only, not longer ones that contain it.
    let exact = |part: &String| names.contains(part);
    let meant: Vec<String> = names
        .iter()
        .filter(|name| parts.iter().any(|part| if exact(part) { *name == part } else { contains(name, part) }))
        .cloned()
        .collect();
    let mut metrics = flink.metrics(of, &meant).await?;
    metrics.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(metrics)
}

/// How many names are suggested.
const NEAREST: usize = 3;

/// The message if no metric matches any of `parts`.
fn no_metric(parts: &[String], offered: &BTreeSet<String>) -> String {
    let nearest = nearest(parts, offered).join(" or ");
    let hint = if nearest.is_empty() { String::new() } else { format!("; did you mean {nearest}?") };
    format!("no metric has {} in its name{hint}\n  Without a name, all metrics are listed", parts.join(", "))
}

/// The names closest to one of `parts`, compared as a whole or by their last component, which is the part that people
/// know: each subtask and operator has its own, as in `0.Source__ClickEvent_Source.numRecordsIn`.
fn nearest<'a>(parts: &[String], offered: &'a BTreeSet<String>) -> Vec<&'a str> {
    let ends = |name: &'a String| [name.as_str(), name.rsplit('.').next().unwrap_or(name)];
    let known: BTreeSet<&str> = offered.iter().flat_map(ends).collect();
    let distance = |known: &str| {
        let of = |part: &String| strsim::damerau_levenshtein(&known.to_lowercase(), &part.to_lowercase());
        parts.iter().map(of).min().unwrap_or(usize::MAX)
    };
    let distances: Vec<(usize, &str)> = known.into_iter().map(|name| (distance(name), name)).collect();
    let Some(least) = distances.iter().map(|(distance, _)| *distance).min().filter(|least| *least <= 3) else {
        return Vec::new();
    };
    distances.into_iter().filter(|(distance, _)| *distance == least).map(|(_, name)| name).take(NEAREST).collect()
}

fn contains(name: &str, part: &str) -> bool {
    name.to_lowercase().contains(&part.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(part: &str) -> String {
        let offered = ["lastCheckpointSize", "lastCheckpointDuration", "0.Source.numRecordsIn", "1.numRecordsIn"];
        no_metric(&[part.to_owned()], &offered.map(str::to_owned).into())
    }

    #[test]
    fn the_nearest_names_are_offered() {
        let told = "no metric has lastChekpointsize in its name; did you mean lastCheckpointSize?\n  \
                    Without a name, all metrics are listed";
        assert_eq!(said("lastChekpointsize"), told);
        assert!(said("numRecrodsIn").contains("; did you mean numRecordsIn?"));
        assert!(said("0.source.numrecordsim").contains("; did you mean 0.Source.numRecordsIn?"));
        assert!(!said("uptime").contains("did you mean"));
    }
}
