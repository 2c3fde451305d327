//! The commands that operate: `savepoint`, `stop`, `cancel`, `submit`, `upgrade`, `rescale` and `scale`.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::{mpsc, watch};

use super::interrupt::interrupted;
use super::own::owning;
use crate::cli::Global;
use crate::cli::job::{self as arguments, Becoming, Operating, SavepointAction};
use crate::failure::{Failure, Status};
use crate::flink::Flink;
use crate::history::operated::{Operated, OperationEnd};
use crate::operation::jar::JarChoice;
use crate::operation::plan::Ids;
use crate::operation::submit::{From, Submit};
use crate::operation::upgrade::Upgrade;
use crate::operation::workload::Named;
use crate::operation::{Control, Operation, PartNews, savepoint};
use crate::platform::Platform;
use crate::report::Terminal;
use crate::report::live::OperationProgress;
use crate::report::operation::{OperationPage, OperationPlan, SavepointList};
use crate::work::{Heard, Telling};

/// `playground savepoint`.
pub async fn savepoint(global: &Global, args: arguments::Savepoint, terminal: &Terminal) -> Result<Status> {
    match args.action {
        None => operate(global, &args.operating, &Operation::Savepoint, args.job.as_deref(), terminal).await,
        Some(SavepointAction::List) => {
            let platform = super::connect(global, terminal).await?;
            terminal.result(&SavepointList { savepoints: savepoint::on_disk(&platform).await? })?;
            Ok(Status::Pass)
        }
        Some(SavepointAction::Dispose { path, operating }) => {
            operate(global, &operating, &Operation::Dispose { path }, None, terminal).await
        }
    }
}

/// `playground stop`.
pub async fn stop(global: &Global, args: arguments::Stop, terminal: &Terminal) -> Result<Status> {
    let operation = Operation::Stop { drain: args.drain };
    operate(global, &args.operating, &operation, args.job.as_deref(), terminal).await
}

/// `playground cancel`.
pub async fn cancel(global: &Global, args: arguments::Cancel, terminal: &Terminal) -> Result<Status> {
    operate(global, &args.operating, &Operation::Cancel, args.job.as_deref(), terminal).await
}

/// `playground submit`.
pub async fn submit(global: &Global, args: arguments::Submit, terminal: &Terminal) -> Result<Status> {
    let Becoming { jar, entry_class, libraries, parallelism, allow_non_restored_state, arguments } = args.becoming;
    let operation = Operation::Submit(Submit {
        jar: jar.as_deref().map(JarChoice::of),
        entry_class,
        libraries: some(libraries).as_deref().map(JarChoice::all),
        parallelism,
        from: args.from_savepoint.as_deref().map(From::of),
        arguments: some(arguments),
        allow_non_restored_state,
        detached: args.detach,
    });
    operate(global, &args.operating, &operation, None, terminal).await
}

/// `playground upgrade`.
pub async fn upgrade(global: &Global, args: arguments::Upgrade, terminal: &Terminal) -> Result<Status> {
    let Becoming { jar, entry_class, libraries, parallelism, allow_non_restored_state, arguments } = args.becoming;
    let is_another_program = jar.is_some() || entry_class.is_some() || !libraries.is_empty();
    if !is_another_program && parallelism.is_none() && arguments.is_empty() {
        let text = "nothing to upgrade: name what changes, with --parallelism, --jar, --lib, --entry-class or -- ARGUMENTS\n  \
                    playground stop, then playground up, restarts the job from a savepoint as it is";
        bail!(Failure::Usage(text.to_owned()));
    }
    let operation = Operation::Upgrade(Upgrade {
        parallelism,
        jar: jar.as_deref().map(JarChoice::of),
        entry_class,
        libraries: some(libraries).as_deref().map(JarChoice::all),
        arguments: some(arguments),
        more_arguments: Vec::new(),
        allow_non_restored_state,
        scale: !args.no_scale,
    });
    operate(global, &args.operating, &operation, args.job.as_deref(), terminal).await
}

