//! The networks that a service is on.

use anyhow::{Result, bail};
use compose_spec::ShortOrLong;
use compose_spec::service::NetworkConfig;

use super::Scope;
use crate::stack::Attachment;

impl Scope<'_> {
    pub(super) fn attachments(&self, given: &compose_spec::Service) -> Result<Vec<Attachment>> {
        match &given.network_config {
            None => Ok(vec![Attachment { network: self.network_name("default")?, aliases: Vec::new() }]),
            Some(NetworkConfig::NetworkMode(_)) => bail!("network_mode: the playground does not support it"),
            Some(NetworkConfig::Networks(ShortOrLong::Short(keys))) => {
                keys.iter().map(|key| self.attachment(key.as_str(), Vec::new())).collect()
            }
            Some(NetworkConfig::Networks(ShortOrLong::Long(networks))) => networks
                .iter()
                .map(|(key, network)| {
                    let aliases = network.iter().flat_map(|network| &network.aliases).map(ToString::to_string);
                    self.attachment(key.as_str(), aliases.collect())
                })
                .collect(),
        }
    }

    fn attachment(&self, key: &str, aliases: Vec<String>) -> Result<Attachment> {
        if key != "default" && !self.compose.networks.keys().any(|name| name.as_str() == key) {
            bail!("networks: no network '{key}' under 'networks:'");
        }
        Ok(Attachment { network: self.network_name(key)?, aliases })
    }
}
