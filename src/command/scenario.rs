//! `playground scenario`: list, show, plan or run one.

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;

use super::interrupt::interrupted;
use super::own::owning;
use super::up::{Before, interruption};
use crate::checker;
use crate::cli::Global;
use crate::cli::scenario::{Action, Run, Scenario as Arguments};
use crate::failure::Status;
use crate::fold::Fold;
use crate::history::store::Store;
use crate::operation::up::{Beginning, Up};
use crate::report::Terminal;
use crate::report::live::RunProgress;
use crate::report::scenario::{PlanPage, RunPage, ScenarioList, ScenarioText};
use crate::scenario::{Plan, catalog, plan::plan, runner};
use crate::stack::Stack;
use crate::verdict;
use crate::workload::catalog::USUAL;

/// Runs the subcommand, or the scenario.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    match arguments.action {
        Some(Action::List) => terminal.result(&ScenarioList::of(catalog::all()?))?,
        Some(Action::Show { name }) => terminal.result(&ScenarioText { text: catalog::text(&name)?, name })?,
        None => return run_one(global, arguments.run, terminal).await,
    }
    Ok(Status::Pass)
}

async fn run_one(global: &Global, arguments: Run, terminal: &Terminal) -> Result<Status> {
    let dry_run = arguments.dry_run;
    let mut asked = arguments.asked(&global.project)?;
    super::must_be_of_platform(&asked.stack, global)?;
    let scenario = catalog::find(&asked.scenario)?;
    let named = super::workload_of(global, asked.stack.workload.as_deref()).await?;
    checker::must_be_there(&named.workload)?;
    if named.name != USUAL {
        // Said to whoever runs the same again.
        asked.stack.workload.get_or_insert_with(|| named.name.clone());
    }
    let settings = scenario.settings(&asked.stack, &named.workload)?;
    let stack = Stack::load(&settings, &named.workload)?;
    let plan = plan(&scenario, &asked, &named.workload, &stack, &global.meant()?)?;
    if dry_run {
        terminal.result(&PlanPage { plan })?;
        return Ok(Status::Pass);
    }
    let what = format!("scenario {}", plan.head.scenario);
    let runs = asked.runs.as_ref();
    owning(global, &what, terminal, async |platform| {
        let limit = asked.limit;
        named.must_fit(platform, &stack).await?;
        named.note(platform, &stack).await?;
        let (workload, beginning) = (&named.workload, Beginning::State);
        let up = Up { platform, stack: &stack, workload, settings: &settings, beginning, limit };
        Box::pin(prove(&plan, up, runs, terminal)).await
    })
    .await
}

/// Runs the plan, and judges what was observed.
async fn prove(plan: &Plan, up: Up<'_>, runs: &Path, terminal: &Terminal) -> Result<Status> {
    let before = Before::look(up.platform).await?;
    let mut store = Store::create(runs, &plan.head.scenario, Timestamp::now())?;
    let fold = match Box::pin(watch(plan, up, &mut store, terminal)).await {
        Ok(fold) if !fold.steps.was_interrupted() => fold,
        Ok(_) => return Err(before.take_back(up.platform, terminal, interruption()).await),
        Err(error) => return Err(before.take_back(up.platform, terminal, error).await),
    };
    let page = RunPage::new(&plan.head.scenario, &plan.again, verdict::judge(&fold), store.folder());
    store.verdict(&page)?;
    terminal.result(&page)?;
    Ok(page.status())
}

/// Runs the plan and shows what happens.
async fn watch(plan: &Plan, up: Up<'_>, store: &mut Store, terminal: &Terminal) -> Result<Fold> {
    let mut progress = RunProgress::new(plan, terminal);
    let stop = std::pin::pin!(interrupted());
    let fold = runner::run(plan, up, store, stop, &mut |told| progress.tell(told)).await;
    progress.finish();
    fold
}
