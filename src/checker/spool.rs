//! The records of both topics on disk, as they are read: there may be more of them than memory.
//!
//! The reader of the topics goes on while somebody else looks, so only what was written by the end of its last round counts. A
//! round reads the input before the output: whatever was emitted in it comes from records that are there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use serde::de::IgnoredAny;

use crate::history::traffic::Topic;

/// A spool, by its file.
#[derive(Debug, Clone)]
pub struct Spool {
    path: PathBuf,
    /// How many bytes of it are of rounds that are over.
    whole: Arc<AtomicU64>,
}

/// Writes a spool.
#[derive(Debug)]
pub struct Writer {
    file: BufWriter<File>,
    written: u64,
    whole: Arc<AtomicU64>,
}

impl Spool {
    /// An empty spool, which is made when it is first written.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, whole: Arc::default() }
    }

    /// Where it is, for whoever removes it when the program has answered.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file, for whoever reads the topics.
    pub fn writer(&self) -> Result<Writer> {
        let file = File::create_new(&self.path).with_context(|| format!("create {}", self.path.display()))?;
        Ok(Writer { file: BufWriter::new(file), written: 0, whole: Arc::clone(&self.whole) })
    }

    /// Writes all records as JSON documents, a line each. Of a record of the input it is said whether the job's checkpoints
    /// cover it: whether it lies before the offset that `covered` has for its partition.
    pub fn write(&self, covered: &BTreeMap<i32, i64>, to: &Path) -> Result<()> {
        let spooled = File::open(&self.path).with_context(|| format!("read {}", self.path.display()))?;
        let mut lines = BufReader::new(spooled.take(self.whole.load(Ordering::Acquire)));
        let file = File::create(to).with_context(|| format!("create {}", to.display()))?;
        let mut file = BufWriter::new(file);
        let mut line = String::new();
        while lines.read_line(&mut line).context("read the spooled records")? > 0 {
            writeln!(file, "{}", document(line.trim_end_matches('\n'), covered)?)
                .with_context(|| format!("write {}", to.display()))?;
            line.clear();
        }
        file.flush().with_context(|| format!("write {}", to.display()))
    }
}

/// The document of a spooled line.
fn document(line: &str, covered: &BTreeMap<i32, i64>) -> Result<String> {
    let mut parts = line.splitn(4, '\t');
    let mut next = || parts.next().context("a spooled line is cut off");
    let (topic, partition, offset, value) = (next()?, next()?, next()?, next()?);
    let place = format!("{{\"topic\":\"{topic}\",\"partition\":{partition},\"offset\":{offset}");
    if topic == Topic::Output.name() {
        return Ok(format!("{place},\"value\":{value}}}"));
    }
    let (partition, offset): (i32, i64) = (partition.parse()?, offset.parse()?);
    let is_covered = covered.get(&partition).is_some_and(|until| offset < *until);
    Ok(format!("{place},\"covered\":{is_covered},\"value\":{value}}}"))
}

impl Writer {
    /// Adds a record.
    pub fn add(&mut self, topic: Topic, partition: i32, offset: i64, payload: &[u8]) -> Result<()> {
        let line = format!("{}\t{partition}\t{offset}\t{}\n", topic.name(), value(payload));
        self.file.write_all(line.as_bytes()).context("spool the records that were read")?;
        self.written += line.len() as u64;
        Ok(())
    }

    /// A round of reading is over: all of it counts.
    pub fn round_is_over(&mut self) -> Result<()> {
        self.file.flush().context("spool the records that were read")?;
        self.whole.store(self.written, Ordering::Release);
        Ok(())
    }
}

/// A record's value on one line: as it is where it is JSON, so that no number loses a digit; otherwise as a string.
fn value(payload: &[u8]) -> String {
    let text = String::from_utf8_lossy(payload);
    match serde_json::from_slice::<IgnoredAny>(payload) {
        // Between the parts of a JSON document a line break is a space; in a string it cannot be.
        Ok(_) => text.trim().replace(['\n', '\r'], " "),
        Err(_) => serde_json::Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rounds: &[&[(Topic, i64, &[u8])]], after: &[(Topic, i64, &[u8])]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().join("spool"));
        let mut writer = spool.writer().unwrap();
        for round in rounds {
            round.iter().for_each(|(topic, offset, payload)| writer.add(*topic, 0, *offset, payload).unwrap());
            writer.round_is_over().unwrap();
        }
        after.iter().for_each(|(topic, offset, payload)| writer.add(*topic, 0, *offset, payload).unwrap());
        let to = folder.path().join("records");
        spool.write(&[(0, 2)].into(), &to).unwrap();
        std::fs::read_to_string(to).unwrap()
    }

    #[test]
    fn a_record_is_a_line_with_its_value_as_it_is() {
        let records: [(Topic, i64, &[u8]); 5] = [
            (Topic::Input, 1, b"{\"id\":123456789012345678901234567890,\n \"a\": 1.0}\n"),
            (Topic::Input, 2, b"event-1\t1.0"),
            (Topic::Output, 0, b"[1]"),
            (Topic::Output, 1, b"\xff{"),
            (Topic::Output, 2, b""),
        ];
        insta::assert_snapshot!(written(&[&records], &[]), @r#"
        {"topic":"input","partition":0,"offset":1,"covered":true,"value":{"id":123456789012345678901234567890,  "a": 1.0}}
        {"topic":"input","partition":0,"offset":2,"covered":false,"value":"event-1\t1.0"}
        {"topic":"output","partition":0,"offset":0,"value":[1]}
        {"topic":"output","partition":0,"offset":1,"value":"�{"}
        {"topic":"output","partition":0,"offset":2,"value":""}
        "#);
    }

    #[test]
    fn a_round_that_is_not_over_does_not_count() {
        let long = vec![b'1'; 100_000];
        let text = written(&[&[(Topic::Input, 0, b"1")]], &[(Topic::Output, 0, b"2"), (Topic::Output, 1, &long)]);
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}
