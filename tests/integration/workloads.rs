//! Workloads on the real stack: a stranger's jar that knows nothing of the playground, and a job in SQL, each with a variant
//! that is broken on purpose, which its oracle has to find.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::markdown::root;
use crate::support::stack::Stack;
use crate::support::wait::until;

/// The stranger's jar, and a workload's file beside it: the job runs in this mode, with these arguments.
fn payments(folder: &Path, name: &str, mode: &str, arguments: &[&str]) -> String {
    let jar = folder.join("payments.jar");
    if !jar.exists() {
        let build = root().join("tests/integration/stranger/build");
        let done = Command::new(build).arg(&jar).output().expect("run the build");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let file = folder.join(format!("{name}.toml"));
    let text = PAYMENTS.replace("MODE", mode).replace("ARGUMENTS", &serde_json::to_string(arguments).expect("JSON"));
    std::fs::write(&file, text).expect("write a workload");
    file.display().to_string()
}

const PAYMENTS: &str = r#"
name = "payments"
purpose = "screens payments"
record = "payment"

[job]
name = "Payment Screening"
mode = "MODE"
jar = "./payments.jar"
arguments = ARGUMENTS
group = "payment-screening"

[input]
topic = "payments"

[input.feed]
template = '{"id":{seq},"user":{choice 100},"amount":{uniform 1 100},"ts":{event-time}}'
partitions = 4
every-ms = 10

[output]
topic = "screened-payments"
partitions = 2

[oracle.each-once]
input = "/id"
output = "/id"
"#;

/// A workload with something in it changed, in its file or its script, so that it is wrong: as a file of its own.
fn broken(stack: &Stack, workload: &str, from: &str, to: &str) -> String {
    let file = stack.folder.path().join(Path::new(workload).file_name().expect("a name"));
    let mut changed = 0;
    for kind in ["toml", "sql"] {
        let Ok(text) = std::fs::read_to_string(root().join(format!("{workload}.{kind}"))) else { continue };
        changed += text.matches(from).count();
        std::fs::write(file.with_extension(kind), text.replace(from, to)).expect("write a workload");
    }
    assert_eq!(changed, 1, "{workload}: {from}");
    file.with_extension("toml").display().to_string()
}

/// Runs a scenario that is to end so, and returns its page.
fn scenario(stack: &Stack, name: &str, workload: &str, code: i32) -> Value {
    stack.with_ports(&["scenario", name, "--workload", workload, "-o", "json"]).run().expect(code).json()
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_jar_that_knows_nothing_of_us_is_proved_and_its_broken_variant_is_found() {
    let stack = Stack::new("stranger");
    let good = payments(stack.folder.path(), "good", "session", &["--brokers", "{broker}"]);
    let run = scenario(&stack, "failover", &good, 0);
    assert_eq!((&run["verdict"], &run["ledger"]["missing"]), (&"pass".into(), &0.into()), "{run:#}");
    assert!(run["ledger"]["complete"].as_u64() > Some(1000), "{run:#}");

    // What it was submitted as is known, though it tells nothing of it; and the stack remembers its workload.
    stack.playground(&["upgrade", "--parallelism", "1"]).run().expect(0);
    stack.playground(&["stop"]).run().expect(0);
    let up = stack.up();
    assert!(up.stderr.contains("resumes from file:"), "{}", up.stderr);
    let refused = stack.with_ports(&["up", "--workload", "orders"]).run().expect(2);
    assert!(refused.stderr.contains("runs workload payments, not orders"), "{}", refused.stderr);

    // A draft from what runs is a workload as it is.
    let draft = stack.folder.path().join("draft.toml");
    let draft = draft.to_str().expect("UTF-8");
    let new = ["workload", "new", draft, "--input", "payments", "--output-topic", "screened-payments"];
    stack.playground(&new).run().expect(0);
    let drafted = stack.playground(&["workload", "check", draft, "-o", "json"]).run().expect(0).json();
    assert_eq!(drafted["job"]["name"], "Payment Screening");
    assert_eq!(drafted["job"]["group"], "payment-screening");
    assert_eq!(drafted["oracle"]["each-once"]["input"], "/id", "{drafted:#}");

    // As an application, in an image of its own.
    stack.playground(&["down", "--volumes"]).run().expect(0);
    let broken = payments(stack.folder.path(), "broken", "application", &["--brokers", "{broker}", "--broken"]);
    let run = scenario(&stack, "failover", &broken, 1);
    let lost = &run["ledger"]["counterexamples"][0];
    assert_eq!(lost["class"], "missing", "{run:#}");
    assert!(lost["identity"].as_str().is_some_and(|id| id.parse::<u64>().is_ok()), "{run:#}");
    assert!(lost["sent"][1].is_u64(), "{run:#}");

    // It goes on as what it was begun as: another jar under its name is no reason to run half of it.
    let jar = stack.folder.path().join("payments.jar");
    let mut content = std::fs::read(&jar).expect("read the jar");
    content.extend(b"rebuilt");
    std::fs::write(&jar, content).expect("write the jar");
    let refused = stack.with_ports(&["up", "--workload", &broken]).run().expect(2);
    assert!(refused.stderr.contains("the jar of workload payments is not the one"), "{}", refused.stderr);
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn orders_in_sql_are_passed_on_exactly_once_and_a_sink_that_emits_too_early_is_found() {
    let stack = Stack::new("orders");
    let run = scenario(&stack, "failover", "orders", 0);
    let ledger = &run["ledger"];
    assert_eq!((&run["verdict"], &ledger["delivery"]), (&"pass".into(), &"exactly-once".into()), "{run:#}");
    assert_eq!((&ledger["duplicate"], &ledger["unexpected"]), (&0.into(), &0.into()), "{run:#}");
    assert_eq!(stack.playground(&["verify", "-o", "json"]).run().expect(0).json()["ledger"]["words"]["unit"], "order");
    // The job is submitted without waiting for its slots, and upgraded again: it tells nothing of itself.
    let run = scenario(&stack, "upgrade", "orders", 0);
    assert_eq!(run["verdict"], "pass", "{run:#}");
    // Seen: a job that waits for slots told nothing of itself, was left as it was, and the scenario waited until its time was up.
    stack.up_with(&["--parallelism", "4"]);
    let waits = |job: &str| {
        let job = format!("/jobs/{job}");
        let waits = || (stack.flink(&job)["vertices"][0]["status"] != "RUNNING").then_some(());
        until("a job that waits for slots", 60, waits);
    };
    let job = stack.job();
    stack.playground(&["kill", "taskmanager-2"]).run().expect(0);
    waits(&job);
    stack.up_with(&["--parallelism", "2", "--taskmanagers", "1"]);
    stack.playground(&["verify"]).run().expect(0);
    // Read: under the adaptive scheduler such a job tells vertices, but neither its subtasks nor where its state is.
    stack.up_with(&["--scheduler", "adaptive"]);
    let job = stack.job();
    stack.playground(&["kill", "taskmanager"]).run().expect(0);
    waits(&job);
    stack.up_with(&["--scheduler", "adaptive", "--parallelism", "1"]);
    stack.playground(&["verify"]).run().expect(0);
    stack.playground(&["down", "--volumes"]).run().expect(0);

    // It emits before its checkpoint commits, and so again what came since the checkpoint before a failure.
    let early = broken(&stack, "src/workload/catalog/orders", "'exactly-once'", "'at-least-once'");
    let run = scenario(&stack, "failover", &early, 1);
    let twice = &run["ledger"]["counterexamples"][0];
    assert_eq!(twice["class"], "duplicate", "{run:#}");
    assert!(twice["emitted"].as_array().is_some_and(|places| places.len() > 1), "{run:#}");
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

/// A workload's file in `workloads/`.
fn file(name: &str) -> String {
    root().join("tests/integration/workloads").join(name).display().to_string()
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn sales_that_come_late_are_counted_in_windows_that_slide_and_a_watermark_that_is_too_early_is_found() {
    let stack = Stack::new("sales");
    let run = scenario(&stack, "failover", &file("sales.toml"), 0);
    let ledger = &run["ledger"];
    assert_eq!((&run["verdict"], &ledger["short"], &ledger["conflicting"]), (&"pass".into(), &0.into(), &0.into()));
    assert!(ledger["complete"].as_u64() > Some(50), "{run:#}");
    stack.playground(&["down", "--volumes"]).run().expect(0);

    // Records come up to two seconds late.
    let early = broken(&stack, "tests/integration/workloads/sales", "sold - INTERVAL '2'", "sold - INTERVAL '0.5'");
    stack.with_ports(&["up", "--workload", &early]).run().expect(0);
    let run = until("a window that lacks what came late", 60, || {
        let seen = stack.playground(&["verify", "-o", "json"]).run();
        (seen.code == 1).then(|| seen.json())
    });
    let short = &run["ledger"]["counterexamples"][0];
    assert_eq!(short["class"], "short", "{run:#}");
    let length = |place: &str| short[place].as_i64().expect("ms since the epoch");
    assert_eq!(length("window_end") - length("window_start"), 10_000, "{run:#}");
    assert!(short["key"].as_str().is_some_and(|key| key.contains(',')), "{run:#}");
    assert!(short["expected"].as_u64() > short["records"][0]["count"].as_u64(), "{run:#}");
    assert!(short["records"][0]["offset"].is_u64() && short["expected_figures"]["max"].is_f64(), "{run:#}");
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

/// The orders, judged by `judge.py` with these arguments.
fn judged_by(folder: &Path, arguments: &[&str]) -> String {
    let files = root().join("tests/integration/workloads");
    let text = std::fs::read_to_string(files.join("orders-judged.toml")).expect("the workload");
    let program: Vec<&str> = ["./judge.py"].iter().chain(arguments).copied().collect();
    let program = serde_json::to_string(&program).expect("JSON");
    let at = files.display();
    let text = text.replace("[\"./judge.py\"]", &format!("{program}\nfolder = \"{at}\""));
    let text = text.replace("../../..", &root().display().to_string());
    let text = if arguments == ["--hang"] { text.replace("timeout-s = 60", "timeout-s = 2") } else { text };
    let file = folder.join(format!("judged{}.toml", arguments.concat()));
    std::fs::write(&file, text).expect("write a workload");
    file.display().to_string()
}

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_program_of_the_users_judges_and_whatever_is_no_answer_is_unknown() {
    let stack = Stack::new("judged");
    let folder = stack.folder.path();
    let run = scenario(&stack, "failover", &judged_by(folder, &[]), 0);
    let answer = &run["ledger"]["answer"];
    assert_eq!((&run["verdict"], &answer["verdict"]), (&"pass".into(), &"pass".into()), "{run:#}");
    assert!(answer["judged"].as_u64() > Some(1000), "{run:#}");
    // It is not asked again.
    let again =
        stack.playground(&["judge", run["run"].as_str().expect("a folder"), "-o", "json"]).run().expect(0).json();
    assert_eq!((&again["as_before"], &again["ledger"]), (&true.into(), &run["ledger"]));

    let verify = |arguments: &[&str], code| {
        let file = judged_by(folder, arguments);
        stack.playground(&["verify", "--workload", &file, "-o", "json"]).run().expect(code).json()
    };
    let strict = verify(&["--strict"], 1);
    assert!(
        strict["ledger"]["counterexamples"][0]["what"].as_str().is_some_and(|what| what.contains("not in the output"))
    );
    for (mode, problem) in [("--hang", "was killed after 2 s"), ("--crash", "exited with code 1"), ("--lie", "printed")]
    {
        let found = verify(&[mode], 3);
        assert!(
            found["ledger"]["answer"]["problem"].as_str().is_some_and(|said| said.starts_with(problem)),
            "{found:#}"
        );
    }
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

/// What the whole cluster's loss takes is what each smaller one does, and more.
#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn an_application_goes_on_where_its_checkpoint_left_it_and_one_that_forgets_is_found() {
    let stack = Stack::new("events");
    let run = scenario(&stack, "cluster-loss", "event-counter", 0);
    let ledger = &run["ledger"];
    assert_eq!((&run["verdict"], &ledger["missing"]), (&"pass".into(), &0.into()), "{run:#}");
    assert!(ledger["complete"].as_u64() > Some(100), "{run:#}");
    // Nobody listened for a while, and a socket is not read again.
    assert!(ledger["records_not_resent"].as_u64() > Some(100), "{run:#}");

    let emitted = stack.playground(&["emit", "by-hand 1.5 1604280262000", "by-hand 2.0 1604280262000"]).run().expect(0);
    assert_eq!(emitted.stdout.trim(), "2 records to lines-0");
    let tail = ["tail", "output", "-n", "100000", "--no-follow"];
    until("the totals of what was emitted by hand", 30, || {
        stack.playground(&tail).run().expect(0).stdout.contains("by-hand count=2 sum=3.5").then_some(())
    });
    let refused = stack.playground(&["stop"]).run().expect(2);
    assert!(refused.stderr.contains("runs in application mode"), "{}", refused.stderr);
    stack.playground(&["down", "--volumes"]).run().expect(0);

    // It counts in a field, of which no checkpoint knows.
    let port = r#""{port}"]"#;
    let forgetful = broken(&stack, "src/workload/catalog/event-counter", port, r#""{port}", "--forgetful"]"#);
    let run = scenario(&stack, "taskmanagers-loss", &forgetful, 1);
    let lost = &run["ledger"]["counterexamples"][0];
    assert_eq!(lost["class"], "missing", "{run:#}");
    assert!(lost["key"].as_str().is_some_and(|key| key.starts_with("event-")) && lost["sent"][1].is_u64(), "{run:#}");
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}
