//! What the engine is still stopping for a command that was killed: it looks as if it ran, until it ends a moment later. The
//! engine has no state for it, but an event: `kill`, with the signal that asks a process to end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use tokio::time::timeout;

use super::{Docker, MOMENT, Plain as _, is_missing, labels};
use crate::wait::{Seen, until};

/// How long the engine may take to begin with what a command asked for just before it was killed: one whole second, as it
/// takes times in seconds.
const LATE_S: u64 = 2;
/// How far back to look for a stop that may not be over. The engine's own patience with a process is 10 s; its memory of
/// events, 256 of them, goes back about half a minute in a stack like ours, whose health checks are events as well.
const PAST: Duration = Duration::from_secs(30);
/// How long the engine may take to tell.
const ANSWER: Duration = Duration::from_secs(5);
/// SIGTERM, and the SIGKILL that follows it.
const ENDS: [&str; 2] = ["15", "9"];

/// A container that was asked to end.
struct Asked {
    id: String,
    name: String,
    at: Timestamp,
}

impl Docker {
    /// Waits until what was asked to end by a command that was killed has ended. An engine that was started anew meanwhile has
    /// forgotten it: such a container runs on, and is what it seems to be.
    pub(super) async fn let_stops_end(&self) -> Result<()> {
        // An engine that cannot tell, or not in time, keeps no command from its work.
        let asked = timeout(ANSWER, self.asked_to_end()).await.ok().and_then(Result::ok).unwrap_or_default();
        let begun = Instant::now();
        until("what the engine is stopping", 2 * PAST, MOMENT, async || {
            for one in &asked {
                if begun.elapsed() < PAST && self.runs_since(one).await? {
                    return Ok(Seen::NotYet(one.name.clone()));
                }
            }
            Ok(Seen::Done(()))
        })
        .await
    }

    async fn asked_to_end(&self) -> Result<Vec<Asked>> {
        let info = self.api.info().await.plain()?;
        // Its own clock, which may be another machine's.
        let now: Timestamp = info.system_time.context("the engine tells no time")?.parse()?;
        let mut filters = labels::filter(labels::PROJECT, &self.project);
        filters.insert("type".to_owned(), vec!["container".to_owned()]);
        filters.insert("event".to_owned(), vec!["kill".to_owned()]);
        let since = now.as_second().saturating_sub_unsigned(PAST.as_secs()).to_string();
        let until = now.as_second().saturating_add_unsigned(LATE_S).to_string();
        let options = EventsOptionsBuilder::new().since(&since).until(&until).filters(&filters);
        let events: Vec<EventMessage> = self.api.events(Some(options.build())).try_collect().await.plain()?;
        Ok(events.into_iter().filter_map(asked).collect())
    }

    /// Whether a container has run all the time since it was asked to end.
    async fn runs_since(&self, asked: &Asked) -> Result<bool> {
        let state = match self.api.inspect_container(&asked.id, None).await {
            Ok(found) => found.state.unwrap_or_default(),
            Err(error) if is_missing(&error) => return Ok(false),
            Err(error) => return Err(error).plain().with_context(|| format!("inspect {}", asked.name)),
        };
        let started: Option<Timestamp> = state.started_at.and_then(|at| at.parse().ok());
        Ok(state.running == Some(true) && started.is_some_and(|started| started < asked.at))
    }
}

fn asked(event: EventMessage) -> Option<Asked> {
    let actor = event.actor?;
    let attributes: HashMap<String, String> = actor.attributes?;
    let is_end = attributes.get("signal").is_some_and(|signal| ENDS.contains(&signal.as_str()));
    let at = Timestamp::from_nanosecond(event.time_nano?.into()).ok()?;
    is_end.then_some(Asked { id: actor.id?, name: attributes.get("name").cloned().unwrap_or_default(), at })
}
