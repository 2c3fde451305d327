//! Workload files: TOML in, [`Workload`] out, every mistake named with its line.

use std::path::Path;

use super::model::{Mode, PLACEHOLDERS, Workload};
use crate::failure::Failure;
use crate::kafka::record::Record;
use crate::meant::did_you_mean;
use crate::oracle::Decided;
use crate::settings::option::{Scope, StackOption};

/// Reads a workload whose files lie where it says; `origin` names it in messages.
///
/// # Errors
/// [`Failure::Usage`], with the line and column of what is no workload.
#[cfg(test)]
pub fn workload(origin: &str, text: &str) -> Result<Workload, Failure> {
    read(origin, text).and_then(|workload| checked(origin, workload))
}

/// Reads a workload as its text has it.
///
/// # Errors
/// [`Failure::Usage`], with the line and column of what is no workload.
pub(super) fn read(origin: &str, text: &str) -> Result<Workload, Failure> {
    toml::from_str(text).map_err(|error| Failure::Usage(format!("workload {origin}: {}", told(&error))))
}

/// The workload, unless it is what none may be.
///
/// # Errors
/// [`Failure::Usage`], with what is wrong.
pub(super) fn checked(origin: &str, workload: Workload) -> Result<Workload, Failure> {
    match check(&workload) {
        Ok(()) => Ok(workload),
        Err(error) => Err(Failure::Usage(format!("workload {origin}: {error}"))),
    }
}

/// What the reader of TOML says, with the word that may have been meant.
fn told(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let text = text.trim_end();
    let mut quoted = error.message().split('`').skip(1).step_by(2);
    let hint = match quoted.next() {
        Some(unknown) if error.message().starts_with("unknown ") => did_you_mean(unknown, quoted),
        _ => String::new(),
    };
    format!("{text}{hint}")
}

/// What no workload may be, though its file can be read.
fn check(workload: &Workload) -> Result<(), String> {
    for (field, text) in [
        ("name", &workload.name),
        ("record", &workload.record),
        ("job.name", &workload.job.name),
        ("input.topic", &workload.input.topic),
    ] {
        if text.trim().is_empty() {
            return Err(format!("{field} is empty"));
        }
    }
    check_output(workload)?;
    if workload.input.topic == workload.output.topic {
        return Err(format!(
            "input and output are the same topic, '{}': nothing would tell them apart",
            workload.input.topic
        ));
    }
    for name in &workload.job.options {
        if StackOption::find(name).is_none_or(|option| option.scope != Scope::Job) {
            return Err(format!("job.options: the playground has no option '{name}' that a job takes"));
        }
    }
    check_job(workload)?;
    check_placeholders(workload)?;
    let is_option =
        |name: &str| !name.is_empty() && !name.contains(|letter: char| letter == '=' || letter.is_whitespace());
    if let Some(name) = workload.flink.keys().find(|name| !is_option(name)) {
        return Err(format!(
            "flink: '{name}' is no option of Flink's configuration, as in 'taskmanager.memory.managed.size'"
        ));
    }
    if let Some(feed) = &workload.input.feed {
        feed.check().map_err(|error| format!("input.feed: {error}"))?;
    }
    workload.oracle.check()?;
    check_group(workload)?;
    check_sample(workload)
}

/// What the job has passed without a trace in the output is known from its committed offsets alone.
fn check_group(workload: &Workload) -> Result<(), String> {
    if workload.oracle.rule().decided() != Decided::ByCheckpoint {
        return Ok(());
    }
    let why = match (&workload.job.group, workload.input.socket) {
        (_, Some(_)) => "a socket has no offsets that the job commits, so it is not known how far it has come",
        (None, _) => "job.group is missing: the offsets that the job's consumer group commits tell how far it has come",
        _ => return Ok(()),
    };
    Err(format!("oracle.{}: {why}", workload.oracle.name()))
}

fn check_job(workload: &Workload) -> Result<(), String> {
    let job = &workload.job;
    check_mode(workload)?;
    let Some(script) = &job.sql else { return Ok(()) };
    if job.jar.is_some() || job.entry_class.is_some() || !job.arguments.is_empty() {
        return Err("job.sql: an SQL script takes the place of jar, entry-class and arguments".to_owned());
    }
    // With several, Flink would run a job for each and tell of the first.
    let script = script.to_uppercase();
    let inserts = |line: &&str| line.trim_start().trim_start_matches("EXECUTE ").starts_with("INSERT ");
    if script.lines().filter(inserts).count() > 1 && !script.contains("STATEMENT SET") {
        return Err(
            "job.sql: the script has several INSERT; one job comes of it, so put them into one EXECUTE STATEMENT SET"
                .to_owned(),
        );
    }
    Ok(())
}

/// A misspelt placeholder would reach the job as it is.
fn check_placeholders(workload: &Workload) -> Result<(), String> {
    let texts = workload.job.arguments.iter().chain(&workload.job.sql);
    for part in texts.flat_map(|text| text.split('{').skip(1)) {
        let Some((name, _)) = part.split_once('}') else { continue };
        let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase());
        let hint = did_you_mean(name, PLACEHOLDERS);
        if is_word && !PLACEHOLDERS.contains(&name) && !hint.is_empty() {
            return Err(format!("job: {{{name}}} stands for nothing{hint}"));
        }
    }
    Ok(())
}

