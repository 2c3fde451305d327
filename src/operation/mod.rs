//! Operations on a stack: what a person would do by hand in several commands, done as one, each with its waits.

pub mod up;