/// `playground rescale`.
pub async fn rescale(global: &Global, args: arguments::Rescale, terminal: &Terminal) -> Result<Status> {
    let operation = Operation::Rescale { parallelism: args.parallelism, scale: !args.no_scale };
    operate(global, &args.operating, &operation, args.job.as_deref(), terminal).await
}

/// `playground scale`.
pub async fn scale(global: &Global, args: arguments::Scale, terminal: &Terminal) -> Result<Status> {
    let operation = Operation::Scale { taskmanagers: args.taskmanagers, force: args.force };
    operate(global, &args.operating, &operation, None, terminal).await
}

fn some(arguments: Vec<String>) -> Option<Vec<String>> {
    Some(arguments).filter(|arguments| !arguments.is_empty())
}

/// Carries out an operation, showing its parts, and reports the result.
async fn operate(
    global: &Global,
    how: &Operating,
    operation: &Operation,
    job: Option<&str>,
    terminal: &Terminal,
) -> Result<Status> {
    if how.dry_run {
        return plan(global, how, operation, job, terminal).await;
    }
    let (done, interrupted) = watched(global, how, operation, job, terminal).await?;
    let status = match done.outcome {
        OperationEnd::RolledBack if interrupted => Status::Interrupted,
        OperationEnd::RolledBack => Status::Fail,
        OperationEnd::Done => Status::Pass,
    };
    terminal.result(&OperationPage { project: global.project.clone(), done })?;
    Ok(status)
}

/// Shows the parts of the operation on the stack as it is now, and carries out none of them.
async fn plan(
    global: &Global,
    how: &Operating,
    operation: &Operation,
    job: Option<&str>,
    terminal: &Terminal,
) -> Result<Status> {
    let (platform, flink) = super::reach(global, terminal).await?;
    // Planning reports no progress, and can be interrupted like any command that only looks.
    let ((news, _), (_, interrupted)) = (mpsc::unbounded_channel(), watch::channel(false));
    let limit = Duration::from_secs(how.timeout);
    let named = Named::meant(how.workload.as_deref(), &platform).await?;
    operation.fits(&named.workload)?;
    let on = (&platform, &flink, &named.workload);
    let control = Control::new(on, (how.via, limit), operation.name(), news, interrupted);
    let plan = control.plan(operation, job, &Ids::named()).await?;
    terminal.result(&OperationPlan::of(operation.title(), &plan, how.via))?;
    Ok(Status::Pass)
}

async fn watched(
    global: &Global,
    how: &Operating,
    operation: &Operation,
    job: Option<&str>,
    terminal: &Terminal,
) -> Result<(Operated, bool)> {
    owning(global, operation.name(), terminal, async |platform| {
        let flink = super::flink_on(platform, global).await?;
        followed((platform, &flink), how, operation, job, terminal).await
    })
    .await
}

async fn followed(
    (platform, flink): (&Platform, &Flink),
    how: &Operating,
    operation: &Operation,
    job: Option<&str>,
    terminal: &Terminal,
) -> Result<(Operated, bool)> {
    let (sender, news) = mpsc::unbounded_channel::<PartNews>();
    let (stop, stopped) = watch::channel(false);
    let named = Named::meant(how.workload.as_deref(), platform).await?;
    operation.fits(&named.workload)?;
    let channel = (how.via, Duration::from_secs(how.timeout));
    let control = Control::new((platform, flink, &named.workload), channel, operation.name(), sender, stopped);
    let mut progress = OperationProgress::new(terminal);
    let mut interrupt = Box::pin(interrupted());
    let mut work = Telling::new(news, control.perform(operation, job));
    let done = loop {
        tokio::select! {
            biased;
            // Not aborted: if the job is stopped by now, it is started again first.
            () = &mut interrupt, if !*stop.borrow() => {
                terminal.progress("interrupted: exiting once the job is running again or is known to be untouched");
                stop.send_replace(true);
            }
            heard = work.next() => match heard {
                Heard::News(news) => progress.tell(&news),
                Heard::Done(done) => break done,
            },
        }
    };
    progress.finish();
    Ok((done?, *stop.borrow()))
}
