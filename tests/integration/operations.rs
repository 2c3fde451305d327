//! Operations of the real binary on a Flink that gets into trouble: what is planned is what is sent, an answer that is lost
//! leads to no second job, and no way out leaves a job stopped without a word of where its state is. No Docker.

use std::time::Duration;

use crate::support::flink::{FakeFlink, JOB, Trouble, assert_as_planned, jar_file, lines};
use crate::support::playground;

/// What Flink says that did not hear from its own dispatcher in time; the job may run all the same.
const TIMED_OUT: &str = "java.util.concurrent.TimeoutException: Invocation of submitJob timed out";
const UPGRADE: [&str; 3] = ["upgrade", "--parallelism", "2"];

#[test]
fn what_a_dry_run_shows_is_what_is_sent() {
    let jar = tempfile::tempdir().expect("make a folder");
    let jar = jar_file(jar.path(), "click-event-count.jar");
    let jar = jar.to_str().expect("UTF-8");
    let path = "file:/flink-data/savepoints/savepoint-199a34-1";
    for (stopped, args) in [
        (false, &["savepoint"][..]),
        (false, &["savepoint", "dispose", path]),
        (false, &["stop"]),
        (false, &["stop", "--drain"]),
        (false, &["cancel"]),
        (true, &["submit"]),
        (true, &["submit", "--detach", "--from-savepoint", "latest"]),
        (true, &["submit", "--jar", jar, "--from-savepoint", path, "--allow-non-restored-state"]),
        (false, &["upgrade", "--parallelism", "3"]),
        (false, &["upgrade", "--jar", jar]),
        (false, &["upgrade", "--", "--event-time", "false"]),
        (false, &["rescale", "--parallelism", "4"]),
        (false, &["scale", "taskmanager=2"]),
    ] {
        let flink = if stopped { FakeFlink::stopped() } else { FakeFlink::new() };
        let plan = flink.playground(&dry(args)).run().expect(0).json();
        assert_eq!(flink.log(), Vec::<String>::new(), "a dry run of {args:?} changes nothing");
        flink.playground(args).run().expect(0);
        // What the platform is asked for, Flink does not see.
        let (on_platform, planned): (Vec<String>, Vec<String>) =
            lines(&plan, "parts").into_iter().partition(|line| line.starts_with("start "));
        assert_as_planned(&planned, &flink.log());
        assert_eq!(flink.taskmanagers(), 1 + on_platform.len() as u64, "{args:?}");
        assert_eq!(flink.most_jobs_at_a_time(), 1, "{args:?}");
    }
}

#[test]
fn a_job_is_drained_only_when_that_is_asked_for() {
    for (args, drain) in [(&["stop"][..], "\"drain\":false"), (&["stop", "--drain"], "\"drain\":true")] {
        let flink = FakeFlink::new();
        flink.playground(args).run().expect(0);
        assert!(flink.log()[0].contains(drain), "{args:?}: {:?}", flink.log());
    }
}

#[test]
fn a_roll_back_is_carried_out_as_planned() {
    let flink = FakeFlink::new();
    let args = ["upgrade", "--", "--fail-on-start", "true"];
    let plan = flink.playground(&dry(&args)).run().expect(0).json();
    let done = flink.playground(&args).run().expect(1);
    assert!(done.stdout.contains("rolled back: the old job is running again"), "{}", done.stdout);
    assert!(done.stdout.contains("asked to fail on start"), "{}", done.stdout);
    assert_as_planned(&[lines(&plan, "parts"), lines(&plan, "roll_back")].concat(), &flink.log());
    only_one_runs(&flink);
}

#[test]
fn a_submission_that_is_refused_is_rolled_back_without_a_job_to_cancel() {
    let flink = FakeFlink::new().trouble("/run", 1, Trouble::Refuse(400, "x.Y: main() threw"));
    let done = flink.playground(&UPGRADE).run().expect(1);
    assert!(done.stdout.contains("x.Y: main() threw"), "{}", done.stdout);
    assert!(!flink.log().iter().any(|line| line.starts_with("PATCH")), "{:?}", flink.log());
    only_one_runs(&flink);
}

/// Seen: rolled back beside a new job that ran.
#[test]
fn a_submission_that_is_refused_with_a_time_out_is_not_rolled_back_beside_a_job_that_runs() {
    let flink = FakeFlink::new().trouble("/run", 1, Trouble::RefuseWhatIsDone(500, TIMED_OUT));
    goes_on(&flink, &UPGRADE, 1);
}

#[test]
fn a_submission_whose_answer_is_lost_is_asked_for() {
    for trouble in [Trouble::LoseAnswer, Trouble::RefuseWhatIsDone(504, "gateway")] {
        goes_on(&FakeFlink::new().trouble("/run", 1, trouble.clone()), &UPGRADE, 1);
        let stopped = FakeFlink::stopped().trouble("/run", 1, trouble);
        goes_on(&stopped, &["submit", "--from-savepoint", "latest"], 1);
    }
}

