//! The command line: help, wrong arguments, scenarios as files. No Docker.

use crate::support::playground;

#[test]
fn help_documents_every_exit_code() {
    let help = playground(["--help"]).run().expect(0).stdout;
    let codes = help.split_once("Exit codes:").expect("a section").1;
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "130 "] {
        assert!(codes.lines().any(|line| line.trim_start().starts_with(code)), "{code}: {codes}");
    }
}

#[test]
fn wrong_arguments_are_usage_errors_with_what_to_do() {
    for (args, part) in [
        (vec!["upp"], "a similar subcommand exists: 'up'"),
        (vec!["up", "--speed", "0"], "must be a number above 0"),
        (vec!["up", "--speed", "nan"], "must be a number above 0"),
        (vec!["up", "--rest-port", "99999"], "99999 is not in 0..=65535"),
        (vec!["up", "--delivery", "at-most-once"], "[possible values: at-least-once, exactly-once]"),
        (vec!["-p", "Upper", "ps"], "use lower-case letters"),
        (vec!["tail", "inputt"], "a similar value exists: 'input'"),
        (vec!["tail", "input", "-n", "5", "--from-beginning"], "cannot be used with"),
        (vec!["generate", "--rate", "1", "--speed", "2"], "cannot be used with"),
        (vec!["generate", "--template", "{sqe}"], "did you mean 'seq'?"),
        (vec!["generate", "--template", "{choice 7}"], "add one of them"),
        (vec!["generate", "--partitions", "129"], "129 is not in 1..=128"),
        (vec!["generate", "--every", "0"], "0 is not in 1..="),
        (vec!["generate", "--also", "output"], "as in output:1"),
        (vec!["generate", "--clicks", "7"], "unexpected argument '--clicks'"),
        (vec!["backpressure", "job", "another"], "unexpected argument 'another'"),
        (vec!["upgrade", "--parallelism", "0"], "0 is not in 1..=128"),
        (vec!["upgrade", "--parallelism", "-1"], "unexpected argument '-1'"),
        (vec!["rescale", "--parallelism", "129"], "129 is not in 1..=128"),
        (vec!["scale", "kafka=2"], "kafka cannot be scaled, only taskmanager can"),
        (vec!["scale", "taskmanager=many"], "'many' is not a number from 1 to 16"),
        (vec!["up", "--parallelism", "5", "--taskmanagers", "2"], "--taskmanagers 3 is enough"),
        (vec!["stop", "--via", "telnet"], "[possible values: rest, cli]"),
        (vec!["scenario"], "NAME"),
        (vec!["verify", "--windows", "0"], "1..=100000"),
        (vec!["verify", "--windows", "100001"], "1..=100000"),
        // Six times this is 2 in 64 bits, and the second is the most there is.
        (vec!["verify", "--windows", "3074457345618258603"], "1..=100000"),
        (vec!["verify", "--windows", "18446744073709551615"], "--windows"),
        // With what keeps a binary that takes them from doing anything.
        (vec!["up", "--speed", "1e9", "--file", "/nowhere.yaml"], "1000"),
        (vec!["generate", "--speed", "1000.5", "--bootstrap-server", "127.0.0.1:1", "--timeout", "1"], "1000"),
        (vec!["scenario", "failover", "--speed", "1e9", "--dry-run"], "1000"),
        (vec!["verify", "--past", "--windows", "2"], "cannot be used with"),
        (vec!["verify", "--past", "--follow"], "cannot be used with"),
    ] {
        let answer = playground(&args).run().expect(2);
        assert!(answer.stderr.contains(part), "{args:?}: {}", answer.stderr);
        assert_eq!(answer.stdout, "");
    }
}

#[test]
fn a_misspelt_scenario_is_answered_with_the_right_one() {
    let answer = playground(["scenario", "failvoer"]).run().expect(2);
    assert_eq!(
        answer.stderr,
        "error: no scenario 'failvoer'; did you mean 'failover'?\n  playground scenario list shows all of them\n"
    );
}

#[test]
fn contradicting_options_are_refused_before_anything_starts() {
    let answer = playground(["up", "--no-checkpointing", "--delivery", "exactly-once"]).run().expect(2);
    assert!(answer.stderr.starts_with("error: --delivery exactly-once needs checkpoints"), "{}", answer.stderr);
}

#[test]
fn a_scenario_file_that_makes_no_sense_is_refused_with_its_step() {
    let folder = tempfile::tempdir().expect("make a folder");
    let step = "[[steps]]\nfault = \"kill\"\nreason = \"x\"\n";
    std::fs::write(folder.path().join("own.toml"), format!("name = \"own\"\npurpose = \"y\"\n{step}")).expect("write");
    let answer = playground(["scenario", "own.toml"]).dir(folder.path()).run().expect(2);
    assert_eq!(answer.stderr, "error: scenario own.toml, step 1: 'fault' needs 'on', what to break\n");
}

