//! The image that all own images stand on, which nobody builds here.

use anyhow::{Context as _, Result};

use super::versions;

/// Debian's image, by its tag and by the digest that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// As in `debian:bookworm-slim`: what `scripts/setup` makes where no registry can be reached.
    pub tag: String,
    /// As in `debian@sha256:…`: the same bytes on every machine that can reach a registry.
    pub pinned: String,
}

impl Base {
    /// The build argument that names it in a Dockerfile.
    pub const ARGUMENT: &str = "DEBIAN_IMAGE";

    /// As `docker/versions.env` has it.
    pub fn read() -> Result<Self> {
        let versions = versions()?;
        let value = |name: &str| {
            versions.get(name).cloned().with_context(|| format!("docker/versions.env does not define {name}"))
        };
        let tag = value(Self::ARGUMENT)?;
        let repository = tag.split_once(':').map_or(tag.as_str(), |(repository, _)| repository);
        Ok(Self { pinned: format!("{repository}@{}", value("DEBIAN_DIGEST")?), tag })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_has_a_digest() {
        let base = Base::read().unwrap();
        assert_eq!(base.tag, "debian:bookworm-slim");
        assert!(base.pinned.starts_with("debian@sha256:") && base.pinned.len() == 78, "{base:?}");
    }
}
