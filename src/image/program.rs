//! The running program, which is also the click generator in an image of its own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::stack::hex;

/// The file of a program. It is read when first needed: most commands build no image.
#[derive(Debug, Clone)]
pub struct Program {
    file: PathBuf,
    hash: OnceLock<String>,
}

impl Program {
    /// The one that runs.
    #[must_use]
    pub fn running() -> Self {
        // Still there when the file was replaced by a newer build meanwhile.
        Self::at(Path::new("/proc/self/exe"))
    }

    /// The one in a file.
    #[must_use]
    pub fn at(file: &Path) -> Self {
        Self { file: file.to_owned(), hash: OnceLock::new() }
    }

    /// A hash of its content; empty where it cannot be read, which [`Program::read`] then says.
    #[must_use]
    pub fn hash(&self) -> &str {
        self.hash.get_or_init(|| std::fs::read(&self.file).map(|bytes| hex(&Sha256::digest(bytes))).unwrap_or_default())
    }

    /// Its content.
    ///
    /// # Errors
    /// When it would not run in a container: it must be a static file for Linux.
    pub fn read(&self) -> Result<Vec<u8>> {
        let bytes =
            std::fs::read(&self.file).context("read the playground's own program, for the click generator's image")?;
        if !bytes.starts_with(b"\x7fELF") {
            bail!(
                "the click generator's image needs a playground built for Linux; this one is for {}",
                std::env::consts::OS
            );
        }
        if needs_interpreter(&bytes).unwrap_or(true) {
            bail!(
                "the click generator's image needs a static playground; build it with cargo in its repository, where .cargo/config.toml says so"
            );
        }
        Ok(bytes)
    }
}

/// Whether a 64-bit ELF file names a dynamic linker: one of its program headers is of type 3 (`PT_INTERP`).
fn needs_interpreter(bytes: &[u8]) -> Option<bool> {
    const INTERP: u32 = 3;
    let table = usize::try_from(u64::from_le_bytes(bytes.get(32..40)?.try_into().ok()?)).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes.get(54..56)?.try_into().ok()?));
    let count = usize::from(u16::from_le_bytes(bytes.get(56..58)?.try_into().ok()?));
    let kinds = (0..count).map(|index| {
        let at = table.checked_add(index.checked_mul(size)?)?;
        Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
    });
    kinds.collect::<Option<Vec<u32>>>().map(|kinds| kinds.contains(&INTERP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_static_program_fits() {
        // Tests are linked as the program is; the shell of a usual distribution is dynamic.
        assert!(Program::running().read().is_ok());
        assert_eq!(Program::running().hash().len(), 64);
        let error = Program::at(Path::new("/bin/sh")).read().unwrap_err().to_string();
        assert!(error.starts_with("the click generator's image needs a static playground"), "{error}");
        let error = Program::at(Path::new("/etc/passwd")).read().unwrap_err().to_string();
        assert!(error.starts_with("the click generator's image needs a playground built for Linux"), "{error}");
    }
}