#[test]
fn a_fault_on_what_the_stack_does_not_have_is_refused_while_planning() {
    let folder = tempfile::tempdir().expect("make a folder");
    let judged = "[[steps]]\nawait = \"judged\"\nreason = \"x\"\n";
    let step = "[[steps]]\nfault = \"kill\"\non = \"taskmanager-2\"\nreason = \"x\"\n";
    let file = format!("name = \"own\"\npurpose = \"y\"\n{step}{judged}");
    std::fs::write(folder.path().join("own.toml"), file).expect("write");
    let plan =
        |more: &[&str]| playground([&["scenario", "own.toml", "--dry-run"], more].concat()).dir(folder.path()).run();
    let refused = plan(&[]).expect(2).stderr;
    let told = "error: scenario own, step 1: the stack has no service or instance 'taskmanager-2' then; did you mean 'taskmanager-1'?";
    assert!(refused.starts_with(told), "{refused}");
    let there = plan(&["--taskmanagers", "2"]).expect(0).stdout;
    assert!(there.contains("kill taskmanager-2"), "{there}");
}

#[test]
fn a_jar_of_a_scenario_is_a_file_where_there_is_one() {
    let folder = tempfile::tempdir().expect("make a folder");
    let judged = "[[steps]]\nawait = \"judged\"\nreason = \"x\"\n";
    let step = "[[steps]]\noperation = \"upgrade\"\njar = \"own.jar\"\nreason = \"x\"\n";
    let file = format!("name = \"own\"\npurpose = \"y\"\n{step}{judged}");
    std::fs::write(folder.path().join("own.toml"), file).expect("write");
    let plan = || playground(["scenario", "own.toml", "--dry-run"]).dir(folder.path()).run().expect(0).stdout;
    assert!(!plan().contains("POST /jars/upload"), "{}", plan());
    std::fs::write(folder.path().join("own.jar"), "PK").expect("write");
    assert!(plan().contains("POST /jars/upload"), "{}", plan());
}

#[test]
fn a_plan_shows_what_is_sent_if_the_new_job_does_not_come_up() {
    let plan =
        |more: &[&str]| playground([&["scenario", "upgrade-rollback", "--dry-run"], more].concat()).run().expect(0);
    let page = plan(&[]).stdout;
    let back = page.split_once("if the new job does not come up:").expect("a roll-back").1;
    assert!(back.contains(r#""jobId":":old-job""#), "{page}");
    let steps = plan(&["-o", "json"]).json()["steps"].take();
    let upgrade = steps.as_array().into_iter().flatten().find(|step| step["requests"].is_array()).expect("an upgrade");
    assert!(upgrade["roll_back"].to_string().contains(":old-job"), "{upgrade:#}");
    assert!(!upgrade["requests"].to_string().contains(":old-job"), "{upgrade:#}");
}

#[test]
fn a_line_to_run_again_means_the_same_project_in_any_shell() {
    let again = |args: &[&str], variable: Option<&str>| {
        let call = playground([args, &["scenario", "failover", "--dry-run", "-o", "json"]].concat());
        let call = variable.into_iter().fold(call, |call, project| call.env("PLAYGROUND_PROJECT", project));
        call.run().expect(0).json()["again"].as_str().expect("a line").to_owned()
    };
    assert_eq!(again(&[], None), "playground scenario failover");
    assert_eq!(again(&["-p", "b"], None), "playground -p b scenario failover");
    assert_eq!(again(&[], Some("b")), "playground -p b scenario failover");
    assert_eq!(again(&["-p", "playground"], Some("b")), "playground -p playground scenario failover");
}

#[test]
fn what_to_do_next_means_the_same_project_in_any_shell() {
    let folder = tempfile::tempdir().expect("make a folder");
    let platform = folder.path().to_str().expect("UTF-8");
    let down = || playground(["-p", "playground", "ps"]).env("PLAYGROUND_FAKE_PLATFORM", platform);
    let page = down().run().expect(0).stdout;
    assert!(page.contains("playground up"), "{page}");
    let page = down().env("PLAYGROUND_PROJECT", "b").run().expect(0).stdout;
    assert!(page.contains("playground -p playground up"), "{page}");
}

#[test]
fn a_shown_scenario_is_a_file_that_plans_the_same() {
    let folder = tempfile::tempdir().expect("make a folder");
    let shown = playground(["scenario", "show", "failover"]).run().expect(0).stdout;
    std::fs::write(folder.path().join("own.toml"), shown).expect("write");
    let plan = |name| playground(["scenario", name, "--dry-run"]).dir(folder.path()).run().expect(0).stdout;
    assert_eq!(plan("own.toml"), plan("failover"));
}

#[test]
fn a_plan_shows_each_fault_with_its_undo() {
    let plan = playground(["scenario", "failover", "--dry-run", "-o", "json"]).run().expect(0).json();
    let steps = plan["steps"].as_array().expect("steps");
    let faults: Vec<_> = steps.iter().filter(|step| !step["action"]["inject"].is_null()).collect();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0]["undo"], "start taskmanager-1");
}