/// In application mode the cluster runs the job, and nothing submits it.
fn check_mode(workload: &Workload) -> Result<(), String> {
    let job = &workload.job;
    if job.mode == Mode::Session {
        return Ok(());
    }
    let refused = |what: &str| Err(format!("job.mode: an application is part of its cluster, so {what}"));
    let Some(jar) = job.jar.as_deref().filter(|_| job.sql.is_none()) else {
        return refused("it is a jar, named by job.jar; job.sql is for a session cluster");
    };
    let files: Vec<&Path> = job.files().map(Path::new).collect();
    let is_there_twice = |at: usize| files[..at].iter().any(|other| other.file_name() == files[at].file_name());
    if let Some(twice) = (0..files.len()).find(|at| is_there_twice(*at)) {
        let name = files[twice].file_name().unwrap_or_default().display();
        return refused(&format!("its jars lie in one folder; two are named {name}"));
    }
    let is_file = jar.contains('/');
    if !job.options.is_empty() {
        refused(
            "it is given its arguments once; job.options are for a job that is submitted, so name them in job.arguments",
        )
    } else if job.submitted_by.is_some() {
        refused("nobody submits it; job.submitted-by is for a session cluster")
    } else if is_file && files.len() < 1 + job.libraries.len() {
        refused("its image has all its jars: job.libraries are files, as job.jar is")
    } else if let Some(file) = files.iter().find(|file| file.extension().is_none_or(|extension| extension != "jar")) {
        refused(&format!("its jars have to end in .jar, and {} does not", file.display()))
    } else if is_file && !job.libraries.is_empty() && job.entry_class.is_none() {
        refused(
            "job.entry-class has to name its class: Flink would look for the one jar with a main class among all of them",
        )
    } else if !is_file && !job.libraries.is_empty() {
        refused("job.libraries go with a job.jar that is a file, as in \"./job.jar\"")
    } else if !is_file && job.entry_class.is_none() {
        refused(
            "job.entry-class has to name its class: the image has several jars. A file is given as in \"./job.jar\"",
        )
    } else {
        Ok(())
    }
}

/// A topic is written, or a log, and what is only once in a stack is not asked for twice.
fn check_output(workload: &Workload) -> Result<(), String> {
    let (input, output) = (&workload.input, &workload.output);
    match (&output.log, output.topic.trim().is_empty()) {
        (None, true) => return Err("output: neither a topic nor a log is named".to_owned()),
        (Some(_), false) => {
            return Err("output: a topic and a log are named, and a job writes one of them here".to_owned());
        }
        _ => {}
    }
    if input.socket.is_some() && workload.input_partitions() != 1 {
        return Err("input: a socket has one line after the other, so its topic has one partition".to_owned());
    }
    if input.socket.is_some() && workload.oracle.window().is_some() {
        return Err(
            "oracle.window: a socket cannot be read again, so windows are never whole; total knows how to judge one"
                .to_owned(),
        );
    }
    if output.log.is_some() && workload.oracle.window().is_some() {
        return Err("oracle.window: windows are read from a topic, and output names a log".to_owned());
    }
    Ok(())
}

