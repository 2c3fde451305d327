//! `playground scenario`: list, show, plan or run one.

use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use super::interrupt::interrupted;
use super::own::owning;
use super::up::Before;
use crate::cli::Global;
use crate::cli::scenario::{Action, Run, Scenario as Arguments};
use crate::failure::Status;
use crate::fold::Fold;
use crate::history::store::Store;
use crate::operation::up::{Beginning, Ended, Up};
use crate::report::Terminal;
use crate::report::live::RunProgress;
use crate::report::scenario::{PlanPage, RunPage, ScenarioList, ScenarioText};
use crate::scenario::{Plan, catalog, plan::plan, runner};
use crate::stack::Stack;
use crate::verdict;

/// Does what the arguments say.
pub async fn run(global: &Global, arguments: Arguments, terminal: &Terminal) -> Result<Status> {
    match arguments.action {
        Some(Action::List) => terminal.result(&ScenarioList::of(catalog::all()?))?,
        Some(Action::Show { name }) => terminal.result(&ScenarioText { text: catalog::text(&name)?, name })?,
        None => return run_one(global, arguments.run, terminal).await,
    }
    Ok(Status::Pass)
}

async fn run_one(global: &Global, arguments: Run, terminal: &Terminal) -> Result<Status> {
    let name = arguments.name.clone().context("a scenario's name is missing")?;
    let asked = arguments.stack.settings(&global.project)?;
    let limit = Duration::from_secs(arguments.timeout);
    let scenario = catalog::find(&name)?;
    let settings = scenario.settings(&asked);
    let plan = plan(&scenario, &asked, limit, arguments.via);
    let stack = Stack::load(&settings)?;
    if arguments.dry_run {
        terminal.result(&PlanPage { plan })?;
        return Ok(Status::Pass);
    }
    let what = format!("scenario {}", plan.head.scenario);
    owning(global, &what, terminal, async |platform| {
        let up = Up { platform, stack: &stack, settings: &settings, beginning: Beginning::State, limit };
        prove(&plan, up, &arguments, terminal).await
    })
    .await
}

/// Runs the plan, and judges what was seen.
async fn prove(plan: &Plan, up: Up<'_>, arguments: &Run, terminal: &Terminal) -> Result<Status> {
    let before = Before::look(up.platform).await?;
    let mut store = Store::create(&arguments.runs, &plan.head.scenario, Timestamp::now())?;
    let fold = match watch(plan, up, &mut store, terminal).await {
        Ok(fold) if !fold.steps.was_interrupted() => fold,
        ended => {
            before.settle(up.platform, terminal, ended.map(|_| Ended::Interrupted)).await?;
            return Ok(Status::Interrupted);
        }
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
