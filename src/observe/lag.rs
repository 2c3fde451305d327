//! How far a job is behind, queried once: the offsets that its group committed against the ends of its input.

use anyhow::Result;

use crate::history::seen::{Place, Read};
use crate::kafka::admin::Admin;
use crate::workload::meaning::Workload;

/// Records of the input that the group has not committed. Blocks.
pub fn look(admin: &Admin, workload: &Workload) -> Result<i64> {
    let committed = admin.committed(&workload.group, &workload.input)?;
    let ends = admin.ends(&workload.input)?;
    let input = ends.into_iter().map(|ends| Place { start: ends.start, read: ends.end, end: ends.end }).collect();
    Ok(Read { committed, input, output: Vec::new() }.lag())
}
