//! Run folders: a run can be judged again from its files, by whoever has no Docker.

use std::path::{Path, PathBuf};

use super::stack::Stack;
use super::{Answer, Call, playground};

/// The folder of a scenario's run, as its JSON names it.
pub fn folder(stack: &Stack, run: &Answer) -> PathBuf {
    stack.folder.path().join(run.json()["run"].as_str().unwrap_or_else(|| panic!("no run folder: {}", run.stdout)))
}

/// `playground judge`, where there is no Docker.
pub fn judge(folder: &Path, more: &[&str]) -> Call {
    let folder = folder.to_str().expect("UTF-8");
    playground([&["judge", folder], more].concat()).env("DOCKER_HOST", "unix:///nowhere")
}

/// Judges a run of a scenario again, which must say what the run said.
#[track_caller]
pub fn judged_again(stack: &Stack, run: &Answer) {
    let folder = folder(stack, run);
    let again = judge(&folder, &["-o", "json"]).run().expect(run.code);
    for field in ["verdict", "ledger", "recovery"] {
        assert_eq!(again.json()[field], run.json()[field], "{field} of {}\n{}", folder.display(), run.stdout);
    }
}
