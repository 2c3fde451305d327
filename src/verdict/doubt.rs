//! Why a run that looks right may still have proved nothing: what was not seen is unknown, never right.

use crate::fold::Fold;
use crate::history::seen::JobSeen;
use crate::history::traffic::Topic;
use crate::history::{Holds, Scope};
use crate::ledger::Judgement;
use crate::oracle::{self, Decided};
use crate::settings::Delivery;

/// All doubts of a run, one sentence each; none when nothing keeps it from a pass.
pub(super) fn doubts(fold: &Fold, ledger: &Judgement) -> Vec<String> {
    let mut doubts = match fold.scope() {
        Scope::Plan => fold.steps.unfinished(),
        Scope::Present => present(fold),
        Scope::Windows(windows) => windows_judged(fold, ledger, windows),
        Scope::Past => past(fold),
    };
    doubts.extend(fold.losses.doubts.iter().cloned());
    doubts.extend(fold.by_record.iter().flat_map(|ledger| ledger.doubts(fold.unit())));
    doubts.extend(not_given(fold));
    doubts.extend(before_input(ledger));
    doubts.extend(before_output(ledger));
    if fold.holds() != Holds::Spread {
        doubts.extend(unexplained(fold, ledger));
    }
    doubts.extend(fold.faults.without_effect());
    doubts
}

/// Nobody says whether a job is still at it; but what its group has committed, it has passed on.
fn past(fold: &Fold) -> Vec<String> {
    let passed_over = fold.by_record.as_ref().map_or(0, |ledger| ledger.passed_over());
    let unit = fold.unit();
    let lost = || {
        format!(
            "{passed_over} {unit}s were not emitted, though the job's group has committed offsets behind them: verify, of the job \
             that runs, decides them"
        )
    };
    (passed_over > 0).then(lost).into_iter().collect()
}

/// What a workload's file asks for and no record of the output has was not compared. (A checksum is more than other jobs give.)
fn not_given(fold: &Fold) -> Vec<String> {
    let window = fold.head.as_ref().and_then(|head| head.workload.oracle.window());
    let is_checksum = window.is_none_or(oracle::window::Window::adds_up_times);
    let names: Vec<_> = fold.ledger.not_given().into_iter().filter(|name| *name != "sum" || !is_checksum).collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "no record of the output has the {} that the workload's file names: only counts were compared",
        names.join(" or ")
    )]
}

fn present(fold: &Fold) -> Vec<String> {
    let mut doubts: Vec<String> = no_job(fold).into_iter().collect();
    let open = fold.open_due();
    if doubts.is_empty() && open > 0 {
        let watched = match fold.decided() {
            Decided::WhenEmitted => "it is far behind, or not emitting at all",
            Decided::ByCheckpoint => "it is far behind, or no checkpoint completes",
        };
        let unit = fold.unit();
        let what = match fold.decided() {
            Decided::WhenEmitted => "were not emitted",
            Decided::ByCheckpoint => "were not covered by checkpoints of the job",
        };
        doubts.push(format!("{open} {unit}s in the input {what} while the job was being watched: {watched}"));
    }
    doubts
}

fn windows_judged(fold: &Fold, ledger: &Judgement, windows: u64) -> Vec<String> {
    if let Some(no_job) = no_job(fold) {
        return vec![no_job];
    }
    let wanted = windows.saturating_mul(fold.ledger.keys() as u64);
    if fold.has_judged_all() {
        return Vec::new();
    }
    let judged = ledger.judged;
    vec![format!("timed out: {judged} of {wanted} windows that closed since the command started are decided")]
}

/// Without a job that runs, silence means nothing; and two of them write the same output.
fn no_job(fold: &Fold) -> Option<String> {
    let facts = fold.job.facts();
    let alive = fold.job.seen.as_ref().map_or(0, |seen| seen.alive);
    match (&fold.job.seen, facts) {
        (Some(_), _) if alive > 1 => Some(format!(
            "{alive} jobs of this name are running, so it is unknown which of them wrote these counts; playground jobs lists them"
        )),
        (Some(seen), _) if seen.is_running() => None,
        (Some(seen), _) if seen.state == JobSeen::UNREACHABLE => {
            Some("no job is known to be running: no JobManager answers".to_owned())
        }
        (Some(seen), Some(facts)) if seen.is_over() => {
            Some(format!("no job is running: {} is {}", facts.name, seen.state))
        }
        (Some(seen), Some(_)) => Some(format!(
            "only {} of {} subtasks of the job are running; its state is {}",
            seen.running, seen.subtasks, seen.state
        )),
        _ => Some("no job is running".to_owned()),
    }
}

fn before_input(ledger: &Judgement) -> Option<String> {
    let windows = ledger.before_input;
    let input = Topic::Input.name();
    (windows > 0).then(|| {
        format!("{windows} windows in the output are older than anything topic {input} still holds for their keys: old records of {input} were deleted, or the windows are from another run")
    })
}

fn before_output(ledger: &Judgement) -> Option<String> {
    let (windows, output) = (ledger.before_output, Topic::Output.name());
    (windows > 0).then(|| {
        format!(
            "{windows} windows may have been emitted among the oldest records of topic {output}, which were deleted"
        )
    })
}

/// At-least-once allows a window again for each restart that reaches back to it, and no more.
fn unexplained(fold: &Fold, ledger: &Judgement) -> Option<String> {
    let asked = fold.job.facts().is_some();
    let times = ledger.duplicates_unexplained;
    let is_doubt = asked && times > 0 && ledger.delivery == Delivery::AtLeastOnce;
    let unit = fold.unit();
    is_doubt.then(|| {
        format!(
            "{unit}s were emitted again {times} times, and no restart is known that explains it; a JobManager that ended by itself takes what it knew with it"
        )
    })
}

/// What the history itself says of why records were lost.
pub(super) fn suspects(fold: &Fold) -> Vec<String> {
    let faulty = !fold.faults.is_empty();
    let restored = fold.checkpoints.restored.is_some();
    match &fold.head {
        Some(head) if !head.job.checkpointing && faulty => {
            vec!["the job restarted without a checkpoint: checkpointing is off".to_owned()]
        }
        Some(head) if !head.job.event_time => {
            vec!["event time is off: windows are of processing time, so their counts are not exact".to_owned()]
        }
        _ if faulty && !restored => vec!["the job was not seen to restore a checkpoint after the fault".to_owned()],
        _ => Vec::new(),
    }
}