#[test]
fn a_submission_that_is_answered_too_late_is_asked_for() {
    let flink = FakeFlink::new().trouble("/run", 1, Trouble::Late(Duration::from_secs(4)));
    goes_on(&flink, &[&UPGRADE[..], &["--timeout", "2"]].concat(), 1);
}

#[test]
fn a_submission_that_never_came_is_sent_again_under_the_same_id() {
    let flink = FakeFlink::new().trouble("/run", 1, Trouble::LoseRequest);
    goes_on(&flink, &UPGRADE, 2);
    let sent: Vec<String> = flink.log().into_iter().filter(|line| line.contains("/run")).collect();
    assert_eq!(sent[0], sent[1]);
}

#[test]
fn a_job_of_which_it_is_not_known_whether_it_runs_is_not_rolled_back() {
    let flink = FakeFlink::new().trouble("/run", usize::MAX, Trouble::LoseRequest);
    let answer = flink.playground(&[&UPGRADE[..], &["--timeout", "4"]].concat()).run().expect(4);
    for part in [
        "Click Event Count is stopped, with its state in file:/flink-data/savepoints/savepoint-199a34-1",
        "playground up resumes from it",
        "it is not known whether job ",
    ] {
        assert!(answer.stderr.contains(part), "{part}: {}", answer.stderr);
    }
    let ids: Vec<String> = flink.log().into_iter().filter(|line| line.contains("/run")).collect();
    assert!(ids.iter().all(|line| *line == ids[0]), "only the new job was submitted: {ids:?}");
    assert_eq!(flink.living(), []);
}

/// Its request may be on its way yet; of one id Flink takes only one job.
#[test]
fn a_job_that_is_in_doubt_is_submitted_under_the_id_that_it_had() {
    let flink = FakeFlink::new().trouble("/run", 1, Trouble::LoseRequest).trouble("/run", 1, Trouble::LoseRequest);
    flink.playground(&[&UPGRADE[..], &["--timeout", "2"]].concat()).run().expect(4);
    let savepoint = "file:/flink-data/savepoints/savepoint-199a34-1";
    flink.playground(&["submit", "--from-savepoint", savepoint]).run().expect(0);
    let sent: Vec<String> = flink.log().into_iter().filter(|line| line.contains("/run")).collect();
    let id = flink.living()[0].0.clone();
    assert!(sent.len() > 1 && sent.iter().all(|line| line.contains(&id)), "{sent:?}");
    only_one_runs(&flink);
}

#[test]
fn a_stop_whose_answer_is_lost_is_asked_for_by_its_trigger() {
    let flink = FakeFlink::new().trouble("/stop", 1, Trouble::LoseAnswer);
    let answer = flink.playground(&["stop"]).run().expect(0);
    assert!(answer.stderr.contains("answer lost"), "{}", answer.stderr);
    assert!(answer.stdout.contains("savepoint file:/flink-data/savepoints/savepoint-199a34-1"), "{}", answer.stdout);
    assert_eq!(flink.log().len(), 1, "{:?}", flink.log());
    assert_eq!(flink.living(), []);
    goes_on(&FakeFlink::new().trouble("/stop", 1, Trouble::LoseAnswer), &UPGRADE, 1);
}

#[test]
fn a_stop_that_never_came_is_sent_again_with_the_same_trigger() {
    for trouble in [Trouble::LoseRequest, Trouble::Restart(Duration::from_secs(1))] {
        let flink = FakeFlink::new().trouble("/stop", 1, trouble);
        goes_on(&flink, &UPGRADE, 1);
        let sent: Vec<String> = flink.log().into_iter().filter(|line| line.contains("/stop")).collect();
        assert_eq!((sent.len(), &sent[0]), (2, &sent[1]), "{sent:?}");
    }
}

#[test]
fn a_savepoint_whose_answer_is_lost_is_taken_once() {
    let flink = FakeFlink::new().trouble("/savepoints", 1, Trouble::LoseAnswer);
    let answer = flink.playground(&["savepoint"]).run().expect(0);
    assert!(answer.stdout.contains("savepoint-199a34-1"), "{}", answer.stdout);
    let log = flink.log();
    assert!(log.iter().all(|line| *line == log[0]), "the same trigger: {log:?}");
}

#[test]
fn a_cancellation_whose_answer_is_lost_is_seen_in_the_job() {
    for trouble in [Trouble::LoseAnswer, Trouble::LoseRequest, Trouble::Restart(Duration::from_secs(1))] {
        let flink = FakeFlink::new().trouble("PATCH", 1, trouble);
        flink.playground(&["cancel"]).run().expect(0);
        assert_eq!(flink.living(), []);
    }
}

