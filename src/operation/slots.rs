//! Slots: how many a job needs and has, and the part that makes room for it.

use anyhow::{Result, bail};

use super::control::Control;
use super::plan::{Act, Part};
use super::scale::Workers;
use super::subject::Subject;
use crate::failure::Failure;
use crate::settings::MAX_TASKMANAGERS;
use crate::wait::Seen;

/// What a cluster has for one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Free slots, and those that the job has already.
    pub(super) slots: u32,
    /// Registered TaskManagers.
    pub(super) taskmanagers: u32,
    /// Slots of each.
    pub(super) each: u32,
}

impl Room {
    /// How many TaskManagers it takes for a job that needs so many slots.
    pub(super) fn taskmanagers_for(&self, needed: u32) -> u32 {
        self.taskmanagers + needed.saturating_sub(self.slots).div_ceil(self.each.max(1))
    }
}

/// The part that sees to it that a job can have `needed` slots: by more TaskManagers or, without `scale`, by waiting for
/// somebody who adds them. None where they are there.
///
/// # Errors
/// [`Failure::Usage`], where it would take more TaskManagers than there may be.
pub(super) fn make_room(
    subject: &Subject,
    (room, workers): (Room, &Workers),
    needed: u32,
    scale: bool,
) -> Result<Option<Part>> {
    if room.slots >= needed {
        return Ok(None);
    }
    let (wanted, cause) = (room.taskmanagers_for(needed), format!("{needed} slots needed, {} available", room.slots));
    if !scale {
        let advice = format!(
            "playground scale taskmanager={wanted} adds the missing slots; without --no-scale, this command does so itself"
        );
        return Ok(Some(Part::new("slots", cause, Act::AwaitSlots { job: subject.id(), needed, advice })));
    }
    if wanted > MAX_TASKMANAGERS {
        bail!(Failure::Usage(format!(
            "{needed} slots would take {wanted} TaskManagers with {} slots each, and {MAX_TASKMANAGERS} is the limit\n  \
             Use a smaller --parallelism, or playground up --slots N for more slots each",
            room.each
        )));
    }
    Ok(Some(workers.start(wanted, &cause)))
}

impl Control<'_> {
    /// What there is for a job; every slot that is free, where none is named. All its vertices share slots, so it has as
    /// many as its widest vertex has subtasks.
    pub(super) async fn room(&self, subject: Option<&Subject>) -> Result<Room> {
        let (overview, taskmanagers) = tokio::try_join!(self.flink().overview(), self.flink().taskmanagers())?;
        Ok(Room {
            slots: overview.slots_available + subject.map(Subject::slots).unwrap_or_default(),
            taskmanagers: overview.taskmanagers,
            each: taskmanagers.iter().map(|one| one.slots).max().unwrap_or(1),
        })
    }

    /// Waits until somebody has added the slots that are missing.
    ///
    /// # Errors
    /// After the time limit, which slots are missing.
    pub(super) async fn await_slots(&self, job: &str, needed: u32) -> Result<((), String)> {
        self.until("slots", format_args!("{needed} slots for the job"), async || {
            let subject = Subject::observe(self, Some(job)).await?;
            let there = self.room(Some(&subject)).await?.slots;
            let missing = needed.saturating_sub(there);
            Ok(if missing == 0 {
                Seen::Done(((), format!("{needed} slots")))
            } else {
                Seen::NotYet(format!("{missing} of {needed} slots missing, {there} available"))
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_taskmanagers_are_added_as_hold_what_is_missing() {
        let room = Room { slots: 2, taskmanagers: 1, each: 2 };
        assert_eq!(room.taskmanagers_for(2), 1);
        assert_eq!(room.taskmanagers_for(3), 2);
        assert_eq!(room.taskmanagers_for(5), 3);
        assert_eq!(Room { slots: 0, taskmanagers: 0, each: 1 }.taskmanagers_for(2), 2);
    }
}
