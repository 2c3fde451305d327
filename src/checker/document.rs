//! The document that a program answers with.

use serde::Deserialize;

use crate::history::answer::{Answer, Said};
use crate::ledger::{Outcome, SHOWN};
use crate::workload::excerpt::excerpt;

/// How long a sentence of a program's is kept, in characters.
const LONGEST: usize = 500;

/// What it prints; see `docs/schema/oracle-answer.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    verdict: Outcome,
    judged: u64,
    #[serde(default)]
    reasons: Vec<String>,
    #[serde(default)]
    counterexamples: Vec<Said>,
}

/// The answer that a program printed.
pub(super) fn answer(program: String, printed: &[u8]) -> Answer {
    match read(printed) {
        Ok(document) => Answer {
            program,
            verdict: document.verdict,
            judged: document.judged,
            reasons: document.reasons.iter().take(SHOWN).map(|reason| short(reason)).collect(),
            counterexamples_total: document.counterexamples.len() as u64,
            counterexamples: document.counterexamples.into_iter().take(SHOWN).map(shortened).collect(),
            problem: None,
        },
        Err(problem) => Answer::none(program, problem),
    }
}

fn read(printed: &[u8]) -> Result<Document, String> {
    if printed.trim_ascii().is_empty() {
        return Err("printed nothing, where its answer is one JSON document".to_owned());
    }
    let told = |error: serde_json::Error| {
        let what = if error.is_data() { "a JSON document of another shape" } else { "what is not one JSON document" };
        format!("printed {what}: {error}: {}", excerpt(printed))
    };
    let document: Document = serde_json::from_slice(printed).map_err(told)?;
    // An array is taken for the fields in their order.
    if !printed.trim_ascii_start().starts_with(b"{") {
        return Err(format!("printed a JSON document of another shape, no object: {}", excerpt(printed)));
    }
    if document.verdict == Outcome::Pass && !document.counterexamples.is_empty() {
        return Err("says pass and names counterexamples, which cannot both be right".to_owned());
    }
    Ok(document)
}

fn shortened(Said { key, what }: Said) -> Said {
    Said { key: key.as_deref().map(short), what: short(&what) }
}

fn short(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_as_it_is() {
        let said = answer(
            "./judge.py".to_owned(),
            br#"{"verdict":"fail","judged":9,"reasons":["lost"],"counterexamples":[{"what":"gone","key":"7"},{"what":"gone"}]}"#,
        );
        assert_eq!(
            (said.verdict, said.judged, said.counterexamples_total, said.problem.clone()),
            (Outcome::Fail, 9, 2, None)
        );
        assert_eq!(said.counterexamples[0], Said { key: Some("7".into()), what: "gone".into() });
        assert_eq!(said.words().collect::<Vec<_>>(), ["./judge.py says: lost"]);
    }

    #[test]
    fn nobody_can_make_a_run_as_long_as_they_like() {
        let many =
            format!(r#"{{"verdict":"fail","judged":9,"counterexamples":[{}]}}"#, vec![r#"{"what":"x"}"#; 99].join(","));
        let said = answer(String::new(), many.as_bytes());
        assert_eq!((said.counterexamples.len(), said.counterexamples_total), (SHOWN, 99));
        assert_eq!(short(&"é".repeat(501)).chars().count(), 501);
    }

    #[test]
    fn whatever_is_no_answer_is_said() {
        let printed = [
            "",
            "all is well\n",
            r#"["pass",1,[],[]]"#,
            r#"{"verdict":"pass"}"#,
            r#"{"verdict":"ok","judged":1}"#,
            r#"{"verdict":"pass","judged":-1}"#,
            r#"{"verdict":"pass","judged":1,"why":""}"#,
            r#"{"verdict":"pass","judged":1} {}"#,
            r#"{"verdict":"pass","judged":1,"counterexamples":[{"what":"x"}]}"#,
        ];
        let problems: Vec<String> =
            printed.iter().map(|text| answer(String::new(), text.as_bytes()).problem.unwrap()).collect();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        printed nothing, where its answer is one JSON document
        printed what is not one JSON document: expected value at line 1 column 1: 'all is well\n'
        printed a JSON document of another shape, no object: '[\"pass\",1,[],[]]'
        printed a JSON document of another shape: missing field `judged` at line 1 column 18: '{\"verdict\":\"pass\"}'
        printed a JSON document of another shape: unknown variant `ok`, expected one of `pass`, `unknown`, `fail` at line 1 column 15: '{\"verdict\":\"ok\",\"judged\":1}'
        printed a JSON document of another shape: invalid value: integer `-1`, expected u64 at line 1 column 29: '{\"verdict\":\"pass\",\"judged\":-1}'
        printed a JSON document of another shape: unknown field `why`, expected one of `verdict`, `judged`, `reasons`, `counterexamples` at line 1 column 34: '{\"verdict\":\"pass\",\"judged\":1,\"why\":\"\"}'
        printed what is not one JSON document: trailing characters at line 1 column 31: '{\"verdict\":\"pass\",\"judged\":1} {}'
        says pass and names counterexamples, which cannot both be right
        "#);
    }
}
