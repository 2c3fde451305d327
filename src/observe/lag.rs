//! How far a job is behind, queried once: the offsets that its group committed against the ends of its input.

use anyhow::{Context as _, Result};

use crate::history::seen::{Place, Read};
use crate::kafka::admin::Admin;
use crate::workload::model::Workload;

/// Records of the input that the group has not committed. Blocks.
pub fn look(admin: &Admin, workload: &Workload) -> Result<i64> {
    let topic = &workload.input.topic;
    let group = workload.job.group.as_deref().context("the workload's file names no consumer group (job.group)")?;
    let committed = admin.committed(group, topic)?;
    let ends = admin.ends(topic)?;
    let input = ends.into_iter().map(|ends| Place { start: ends.start, read: ends.end, end: ends.end }).collect();
    Ok(Read { committed, input, output: Vec::new() }.lag())
}
