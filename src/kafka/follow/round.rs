//! One question to each leader, and what its answer changes.

use std::time::Instant;

use anyhow::{Context as _, Error, Result, bail, ensure};

use super::{Follower, Loss, NO_RECORDS, Partition, RECORDS};
use crate::kafka::Isolation;
use crate::kafka::codec::Unpacker;
use crate::kafka::connection::Address;
use crate::kafka::failure::{self, Failure};
use crate::kafka::fetch::{self, Part};
use crate::kafka::log::{Span, walk};
use crate::kafka::record::Record;
use crate::kafka::transactions::Transactions;

/// What takes the records.
pub(super) type Each<'e> = dyn FnMut(&Record<'_>) -> Result<()> + 'e;

/// What an answer gave.
#[derive(Default)]
struct Gave {
    /// Partitions whose logs begin or end elsewhere by now.
    out_of_range: Vec<usize>,
    /// Why it did not give all that was asked for.
    cause: Option<Error>,
}

impl Follower {
    /// Asks all leaders at once, for records before `until` or for the ends only. Returns why that has to be tried again,
    /// if it has to.
    pub(super) fn round(
        &mut self,
        until: Option<&[i64]>,
        losses: &mut Vec<Loss>,
        each: &mut Each<'_>,
    ) -> Result<Option<Error>> {
        if self.resolved.is_none()
            && let Err(cause) = self.resolve(losses)
        {
            return Ok(Some(cause));
        }
        let (asked, mut cause) = self.ask(until);
        let mut out_of_range = Vec::new();
        for address in asked {
            match self.receive(&address, until, losses, each) {
                Ok(gave) => {
                    out_of_range.extend(gave.out_of_range);
                    cause = cause.or(gave.cause);
                }
                Err(error) => {
                    // The answers of the others would be taken for those to the next questions.
                    self.cluster.disconnect_all();
                    return Err(error);
                }
            }
        }
        if !out_of_range.is_empty() {
            let again = self.catch_up(&out_of_range, losses).err();
            cause = again.or_else(|| Some(Error::msg("the start or end of a log has moved")));
        }
        Ok(cause)
    }

    /// Sends the questions. Returns to whom, and why not to all that were to be asked.
    fn ask(&mut self, until: Option<&[i64]>) -> (Vec<Address>, Option<Error>) {
        let mut wanted = until.map_or_else(|| (0..self.partitions.len()).collect(), |until| self.behind(until));
        // An answer may be full before the last partition's turn: that one is the first next time.
        let turn = self.turn.checked_rem(wanted.len()).unwrap_or(0);
        wanted.rotate_right(turn);
        self.turn = self.turn.wrapping_add(1);
        let limits = if until.is_some() { RECORDS } else { NO_RECORDS };
        let (led, mut cause) = self.cluster.led(&wanted);
        let mut asked = Vec::new();
        for (address, partitions) in led {
            let from = |&partition: &usize| {
                let known = &self.partitions[partition];
                // Behind its end a partition has least to give, and its beginning is told with that as well.
                (partition, if until.is_some() { known.position } else { known.end })
            };
            let from: Vec<_> = partitions.iter().map(from).collect();
            let request = |number| fetch::request(number, &self.topic, &from, self.isolation, limits);
            match self.cluster.connection(&address).and_then(|connection| connection.send(request)) {
                Ok(()) => asked.push(address),
                Err(error) => {
                    self.cluster.disconnect(&address);
                    cause = Some(error);
                }
            }
        }
        (asked, cause)
    }

