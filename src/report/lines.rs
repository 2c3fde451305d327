//! What `serve` tells, and its page.

use super::number::{counted, grouped};
use super::{Paint, Render, Terminal};
use crate::workload::lines::{Progress, Summary};

/// Tells that somebody came or went.
pub fn tell(terminal: Terminal, progress: &Progress) {
    terminal.progress(&match progress {
        Progress::Waiting(seen) => format!("waiting for the broker: {seen}"),
        Progress::Listening(address) => format!("listening on {address}"),
        Progress::Connected(from) => format!("{from} connected"),
        Progress::Disconnected(why) => format!("disconnected: {why}"),
    });
}

impl Render for Summary {
    fn human(&self, paint: Paint) -> String {
        format!(
            "{} of topic '{}' sent on {}, {} not sent as nobody was connected",
            paint.bold(&counted(self.sent, "line")),
            self.topic,
            counted(self.connections, "connection"),
            grouped(self.unsent)
        )
    }
}