/// A feed must be what the oracle reads: otherwise every record would be none of the workload.
fn check_sample(workload: &Workload) -> Result<(), String> {
    let reader = workload.oracle.reader()?;
    let Some(feed) = &workload.input.feed else { return Ok(()) };
    let sample = feed.sample()?;
    match reader.sent(&Record::of(sample.as_bytes())) {
        Some(_) => Ok(()),
        None => Err(format!("the oracle cannot read what the feed writes, as in {sample}: {}", reader.wanted())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::catalog;

    fn message(from: &str, to: &str) -> String {
        let text = catalog::text("click-count").unwrap();
        assert!(text.contains(from), "{from}");
        workload("x.toml", &text.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn every_mistake_is_named() {
        let mistakes = [
            ("length-ms = 15000", "lenght-ms = 15000"),
            ("length-ms = 15000", "length-ms = 0"),
            ("[oracle.window]", "[oracle.windows]"),
            ("topic = \"output\"", "topic = \"input\""),
            ("topic = \"output\"", "topic = 7"),
            ("\"state-keys\"]", "\"speed\"]"),
            ("time = \"/timestamp\"", "time = \"time\""),
            ("time = \"/timestamp\"", "time = \"/ts\""),
            (", sum = \"/checksum\"", ""),
            ("start = \"/windowStart\", end = \"/windowEnd\", ", ""),
        ];
        let messages: Vec<String> = mistakes.into_iter().map(|(from, to)| message(from, to)).collect();
        insta::assert_snapshot!(messages.join("\n"), @r#"
        workload x.toml: TOML parse error at line 30, column 1
           |
        30 | lenght-ms = 15000
           | ^^^^^^^^^
        unknown field `lenght-ms`, expected one of `length-ms`, `slide-ms`, `gap-ms`, `out-of-orderness-ms`, `allowed-lateness-ms`, `decimals`, `input`, `output`; did you mean 'length-ms'?
        workload x.toml: oracle.window: length-ms is 0, and has to be at least 1
        workload x.toml: TOML parse error at line 29, column 9
           |
        29 | [oracle.windows]
           |         ^^^^^^^
        unknown variant `windows`, expected one of `window`, `each-once`, `total`, `never`, `command`; did you mean 'window'?
        workload x.toml: input and output are the same topic, 'input': nothing would tell them apart
        workload x.toml: TOML parse error at line 26, column 9
           |
        26 | topic = 7
           |         ^
        invalid type: integer `7`, expected a string
        workload x.toml: job.options: the playground has no option 'speed' that a job takes
        workload x.toml: oracle.window: 'time' is not a JSON pointer: it begins with '/', as in '/user/id'; beside those there are key, key:/POINTER, header:NAME, partition, offset, timestamp and value
        workload x.toml: the oracle cannot read what the feed writes, as in {"timestamp":1604280255000,"page":"/help"}: it needs a key, an event time in ms and what is added up, at /page, /ts
        workload x.toml: oracle.window: sum is given for one of input and output, and has to be for both or for none
        workload x.toml: oracle.window: output needs start or end, the place of the window's first ms, or of the first ms after it
        "#);
    }

    #[test]
    fn what_a_socket_a_log_and_an_application_cannot_be_is_named() {
        let wrong = |from: &str, to: &str| {
            let text = catalog::text("event-counter").unwrap();
            assert!(text.contains(from), "{from}");
            workload("x.toml", &text.replacen(from, to, 1)).unwrap_err().to_string()
        };
        let mistakes = [
            ("(?<count>", "(?<number>"),
            ("(?<sum>\\S+)", "\\S+"),
            ("log = \"taskmanager\"", "log = \"taskmanager\"\ntopic = \"totals\""),
            ("log = \"taskmanager\"", ""),
            ("every-ms = 50", "every-ms = 50\npartitions = 3"),
            ("entry-class = \"playground.event.EventCounter\"", ""),
            ("jar = \"event-counter\"", "sql = \"INSERT INTO a SELECT * FROM b\""),
            ("jar = \"event-counter\"", "jar = \"event-counter\"\nlibraries = [\"./a.jar\"]"),
            ("jar = \"event-counter\"", "jar = \"./a.jar\"\nlibraries = [\"b.jar\"]"),
            ("jar = \"event-counter\"", "jar = \"./a.jar\"\nlibraries = [\"../a.jar\"]"),
            ("{port}", "{prot}"),
            ("jar = \"event-counter\"", "jar = \"./a.zip\""),
            ("mode = \"application\"", "mode = \"application\"\noptions = [\"checkpointing\"]"),
            (
                "jar = \"event-counter\"\nentry-class = \"playground.event.EventCounter\"",
                "jar = \"./a.jar\"\nlibraries = [\"./b.jar\"]",
            ),
            ("event-{choice 3} {uniform 1 9}.0", "event"),
        ];
        let messages: Vec<String> = mistakes.into_iter().map(|(from, to)| wrong(from, to)).collect();
        insta::assert_snapshot!(messages.join("\n"), @r#"
        workload x.toml: oracle.total: output: line: the pattern has no group (?<count>…)
        workload x.toml: oracle.total: input has a value, or output has a sum, and the other one has not: both of them, or neither
        workload x.toml: output: a topic and a log are named, and a job writes one of them here
        workload x.toml: output: neither a topic nor a log is named
        workload x.toml: input: a socket has one line after the other, so its topic has one partition
        workload x.toml: job.mode: an application is part of its cluster, so job.entry-class has to name its class: the image has several jars. A file is given as in "./job.jar"
        workload x.toml: job.mode: an application is part of its cluster, so it is a jar, named by job.jar; job.sql is for a session cluster
        workload x.toml: job.mode: an application is part of its cluster, so job.libraries go with a job.jar that is a file, as in "./job.jar"
        workload x.toml: job.mode: an application is part of its cluster, so its image has all its jars: job.libraries are files, as job.jar is
        workload x.toml: job.mode: an application is part of its cluster, so its jars lie in one folder; two are named a.jar
        workload x.toml: job: {prot} stands for nothing; did you mean 'port'?
        workload x.toml: job.mode: an application is part of its cluster, so its jars have to end in .jar, and ./a.zip does not
        workload x.toml: job.mode: an application is part of its cluster, so it is given its arguments once; job.options are for a job that is submitted, so name them in job.arguments
        workload x.toml: job.mode: an application is part of its cluster, so job.entry-class has to name its class: Flink would look for the one jar with a main class among all of them
        workload x.toml: the oracle cannot read what the feed writes, as in event 1604280262000: it needs a key, and what it adds, as in the pattern (?<key>\S+)[ \t]+(?<value>-?\d+(\.\d+)?)[ \t]+\d{1,18}\s*
        "#);
    }
}
