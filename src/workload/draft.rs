//! The draft of a workload's file, from what was seen of a running job and its two topics. Pure. What could only be guessed is
//! said in a comment, so that its user corrects it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use super::model::{Mode, Workload};

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// The job.
    pub job: Job,
    /// The consumer group that has committed offsets of the input.
    pub group: Option<String>,
    /// The topic that it reads.
    pub input: Topic,
    /// The topic that it writes.
    pub output: Topic,
}

/// A job, as far as it is known what it was submitted as.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// Its jar, where it is known.
    pub jar: Option<String>,
    /// The jars that it needs besides.
    pub libraries: Vec<String>,
    /// The class whose `main` is run, where it was named.
    pub entry_class: Option<String>,
    /// The arguments of its `main`.
    pub arguments: Vec<String>,
    /// Whether it runs in application mode.
    pub is_application: bool,
}

impl Job {
    /// The job of a workload, as its file has it.
    #[must_use]
    pub fn of(workload: &Workload) -> Self {
        let job = workload.job.clone();
        Self {
            name: job.name,
            jar: job.jar,
            libraries: job.libraries,
            entry_class: job.entry_class,
            arguments: job.arguments,
            is_application: job.mode == Mode::Application,
        }
    }
}

/// A topic, as far as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: usize,
    /// Values of some of its records.
    pub samples: Vec<String>,
}

/// A field of a topic's records, by its JSON pointer.
#[derive(Debug, Clone, PartialEq)]
struct Field {
    pointer: String,
    /// Its value in each record that has it.
    values: Vec<Value>,
    /// Whether every record has it.
    everywhere: bool,
}

impl Topic {
    /// The fields of records that are JSON objects, in the order of their pointers.
    fn fields(&self) -> Vec<Field> {
        let records: Vec<Value> = self
            .samples
            .iter()
            .filter_map(|sample| serde_json::from_str(sample).ok())
            .filter(Value::is_object)
            .collect();
        let mut fields = BTreeMap::<String, Vec<Value>>::new();
        records.iter().for_each(|record| collect(record, "", &mut fields));
        let field = |(pointer, values): (String, Vec<Value>)| {
            let everywhere = values.len() == records.len();
            Field { pointer, values, everywhere }
        };
        fields.into_iter().map(field).collect()
    }
}

fn collect(value: &Value, pointer: &str, fields: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(object) => {
            for (name, inside) in object {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(inside, &format!("{pointer}/{name}"), fields);
            }
        }
        Value::Array(_) => {}
        scalar => fields.entry(pointer.to_owned()).or_default().push(scalar.clone()),
    }
}

impl Field {
    fn texts(&self) -> BTreeSet<String> {
        self.values.iter().map(text).collect()
    }

    /// Whether no two records have the same.
    fn is_distinct(&self) -> bool {
        self.everywhere && self.values.len() > 1 && self.texts().len() == self.values.len()
    }

    fn integers(&self) -> Option<Vec<i64>> {
        self.values.iter().map(Value::as_i64).collect()
    }

    /// Whether it may be ms since the epoch, of this century.
    fn is_time(&self) -> bool {
        const CENTURY: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;
        self.integers().is_some_and(|times| !times.is_empty() && times.iter().all(|time| CENTURY.contains(time)))
    }

