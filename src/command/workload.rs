//! `playground workload`: list, show, check or draft workloads.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::checker;
use crate::cli::Global;
use crate::cli::workload::{Action, New, Workload as Arguments};
use crate::failure::{Failure, Status};
use crate::flink::Flink;
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::kafka::record::Record;
use crate::kafka::tail::{self, Begin};
use crate::operation::workload::{BROKER, Named};
use crate::platform::{Journal as _, Platform};
use crate::report::Terminal;
use crate::report::workload::{Checked, Drafted, WorkloadList, WorkloadText};
use crate::stack::jar;
use crate::workload::catalog;
use crate::workload::draft::{Job, Seen, Topic, draft};
use crate::workload::model::{Mode, Workload};

/// How many of the newest records of each partition are looked at.
const SAMPLES: u64 = 25;

/// Runs the subcommand.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    match arguments.action {
        Action::List => terminal.result(&WorkloadList::of(&catalog::all()?))?,
        Action::Show { name } => terminal.result(&WorkloadText { text: catalog::text(&name)?, name })?,
        Action::Check { file } => {
            let workload = catalog::find(&file)?;
            for jar in workload.job.files() {
                jar::read(Path::new(jar))?;
            }
            checker::must_be_there(&workload)?;
            terminal.result(&Checked { file, workload })?;
        }
        Action::New(new) => terminal.result(&drafted(global, new, terminal).await?)?,
    }
    Ok(Status::Pass)
}

async fn drafted(global: &Global, new: New, terminal: &Terminal) -> Result<Drafted> {
    let (platform, flink) = super::reach(global, terminal).await?;
    let kafka = super::kafka_on(&platform, global).await?;
    let own = Named::meant(None, &platform).await?.workload;
    let (name, id) = job(&flink, new.job.as_deref(), &own).await?;
    must_run(&flink, &id).await?;
    let is_own = name == own.job.name;
    let job = match own.job.mode {
        Mode::Application if is_own => Job::of(&own),
        _ => as_submitted(&platform, name, &id).await?,
    };
    let jar = new.jar.or(job.jar);
    let libraries = if new.libraries.is_empty() { job.libraries } else { new.libraries };
    // Which topics the stack's own job has, its file says.
    let of_file = |topic: &str| Some(topic.to_owned()).filter(|topic| is_own && !topic.is_empty());
    let input = new.input.clone().or_else(|| of_file(&own.input.topic));
    let output = new.output_topic.clone().or_else(|| of_file(&own.output.topic));
    let (input, output, group) =
        tokio::task::spawn_blocking(move || topics(&kafka, input, output, &own, is_own)).await??;
    let text = draft(&Seen { job: Job { jar, libraries, ..job }, group, input, output });
    if let Some(file) = &new.file {
        let shown = file.display();
        let made = File::create_new(file).map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
        (&made).write_all(text.as_bytes()).with_context(|| format!("write {shown}"))?;
    }
    Ok(Drafted { file: new.file.map(|file| file.display().to_string()), text })
}

/// A job that fails and restarts has committed nothing, and may not have written anything: of its topics, nothing could be told.
async fn must_run(flink: &Flink, id: &str) -> Result<()> {
    let job = flink.job(id).await?;
    let (running, all) = job.subtasks();
    if job.is_running() {
        return Ok(());
    }
    bail!(
        "{} is {}, with {running} of {all} subtasks running: its topics can only be told while it runs\n  playground job {id} shows what it \
         is waiting for",
        job.name,
        job.state
    )
}

/// Name and id of the job that is meant: the only one that runs and is not the stack's own, or else that one.
async fn job(flink: &Flink, asked: Option<&str>, own: &Workload) -> Result<(String, String)> {
    if asked.is_some() {
        let job = flink.find_job(asked).await?;
        return Ok((job.name, job.id));
    }
    let jobs = flink.jobs().await?;
    let live: Vec<_> = jobs.into_iter().filter(|job| !job.is_over()).collect();
    let others: Vec<_> = live.iter().filter(|job| job.name != own.job.name).collect();
    match (others[..].as_ref(), live.first()) {
        ([job], _) => Ok((job.name.clone(), job.id.clone())),
        ([], Some(job)) => Ok((job.name.clone(), job.id.clone())),
        ([], None) => bail!(Failure::Usage(
            "no job is running\n  playground submit --jar FILE -- ARGUMENTS starts yours; then it can be looked at"
                .to_owned()
        )),
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|job| job.name.as_str()).collect();
            bail!(Failure::Usage(format!(
                "several jobs are running: {}\n  --job NAME says which is meant",
                names.join(", ")
            )))
        }
    }
}

