//! The documentation: every command in it is one, what it shows is what the binary prints, every link leads somewhere,
//! and JSON documents are as they are documented. No Docker.

mod commands;
mod json;
mod links;
mod samples;
mod tables;
mod variables;
