//! How far the job's checkpoints got in `input`: the offsets that its group committed, against the topic's ends.

use std::time::Duration;

use anyhow::Result;

use super::Watch;
use crate::history::{Progress, What};
use crate::kafka::Isolation;
use crate::kafka::admin::Admin;
use crate::workload::{GROUP, INPUT};

/// How often to ask; a checkpoint a second moves them.
const LOOK: Duration = Duration::from_millis(250);

pub(super) fn watcher(kafka: String) -> impl FnOnce(&Watch) -> Result<()> + Send {
    move |watch| {
        let admin = Admin::new(&kafka, Isolation::Uncommitted)?;
        while watch.goes_on() {
            // A broker that is away is part of many a scenario: no progress is seen, and that is what it is.
            if let Ok(progress) = look(&admin) {
                watch.tell(What::Progress(progress));
            }
            std::thread::park_timeout(LOOK);
        }
        Ok(())
    }
}

/// Asks the broker once.
pub fn look(admin: &Admin) -> Result<Progress> {
    let committed = admin.committed(GROUP, INPUT)?.into_iter().map(Option::unwrap_or_default).collect();
    let ends = admin.ends(INPUT)?.into_iter().map(|ends| ends.end).collect();
    Ok(Progress { committed, ends })
}
