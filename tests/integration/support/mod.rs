//! Runs the binary, and brings stacks up that are gone when the test is over, passed or not.

use std::ffi::OsStr;
use std::process::{Command, Output};

pub mod stack;
pub mod topic;

/// A call of the binary, and what it must answer. Exact, so that a change of any message is seen.
pub struct Call {
    command: Command,
    line: String,
}

/// What a call answered.
pub struct Answer {
    line: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// `playground` with arguments, in an environment that no setting of the machine reaches. `PLAYGROUND_BINARY` names the
/// binary to test, for the one that users get; otherwise it is the one that was built with these tests.
pub fn playground(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Call {
    let binary = std::env::var_os("PLAYGROUND_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_playground").into());
    let mut command = Command::new(binary);
    let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
    let line = args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
    command.args(&args).env_remove("PLAYGROUND_PROJECT").env_remove("NO_COLOR");
    Call { command, line: format!("playground {line}") }
}

impl Call {
    pub fn dir(mut self, dir: &std::path::Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// The call, for a test that wants to spawn it.
    pub fn command(self) -> Command {
        self.command
    }

    pub fn run(mut self) -> Answer {
        let Output { status, stdout, stderr } = self.command.output().expect("run the binary");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Answer { line: self.line, code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }
}

impl Answer {
    /// Fails the test with all that the call wrote, when it ended with another code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        let Self { line, stdout, stderr, .. } = &self;
        assert_eq!(self.code, code, "{line}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self
    }

    /// Its one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{}: {error}\n{}", self.line, self.stdout))
    }
}
