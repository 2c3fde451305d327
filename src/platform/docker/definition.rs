//! What of a network or a volume is settled when it is made: a change of it takes a new one.

use std::collections::{BTreeMap, BTreeSet};

use crate::stack::{Network, Volume};

/// Labels that are no part of the file: Compose's, the engine's and the playground's own.
const RESERVED: [&str; 2] = ["com.docker.", "io.playground."];

/// The settings of a network or a volume, each under what messages call it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Definition(BTreeMap<String, String>);

impl Definition {
    /// As the file has a network.
    pub(super) fn of_network(network: &Network) -> Self {
        Self::network(network.internal, &network.labels)
    }

    /// As the file has a volume.
    pub(super) fn of_volume(volume: &Volume) -> Self {
        Self::volume(&volume.options, &volume.labels)
    }

    /// As the engine has a network.
    pub(super) fn of_made_network(made: &bollard::models::Network) -> Self {
        Self::network(made.internal.unwrap_or_default(), made.labels.iter().flatten())
    }

    /// As the engine has a volume.
    pub(super) fn of_made_volume(made: &bollard::models::Volume) -> Self {
        Self::volume(&made.options, &made.labels)
    }

    fn network<'a>(internal: bool, labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        let own = ("internal".to_owned(), internal.to_string());
        Self(std::iter::once(own).chain(with_labels(labels)).collect())
    }

    fn volume<'a, T>(options: T, labels: T) -> Self
    where
        T: IntoIterator<Item = (&'a String, &'a String)>,
    {
        let options = options.into_iter().map(|(name, value)| (format!("option {name}"), value.clone()));
        Self(options.chain(with_labels(labels)).collect())
    }

    /// What the file has otherwise than what was made from it, as in `internal was false and is now true`.
    pub(super) fn change_to(&self, wanted: &Self) -> Option<String> {
        let names: BTreeSet<&String> = self.0.keys().chain(wanted.0.keys()).collect();
        let changes: Vec<String> = names
            .into_iter()
            .filter_map(|name| match (self.0.get(name), wanted.0.get(name)) {
                (was, is) if was == is => None,
                (Some(was), Some(is)) => Some(format!("{name} was {was} and is now {is}")),
                (Some(was), None) => Some(format!("{name} was {was} and is no longer set")),
                (None, is) => Some(format!("{name} is now {}", is.map_or("", String::as_str))),
            })
            .collect();
        (!changes.is_empty()).then(|| changes.join(", "))
    }
}

fn with_labels<'a>(
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> impl Iterator<Item = (String, String)> {
    let own = |name: &str| !RESERVED.iter().any(|prefix| name.starts_with(prefix));
    labels.into_iter().filter(move |(name, _)| own(name)).map(|(name, value)| (format!("label {name}"), value.clone()))
}

/// By name on the engine.
pub(super) type Definitions = BTreeMap<String, Definition>;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> HashMap<String, String> {
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn what_was_made_from_the_file_is_as_the_file_has_it() {
        let labels = pairs([("io.playground.stack", ""), ("com.docker.compose.project", "p"), ("tier", "1")]);
        let made = bollard::models::Network { labels: Some(labels), ..bollard::models::Network::default() };
        let labels = [("tier", "1"), ("io.playground.stack", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let wanted = Network { key: "n".into(), name: "p_n".into(), internal: false, labels };
        assert_eq!(Definition::of_made_network(&made).change_to(&Definition::of_network(&wanted)), None);
    }

    #[test]
    fn every_change_is_told() {
        let made = Definition::volume(&pairs([("type", "none"), ("o", "bind")]), &pairs([("tier", "1")]));
        let wanted = Definition::volume(&pairs([("type", "tmpfs"), ("device", "/d")]), &pairs([]));
        assert_eq!(
            made.change_to(&wanted).unwrap(),
            "label tier was 1 and is no longer set, option device is now /d, option o was bind and is no longer set, option type was none and is now tmpfs"
        );
    }
}
