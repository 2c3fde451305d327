//! The scripts on machines that lack something, with a PATH on which there is only what the test puts there. No Docker.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Output};

use crate::support::markdown::root;

/// What every machine has that can run a script at all.
const EVERYWHERE: [&str; 10] = ["bash", "cat", "comm", "cut", "dirname", "env", "head", "id", "sed", "sort"];

/// `scripts/setup` on a machine with these programs, each a script of one line.
fn setup(programs: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("make a folder");
    for name in EVERYWHERE {
        let real = ["/usr/bin", "/bin"].map(|folder| format!("{folder}/{name}"));
        let real = real.iter().find(|path| std::path::Path::new(path).exists()).expect(name);
        symlink(real, folder.path().join(name)).expect("link a program");
    }
    for (name, line) in programs {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/bash\n{line}\n")).expect("write a program");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("make it one");
    }
    let mut command = Command::new("/bin/bash");
    command.arg(root().join("scripts/setup")).env_clear().env("PATH", folder.path()).env("HOME", folder.path());
    command.output().expect("run scripts/setup")
}

#[track_caller]
fn refuses(programs: &[(&str, &str)], says: &str) {
    let Output { status, stderr, .. } = setup(programs);
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(says), "not said: {says}\n{stderr}");
}

/// A program that would install something, and must not be asked to.
const NEVER: (&str, &str) = ("apt-get", "echo apt-get was asked to $*; exit 9");

#[test]
fn a_rust_that_is_too_old_is_told_before_anything_is_installed() {
    let old = ("rustc", "echo 'rustc 1.63.0 (4b91a6ea7 2022-08-08)'");
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    refuses(&[NEVER, ("cargo", ""), old], &format!("is too old: it takes {wanted} or newer; install a newer one"));
    refuses(&[NEVER, ("cargo", ""), old, ("rustup", "")], "rustup update stable brings one");
}

#[test]
fn a_cargo_without_a_compiler_is_told_in_its_own_words() {
    let broken = ("rustc", "echo 'error: no default toolchain' >&2; exit 1");
    refuses(&[NEVER, ("cargo", ""), broken], "rustc does not run: error: no default toolchain");
}

#[test]
fn a_missing_rust_is_told_where_it_cannot_be_installed() {
    let rest = ["docker", "gcc", "make", "pkg-config", "python3"].map(|name| (name, ""));
    refuses(&rest, "Rust is missing");
}

#[test]
fn what_is_not_debian_is_told_what_is_missing() {
    let new = ("rustc", "echo 'rustc 999.0.0'");
    refuses(&[("cargo", ""), new], "docker is missing");
}
