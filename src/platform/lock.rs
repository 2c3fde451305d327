//! Who owns a project now: the rule, for any platform that keeps notes.
//!
//! Each process notes itself under a name of its own, then looks who else has. Whoever looks after the other sees the other, so at
//! most one finds itself alone; and the note of a process that has ended can be removed without ever hitting a living one's. It stays until
//! the new owner lets go: it tells that a command was cut off, and that the platform may still be at what that one asked for.

use anyhow::{Context as _, Result};

use super::{Lock, Owner};

/// The notes of owners, where a platform keeps them.
pub(super) trait Notes {
    /// Makes a note with JSON in it; an error where there is one of the name.
    async fn put(&self, name: &str, json: String) -> Result<()>;
    /// Removes a note. One that is gone is gone.
    async fn erase(&self, name: &str) -> Result<()>;
    /// All of the project's, by their names.
    async fn list(&self) -> Result<Vec<(String, String)>>;
    /// The command that removes one by hand.
    fn removal(&self, name: &str) -> String;
    /// Ends what a command that was cut off has left under way. Called while nobody else owns the project.
    async fn settle(&self, was_cut_off: bool) -> Result<()>;
}

/// Takes the lock, or tells who has it.
pub(super) async fn take(notes: &impl Notes, name: &str, lock: &Lock) -> Result<Option<Lock>> {
    let json = serde_json::to_string(lock)?;
    notes.put(name, json).await.context("record that this command owns the project")?;
    let (ended, alive): (Vec<_>, Vec<_>) = locks(notes)
        .await?
        .into_iter()
        .filter(|(other, _)| other != name)
        .partition(|(_, lock)| lock.owner.has_ended());
    if let Some((_, other)) = alive.into_iter().next() {
        notes.erase(name).await?;
        return Ok(Some(other));
    }
    let settled = notes.settle(!ended.is_empty()).await;
    if settled.is_err() {
        notes.erase(name).await?;
    }
    settled.map(|()| None)
}

/// Lets go of it.
pub(super) async fn release(notes: &impl Notes, name: &str) -> Result<()> {
    let ended = locks(notes).await?.into_iter().filter(|(_, other)| other.owner.has_ended()).map(|(name, _)| name);
    // The own one last: until then nobody else is at work here.
    for name in ended.chain([name.to_owned()]) {
        notes.erase(&name).await?;
    }
    Ok(())
}

/// The name of an owner's note: no other process's, now or later. No volume of a compose file can have it: theirs have `_` behind the
/// project.
pub(super) fn name(project: &str, owner: &Owner) -> String {
    let boot: String = owner.boot.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!("{project}.lock.{}-{}-{boot}", owner.pid, owner.started)
}

/// Whether a command was cut off that owned the project before.
pub(super) async fn was_cut_off(notes: &impl Notes) -> Result<bool> {
    Ok(locks(notes).await?.iter().any(|(_, lock)| lock.owner.has_ended()))
}

async fn locks(notes: &impl Notes) -> Result<Vec<(String, Lock)>> {
    let lock = |(name, json): (String, String)| {
        let lock = serde_json::from_str(&json).with_context(|| {
            format!("{name} holds no lock that this version can read; {} removes it", notes.removal(&name))
        })?;
        Ok((name, lock))
    };
    notes.list().await.context("list locks")?.into_iter().map(lock).collect()
}
