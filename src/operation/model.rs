//! What can be done, as values: made from arguments or from a scenario's step, printed in a plan, and then done.

use serde::{Deserialize, Serialize};

use super::control::{Via, shown};
use super::submit::JarChoice;
use super::upgrade::Upgrade;
use crate::flink::jar::Run;
use crate::flink::{cli, jar, job, savepoint};

/// Something to do to a stack that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Take a savepoint; the job runs on.
    Savepoint,
    /// Delete a savepoint's files.
    Dispose {
        /// Its path.
        path: String,
    },
    /// Stop a job with a savepoint.
    Stop {
        /// Whether all windows fire first, for a job that will not go on.
        drain: bool,
    },
    /// End a job without a savepoint.
    Cancel,
    /// Submit a job.
    Submit(Submit),
    /// Stop a job with a savepoint and start it from there as something else.
    Upgrade(Upgrade),
    /// Bring the number of TaskManagers to this.
    Scale {
        /// How many.
        taskmanagers: u32,
        /// Even below what the running jobs need.
        force: bool,
    },
    /// Rescale a job in place.
    Rescale {
        /// Subtasks of each vertex.
        parallelism: u32,
        /// Whether TaskManagers may be added when slots are missing.
        scale: bool,
    },
}

/// What to submit; what is `None` is as the job that ran last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submit {
    /// Which jar.
    pub jar: Option<JarChoice>,
    /// Subtasks of each vertex.
    pub parallelism: Option<u32>,
    /// From which savepoint.
    pub from: Option<From>,
    /// All arguments of its `main`.
    pub arguments: Option<Vec<String>>,
    /// Whether state of operators that the job does not have is left behind.
    pub allow_non_restored_state: bool,
    /// Whether to return before it is up.
    pub detached: bool,
}

/// A savepoint to begin from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// The newest that can be read.
    Latest,
    /// One by its path.
    Path(String),
}

impl From {
    /// What a user means by `latest` or a path.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text == "latest" { Self::Latest } else { Self::Path(text.to_owned()) }
    }
}

impl Operation {
    /// The command's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Savepoint => "savepoint",
            Self::Dispose { .. } => "dispose",
            Self::Stop { .. } => "stop",
            Self::Cancel => "cancel",
            Self::Submit(_) => "submit",
            Self::Upgrade(_) => "upgrade",
            Self::Scale { .. } => "scale",
            Self::Rescale { .. } => "rescale",
        }
    }

    /// What it does, for a plan.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Savepoint => "savepoint".to_owned(),
            Self::Dispose { path } => format!("dispose of {path}"),
            Self::Stop { drain: false } => "stop".to_owned(),
            Self::Stop { drain: true } => "stop --drain".to_owned(),
            Self::Cancel => "cancel".to_owned(),
            Self::Submit(submit) => format!("submit{}", changes(submit.parallelism, submit.jar.as_ref())),
            Self::Upgrade(upgrade) => format!("upgrade{}", changes(upgrade.parallelism, upgrade.jar.as_ref())),
            Self::Scale { taskmanagers, .. } => format!("scale to {taskmanagers}"),
            Self::Rescale { parallelism, .. } => format!("rescale to {parallelism}"),
        }
    }

    /// The requests or command lines that it sends, in order; `:job`, `:jar` and the like stand for what is known only then.
    #[must_use]
    pub fn requests(&self, via: Via) -> Vec<String> {
        match self {
            Self::Savepoint => one(via, &cli::savepoint(":job"), &savepoint::take(":job", ":trigger")),
            Self::Dispose { path } => one(via, &cli::dispose(path), &savepoint::dispose(path)),
            Self::Stop { drain } => one(via, &cli::stop(":job", *drain), &savepoint::stop(":job", *drain, ":trigger")),
            Self::Cancel => one(via, &cli::cancel(":job"), &job::cancel(":job")),
            Self::Submit(submit) => {
                let savepoint = submit.from.as_ref().map(|from| match from {
                    From::Latest => ":savepoint".to_owned(),
                    From::Path(path) => path.clone(),
                });
                run(via, submit.parallelism, submit.arguments.clone(), savepoint, submit.allow_non_restored_state)
            }
            Self::Upgrade(upgrade) => {
                // Asked of REST either way: the command line can only tell by starting a JVM.
                let mut arguments = upgrade.arguments.clone().unwrap_or_else(|| vec![":arguments".to_owned()]);
                arguments.extend(upgrade.more_arguments.iter().cloned());
                let arguments = Some(arguments);
                let what = what(upgrade.parallelism, arguments.clone(), None, false);
                let plan = as_it_was(upgrade.parallelism, vec![jar::plan(&what).to_string()]);
                let stop = one(via, &cli::stop(":job", false), &savepoint::stop(":job", false, ":trigger"));
                let parallelism = upgrade.parallelism;
                let savepoint = Some(":savepoint".to_owned());
                let run = run(via, parallelism, arguments, savepoint, upgrade.allow_non_restored_state);
                plan.into_iter().chain(stop).chain(run).collect()
            }
            Self::Scale { taskmanagers, .. } => {
                vec![format!("docker compose up -d --no-recreate --scale taskmanager={taskmanagers} taskmanager")]
            }
            Self::Rescale { parallelism, .. } => {
                let bounds = serde_json::json!({"parallelism": {"lowerBound": 1, "upperBound": parallelism}});
                vec![format!("PUT /jobs/:job/resource-requirements {{\":vertex\":{bounds}}}")]
            }
        }
    }
}

