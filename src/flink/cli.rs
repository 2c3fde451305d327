//! Flink's own command line, as it is typed in the client container, and what it answers.
//!
//! Source: "Command-Line Interface" of Flink's documentation.

use super::jar::{Run, UPLOADS};

/// The option that fixes a job's id: `PipelineOptionsInternal.PIPELINE_FIXED_JOB_ID`, which REST's `jobId` sets as well.
const JOB_ID: &str = "$internal.pipeline.job-id";

/// Takes a savepoint; the job runs on.
#[must_use]
pub fn savepoint(job: &str) -> Vec<String> {
    words(["flink", "savepoint", job])
}

/// Stops a job with a savepoint.
#[must_use]
pub fn stop(job: &str, drain: bool) -> Vec<String> {
    if drain { words(["flink", "stop", "--drain", job]) } else { words(["flink", "stop", job]) }
}

/// Cancels a job.
#[must_use]
pub fn cancel(job: &str) -> Vec<String> {
    words(["flink", "cancel", job])
}

/// Deletes a savepoint's files.
#[must_use]
pub fn dispose(path: &str) -> Vec<String> {
    words(["flink", "savepoint", "--dispose", path])
}

/// Runs an uploaded jar as a job of this id.
#[must_use]
pub fn run(run: &Run, id: &str) -> Vec<String> {
    let mut command = words(["flink", "run", "--detached", &format!("-D{JOB_ID}={id}")]);
    if let Some(savepoint) = &run.savepoint {
        command.extend(words(["--fromSavepoint", savepoint]));
    }
    if run.allow_non_restored_state {
        command.push("--allowNonRestoredState".to_owned());
    }
    if let Some(class) = &run.entry_class {
        command.extend(words(["--class", class]));
    }
    run.classpaths().for_each(|classpath| command.extend(words(["--classpath", &classpath])));
    command.extend(words(["--parallelism", &run.parallelism.to_string(), &format!("{UPLOADS}/{}", run.jar)]));
    command.extend(run.arguments.iter().cloned());
    command
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).into()
}

/// The location in what `flink savepoint` and `flink stop` print.
#[must_use]
pub fn location(printed: &str) -> Option<String> {
    let line = printed.lines().find_map(|line| line.trim().strip_prefix("Savepoint completed. Path: "))?;
    Some(line.trim().to_owned())
}

/// The job's id in what `flink run` prints.
#[must_use]
pub fn job(printed: &str) -> Option<String> {
    let line = printed.lines().find_map(|line| line.trim().strip_prefix("Job has been submitted with JobID "))?;
    Some(line.trim().to_owned())
}

/// Why a command failed, out of what it printed: the root cause of the trace that it ends with.
#[must_use]
pub fn cause(printed: &str) -> String {
    let trace: Vec<&str> = printed.lines().skip_while(|line| !line.contains("Exception")).collect();
    let cause = super::job::root_cause(&trace.join("\n")).to_owned();
    let last = || printed.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it printed nothing");
    if cause.is_empty() { last().trim().to_owned() } else { cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_the_line_that_one_would_type() {
        let what = Run {
            entry_class: None,
            jar: "7_a.jar".into(),
            libraries: vec!["8_b.jar".into()],
            parallelism: 3,
            arguments: vec!["--event-time".into()],
            savepoint: Some("file:/s".into()),
            allow_non_restored_state: false,
        };
        insta::assert_snapshot!(run(&what, "1f").join(" "), @"flink run --detached -D$internal.pipeline.job-id=1f --fromSavepoint file:/s --classpath file:///flink-data/uploads/flink-web-upload/8_b.jar --parallelism 3 /flink-data/uploads/flink-web-upload/7_a.jar --event-time");
    }

    #[test]
    fn what_matters_is_found_in_what_is_printed() {
        let stop = "Suspending job \"1f\" with a CANONICAL savepoint.\nSavepoint completed. Path: file:/s/1\n";
        assert_eq!(location(stop).as_deref(), Some("file:/s/1"));
        let run = "Job has been submitted with JobID 8d1edaa54f7200ce6111da80bea49558\n";
        assert_eq!(job(run).as_deref(), Some("8d1edaa54f7200ce6111da80bea49558"));
        assert_eq!(job("nothing"), None);
        let failed = "\n----\n The program finished with the following exception:\n\na.BException: outer\n\tat x\n\
                      Caused by: c.DException: inner\n\tat y\n";
        assert_eq!(cause(failed), "c.DException: inner");
        assert_eq!(
            cause("Could not build the program from JAR file: x\n"),
            "Could not build the program from JAR file: x"
        );
    }
}