    fn is_whole(&self) -> bool {
        self.integers().is_some_and(|numbers| !numbers.is_empty())
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What may be right of the output.
enum Guess {
    Each { input: String, output: String },
    Window { key: (String, String), time: String, start: String, end: Option<String>, count: String, length: i64 },
    Nothing,
}

/// The text of the file.
#[must_use]
pub fn draft(seen: &Seen) -> String {
    let (input, output) = (seen.input.fields(), seen.output.fields());
    let mut file = format!(
        "# A workload: a job, its topics, and what is right of its output. docs/workloads.md says what each key means.\n\
         # playground workload check FILE reads it; playground up --workload FILE starts a stack with it.\n\n\
         name = {}\npurpose = \"what the job does, in a line\"\nrecord = \"record\"\n\n",
        quoted(&name(&seen.job.name))
    );
    file.push_str(&job(seen));
    let _ = write!(file, "\n[input]\ntopic = {}\n", quoted(&seen.input.name));
    let guess = guess(&input, &output);
    file.push_str(&feed(seen, &input, &guess));
    let _ = write!(
        file,
        "\n[output]\ntopic = {}\npartitions = {}\n\n",
        quoted(&seen.output.name),
        seen.output.partitions.max(1)
    );
    file.push_str(&oracle(&guess, seen));
    file
}

fn job(seen: &Seen) -> String {
    let mut text = format!("[job]\nname = {}\n", quoted(&seen.job.name));
    if seen.job.is_application {
        text.push_str("mode = \"application\"\n");
    }
    match &seen.job.jar {
        Some(jar) => {
            let _ = writeln!(text, "jar = {}", quoted(jar));
        }
        None => text.push_str("# The jar, relative to this file; or sql = \"script.sql\".\njar = \"./my-job.jar\"\n"),
    }
    if !seen.job.libraries.is_empty() {
        let _ = writeln!(text, "libraries = {}", list(&seen.job.libraries));
    }
    if let Some(class) = &seen.job.entry_class {
        let _ = writeln!(text, "entry-class = {}", quoted(class));
    }
    let _ = writeln!(
        text,
        "# {{broker}}, {{input}}, {{output}} and {{group}} stand for what they name.\narguments = {}",
        list(&seen.job.arguments)
    );
    match &seen.group {
        Some(group) => {
            let _ = writeln!(text, "group = {}", quoted(group));
        }
        None => text.push_str("# The consumer group of its Kafka source; without it, no record is ever known to be lost.\n# group = \"\"\n"),
    }
    text.push_str("# What it promises of its output: at-least-once or exactly-once.\ndelivery = \"at-least-once\"\n");
    text
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", quoted.join(", "))
}

/// A feed like the samples, commented out: whether the generator is to write the input is the user's to say.
fn feed(seen: &Seen, input: &[Field], guess: &Guess) -> String {
    let partitions = seen.input.partitions.max(1);
    let Some(sample) = seen.input.samples.iter().find(|sample| serde_json::from_str::<Value>(sample).is_ok()) else {
        return format!(
            "partitions = {partitions}\n# No record of it was seen: it is empty, or its records are not JSON.\n"
        );
    };
    let identity = match guess {
        Guess::Each { input, .. } => input.as_str(),
        Guess::Window { .. } | Guess::Nothing => "",
    };
    let every = every_ms(seen, input);
    let Some(template) = template(sample, input, identity) else {
        return format!("partitions = {partitions}\n# A record of it: {}\n", one_line(sample));
    };
    let sample = one_line(sample);
    format!(
        "# A record of it: {sample}\n# The generator writes records like it; leave [input.feed] out if the input is written by somebody else.\n\n\
         [input.feed]\ntemplate = '{template}'\npartitions = {partitions}\nevery-ms = {every}\n"
    )
}

/// Event time from one record of a partition to its next, as far as the samples tell.
fn every_ms(seen: &Seen, input: &[Field]) -> i64 {
    const UNKNOWN: i64 = 10;
    let Some(times) = input.iter().find(|field| field.is_time()).and_then(Field::integers) else { return UNKNOWN };
    let (Some(first), Some(last), Ok(steps)) =
        (times.iter().min(), times.iter().max(), i64::try_from(times.len().saturating_sub(seen.input.partitions)))
    else {
        return UNKNOWN;
    };
    // The samples are the newest records of each partition, as many of one as of the other.
    let each = steps / i64::try_from(seen.input.partitions.max(1)).unwrap_or(1);
    if each < 1 { UNKNOWN } else { ((last - first) / each).max(1) }
}

/// The sample with placeholders for its values: of an object without objects in it.
fn template(sample: &str, fields: &[Field], identity: &str) -> Option<String> {
    let Value::Object(object) = serde_json::from_str(sample).ok()? else { return None };
    let mut parts = Vec::new();
    for (name, value) in &object {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let field = fields.iter().find(|field| field.pointer == pointer);
        let written = match field {
            Some(field) if field.is_time() => "{event-time}".to_owned(),
            Some(field) if field.is_whole() && field.pointer == identity => "{seq}".to_owned(),
            Some(field) if field.pointer == identity => "\"id-{seq}\"".to_owned(),
            Some(field) if field.is_whole() => {
                let numbers = field.integers()?;
                format!("{{uniform {} {}}}", numbers.iter().min()?, numbers.iter().max()?)
            }
            Some(field) => worded(field, value)?,
            None => value.to_string(),
        };
        parts.push(format!("{}:{written}", Value::String(name.clone())));
    }
    let template = format!("{{{}}}", parts.join(","));
    // A quote would end the TOML string.
    (!template.contains('\'') && (template.contains("{seq}") || template.contains("{event-time}"))).then_some(template)
}

/// The words of a field in turn, where they are few and plain.
fn worded(field: &Field, value: &Value) -> Option<String> {
    let Value::String(_) = value else { return Some(value.to_string()) };
    let words = field.texts();
    let is_plain =
        |word: &String| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.".contains(c));
    let few: Vec<String> = words.into_iter().filter(is_plain).take(10).collect();
    (!few.is_empty()).then(|| format!("\"{{each {}}}\"", few.join(" ")))
}

fn guess(input: &[Field], output: &[Field]) -> Guess {
    let of_name = |field: &&Field, name: &[&str]| name.iter().any(|name| field.pointer.to_lowercase().contains(name));
    let count =
        output.iter().find(|field| field.is_whole() && !field.is_time() && of_name(field, &["count", "total", "cnt"]));
    let times: Vec<&Field> = output.iter().filter(|field| field.is_time()).collect();
    let time = input.iter().find(|field| field.is_time());
    let key = common(input, output, |field| !field.is_time());
    if let (Some(count), Some(first), Some(time), Some(key)) = (count, times.first(), time, key.clone()) {
        let second = times.get(1);
        let start = second.map_or(*first, |second| if earlier(first, second) { first } else { second });
        let end = second.map(|second| if earlier(first, second) { *second } else { *first });
        return Guess::Window {
            key,
            time: time.pointer.clone(),
            start: start.pointer.clone(),
            end: end.map(|end| end.pointer.clone()),
            count: count.pointer.clone(),
            length: end.and_then(|end| length(start, end)).unwrap_or(60_000),
        };
    }
    match common(input, output, |field| field.is_distinct() && !field.is_time()) {
        Some((input, output)) => Guess::Each { input, output },
        None => Guess::Nothing,
    }
}

/// A field of both topics: of the same name at best, or else of values that both have.
fn common(input: &[Field], output: &[Field], is_one: impl Fn(&Field) -> bool) -> Option<(String, String)> {
    let candidates = || input.iter().filter(|field| is_one(field));
    let last = |field: &Field| field.pointer.rsplit('/').next().unwrap_or_default().to_lowercase();
    let same_name =
        candidates().find_map(|one| output.iter().find(|other| last(other) == last(one)).map(|other| (one, other)));
    let shared = || {
        candidates().find_map(|one| {
            let values = one.texts();
            output.iter().find(|other| !other.texts().is_disjoint(&values)).map(|other| (one, other))
        })
    };
    same_name.or_else(shared).map(|(one, other)| (one.pointer.clone(), other.pointer.clone()))
}

fn earlier(first: &Field, second: &Field) -> bool {
    first.integers().and_then(|times| times.first().copied())
        < second.integers().and_then(|times| times.first().copied())
}

fn length(start: &Field, end: &Field) -> Option<i64> {
    Some(end.integers()?.first()? - start.integers()?.first()?).filter(|length| *length > 0)
}

fn oracle(guess: &Guess, seen: &Seen) -> String {
    let sample = seen
        .output
        .samples
        .first()
        .map_or_else(String::new, |sample| format!("# A record of the output: {}\n", one_line(sample)));
    match guess {
        Guess::Each { input, output } => format!(
            "{sample}# Each record of the input appears in the output under its identity, once, or again where the delivery allows it.\n\
             # where = [{{ field = \"/amount\", above = 0 }}] would say which are to appear.\n\
             # unchanged = [\"/amount\"] would compare a field of both topics as well.\n\
             [oracle.each-once]\ninput = {}\noutput = {}\n",
            quoted(input),
            quoted(output)
        ),
        Guess::Window { key, time, start, end, count, length } => {
            let end = end.as_ref().map_or_else(String::new, |end| format!(", end = {}", quoted(end)));
            format!(
                "{sample}# Records are counted by key in tumbling windows of event time (ms since the epoch).\n\
                 [oracle.window]\nlength-ms = {length}\ninput = {{ key = {}, time = {} }}\n\
                 output = {{ key = {}, start = {}{end}, count = {} }}\n",
                quoted(&key.0),
                quoted(time),
                quoted(&key.1),
                quoted(start),
                quoted(count)
            )
        }
        Guess::Nothing => format!(
            "{sample}# No field was found that tells each record from all others in both topics: name it here, as a JSON pointer.\n\
             [oracle.each-once]\ninput = \"/id\"\noutput = \"/id\"\n"
        ),
    }
}

/// A record in a comment: on one line, and not without end.
fn one_line(sample: &str) -> String {
    const LONGEST: usize = 300;
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = sample.chars().take(LONGEST).map(printable).collect();
    if sample.chars().count() > LONGEST {
        shown.push('…');
    }
    shown
}

/// As in `payment-screening`.
fn name(job: &str) -> String {
    let words = job.to_lowercase();
    let words: Vec<&str> = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { "my-job".to_owned() } else { words.join("-") }
}

/// As a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::parse;

    fn topic(name: &str, samples: &[&str]) -> Topic {
        Topic { name: name.into(), partitions: 4, samples: samples.iter().map(|sample| (*sample).to_owned()).collect() }
    }

    fn seen(input: &[&str], output: &[&str]) -> Seen {
        Seen {
            job: Job {
                name: "Payment Screening".into(),
                jar: Some("./payments.jar".into()),
                arguments: vec!["--brokers".into(), "{broker}".into()],
                ..Job::default()
            },
            group: Some("screening".into()),
            input: topic("payments", input),
            output: topic("screened", output),
        }
    }

    #[test]
    fn a_draft_of_records_that_pass_is_a_workload() {
        let text = draft(&seen(
            &[
                r#"{"id":17,"user":3,"amount":42,"ts":1604280262000,"kind":"card"}"#,
                r#"{"id":18,"user":3,"amount":7,"ts":1604280262010,"kind":"cash"}"#,
            ],
            &[r#"{"id":17,"risk":"low"}"#, r#"{"id":18,"risk":"low"}"#],
        ));
        parse::workload("draft.toml", &text).unwrap();
        insta::assert_snapshot!(text, @r#"
        # A workload: a job, its topics, and what is right of its output. docs/workloads.md says what each key means.
        # playground workload check FILE reads it; playground up --workload FILE starts a stack with it.

        name = "payment-screening"
        purpose = "what the job does, in a line"
        record = "record"

        [job]
        name = "Payment Screening"
        jar = "./payments.jar"
        # {broker}, {input}, {output} and {group} stand for what they name.
        arguments = ["--brokers", "{broker}"]
        group = "screening"
        # What it promises of its output: at-least-once or exactly-once.
        delivery = "at-least-once"

        [input]
        topic = "payments"
        # A record of it: {"id":17,"user":3,"amount":42,"ts":1604280262000,"kind":"card"}
        # The generator writes records like it; leave [input.feed] out if the input is written by somebody else.

        [input.feed]
        template = '{"amount":{uniform 7 42},"id":{seq},"kind":"{each card cash}","ts":{event-time},"user":{uniform 3 3}}'
        partitions = 4
        every-ms = 10

        [output]
        topic = "screened"
        partitions = 4

        # A record of the output: {"id":17,"risk":"low"}
        # Each record of the input appears in the output under its identity, once, or again where the delivery allows it.
        # where = [{ field = "/amount", above = 0 }] would say which are to appear.
        # unchanged = ["/amount"] would compare a field of both topics as well.
        [oracle.each-once]
        input = "/id"
        output = "/id"
        "#);
    }

    #[test]
    fn what_a_job_needs_besides_is_in_its_draft() {
        let mut with = seen(&[], &[]);
        with.job.libraries = vec!["./rates.jar".into(), "./codec.jar".into()];
        with.job.entry_class = Some("shop.Payments".into());
        let job = parse::workload("draft.toml", &draft(&with)).unwrap().job;
        assert_eq!((job.libraries, job.entry_class), (with.job.libraries, with.job.entry_class));
    }

    #[test]
    fn a_draft_of_counts_is_one_with_windows() {
        let text = draft(&seen(
            &[r#"{"timestamp":1604280262000,"page":"/help"}"#, r#"{"timestamp":1604280262015,"page":"/shop"}"#],
            &[r#"{"windowStart":1604280255000,"windowEnd":1604280270000,"page":"/help","count":1000}"#],
        ));
        let workload = parse::workload("draft.toml", &text).unwrap();
        let window = workload.oracle.window().unwrap();
        assert_eq!(
            (window.length_ms, window.input.key.to_string().as_str(), window.output.count.as_str()),
            (Some(15_000), "/page", "/count")
        );
        assert_eq!(window.output.start.as_deref(), Some("/windowStart"));
    }

    #[test]
    fn what_was_not_seen_is_left_to_the_user() {
        let job = Job { name: "Payment Screening".into(), ..Job::default() };
        let nothing = Seen { job, group: None, ..seen(&[], &[]) };
        let text = draft(&nothing);
        parse::workload("draft.toml", &text).unwrap();
        assert!(text.contains("# No record of it was seen") && text.contains("# No field was found"), "{text}");
        let bytes = draft(&seen(&["\u{1}\u{2}"], &["no\nJSON"]));
        parse::workload("draft.toml", &bytes).unwrap();
        assert!(bytes.contains("# A record of the output: no\u{fffd}JSON\n"), "{bytes}");
    }
}