#[test]
fn a_job_manager_that_is_lost_in_the_middle_is_waited_for() {
    let away = || Trouble::Restart(Duration::from_secs(2));
    goes_on(&FakeFlink::new().trouble("/run", 1, away()), &UPGRADE, 2);
    // In the middle of the roll-back, too.
    let flink = FakeFlink::new().trouble("PATCH", 1, away());
    flink.playground(&["upgrade", "--", "--fail-on-start", "true"]).run().expect(1);
    only_one_runs(&flink);
}

/// Seen: the next operation met it in the middle of its restart.
#[test]
fn a_job_that_begins_with_fewer_slots_is_up_when_it_has_all_or_stays_as_it_is() {
    let json = ["upgrade", "--parallelism", "2", "-o", "json"];
    let upgraded = |flink: FakeFlink| flink.playground(&json).run().expect(0).json()["parallelism"].as_u64();
    assert_eq!(upgraded(FakeFlink::new().growing(Duration::from_secs(1))), Some(2));
    // It is told what runs, not what was asked for.
    assert_eq!(upgraded(FakeFlink::new().growing(Duration::from_mins(1))), Some(1));
}

#[test]
fn a_new_job_that_cannot_be_ended_is_not_rolled_back() {
    let flink = FakeFlink::new().trouble("PATCH", usize::MAX, Trouble::Refuse(500, "x.Y: no"));
    let answer = flink.playground(&["upgrade", "--", "--fail-on-start", "true"]).run().expect(4);
    assert!(answer.stderr.contains("with its state in file:/flink-data/savepoints/"), "{}", answer.stderr);
    assert!(answer.stderr.contains("the new job did not come up: RESTARTING after 3 attempts"), "{}", answer.stderr);
    assert_eq!((flink.living().len(), flink.most_jobs_at_a_time()), (1, 1));
}

#[test]
fn what_fails_before_the_stop_leaves_the_job_as_it_was() {
    let flink = FakeFlink::new().trouble("/plan", 1, Trouble::Refuse(400, "x.Y: unknown options: [nonsense]"));
    let answer = flink.playground(&["upgrade", "--", "--nonsense", "1"]).run().expect(2);
    let untouched = "Click Event Count was not upgraded; it is still running as before";
    assert!(answer.stderr.contains(untouched), "{}", answer.stderr);
    assert!(answer.stderr.contains("main() of the new job failed: x.Y: unknown options"), "{}", answer.stderr);
    let flink = FakeFlink::new().trouble("/stop", 1, Trouble::Refuse(409, "x.Y: checkpoint declined"));
    let answer = flink.playground(&UPGRADE).run().expect(4);
    assert!(answer.stderr.contains("was not stopped and is still running: "), "{}", answer.stderr);
    assert_eq!(flink.living(), [(JOB.to_owned(), None)]);
    // Nothing is left to be told of.
    assert_eq!(flink.playground(&["ps"]).run().expect(0).stderr, "");
}

#[test]
fn a_submission_that_is_refused_leaves_nothing_to_be_told_of() {
    let flink = FakeFlink::stopped().trouble("/run", 1, Trouble::Refuse(500, "Cannot find meta data file"));
    let answer = flink.playground(&["submit", "--from-savepoint", "/nowhere"]).run().expect(4);
    assert!(answer.stderr.contains("playground savepoint list shows what there is"), "{}", answer.stderr);
    assert_eq!(flink.playground(&["ps"]).run().expect(0).stderr, "");
}

/// Read: the savepoint of a stopped job was forgotten when any other job came up, or was cancelled.
#[test]
fn what_is_noted_of_one_job_says_nothing_of_another() {
    let flink = FakeFlink::new();
    let mine = jar_file(flink.folder.path(), "mine.jar");
    let mine = mine.to_str().expect("UTF-8");
    flink.playground(&["stop"]).run().expect(0);
    let click = ["stopped Click Event Count"];
    assert_eq!(flink.noted(), click);
    flink.playground(&["submit", "--jar", mine]).run().expect(0);
    assert_eq!(flink.noted(), click, "another job is up");
    flink.playground(&["cancel", "Mine"]).run().expect(0);
    assert_eq!(flink.noted(), click, "another job is cancelled");
    flink.playground(&["submit", "--jar", mine]).run().expect(0);
    flink.playground(&["stop", "Mine"]).run().expect(0);
    assert_eq!(flink.noted(), ["stopped Click Event Count", "stopped Mine"]);
    flink.playground(&["submit", "--from-savepoint", "file:/s"]).run().expect(0);
    assert_eq!(flink.noted(), ["stopped Mine"]);
    flink.playground(&["submit", "--jar", mine, "--detach"]).run().expect(0);
    assert_eq!(flink.noted(), ["stopped Mine"], "nobody has seen it run");
    assert_eq!(flink.notes(), ["running Click Event Count", "stopped Mine"], "what it was submitted as is kept");
    flink.playground(&["savepoint", "Mine"]).run().expect(0);
    assert_eq!(flink.noted(), Vec::<String>::new(), "it runs");
}

