//! The build context: what a Dockerfile can copy.

use std::path::Path;

use anyhow::{Context as _, Result};
use include_dir::{Dir, DirEntry};
use tar::{Builder, Header};

use super::{BUILDER, FOLDER, Image, Machine, PROGRAM};

/// Where the certificates of the building machine go; the file in the repository is empty.
pub(super) const CERTIFICATES: &str = "builder/host-ca.pem";

/// The files of an image's folder by their path in the context, in order. What a local build of the Java job leaves
/// behind is left out, as a jar is that somebody put there, and so are the certificates, which are the building machine's.
pub(super) fn files(folder: &str) -> Vec<(&'static str, &'static [u8])> {
    let mut files = Vec::new();
    if let Some(folder) = FOLDER.get_dir(folder) {
        collect(folder, &mut files);
    }
    let is_jar = |path: &str| Path::new(path).extension().is_some_and(|extension| extension == "jar");
    files.retain(|(path, _)| *path != CERTIFICATES && !is_jar(path) && !path.split('/').any(|part| part == "target"));
    files.sort_unstable();
    files
}

fn collect(folder: &'static Dir<'static>, files: &mut Vec<(&'static str, &'static [u8])>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(folder) => collect(folder, files),
            DirEntry::File(file) => files.extend(file.path().to_str().map(|path| (path, file.contents()))),
        }
    }
}

impl Image {
    /// The context as a tar archive.
    pub fn context(&self, machine: &Machine) -> Result<Vec<u8>> {
        let mut archive = Builder::new(Vec::new());
        for (path, content) in files(self.folder) {
            append(&mut archive, path, content)?;
        }
        for (name, content) in &*self.jars {
            append(&mut archive, &format!("{}/{name}", self.folder), content)?;
        }
        if self.folder == BUILDER {
            append(&mut archive, CERTIFICATES, &machine.certificates)?;
        }
        if self.folder == PROGRAM {
            append(&mut archive, "playground/playground", &machine.program.read()?)?;
        }
        archive.into_inner().context("write the build context")
    }
}

/// With a mode and a date that are the same everywhere, so that the engine's cache is not fooled.
fn append(archive: &mut Builder<Vec<u8>>, path: &str, content: &[u8]) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, path, content).with_context(|| format!("add {path} to the build context"))
}