/// A job as it was submitted by us; of one that somebody else submitted, its name.
async fn as_submitted(platform: &Platform, name: String, id: &str) -> Result<Job> {
    let marks = platform.marks().await.context("look for what the job was submitted as")?;
    let run = marks.into_iter().filter(|mark| mark.target == id).find_map(|mark| mark.job.run);
    let Some(run) = run else { return Ok(Job { name, ..Job::default() }) };
    Ok(Job {
        name,
        jar: Some(file_of(&run.jar)),
        libraries: run.libraries.iter().map(|library| file_of(library)).collect(),
        entry_class: run.entry_class,
        arguments: run.arguments.into_iter().map(|argument| argument.replace(BROKER, "{broker}")).collect(),
        is_application: false,
    })
}

/// The file that was uploaded under an id, `<uuid>_<file>-<hash>.jar`, as if it lay beside the workload's.
fn file_of(upload: &str) -> String {
    let file = upload.split_once('_').map_or(upload, |(_, file)| file);
    let stem = file.rsplit_once('-').map_or(file, |(stem, _)| stem);
    format!("./{stem}.jar")
}

/// The two topics, and the group that reads the input. Blocks.
fn topics(
    kafka: &str,
    input: Option<String>,
    output: Option<String>,
    own: &Workload,
    is_own_job: bool,
) -> Result<(Topic, Topic, Option<String>)> {
    let admin = Admin::new(kafka, Isolation::Uncommitted)?;
    let all: BTreeMap<String, usize> =
        admin.topics()?.into_iter().filter(|(name, _)| !name.starts_with("__")).collect();
    let is_own = |name: &str| name == own.input.topic || name == own.output.topic;
    let named = [&input, &output].into_iter().flatten().any(|name| is_own(name));
    let candidates: Vec<&String> = all.keys().filter(|name| is_own_job || named || !is_own(name)).collect();
    let mut read = BTreeMap::new();
    for group in admin.groups()? {
        for topic in &candidates {
            if admin.committed(&group, topic)?.iter().any(Option::is_some) {
                read.insert((*topic).clone(), group.clone());
            }
        }
    }
    let only = |names: Vec<&String>| match names[..] {
        [name] => Some(name.clone()),
        _ => None,
    };
    let input = input.or_else(|| only(candidates.iter().copied().filter(|name| read.contains_key(*name)).collect()));
    let others = |not: &Option<String>| candidates.iter().copied().filter(|name| Some(*name) != not.as_ref()).collect();
    let output = output.or_else(|| only(others(&input)));
    let input = input.or_else(|| only(others(&output)));
    let (Some(input), Some(output)) = (input, output) else {
        let there: Vec<&str> = all.keys().map(String::as_str).collect();
        bail!(Failure::Usage(format!(
            "which topics the job reads and writes cannot be told: there are {}\n  --input TOPIC --output-topic TOPIC says it",
            there.join(", ")
        )));
    };
    let group = read.remove(&input);
    Ok((sampled(&admin, kafka, input)?, sampled(&admin, kafka, output)?, group))
}

/// A topic with its newest records.
fn sampled(admin: &Admin, kafka: &str, name: String) -> Result<Topic> {
    let ends = admin.ends(&name)?;
    let spans: Vec<_> = ends.iter().map(|ends| Begin::Back(SAMPLES).offset(ends)..ends.end).collect();
    let mut samples = Vec::new();
    tail::read(kafka, &name, Isolation::Committed, &spans, |record: &Record<'_>| {
        samples.push(String::from_utf8_lossy(record.payload).into_owned());
        Ok(())
    })?;
    Ok(Topic { partitions: ends.len(), name, samples })
}