fn changes(parallelism: Option<u32>, jar: Option<&JarChoice>) -> String {
    let parallelism = parallelism.map(|parallelism| format!(" -p {parallelism}"));
    let jar = jar.map(|jar| match jar {
        JarChoice::File(file) => format!(" --jar {}", file.display()),
        JarChoice::Uploaded(name) => format!(" --jar {name}"),
    });
    format!("{}{}", parallelism.unwrap_or_default(), jar.unwrap_or_default())
}

/// The one line that both ways have.
fn one(via: Via, command: &[String], request: &crate::flink::request::Request) -> Vec<String> {
    vec![if via == Via::Cli { shown(command) } else { request.to_string() }]
}

fn run(
    via: Via,
    parallelism: Option<u32>,
    arguments: Option<Vec<String>>,
    savepoint: Option<String>,
    allow_non_restored_state: bool,
) -> Vec<String> {
    let what = what(parallelism, arguments, savepoint, allow_non_restored_state);
    as_it_was(parallelism, one(via, &cli::run(&what), &jar::run(&what, ":job-id")))
}

fn what(
    parallelism: Option<u32>,
    arguments: Option<Vec<String>>,
    savepoint: Option<String>,
    allow_non_restored_state: bool,
) -> Run {
    let arguments = arguments.unwrap_or_else(|| vec![":arguments".to_owned()]);
    let (jar, parallelism) = (":jar".to_owned(), parallelism.unwrap_or_default());
    Run { jar, parallelism, arguments, savepoint, allow_non_restored_state }
}

/// The lines with a name for a parallelism that is not given.
fn as_it_was(parallelism: Option<u32>, lines: Vec<String>) -> Vec<String> {
    match parallelism {
        Some(_) => lines,
        // As it was: known only then.
        None => lines
            .into_iter()
            .map(|line| {
                line.replace("\"parallelism\":0", "\"parallelism\":\":parallelism\"")
                    .replace("--parallelism 0", "--parallelism :parallelism")
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(operation: &Operation) -> String {
        let both = [Via::Rest, Via::Cli].map(|via| operation.requests(via).join("\n"));
        both.join("\n")
    }

    #[test]
    fn an_upgrade_is_a_stop_and_a_run_either_way() {
        let upgrade = Upgrade { parallelism: Some(3), scale: true, ..Upgrade::default() };
        insta::assert_snapshot!(lines(&Operation::Upgrade(upgrade)), @r#"
        POST /jars/:jar/plan {"parallelism":3,"programArgsList":[":arguments"]}
        POST /jobs/:job/stop {"drain":false,"triggerId":":trigger"}
        POST /jars/:jar/run {"jobId":":job-id","parallelism":3,"programArgsList":[":arguments"],"savepointPath":":savepoint"}
        POST /jars/:jar/plan {"parallelism":3,"programArgsList":[":arguments"]}
        flink stop :job
        flink run --detached --fromSavepoint :savepoint --parallelism 3 /flink-data/uploads/flink-web-upload/:jar :arguments
        "#);
    }

    #[test]
    fn what_stays_as_it_is_has_a_name_in_a_plan() {
        let submit = Operation::Submit(Submit { from: Some(From::Latest), ..Submit::default() });
        insta::assert_snapshot!(lines(&submit), @r#"
        POST /jars/:jar/run {"jobId":":job-id","parallelism":":parallelism","programArgsList":[":arguments"],"savepointPath":":savepoint"}
        flink run --detached --fromSavepoint :savepoint --parallelism :parallelism /flink-data/uploads/flink-web-upload/:jar :arguments
        "#);
        assert_eq!(submit.title(), "submit");
    }
}
