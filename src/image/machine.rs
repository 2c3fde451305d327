//! What images take from the machine that builds them: the running program, and the way to the network.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Program;

/// The machine that builds images.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The running program, which is the click generator in an image of its own.
    pub program: Program,
    /// The certificates that this machine trusts, as PEM, so that downloads work behind a proxy that inspects TLS.
    pub certificates: Vec<u8>,
    /// The proxies that this process is to use, by the names of the build arguments that every Dockerfile has unasked.
    pub proxies: BTreeMap<String, String>,
}

impl Machine {
    /// The one that this process runs on.
    #[must_use]
    pub fn this() -> Self {
        Self {
            program: Program::running(),
            certificates: certificates(),
            proxies: proxies(crate::environment::variables()),
        }
    }

    /// The name of a proxy that only this machine can reach: in a build, that address is the build's own container.
    #[must_use]
    pub fn proxy_of_its_own(&self) -> Option<&str> {
        let is_own = |(name, value): &(&String, &String)| {
            let host =
                value.split_once("://").map_or(value.as_str(), |(_, rest)| rest).rsplit('@').next().unwrap_or("");
            !name.eq_ignore_ascii_case("no_proxy")
                && (host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]"))
        };
        self.proxies.iter().find(is_own).map(|(name, _)| name.as_str())
    }
}

/// The certificates that this machine trusts, where TLS libraries find them.
fn certificates() -> Vec<u8> {
    const SYSTEM: [&str; 3] =
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let mut files = named.into_iter().chain(SYSTEM.map(PathBuf::from));
    files.find_map(|file| std::fs::read(file).ok()).unwrap_or_default()
}

/// Each proxy under both spellings, since the programs of a build read one or the other. Where both are set and differ, each
/// stays as it is.
fn proxies(environment: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    const NAMES: [&str; 4] = ["http_proxy", "https_proxy", "no_proxy", "all_proxy"];
    let is_proxy = |name: &str| NAMES.contains(&name.to_ascii_lowercase().as_str());
    let set: BTreeMap<String, String> =
        environment.filter(|(name, value)| is_proxy(name) && !value.is_empty()).collect();
    let mut proxies = set.clone();
    for (name, value) in &set {
        for spelling in [name.to_ascii_lowercase(), name.to_ascii_uppercase()] {
            proxies.entry(spelling).or_insert_with(|| value.clone());
        }
    }
    proxies
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(given: &[(&str, &str)]) -> Vec<String> {
        let proxies = proxies(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        proxies.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    #[test]
    fn proxies_reach_a_build_under_both_spellings() {
        assert_eq!(
            of(&[("https_proxy", "http://p:3128"), ("NO_PROXY", "localhost"), ("PATH", "/bin"), ("http_proxy", "")]),
            ["HTTPS_PROXY=http://p:3128", "NO_PROXY=localhost", "https_proxy=http://p:3128", "no_proxy=localhost"]
        );
        assert_eq!(of(&[("HTTP_PROXY", "a"), ("http_proxy", "b")]), ["HTTP_PROXY=a", "http_proxy=b"]);
    }

    #[test]
    fn a_proxy_that_a_build_cannot_reach_is_named() {
        let of = |name: &str, value: &str| {
            let proxies = BTreeMap::from([(name.to_owned(), value.to_owned())]);
            let machine = Machine { proxies, ..Machine::this() };
            machine.proxy_of_its_own().map(str::to_owned)
        };
        assert_eq!(of("https_proxy", "http://me:pw@127.0.0.1:3128").as_deref(), Some("https_proxy"));
        assert_eq!(of("https_proxy", "http://proxy.example.org:3128"), None);
        assert_eq!(of("no_proxy", "localhost,127.0.0.1"), None);
    }
}
