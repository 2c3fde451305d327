//! A jar file of the user's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Result, anyhow};
use sha2::{Digest as _, Sha256};

use super::hex;
use crate::failure::Failure;

/// How many digits of a jar's hash are in its versioned name.
pub const HASH_DIGITS: usize = 12;

/// A jar that the image of an application contains. It is read when first needed, and once: its file may be rebuilt while the
/// stack comes up.
#[derive(Debug, Clone)]
pub struct Jar {
    file: PathBuf,
    content: Arc<OnceLock<Vec<u8>>>,
}

impl Jar {
    /// The one in this file.
    #[must_use]
    pub fn at(file: &Path) -> Self {
        Self { file: file.to_owned(), content: Arc::default() }
    }

    /// The name of its file.
    #[must_use]
    pub fn name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its content.
    ///
    /// # Errors
    /// As [`read`].
    pub fn content(&self) -> Result<&[u8]> {
        if let Some(content) = self.content.get() {
            return Ok(content);
        }
        let content = read(&self.file)?;
        Ok(self.content.get_or_init(|| content))
    }

    /// Its name with the hash of its content, as in `job-ca978112ca1b.jar`.
    ///
    /// # Errors
    /// As [`read`].
    pub fn versioned_name(&self) -> Result<String> {
        Ok(versioned_name(&self.file, self.content()?))
    }
}

/// The same file.
impl PartialEq for Jar {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file
    }
}

/// The content of a jar file.
///
/// # Errors
/// [`Failure::Usage`] for a file that cannot be read, or is not a jar.
pub fn read(file: &Path) -> Result<Vec<u8>> {
    let content = std::fs::read(file).map_err(|error| refused(file, &error.to_string()))?;
    // The signature of a ZIP file, which a jar is.
    if content.starts_with(b"PK\x03\x04") { Ok(content) } else { Err(refused(file, "not a jar")) }
}

/// Why a jar is not taken.
pub fn refused(file: &Path, why: &str) -> anyhow::Error {
    anyhow!(Failure::Usage(format!(
        "{}: {why}\n  A jar is named by its file or, once it is uploaded, by its name",
        file.display()
    )))
}

/// A file's name with the hash of its content: the same content is never uploaded twice.
#[must_use]
pub fn versioned_name(file: &Path, content: &[u8]) -> String {
    let stem = file.file_stem().map_or_else(|| "job".into(), |stem| stem.to_string_lossy());
    let hash = hex(&Sha256::digest(content)[..HASH_DIGITS / 2]);
    format!("{stem}-{hash}.jar")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Status;

    #[test]
    fn a_version_is_named_by_its_content() {
        let name = |content: &[u8]| versioned_name(Path::new("x/job.jar"), content);
        assert_eq!(name(b"a"), name(b"a"));
        assert_ne!(name(b"a"), name(b"b"));
        assert_eq!(name(b"a"), "job-ca978112ca1b.jar");
    }

    #[test]
    fn what_is_not_a_jar_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jar");
        std::fs::write(&file, "text").unwrap();
        let error = read(&file).unwrap_err();
        assert_eq!(Status::of(&error), Status::Usage);
        assert!(error.to_string().contains("not a jar"), "{error}");
        assert!(read(&folder.path().join("none.jar")).is_err());
    }

    #[test]
    fn a_jar_that_is_rebuilt_stays_what_it_was_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.jar");
        std::fs::write(&file, b"PK\x03\x041").unwrap();
        let jar = Jar::at(&file);
        let (copy, name) = (jar.clone(), jar.versioned_name().unwrap());
        std::fs::write(&file, b"PK\x03\x042").unwrap();
        assert_eq!(copy.versioned_name().unwrap(), name);
        assert_ne!(Jar::at(&file).versioned_name().unwrap(), name);
    }
}
