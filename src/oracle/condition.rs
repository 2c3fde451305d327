//! What a field of a record must be, as workload files ask for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::place::{Places, Values, slot};

/// What a field of a record must be. All that is given has to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Condition {
    /// The place of the field in the record.
    pub field: String,
    /// A number that is greater than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// A number that is less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// The value, as text: `open`, `7` or `true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<String>,
    /// Any other value than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_not: Option<String>,
}

impl Condition {
    /// Whether it asks for something, of a place that there can be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let Self { field, above, below, is, is_not } = self;
        Places::of(&[field])?;
        if above.is_none() && below.is_none() && is.is_none() && is_not.is_none() {
            return Err(format!("nothing is said of {field}; it takes above, below, is and is-not"));
        }
        Ok(())
    }
}

/// As in `/amount above 0 and below 100`.
impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, above, below, is, is_not } = self;
        let numbers = [("above", above), ("below", below)];
        let texts = [("is", is), ("is not", is_not)];
        let numbers = numbers.into_iter().filter_map(|(word, number)| Some(format!("{word} {}", number.as_ref()?)));
        let texts = texts.into_iter().filter_map(|(word, text)| Some(format!("{word} {}", text.as_ref()?)));
        write!(formatter, "{field} {}", numbers.chain(texts).collect::<Vec<_>>().join(" and "))
    }
}

/// A condition, and at which of a record's values it looks.
#[derive(Debug, Clone)]
pub(super) struct Check {
    slot: usize,
    condition: Condition,
}

impl Check {
    /// Those of these conditions; the places that they look at are added to `places`, unless they are there.
    pub(super) fn all<'a>(conditions: &'a [Condition], places: &mut Vec<&'a str>) -> Vec<Self> {
        let check =
            |condition: &'a Condition| Self { slot: slot(places, &condition.field), condition: condition.clone() };
        conditions.iter().map(check).collect()
    }

    /// Whether it holds of a record; none where the record lacks the field.
    pub(super) fn holds(&self, values: &Values<'_>) -> Option<bool> {
        let value = values[self.slot].as_ref()?;
        let Condition { above, below, is, is_not, .. } = &self.condition;
        let (number, text) = (value.as_number(), value.as_text());
        let text = text.as_deref().unwrap_or("null");
        let holds_above = above.is_none_or(|above| number.is_some_and(|number| number > above));
        let holds_below = below.is_none_or(|below| number.is_some_and(|number| number < below));
        let holds_is = is.as_ref().is_none_or(|is| text == is);
        let holds_is_not = is_not.as_ref().is_none_or(|is_not| text != is_not);
        Some(holds_above && holds_below && holds_is && holds_is_not)
    }
}
