//! `total`: each record of the input adds to the total of its key, and the job emits the new total: a count, and a sum if it
//! gives one. The last total and every step to it are judged; see [`totals`].

use serde::{Deserialize, Serialize};

use super::line::Line;
use super::place::{Fields, Key, Places, Scalar, Values, slot};
use super::{ByRecord, Emitted, Entry, Reader, Rule, Sent};
use crate::kafka::record::Record;
use crate::workload::excerpt::excerpt;

mod key;
mod totals;

/// A running total of each key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Total {
    /// Where a record of the input has its key, and what it adds.
    pub input: Added,
    /// Where a record of the output has its key, and the new total.
    pub output: Told,
}

/// What a record of the input adds to the total of its key: places in it, or a pattern for a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Added {
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Fields>,
    /// The number that is added up; none where records are only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// A regular expression with the groups `key` and, if something is added up, `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

/// A total: places in a record, or a pattern for a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Told {
    /// The key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Fields>,
    /// How many records there were of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<String>,
    /// What they add up to; none where records are only counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
    /// A regular expression with the groups `key`, `count` and, if something is added up, `sum`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

impl Rule for Total {
    fn name(&self) -> &'static str {
        "total"
    }

    fn check(&self) -> Result<(), String> {
        self.input.shape()?;
        self.output.shape()?;
        if let (Some(input), Some(output)) = (&self.input.key, &self.output.key) {
            Fields::check_both(input, output).map_err(|error| format!("key: {error}"))?;
        }
        if self.adds() == (self.output.sum.is_some() || has_group(self.output.line.as_ref(), "sum")) {
            return Ok(());
        }
        Err("input has a value, or output has a sum, and the other one has not: both of them, or neither".to_owned())
    }

    fn reader(&self) -> Result<Box<dyn Reader>, String> {
        Ok(Box::new(Totalled { input: self.input.shape()?, output: self.output.shape()? }))
    }

    fn ledger(&self) -> Option<Box<dyn ByRecord>> {
        Some(Box::<totals::Totals>::default())
    }

    /// A total holds all records before it.
    fn needs_the_past(&self) -> bool {
        true
    }

    fn says(&self) -> String {
        let sum = if self.adds() { " and sum" } else { "" };
        format!("the running count{sum} of each key, emitted with each record of the input")
    }
}

impl Total {
    fn adds(&self) -> bool {
        self.input.value.is_some() || has_group(self.input.line.as_ref(), "value")
    }
}

fn has_group(pattern: Option<&String>, name: &str) -> bool {
    pattern.is_some_and(|pattern| pattern.contains(&format!("<{name}>")))
}

impl Added {
    fn shape(&self) -> Result<Shape, String> {
        let numbers = [("value", &self.value)];
        Shape::of(self.key.as_ref(), &numbers, self.line.as_ref(), "value").map_err(|error| format!("input: {error}"))
    }
}

impl Told {
    fn shape(&self) -> Result<Shape, String> {
        let numbers = [("count", &self.count), ("sum", &self.sum)];
        Shape::of(self.key.as_ref(), &numbers, self.line.as_ref(), "sum").map_err(|error| format!("output: {error}"))
    }
}

/// How the key and the numbers of a record are read.
#[derive(Debug)]
enum Shape {
    Json { places: Places, key: Key, numbers: Vec<usize>, wanted: String },
    Line { line: Line, pattern: String },
}

impl Shape {
    /// Of a key and numbers with their places, all but `optional` needed; or of a pattern that has them as groups.
    fn of(
        key: Option<&Fields>,
        numbers: &[(&str, &Option<String>)],
        pattern: Option<&String>,
        optional: &str,
    ) -> Result<Self, String> {
        if let Some(pattern) = pattern {
            let number = numbers.iter().find(|(_, place)| place.is_some()).map(|(name, _)| *name);
            if let Some(name) = key.map(|_| "key").or(number) {
                return Err(format!("line takes the place of {name}"));
            }
            let is_there = |name: &&str| *name != optional || has_group(Some(pattern), optional);
            let names = numbers.iter().map(|(name, _)| *name).filter(is_there);
            let names: Vec<&str> = std::iter::once("key").chain(names).collect();
            return Ok(Self::Line { line: Line::of(pattern, &names)?, pattern: pattern.to_owned() });
        }
        let missing = |name| format!("{name} is missing: a place in the record, as '/user/id'; or line, a pattern");
        let key = key.ok_or_else(|| missing("key"))?;
        key.check().map_err(|error| format!("key: {error}"))?;
        let mut asked = Vec::new();
        let (key, mut slots) = (key.key(&mut asked), Vec::new());
        for (name, place) in numbers {
            match place {
                Some(place) => slots.push(slot(&mut asked, place)),
                None if *name == optional => {}
                None => return Err(missing(name)),
            }
        }
        Ok(Self::Json { places: Places::of(&asked)?, key, numbers: slots, wanted: asked.join(", ") })
    }

    fn wanted(&self) -> String {
        match self {
            Self::Json { wanted, .. } => format!("at {wanted}"),
            Self::Line { pattern, .. } => format!("as in the pattern {pattern}"),
        }
    }

    fn read<'a>(&self, record: &Record<'a>) -> Option<Entry<'a>> {
        match self {
            Self::Json { places, key, numbers, .. } => {
                let mut values = Values::default();
                places.read(record, &mut values)?;
                let of = numbers.iter().map(|slot| values[*slot].as_ref().and_then(Scalar::as_number));
                let numbers = of.collect::<Option<Vec<f64>>>()?;
                Some(Entry { key: key.text(&values)?, numbers, ..Entry::default() })
            }
            Self::Line { line, .. } => {
                let parts = line.read(record.payload)?;
                let number = |text: &&str| text.parse::<f64>().ok().filter(|number| number.is_finite());
                let numbers = parts[1..].iter().map(number).collect::<Option<Vec<f64>>>()?;
                Some(Entry { key: parts[0].into(), numbers, ..Entry::default() })
            }
        }
    }
}

/// Reads what is added, and totals.
#[derive(Debug)]
struct Totalled {
    input: Shape,
    output: Shape,
}

impl Reader for Totalled {
    fn wanted(&self) -> String {
        format!("it needs a key, and what it adds, {}", self.input.wanted())
    }

    fn sent<'a>(&self, record: &Record<'a>) -> Option<Sent<'a>> {
        self.input.read(record).map(Sent::Record)
    }

    fn emitted(&self, record: &Record<'_>) -> Result<Emitted, String> {
        let entry = self.output.read(record).ok_or_else(|| format!("{} is no total", excerpt(record.payload)))?;
        Ok(Emitted::Record(Entry { key: entry.key.into_owned().into(), numbers: entry.numbers, ..Entry::default() }))
    }
}
