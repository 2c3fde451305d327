//! The binary as its users run it: `cli`, `docs`, `left_behind`, `operations`, `platform`, `run_end` and `scripts` need no Docker,
//! all others run on the real one.

#![allow(clippy::expect_used, reason = "what a test needs and does not find is its failure")]
#![allow(clippy::print_stderr, reason = "a failed test shows the logs of its stack")]
#![allow(unreachable_pub, reason = "nobody reaches into a test binary")]

mod cli;
mod contained;
mod docs;
mod images;
mod kafka;
mod kubernetes;
mod left_behind;
mod operate;
mod operations;
mod ownership;
mod platform;
mod run_end;
mod scenario;
mod scripts;
mod shared;
mod stack;
mod support;
mod verdict;
mod workloads;
