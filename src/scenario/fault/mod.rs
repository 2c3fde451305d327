//! What can be broken on purpose, one file a fault: how it is done, and what undoes it.
//!
//! A mark is written to the platform before a fault is injected and removed after its undo, so that the next command
//! finds and undoes what a killed one left broken ([`heal()`]). The mark names the fault, and the fault knows its undo: a
//! fault that this version does not know is left alone.

use std::fmt;

use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize, Serializer};

use super::InstanceName;
use crate::platform::{Journal as _, Kind, Mark, Meant, NotedJob, Owner, Platform};

mod drain;
mod heal;
mod kill;
mod terminate;

pub use heal::{Healed, heal};

/// Makes the enum of all faults, and what sends each call to the fault's own file.
macro_rules! faults {
    ($($(#[$doc:meta])+ $module:ident => $name:ident),+ $(,)?) => {
        /// A way to break instances.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Fault {
            $($(#[$doc])+ $name,)+
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in scenario files and marks.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $module::NAME,)+ }
            }

            /// Breaks the targets, which was announced.
            pub async fn inject(self, platform: &Platform, targets: &[InstanceName]) -> Result<()> {
                match self { $(Self::$name => $module::inject(platform, targets).await,)+ }
            }
        }

        impl Undo {
            /// Carries it out.
            async fn carry_out(&self, platform: &Platform) -> Result<()> {
                match self.fault { $(Fault::$name => $module::undo(platform, &self.targets).await,)+ }
            }
        }

        /// As in `start taskmanager-1`.
        impl fmt::Display for Undo {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&match self.fault { $(Fault::$name => $module::undo_title(&self.targets),)+ })
            }
        }
    };
}

faults! {
    /// Their processes die at once.
    kill => Kill,
    /// Their processes are asked to end.
    terminate => Terminate,
    /// Their nodes are drained.
    drain => Drain,
}

/// Between the targets of one mark. No name of a service has it.
const BETWEEN: &str = ", ";

/// What undoes a fault: a plan prints it, and the same value is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    fault: Fault,
    targets: Vec<InstanceName>,
}

/// As text: for whoever reads a plan.
impl Serialize for Undo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Fault {
    /// The fault of a name in a mark; none that this version does not know.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    /// Why it cannot be done on a platform; none where it can.
    #[must_use]
    pub fn impossible_on(self, platform: &Meant) -> Option<&'static str> {
        match (self, platform) {
            (Self::Drain, Meant::Docker) => Some("a Docker engine has no nodes to drain; --platform kubernetes has"),
            _ => None,
        }
    }

    /// What undoes it where it was done to these.
    #[must_use]
    pub fn undo(self, targets: &[InstanceName]) -> Undo {
        Undo { fault: self, targets: targets.to_vec() }
    }

    /// Whether a mark is of this fault, done to these.
    #[must_use]
    pub fn is_of(self, mark: &Mark, targets: &[InstanceName]) -> bool {
        mark.kind == Kind::Fault && mark.what == self.name() && targets_of(mark) == targets
    }

    /// Writes a mark, which [`undo`] removes: before the targets are broken.
    pub async fn announce(self, platform: &Platform, targets: &[InstanceName], by: &str) -> Result<()> {
        let mark = mark(self, targets, by)?;
        platform.mark(&mark).await.with_context(|| format!("record the fault on {}", mark.target))
    }
}

/// The instances of a mark.
#[must_use]
pub fn targets_of(mark: &Mark) -> Vec<InstanceName> {
    mark.target.split(BETWEEN).map(str::to_owned).collect()
}

/// Undoes the fault of a mark, then forgets the mark.
///
/// # Errors
/// A fault that this version does not know; what could not be undone, with the mark still there.
pub async fn undo(platform: &Platform, mark: &Mark) -> Result<()> {
    let unknown = || anyhow!("this version of the playground does not know the fault '{}'", mark.what);
    let fault = Fault::named(&mark.what).ok_or_else(unknown)?;
    finish(platform, mark, &fault.undo(&targets_of(mark))).await
}

async fn finish(platform: &Platform, mark: &Mark, undo: &Undo) -> Result<()> {
    undo.carry_out(platform).await.with_context(|| format!("undo {} of {}", mark.what, mark.target))?;
    platform.forget(&mark.id).await.with_context(|| format!("remove the record of the fault on {}", mark.target))
}

/// What tells one mark of a process from another: a process breaks no instance twice. The platform's names have an end, and a
/// service can have a hundred instances.
fn short(targets: &[InstanceName]) -> String {
    match targets {
        [] => String::new(),
        [one] => one.clone(),
        [first, others @ ..] => format!("{first}-and-{}", others.len()),
    }
}

fn mark(fault: Fault, targets: &[InstanceName], by: &str) -> Result<Mark> {
    let owner = Owner::current().context("find out this process's identity")?;
    Ok(Mark {
        id: format!("{}-{}-{}", fault.name(), short(targets), owner.pid),
        kind: Kind::Fault,
        job: NotedJob::default(),
        what: fault.name().to_owned(),
        target: targets.join(BETWEEN),
        by: by.to_owned(),
        owner,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_one_name_in_scenario_files_plans_and_marks() {
        for fault in Fault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
            assert_eq!(Fault::named(fault.name()), Some(*fault));
        }
    }

    #[test]
    fn a_mark_keeps_what_its_undo_needs() {
        let targets = ["taskmanager-1".to_owned(), "taskmanager-2".to_owned()];
        let mark = mark(Fault::Kill, &targets, "a test").unwrap();
        assert_eq!(targets_of(&mark), targets);
        assert!(Fault::Kill.is_of(&mark, &targets) && !Fault::Kill.is_of(&mark, &targets[..1]));
        assert_eq!(Fault::Kill.undo(&targets_of(&mark)).to_string(), "start taskmanager-1, taskmanager-2");
    }

    #[test]
    fn a_mark_of_many_instances_has_a_name_that_fits_a_volume() {
        let targets: Vec<InstanceName> = (1..=128).map(|number| format!("taskmanager-{number}")).collect();
        let many = mark(Fault::Kill, &targets, "a test").unwrap();
        assert!(many.id.starts_with("kill-taskmanager-1-and-127-"), "{}", many.id);
        assert_eq!(targets_of(&many), targets);
        assert_ne!(mark(Fault::Kill, &targets[..1], "a test").unwrap().id, many.id);
    }
}
