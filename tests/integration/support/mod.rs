//! Runs the binary, and brings stacks up that are gone when the test is over, passed or not.

use std::ffi::OsStr;
use std::io::Read as _;
use std::process::{Child, Command, Output, Stdio};

pub mod flink;
pub mod kafka;
pub mod markdown;
pub mod run;
pub mod schema;
pub mod situation;
pub mod stack;
pub mod topic;
pub mod wait;
pub mod world;

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

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// The call, for a test that wants to spawn it.
    pub fn command(self) -> Command {
        self.command
    }

    pub fn run(mut self) -> Answer {
        let output = self.command.output().expect("run the binary");
        Answer::of(self.line, output)
    }

    /// Starts it, for a test that does something meanwhile.
    pub fn start(mut self) -> Started {
        let command = self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Started { child: Some(command.spawn().expect("run the binary")), line: self.line, said: String::new() }
    }
}

/// A call that is under way. Killed when it goes out of scope before its end.
pub struct Started {
    child: Option<Child>,
    line: String,
    said: String,
}

impl Started {
    /// Waits until it has written a line with this to standard error.
    #[track_caller]
    pub fn says(&mut self, text: &str) {
        let child = self.child.as_mut().expect("under way");
        let progress = child.stderr.as_mut().expect("its progress");
        let mut line = Vec::new();
        loop {
            let mut byte = [0];
            let read = progress.read(&mut byte).expect("read its progress");
            assert!(read > 0, "{} ended without saying '{text}':\n{}", self.line, self.said);
            line.push(byte[0]);
            if byte[0] == b'\n' {
                let told = String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned();
                self.said.push_str(&told);
                if told.contains(text) {
                    return;
                }
            }
        }
    }

    /// Waits for its end.
    pub fn end(mut self) -> Answer {
        let output = self.child.take().expect("under way").wait_with_output().expect("its end");
        let mut answer = Answer::of(std::mem::take(&mut self.line), output);
        answer.stderr.insert_str(0, &self.said);
        answer
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Ended already is as good.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Answer {
    fn of(line: String, Output { status, stdout, stderr }: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { line, code: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }

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