    /// Takes a leader's answer. An error is one that asking again does not mend.
    fn receive(
        &mut self,
        address: &Address,
        until: Option<&[i64]>,
        losses: &mut Vec<Loss>,
        each: &mut Each<'_>,
    ) -> Result<Gave> {
        let mut gave = Gave::default();
        let answer = self.cluster.connection(address).and_then(|connection| {
            let (error, parts) = fetch::answer(connection.receive()?)?;
            ensure!(error == 0, "{address} answers: {}", failure::name(error));
            Ok(parts)
        });
        let parts = match answer {
            Ok(parts) => parts,
            Err(error) => {
                self.cluster.disconnect(address);
                gave.cause = Some(error);
                return Ok(gave);
            }
        };
        for part in parts {
            let Some(known) = self.partitions.get_mut(part.partition) else { continue };
            let number = part.partition;
            match (part.error, failure::of(part.error)) {
                (0, _) => {
                    known.update(&part);
                    if let Some(until) = until.and_then(|until| until.get(number)) {
                        read(&self.topic, part, known, *until, self.isolation, &mut self.unpacker, each)?;
                    }
                    losses.extend(known.unread(number));
                    if known.position > known.end {
                        gave.out_of_range.push(number);
                    }
                }
                (_, Failure::OutOfRange) => gave.out_of_range.push(number),
                (code, Failure::Final) => bail!("{}-{number}: {address} answers: {}", self.topic, failure::name(code)),
                (code, Failure::Moved | Failure::Early) => {
                    let name = failure::name(code);
                    gave.cause = Some(Error::msg(format!("{}-{number}: {address} answers: {name}", self.topic)));
                }
            }
        }
        Ok(gave)
    }

    /// Finds out who leads, and whether the topic is the one that it was.
    fn resolve(&mut self, losses: &mut Vec<Loss>) -> Result<()> {
        let topic = self.cluster.resolve()?;
        let (before, now) = (self.partitions.len(), topic.leaders.len());
        ensure!(now > 0, "topic '{}' has no partitions yet", self.topic);
        let other = now < before || self.id.zip(topic.id).is_some_and(|(known, found)| known != found);
        let kept = if other { 0 } else { before };
        if other || now > before {
            losses.extend((kept..before.max(now)).map(|partition| Loss::Anew { partition }));
            self.partitions.truncate(kept);
            self.partitions.resize(now, Partition::default());
        }
        self.id = topic.id.or(self.id);
        self.resolved = Some(Instant::now());
        Ok(())
    }

    /// Goes on in partitions whose position or end is not there any more.
    fn catch_up(&mut self, partitions: &[usize], losses: &mut Vec<Loss>) -> Result<()> {
        let before = losses.len();
        self.resolve(losses)?;
        if losses.len() > before {
            return Ok(());
        }
        let ends = self.admin.ends(&self.topic)?;
        for &number in partitions {
            let known = self.partitions.get_mut(number).context("a partition less")?;
            let ends = ends.get(number).context("a partition less")?;
            *known = Partition { start: ends.start, end: ends.end, stable: known.stable.min(ends.end), ..*known };
            losses.extend(known.unread(number));
            if known.position > known.end {
                known.position = known.start;
                known.missing = 0;
                losses.push(Loss::Anew { partition: number });
            }
        }
        Ok(())
    }
}

impl Partition {
    fn update(&mut self, part: &Part<'_>) {
        self.start = part.start.max(0);
        self.end = part.end;
        self.stable = if part.stable < 0 { part.end } else { part.stable };
    }

    /// Goes on where the log begins, if that is behind the position.
    fn unread(&mut self, partition: usize) -> Option<Loss> {
        let offsets = self.position..self.start;
        if !offsets.is_empty() {
            (self.position, self.missing) = (self.start, 0);
        }
        (!offsets.is_empty()).then_some(Loss::Unread { partition, offsets })
    }
}

/// Gives the records of an answer to `each`.
fn read(
    topic: &str,
    part: Part<'_>,
    known: &mut Partition,
    until: i64,
    isolation: Isolation,
    unpacker: &mut Unpacker,
    each: &mut Each<'_>,
) -> Result<()> {
    let partition = i32::try_from(part.partition)?;
    let mut span = Span { offsets: known.position..until.min(known.visible(isolation)), missing: known.missing };
    let mut refused = false;
    let read = walk(part.log, &mut span, &mut Transactions::new(part.aborted), unpacker, |record| {
        each(&Record { partition, ..record }).inspect_err(|_| refused = true)
    });
    known.position = known.position.max(span.offsets.start);
    known.missing = span.missing;
    match read {
        Err(error) if !refused => Err(error.context(format!("read {topic}-{partition} @ {}", known.position))),
        read => read,
    }
}
