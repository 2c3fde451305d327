//! How a run ends: with all that went wrong, and with what an interrupted step left for its user to know.

use std::path::Path;

use super::*;
use crate::failure::Failure;
use crate::flink::jar::Run as JarRun;
use crate::operation::up::Beginning;
use crate::platform::Platform;
use crate::platform::fake::Fake;
use crate::scenario::asked::Asked;
use crate::scenario::{catalog, plan};
use crate::settings::StackSettings;
use crate::stack::Stack;

#[tokio::test]
async fn no_error_of_the_end_takes_the_place_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::Fake(Fake::open(folder.path(), "p").unwrap());
    // Neither is there, so neither can be started.
    for target in ["a-1", "b-1"] {
        let targets = [target.to_owned()];
        Fault::Kill.announce(&platform, &targets, "a test").await.unwrap();
        assert!(Fault::Kill.inject(&platform, &targets).await.is_err());
    }
    let settings = StackSettings::of("p");
    let workload = crate::workload::catalog::usual().unwrap();
    let stack = Stack::load(&settings, &workload).unwrap();
    let mut plan = plan::plan(
        &catalog::find("failover").unwrap(),
        &Asked::of("failover"),
        &workload,
        &stack,
        &crate::platform::Meant::Docker,
    )
    .unwrap();
    plan.steps.retain(|step| matches!(step.action, Action::Undo { .. }));
    let limit = Duration::from_secs(1);
    let (workload, beginning) = (&workload, Beginning::State);
    let up = Up { platform: &platform, stack: &stack, workload, settings: &settings, beginning, limit };
    let mut store = Store::create(folder.path(), "failover", jiff::Timestamp::UNIX_EPOCH).unwrap();
    let stop = std::pin::pin!(std::future::pending());
    let mut tell = |_: Told<'_>| {};
    let mut run = Run::new(&plan, up, &mut store, stop, &mut tell);
    run.stopped = Some(Resume::of("the job", &jar()).from("file:/s"));
    let error = run.end_to_end().await.err().map(|error| format!("{error:#}")).unwrap();
    for part in ["nothing to undo", "undo kill of a-1", "undo kill of b-1", "not started again: no JobManager"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(error.starts_with("start taskmanager-1: "), "{error}");
    assert!(Path::new(store.folder()).exists());
}

fn jar() -> JarRun {
    let (jar, arguments) = ("7_a.jar".into(), Vec::new());
    JarRun {
        jar,
        entry_class: None,
        libraries: Vec::new(),
        parallelism: 2,
        arguments,
        savepoint: None,
        allow_non_restored_state: false,
    }
}

#[test]
fn an_interrupted_operation_says_what_it_left() {
    let error = Error::from(Failure::Interrupted("interrupted: job 8d1e is submitted".to_owned()));
    let end = ended(Err(error.context("submit")), true, OperationEnd::Done).unwrap();
    let StepEnd::Interrupted(Some(left)) = end else { panic!("{end:?}") };
    assert_eq!(format!("{left:#}"), "submit: interrupted: job 8d1e is submitted");
    assert!(ended(Err(anyhow::anyhow!("no answer")), true, OperationEnd::Done).is_err());
}

#[test]
fn a_drained_job_is_at_its_end() {
    assert!(is_to_go_on(&Operation::Stop { drain: false }));
    assert!(!is_to_go_on(&Operation::Stop { drain: true }));
    assert!(!is_to_go_on(&Operation::Cancel));
}
