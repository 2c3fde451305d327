//! Slots: how many a job needs and has, and making room.

use anyhow::{Result, bail};

use super::control::Control;
use crate::settings::MAX_TASKMANAGERS;
use crate::wait::Seen;

/// What a cluster has for one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Free slots, and those that the job has already.
    pub slots: u32,
    /// Registered TaskManagers.
    pub taskmanagers: u32,
    /// Slots of each.
    pub each: u32,
}

impl Room {
    /// How many TaskManagers it takes for a job that needs so many slots.
    #[must_use]
    pub fn taskmanagers_for(&self, needed: u32) -> u32 {
        self.taskmanagers + needed.saturating_sub(self.slots).div_ceil(self.each.max(1))
    }
}

impl Control<'_> {
    /// What there is for a job; every slot that is free, where none is named. All its vertices share slots, so it has as
    /// many as its widest vertex has subtasks.
    pub(super) async fn room(&self, job: Option<&str>) -> Result<Room> {
        let (overview, taskmanagers) = tokio::try_join!(self.flink().overview(), self.flink().taskmanagers())?;
        let own = match job {
            Some(id) => {
                let job = self.flink().job(id).await?;
                job.vertices.iter().map(|vertex| vertex.tasks.running).max().unwrap_or_default()
            }
            None => 0,
        };
        Ok(Room {
            slots: overview.slots_available + own,
            taskmanagers: overview.taskmanagers,
            each: taskmanagers.iter().map(|one| one.slots).max().unwrap_or(1),
        })
    }

    /// Sees to it that a job can have `needed` slots: by more TaskManagers or, without `scale`, by waiting for somebody who
    /// adds them.
    ///
    /// # Errors
    /// After the time limit, which slots are missing. The job has not been touched by then.
    pub(super) async fn make_room(&self, job: &str, needed: u32, scale: bool) -> Result<()> {
        let room = self.room(Some(job)).await?;
        if room.slots >= needed {
            return Ok(());
        }
        if scale {
            let wanted = room.taskmanagers_for(needed);
            if wanted > MAX_TASKMANAGERS {
                bail!(crate::failure::Failure::Usage(format!(
                    "{needed} slots would take {wanted} TaskManagers of {} slots, and {MAX_TASKMANAGERS} is the most\n  \
                     A smaller --parallelism, or playground up --slots N for more slots each",
                    room.each
                )));
            }
            return self.scale_up(wanted, &format!("{needed} slots needed, {} there", room.slots)).await;
        }
        self.part("slots", None, async {
            self.until("slots", format_args!("{needed} slots for the job"), async || {
                let there = self.room(Some(job)).await?.slots;
                let missing = needed.saturating_sub(there);
                Ok(if missing == 0 {
                    Seen::Done(((), format!("{needed} slots")))
                } else {
                    Seen::NotYet(format!("{missing} of {needed} slots missing, {there} there"))
                })
            })
            .await
        })
        .await
    }

    /// Refuses a parallelism that leaves the cluster's slots short after TaskManagers were taken away.
    pub(super) async fn must_fit(&self, taskmanagers: u32) -> Result<()> {
        let room = self.room(None).await?;
        let left = taskmanagers * room.each;
        let mut needed = 0;
        for job in self.flink().jobs().await?.into_iter().filter(|job| !job.is_over()) {
            needed += self.flink().job(&job.id).await?.parallelism();
        }
        if needed > left {
            bail!(crate::failure::Failure::Usage(format!(
                "the running jobs need {needed} slots, and {taskmanagers} TaskManagers of {} slots have {left}\n  \
                 playground upgrade --parallelism {left} makes the job fit first; --force scales all the same",
                room.each
            )));
        }
        Ok(())
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
