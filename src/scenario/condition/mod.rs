//! What a scenario can wait for, one file a condition: its name, its parameters, and its question to the [`Fold`] of what
//! was seen so far. Pure.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::fold::Fold;

mod back_pressured;
mod backlog;
mod caught_up;
mod detected;
mod emitted;
mod in_transaction;
mod judged;
mod kept_running;
mod registered;
mod relieved;
mod restored;
mod running;
mod steady_state;
mod taken_over;
mod waiting_for_slots;

pub use emitted::Emitted;
pub use judged::Judged;

/// What a condition says of what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It holds; the text says what was seen.
    Holds(String),
    /// It does not yet; the text says what was seen instead.
    NotYet(String),
    /// It cannot hold any more; the text says why.
    Never(String),
}

/// Something that a step can wait for. Its fields are the parameters in a scenario file.
trait Condition {
    /// The name in scenario files.
    const NAME: &'static str;
    /// What it is called when it was seen.
    const TITLE: &'static str;

    /// Whether it holds.
    fn ask(&self, fold: &Fold) -> Answer;
}

/// Makes the enum of all conditions, and what asks each of them the same.
macro_rules! conditions {
    ($($module:ident::$name:ident),+ $(,)?) => {
        /// What a step waits for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Await {
            $(
                #[doc = concat!("See `", stringify!($module), "`.")]
                $name($module::$name),
            )+
        }

        impl Await {
            /// The names in scenario files.
            pub const NAMES: &'static [&'static str] = &[$(<$module::$name as Condition>::NAME),+];

            /// The condition of a name, with its parameters.
            ///
            /// # Errors
            /// What is wrong with them, in one sentence.
            pub fn parse(name: &str, parameters: Table) -> Result<Self> {
                $(
                    if name == <$module::$name as Condition>::NAME {
                        return Ok(Self::$name(super::parse::typed(name, parameters)?));
                    }
                )+
                bail!("no condition '{name}'; the conditions are {}", Self::NAMES.join(", "))
            }

            /// What it is called when it was seen.
            #[must_use]
            pub fn title(&self) -> &'static str {
                match self { $(Self::$name(_) => <$module::$name as Condition>::TITLE,)+ }
            }

            /// Asks whether it was seen.
            #[must_use]
            pub fn ask(&self, fold: &Fold) -> Answer {
                match self { $(Self::$name(condition) => condition.ask(fold),)+ }
            }
        }
    };
}

conditions! {
    steady_state::SteadyState,
    detected::Detected,
    backlog::Backlog,
    taken_over::TakenOver,
    registered::Registered,
    restored::Restored,
    running::Running,
    kept_running::KeptRunning,
    waiting_for_slots::WaitingForSlots,
    emitted::Emitted,
    in_transaction::InTransaction,
    back_pressured::BackPressured,
    relieved::Relieved,
    caught_up::CaughtUp,
    judged::Judged,
}

fn either(holds: bool, text: String) -> Answer {
    if holds { Answer::Holds(text) } else { Answer::NotYet(text) }
}

/// As in `0.8 s`, from ms.
fn seconds(ms: i64) -> String {
    // One digit after the point says what a person wants to know of an age.
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod testing {
    //! What the tests of conditions have in common.

    use super::{Answer, Condition};
    use crate::fold::Fold;
    use crate::history::seen::{JobSeen, Place, Read};
    use crate::history::{Event, Head, Holds, Scope, What};
    use crate::settings::JobVariant;

    pub(super) fn answer(condition: &impl Condition, events: impl IntoIterator<Item = What>) -> Answer {
        let events: Vec<Event> = (0..).zip(events).map(|(at, what)| Event { at, what }).collect();
        condition.ask(&Fold::of(&events))
    }

    pub(super) fn holds(condition: &impl Condition, events: impl IntoIterator<Item = What>) -> bool {
        matches!(answer(condition, events), Answer::Holds(_))
    }

    pub(super) fn began(job: JobVariant) -> What {
        let (scenario, purpose, project, plan) = Default::default();
        let (holds, scope) = (Holds::Exact, Scope::Plan);
        What::Began(Head {
            scenario,
            purpose,
            project,
            speed: 1.0,
            workload: Box::new(crate::workload::catalog::usual().unwrap()),
            job,
            holds,
            scope,
            steps: 0,
            began: 0,
            plan,
        })
    }

    pub(super) fn job(state: &str, running: u32) -> What {
        What::Job(JobSeen { running, subtasks: 4, parallelism: 2, ..JobSeen::absent(state) })
    }

    pub(super) fn kill() -> What {
        What::Fault { fault: "kill".into(), target: "taskmanager-1".into() }
    }

    pub(super) fn slots(slots: u32) -> What {
        What::Cluster { taskmanagers: slots.div_ceil(2), slots }
    }

    pub(super) fn lag(records: i64) -> What {
        let place = |end| Place { start: 0, read: end, end };
        What::Read(Read { committed: vec![Some(0); 2], input: vec![place(records), place(0)], output: vec![place(0)] })
    }
}
