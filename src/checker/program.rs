//! Runs a program: no shell, in its folder, with a time limit, and with nothing of it left behind.

use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Child;
use tokio::time::timeout;

use super::document;
use crate::failure::Failure;
use crate::history::answer::Answer;
use crate::oracle::command::Command;
use crate::workload::model::Workload;

/// How long an answer may be, in bytes: a job that is wrong all along leads to many counterexamples.
const MOST: usize = 16 << 20;
/// How much of what a program says on its standard error is quoted, in characters.
const QUOTED: usize = 300;
/// How long its output may stay open after it has ended.
const CLOSING: Duration = Duration::from_secs(2);

/// Where the program of a command is.
///
/// # Errors
/// That it is not there, or cannot be run, and what to do.
pub fn find(command: &Command) -> Result<PathBuf, String> {
    let name = command.program.first().map_or("", String::as_str);
    if name.contains('/') {
        let folder = Path::new(command.folder.as_deref().unwrap_or("."));
        let path = folder.join(name.strip_prefix("./").unwrap_or(name));
        return match std::fs::metadata(&path) {
            Err(error) => Err(format!("{}: {error}", path.display())),
            Ok(about) if !about.is_file() => Err(format!("{} is not a file", path.display())),
            Ok(about) if about.permissions().mode() & 0o111 == 0 => {
                Err(format!("{0} is not executable\n  chmod +x {0} makes it so", path.display()))
            }
            Ok(_) => Ok(path),
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_program = |path: &PathBuf| {
        std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    let mut found = std::env::split_paths(&folders).map(|folder| folder.join(name));
    found.find(is_program).ok_or_else(|| format!("there is no program {name} in PATH; one beside the file is ./{name}"))
}

/// Refuses a workload whose program cannot be run, before anything is started.
///
/// # Errors
/// [`Failure::Usage`], with what to do.
pub fn must_be_there(workload: &Workload) -> Result<(), Failure> {
    let Some(command) = workload.oracle.command() else { return Ok(()) };
    let about = |error: String| Failure::Usage(format!("workload {}: oracle.command: {error}", workload.name));
    find(command).map(drop).map_err(about)
}

/// Runs the program with these records as its standard input, and returns its answer.
pub(super) async fn run(command: &Command, records: &Path) -> Answer {
    match answered(command, records).await {
        Ok(printed) => document::answer(command.title(), &printed),
        Err(problem) => Answer::none(command.title(), problem),
    }
}

async fn answered(command: &Command, records: &Path) -> Result<Vec<u8>, String> {
    let mut child = start(command, records)?;
    // Kills what is left, however this ends.
    let group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    let printed = tokio::spawn(read(child.stdout.take()));
    let told = tokio::spawn(read(child.stderr.take()));
    let ended = timeout(Duration::from_secs(command.timeout_s), child.wait()).await;
    drop(group);
    let told = timeout(CLOSING, told).await.ok().and_then(Result::ok).unwrap_or_default();
    let quoted = quoted(&told);
    let status = match ended {
        Err(_) => return Err(format!("was killed after {} s without an answer{quoted}", command.timeout_s)),
        Ok(Err(error)) => return Err(format!("was not waited for: {error}")),
        Ok(Ok(status)) => status,
    };
    if !status.success() {
        return Err(format!("{}{quoted}", how(status)));
    }
    let printed = timeout(CLOSING, printed).await.ok().and_then(Result::ok);
    let printed = printed.ok_or("has ended, and a process that it left behind keeps its output open")?;
    if printed.len() > MOST { Err(format!("printed more than {} MiB", MOST >> 20)) } else { Ok(printed) }
}

fn start(command: &Command, records: &Path) -> Result<Child, String> {
    let path = find(command)?;
    let records = File::open(records).map_err(|error| format!("was not asked: {}: {error}", records.display()))?;
    let mut program = tokio::process::Command::new(path);
    program.args(&command.program[1..]).current_dir(command.folder.as_deref().unwrap_or("."));
    program.stdin(records).stdout(Stdio::piped()).stderr(Stdio::piped());
    program.process_group(0).kill_on_drop(true).spawn().map_err(|error| format!("could not be started: {error}"))
}

/// The processes that a program has started, with itself.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Where none is left there is nothing to kill.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// All that is printed, as far as it is wanted: a program that is not read any more would wait for ever.
async fn read(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let (mut all, mut part) = (Vec::new(), [0; 8192]);
    let Some(mut from) = from else { return all };
    while let Ok(read @ 1..) = from.read(&mut part).await {
        if all.len() <= MOST {
            all.extend_from_slice(&part[..read]);
        }
    }
    all
}

/// How a program ended that did not end well.
fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

/// The end of what it said on its standard error, on one line; nothing where it said nothing.
fn quoted(told: &[u8]) -> String {
    let text = String::from_utf8_lossy(told);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let skip = text.chars().count().saturating_sub(QUOTED);
    let end: String = text.chars().skip(skip).collect();
    match (end.is_empty(), skip) {
        (true, _) => String::new(),
        (false, 0) => format!("; it says: {end}"),
        (false, _) => format!("; it says: …{end}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell script as a program, in a folder of its own. The shell is what is executed: a file that was just written is busy for
    /// as long as a process that another test is starting still has it open.
    fn script(text: &str) -> (tempfile::TempDir, Command) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("judge");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(folder.path().join("records"), "{}\n{}\n").unwrap();
        let program = ["sh", "./judge", "a b"].map(str::to_owned).into();
        let command = Command { program, timeout_s: 60, folder: Some(folder.path().display().to_string()) };
        (folder, command)
    }

    async fn ask(text: &str, timeout_s: u64) -> Answer {
        let (folder, command) = script(text);
        run(&Command { timeout_s, ..command }, &folder.path().join("records")).await
    }

    async fn problem(text: &str, timeout_s: u64) -> String {
        ask(text, timeout_s).await.problem.unwrap()
    }

    #[tokio::test]
    async fn it_reads_the_records_in_its_folder_with_its_arguments() {
        let text = r#"test -f ./judge && printf '{"verdict":"pass","judged":%s,"reasons":["%s"]}' $(wc -l) "$1""#;
        let answer = ask(text, 60).await;
        assert_eq!((answer.judged, answer.reasons, answer.problem), (2, vec!["a b".to_owned()], None));
    }

    #[tokio::test]
    async fn one_that_fails_is_quoted() {
        let said = problem("echo '{\"verdict\":\"pass\",\"judged\":1}'; echo 'no such\nfield' >&2; exit 3", 60).await;
        assert_eq!(said, "exited with code 3; it says: no such field");
        assert_eq!(problem("kill -9 $$", 60).await, "was killed by signal 9");
    }

    #[tokio::test]
    async fn one_that_hangs_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("child");
        let said = problem(&format!("sleep 3600 & echo $! > {}; echo waiting >&2; wait", file.display()), 1).await;
        assert_eq!(said, "was killed after 1 s without an answer; it says: waiting");
        let child = std::fs::read_to_string(&file).unwrap();
        let gone = crate::wait::until("the child", Duration::from_secs(5), Duration::from_millis(20), async || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
            let is_gone = stat.is_empty() || stat.contains(") Z ");
            Ok(if is_gone { crate::wait::Seen::Done(()) } else { crate::wait::Seen::NotYet(stat) })
        });
        gone.await.unwrap();
    }

    #[tokio::test]
    async fn a_child_that_it_leaves_behind_does_not_keep_its_answer_back() {
        let answer = ask("sleep 3600 & echo '{\"verdict\":\"pass\",\"judged\":1}'", 60).await;
        assert_eq!((answer.judged, answer.problem), (1, None));
    }

    #[tokio::test]
    async fn one_that_prints_for_ever_is_no_answer() {
        assert_eq!(problem("head -c 30000000 /dev/zero", 60).await, "printed more than 16 MiB");
    }

    #[test]
    fn one_that_is_not_there_is_refused() {
        let (folder, command) = script("");
        let command = Command { program: vec!["./judge".to_owned()], ..command };
        assert_eq!(find(&command), Ok(folder.path().join("judge")));
        std::fs::set_permissions(folder.path().join("judge"), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(find(&command).unwrap_err().contains("chmod +x"));
        let named = |name: &str| find(&Command { program: vec![name.to_owned()], ..command.clone() });
        assert!(named("./gone").unwrap_err().ends_with("No such file or directory (os error 2)"));
        assert!(named("no-such-program").unwrap_err().contains("in PATH"));
        assert!(named("sh").is_ok());
    }
}
