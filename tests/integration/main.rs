//! The binary as its users run it: `cli` needs no Docker, `stack`, `verdict` and `scenario` run on the real one.

mod cli;
mod scenario;
mod stack;
mod support;
mod verdict;
