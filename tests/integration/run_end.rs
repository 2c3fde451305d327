//! How a scenario's run ends on a Flink that is none: a job that a step stopped goes on unless it was drained, and who
//! interrupts an operation is told what it left. The steps alone, without the stack that comes before them. No Docker.

use std::time::Duration;

use playground::failure::Status;
use playground::history::store::Store;
use playground::operation::up::{Beginning, Up};
use playground::platform::Platform;
use playground::platform::fake::Fake;
use playground::scenario::asked::Asked;
use playground::scenario::{Action, parse, plan::plan, runner};
use playground::stack::Stack;

use crate::support::flink::FakeFlink;

/// Runs one step, which the user interrupts at once or not at all.
async fn run(flink: &FakeFlink, step: &str, interruption: impl Future<Output = ()>) -> anyhow::Result<()> {
    let file = format!(
        "name = \"own\"\npurpose = \"y\"\n[[steps]]\n{step}\nreason = \"x\"\n[[steps]]\nawait = \"judged\"\nreason = \"x\"\n"
    );
    let (scenario, asked) = (parse::scenario("own.toml", &file)?, Asked::of("own"));
    let workload = playground::workload::catalog::usual()?;
    let settings = scenario.settings(&asked.stack, &workload)?;
    let stack = Stack::load(&settings, &workload)?;
    let mut plan = plan(&scenario, &asked, &workload, &stack, &playground::platform::Meant::Docker)?;
    plan.steps.retain(|step| matches!(step.action, Action::Operate(_)));
    let platform = Platform::Fake(Fake::open(flink.folder.path(), "fake")?);
    let limit = Duration::from_secs(20);
    let (workload, beginning) = (&workload, Beginning::State);
    let up = Up { platform: &platform, stack: &stack, workload, settings: &settings, beginning, limit };
    let mut store = Store::create(flink.folder.path(), "own", jiff::Timestamp::UNIX_EPOCH)?;
    let interruption = std::pin::pin!(interruption);
    Box::pin(runner::run(&plan, up, &mut store, interruption, &mut |_| {})).await.map(drop)
}

#[tokio::test]
async fn a_job_that_a_step_stopped_goes_on_when_the_run_is_over() {
    let flink = FakeFlink::new();
    run(&flink, "operation = \"stop\"", std::future::pending()).await.expect("a run");
    let living = flink.living();
    assert!(matches!(&living[..], [(_, Some(_))]), "{living:?}");
}

#[tokio::test]
async fn a_job_that_a_step_drained_is_at_its_end() {
    let flink = FakeFlink::new();
    run(&flink, "operation = \"stop\"\ndrain = true", std::future::pending()).await.expect("a run");
    assert_eq!(flink.living(), []);
}

#[tokio::test]
async fn who_interrupts_an_operation_is_told_what_it_left() {
    let flink = FakeFlink::new();
    let error =
        run(&flink, "operation = \"upgrade\"\nparallelism = 1", std::future::ready(())).await.expect_err("an end");
    assert_eq!(Status::of(&error), Status::Interrupted);
    let told = format!("{error:#}");
    assert!(told.contains("was not upgraded; it is still running as before: interrupted before "), "{told}");
    assert_eq!(flink.living().len(), 1);
}
