//! A run's folder, judged again where there is no Docker: as it is, cut off, and edited.

use std::path::Path;

use crate::support::Answer;
use crate::support::run::judge;

/// A run that passed is judged the same again, and no other text of it is.
pub fn cannot_be_fooled(folder: &Path) {
    assert!(judge(folder, &[]).run().expect(0).stdout.contains("PASS"));
    cut_off(folder);
    edited(folder);
    verdict_edited(folder);
    judge(&folder.join("nowhere"), &[]).run().expect(2);
}

/// A copy of a run with another text of one of its files, judged.
fn with(folder: &Path, file: &str, text: &str) -> Answer {
    let copy = tempfile::tempdir().expect("make a folder");
    for file in ["plan.json", "events.jsonl", "verdict.json"] {
        std::fs::copy(folder.join(file), copy.path().join(file)).expect("copy a file of the run");
    }
    std::fs::write(copy.path().join(file), text).expect("write");
    judge(copy.path(), &[]).run()
}

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).expect("a file of the run")
}

/// Whatever comes after the cut could have been anything.
fn cut_off(folder: &Path) {
    let text = read(folder, "events.jsonl");
    let lines: Vec<usize> = text.match_indices('\n').map(|(end, _)| end + 1).collect();
    let last = lines.len() - 1;
    for end in [0, lines[0], lines[last / 3], lines[last / 2], lines[last - 1], text.len() - 20, text.len() - 2] {
        let answer = with(folder, "events.jsonl", &text[..end]);
        assert_eq!(answer.code, 3, "cut at {end} of {}: {}{}", text.len(), answer.stdout, answer.stderr);
    }
}

/// One digit of one event is another one, or an event is gone.
fn edited(folder: &Path) {
    let text = read(folder, "events.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    for number in [1, lines.len() / 2, lines.len()] {
        let other = another(lines[number - 1]);
        let mut edited = lines.clone();
        edited[number - 1] = &other;
        let answer = with(folder, "events.jsonl", &(edited.join("\n") + "\n")).expect(3);
        let said = format!("{}{}", answer.stdout, answer.stderr);
        let words = said.split(|letter: char| !letter.is_ascii_alphanumeric()).collect::<Vec<_>>();
        assert!(words.windows(2).any(|pair| pair == ["line", &number.to_string()]), "line {number}: {said}");
    }
    let without = [&lines[..2], &lines[3..]].concat();
    with(folder, "events.jsonl", &(without.join("\n") + "\n")).expect(3);
}

/// The same line but for its first digit.
fn another(line: &str) -> String {
    let place = line.find(|letter: char| letter.is_ascii_digit()).expect("every event has a time");
    let other = if &line[place..=place] == "1" { "2" } else { "1" };
    format!("{}{other}{}", &line[..place], &line[place + 1..])
}

/// The verdict that is written down is not the one that the events give.
fn verdict_edited(folder: &Path) {
    let text = read(folder, "verdict.json");
    let edited = text.replacen("\"pass\"", "\"fail\"", 1);
    assert_ne!(text, edited, "a verdict that passed");
    let answer = with(folder, "verdict.json", &edited).expect(3);
    assert!(format!("{}{}", answer.stdout, answer.stderr).contains("verdict.json"), "{}", answer.stdout);
}