/// Read: the advice to cancel a job that did not come up forgot where its state was.
#[test]
fn a_job_that_is_cancelled_before_it_was_up_leaves_its_state_noted() {
    let flink = FakeFlink::new();
    flink.playground(&["stop"]).run().expect(0);
    let savepoint = "file:/flink-data/savepoints/savepoint-199a34-1";
    let submit = ["submit", "--from-savepoint", savepoint, "--", "--fail-on-start", "true"];
    let answer = flink.playground(&submit).run().expect(4);
    assert!(answer.stderr.contains("playground cancel "), "{}", answer.stderr);
    flink.playground(&["cancel"]).run().expect(0);
    assert_eq!(flink.noted(), ["stopped Click Event Count"]);
}

/// Read: a job that was just coming could not be cancelled, as Flink tells nothing of its checkpoints then.
#[test]
fn a_job_is_cancelled_whatever_flink_tells_of_its_checkpoints() {
    let initializing = Trouble::Refuse(500, "Unable to get JobMasterGateway for initializing job.");
    let flink = FakeFlink::new().trouble("/checkpoints", usize::MAX, initializing);
    flink.playground(&["cancel"]).run().expect(0);
    assert_eq!(flink.living(), []);
    assert_eq!(flink.noted(), ["stopped Click Event Count"], "it may have had state");
}

/// Read: the job may have stopped, and the error said that it runs on.
#[test]
fn a_stop_of_which_nothing_is_heard_is_never_told_as_a_job_that_runs() {
    let flink = FakeFlink::new().trouble("/stop", usize::MAX, Trouble::LoseRequest);
    let answer = flink.playground(&[&UPGRADE[..], &["--timeout", "2"]].concat()).run().expect(4);
    assert!(answer.stderr.contains("may or may not have stopped"), "{}", answer.stderr);
    assert!(!answer.stderr.contains("still running as before"), "{}", answer.stderr);
}

/// Read: one answer of a JobManager that was just losing its lead rolled a good job back.
#[test]
fn a_job_manager_that_is_at_a_loss_for_a_moment_rolls_nothing_back() {
    for trouble in [Trouble::Refuse(404, "not found"), Trouble::Refuse(500, "FencingTokenException: 1 != 2")] {
        let flink = FakeFlink::new().trouble("/vertices/", 2, trouble);
        flink.playground(&UPGRADE).run().expect(0);
        only_one_runs(&flink);
    }
}

#[test]
fn a_dry_run_needs_the_stack_that_it_speaks_of() {
    let folder = tempfile::tempdir().expect("make a folder");
    let platform = folder.path().to_str().expect("UTF-8");
    let call = playground(["-p", "none", "upgrade", "--parallelism", "3", "--dry-run"])
        .env("PLAYGROUND_FAKE_PLATFORM", platform);
    let answer = call.run().expect(4);
    assert!(answer.stderr.contains("playground -p none up starts it"), "{}", answer.stderr);
}

fn dry<'a>(args: &[&'a str]) -> Vec<&'a str> {
    // What follows `--` is the job's.
    let end = args.iter().position(|word| *word == "--").unwrap_or(args.len());
    [&args[..end], &["-o", "json", "--dry-run"], &args[end..]].concat()
}

/// The operation is done as asked, its job was submitted so often, and it is the only one.
#[track_caller]
fn goes_on(flink: &FakeFlink, args: &[&str], submitted: usize) {
    let answer = flink.playground(args).run().expect(0);
    assert!(answer.stderr.contains("answer lost"), "{}", answer.stderr);
    let sent = flink.log().iter().filter(|line| line.contains("/run ")).count();
    assert_eq!(sent, submitted, "{:#?}", flink.log());
    only_one_runs(flink);
    assert_ne!(flink.living()[0].0, JOB);
}

/// One job runs, from the savepoint, and there never was another beside it.
#[track_caller]
fn only_one_runs(flink: &FakeFlink) {
    let savepoint = "file:/flink-data/savepoints/savepoint-199a34-1".to_owned();
    let living = flink.living();
    assert_eq!(living.iter().map(|(_, from)| from.clone()).collect::<Vec<_>>(), [Some(savepoint)], "{living:?}");
    assert_eq!(flink.most_jobs_at_a_time(), 1);
}
