//! Compiles the crate again when a file that it embeds was added or taken away, which the compiler does not notice.

#![allow(clippy::print_stdout, reason = "how a build script talks to Cargo")]

fn main() {
    for folder in ["build.rs", "compose", "docker", "src/scenario/catalog"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