#[test]
fn a_scenario_tells_what_its_operations_send() {
    let plan = playground(["scenario", "upgrade", "--dry-run"]).run().expect(0).stdout;
    assert!(plan.contains("POST /jobs/:job/stop {"), "{plan}");
    assert!(plan.contains(r#""jobId":":new-job""#), "{plan}");
}

#[test]
fn scenarios_are_listed_with_their_purpose() {
    let list = playground(["scenario", "list", "-o", "json"]).run().expect(0).json();
    let entry = list["scenarios"].as_array().expect("a list").iter().find(|entry| entry["name"] == "failover");
    assert_eq!(
        entry.expect("failover")["purpose"],
        "a TaskManager dies and comes back; nothing is lost, nothing counted twice"
    );
}

#[test]
fn results_are_plain_text_when_nobody_looks() {
    let answer = playground(["scenario", "list"]).run().expect(0);
    assert!(!answer.stdout.contains('\x1b'));
}

#[test]
fn what_the_terminal_would_obey_is_shown() {
    let folder = tempfile::tempdir().expect("make a folder");
    let platform = folder.path().to_str().expect("UTF-8");
    let instance = r#"{"service": "a\u001b]0;owned\u0007", "number": 1, "id": "", "state": "running", "health": null,
        "exit_code": null, "ports": [], "connected": true}"#;
    let world = format!(
        r#"{{"made": [{{"instance": {instance}, "hash": "", "one_shot": false}}], "marks": [], "network": true, "volumes": []}}"#
    );
    std::fs::write(folder.path().join("p.json"), world).expect("write");
    let run = |args: &[&str]| playground([&["-p", "p"], args].concat()).env("PLAYGROUND_FAKE_PLATFORM", platform).run();
    for args in [&["ps"][..], &["logs"]] {
        let page = run(args).expect(0).stdout;
        assert!(page.contains(r"a\u{1b}]0;owned\u{7}-1") && !page.contains(['\x1b', '\x07']), "{args:?}: {page:?}");
    }
    let error = run(&["kill", "b\u{9b}2J\r"]).stderr;
    assert!(error.contains(r"b\u{9b}2J\r") && !error.contains(['\u{9b}', '\r']), "{error:?}");
}

#[test]
fn a_program_that_is_not_there_is_refused_before_anything_is_started() {
    let folder = tempfile::tempdir().expect("make a folder");
    let file = folder.path().join("judged.toml");
    let shown = playground(["workload", "show", "click-count"]).run().expect(0).stdout;
    let (job, _) = shown.split_once("[oracle").expect("an oracle");
    let text = format!("{job}[oracle.command]\nprogram = [\"./judge.py\"]\n").replace("click-count", "judged");
    std::fs::write(&file, text).expect("write a workload");
    let file = file.to_str().expect("UTF-8");
    let commands = [
        vec!["workload", "check", file],
        vec!["scenario", "failover", "--workload", file, "--dry-run"],
        vec!["verify", "--workload", file],
        vec!["verify", "--workload", file, "--bootstrap-server", "127.0.0.1:1"],
    ];
    for command in commands {
        let refused = playground(command.iter().copied()).run().expect(2).stderr;
        let told = refused.replace(&folder.path().display().to_string(), "FOLDER");
        let what = "error: workload judged: oracle.command: FOLDER/judge.py: No such file or directory (os error 2)";
        assert_eq!(told.trim_end(), what, "{command:?}");
    }
}

#[test]
fn a_workload_that_does_not_fit_is_refused_while_planning() {
    let refused = |args: &[&str]| {
        let answer = playground(args.iter().copied()).run().expect(2);
        answer.stderr.trim_end().to_owned()
    };
    let planned = |scenario: &str| refused(&["scenario", scenario, "--workload", "orders", "--dry-run"]);
    let told = [
        planned("no-event-time"),
        planned("no-checkpointing"),
        planned("upgrade-jar"),
        refused(&["scenario", "failover", "--workload", "order", "--dry-run"]),
        refused(&["workload", "check", "./nowhere.toml"]),
        refused(&["verify", "--workload", "orders", "--windows", "3"]),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    error: scenario no-event-time: it needs a workload with windows; orders is judged by each-once
    error: scenario no-checkpointing: --no-checkpointing: the job of workload orders does not take it
      job.options in its file lists what its main() takes
    error: scenario upgrade-jar: it runs with workload click-count, not with orders: it names that one's jars or arguments
    error: no workload 'order'; did you mean 'orders'?
      playground workload list shows all of them; a file of your own is given by its path
    error: ./nowhere.toml: No such file or directory (os error 2)
      A workload is a name or a TOML file; playground workload new writes one
    error: --windows: workload orders has no windows; it is judged by each-once
      Leave it out, or use --follow
    ");
}
