//! Commands in the documentation: each is one, and the output of plans and lists is as shown.

use clap::Parser as _;

use crate::support::flink::FakeFlink;
use crate::support::markdown::{Page, page, pages};
use crate::support::playground;

#[test]
fn every_command_is_one() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for page in pages() {
        for command in commands(&page) {
            seen += 1;
            // Help and the version are answers of clap's own.
            if let Err(error) = playground::cli::Cli::try_parse_from(words(&command))
                && error.use_stderr()
            {
                wrong.push(format!("{}: {command}\n{error}", page.name));
            }
        }
    }
    assert!(seen > 40, "only {seen} commands: the documentation is gone");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Those in blocks of code and in the text, each without what a shell does with its output.
fn commands(page: &Page) -> Vec<String> {
    let blocks = page.blocks();
    let lines = blocks.iter().flat_map(|block| &block.lines).map(|line| line.strip_prefix("$ ").unwrap_or(line));
    let all = lines.map(str::to_owned).chain(page.code());
    all.filter(|line| line.starts_with("playground ")).map(|line| without_shell(&line)).collect()
}

fn without_shell(line: &str) -> String {
    let end = line.find(['>', '|', ';', '&']).unwrap_or(line.len());
    line[..end].trim_end().to_owned()
}

fn words(command: &str) -> Vec<String> {
    shlex::split(command).unwrap_or_else(|| panic!("a quote without its end: {command}"))
}

/// The exit codes of `--help`, of the README, and of the page on CI.
#[test]
fn every_exit_code_is_documented_everywhere() {
    let help = playground(["--help"]).run().expect(0).stdout;
    let listed = help.split_once("Exit codes:").expect("a section").1.lines();
    let codes: Vec<&str> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    for name in ["README.md", "docs/ci.md"] {
        let page = page(name);
        let cells = page.prose().filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
        let shown: Vec<&str> = cells.filter(|cell| cell.parse::<u8>().is_ok()).collect();
        assert_eq!(shown, codes, "{name}");
    }
}

/// A plan and the list of scenarios are the same on every machine; an operation's plan, on every stack that is like the one
/// that the page speaks of.
#[test]
fn shown_output_is_what_the_binary_prints() {
    let mut seen = 0;
    for page in pages() {
        for (command, shown) in sessions(&page) {
            let words = words(&command);
            let is_same_everywhere = words.iter().any(|word| word == "--dry-run") || command.ends_with("scenario list");
            if is_same_everywhere && !shown.is_empty() {
                seen += 1;
                let is_of_stack = words.iter().all(|word| word != "scenario");
                let flink = is_of_stack.then(FakeFlink::new);
                let rest: Vec<&str> = words[1..].iter().map(String::as_str).collect();
                let call = flink.as_ref().map_or_else(|| playground(&rest), |flink| flink.playground(&rest));
                let printed = call.run().expect(0).stdout;
                assert_eq!(shown.trim_end(), printed.trim_end(), "{}: {command} prints now:\n{printed}", page.name);
            }
        }
    }
    assert!(seen > 2, "only {seen} of them: the tour is gone");
}

/// Each command typed at a prompt, with what stands below it.
fn sessions(page: &Page) -> Vec<(String, String)> {
    let blocks = page.blocks().into_iter().filter(|block| block.language == "console");
    let texts = blocks.map(|block| format!("\n{}", block.lines.join("\n")));
    let split = |text: String| text.split("\n$ ").skip(1).map(str::to_owned).collect::<Vec<_>>();
    let session = |text: String| {
        let (command, shown) = text.split_once('\n').unwrap_or((&text, ""));
        (command.to_owned(), shown.to_owned())
    };
    texts.flat_map(split).map(session).collect()
}
