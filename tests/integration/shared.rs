//! Stacks that situations of several kinds share: bringing one up is most of what a test costs.
//!
//! Those come first that leave a stack as it was. What shares no stack needs a past of its own (`verdict`), or is about
//! coming up and going down (`stack`, `operate`).

use crate::support::situation::each;
use crate::support::stack::Stack;
use crate::support::topic::grows_by;
use crate::verdict::{excuse, fault, input};
use crate::{kafka, scenario};

#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_stack_that_is_left_alone() {
    let stack = Stack::new("alone");
    stack.up();
    grows_by(&stack, 12, 60);
    each(&stack, &[kafka::SITUATIONS, scenario::CUT_OFF, input::SITUATIONS].concat());
    stack.playground(&["down", "--volumes"]).run().expect(0);
    assert_eq!(stack.left(), Vec::<String>::new());
}

/// A scenario judges what comes after its beginning, so wrong records of another one do not matter to it.
#[test]
#[ignore = "needs Docker: scripts/test runs it"]
fn a_stack_under_one_scenario_after_the_other() {
    let stack = Stack::new("scenarios");
    each(&stack, &[scenario::SITUATIONS, excuse::SITUATIONS, fault::SITUATIONS].concat());
}
