//! Several situations on one stack, because bringing one up is most of what a test costs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::stack::Stack;

/// What a situation is called, and what is done and asserted in it.
pub type Situation = (&'static str, fn(&Stack));

/// One after the other on a stack that is up. One that fails hides none of those after it; the test fails at the end, and
/// says which they were. For a quick look, `SITUATIONS=cancelled,codec` leaves out those whose names have none of these.
pub fn each(stack: &Stack, situations: &[Situation]) {
    let only = std::env::var("SITUATIONS").unwrap_or_default();
    let wanted = |(name, _): &&Situation| only.split(',').any(|part| name.contains(part));
    let fails = |(name, situation): &&Situation| {
        let began = Instant::now();
        let failed = catch_unwind(AssertUnwindSafe(|| situation(stack))).is_err();
        let word = if failed { "FAILED" } else { "ok" };
        eprintln!("situation {name}: {word}, {:.1} s", began.elapsed().as_secs_f64());
        failed
    };
    let failed: Vec<&str> = situations.iter().filter(wanted).filter(fails).map(|(name, _)| *name).collect();
    assert!(failed.is_empty(), "{} of {} situations failed: {failed:#?}", failed.len(), situations.len());
}
