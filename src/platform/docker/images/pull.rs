//! Pulling an image that is not ours, with the credentials that `docker login` left.

use anyhow::{Result, anyhow};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt as _;

use crate::platform::docker::connect::config::Config;
use crate::platform::docker::connect::credentials::{credentials, registry};
use crate::platform::docker::{Docker, Plain as _};

impl Docker {
    pub(super) async fn pull(&self, name: &str) -> Result<()> {
        let (image, tag) = reference(name);
        let options = CreateImageOptionsBuilder::new().from_image(image).tag(tag).build();
        let credentials = credentials(&Config::read()?, registry(name)).await?;
        let mut pulled = self.api.create_image(Some(options), None, credentials);
        while let Some(step) = pulled.next().await {
            if let Some(error) = step.plain()?.error_detail.and_then(|detail| detail.message) {
                return Err(anyhow!(error));
            }
        }
        Ok(())
    }
}

/// A reference's image and tag as the engine takes them: a digest goes in place of the tag, and rules out any other.
fn reference(name: &str) -> (&str, &str) {
    if let Some((image, digest)) = name.split_once('@') {
        return (tagged(image).map_or(image, |(image, _)| image), digest);
    }
    tagged(name).unwrap_or((name, "latest"))
}

/// A colon before a slash is a registry's port.
fn tagged(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_a_tag_or_a_digest() {
        for (name, want) in [
            ("kafka", ("kafka", "latest")),
            ("apache/kafka:4.2.0", ("apache/kafka", "4.2.0")),
            ("localhost:5000/kafka", ("localhost:5000/kafka", "latest")),
            ("localhost:5000/kafka:4", ("localhost:5000/kafka", "4")),
            ("kafka@sha256:ab", ("kafka", "sha256:ab")),
            ("localhost:5000/kafka:4@sha256:ab", ("localhost:5000/kafka", "sha256:ab")),
        ] {
            assert_eq!(reference(name), want);
        }
    }
}
