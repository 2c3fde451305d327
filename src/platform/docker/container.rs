//! A [`Service`] as the engine's own description of a container.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, EndpointSettings, HealthConfig, HostConfig, HostConfigLogConfig,
    Mount as EngineMount, MountType, MountVolumeOptions, MountVolumeOptionsDriverConfig, NetworkingConfig, PortBinding,
    PortMap, ResourcesUlimits,
};

use super::labels::{self, Labels};
use crate::platform::instance_name;
use crate::stack::{Attachment, HealthCheck, HealthCommand, Logging, Mount, MountSource, Relabel, Service, Stack};

/// A service's container.
pub(super) fn instance(stack: &Stack, service: &Service, number: u32) -> ContainerCreateBody {
    let aliases = vec![service.name.clone(), instance_name(&service.name, number)];
    let mut body = body(stack, service, labels::instance(&stack.project, service, number), aliases);
    body.healthcheck = health(&service.health);
    body.exposed_ports = Some(service.ports.iter().map(|port| format!("{}/{}", port.target, port.protocol)).collect());
    if let Some(host) = &mut body.host_config {
        host.port_bindings = Some(ports(service, number));
    }
    body
}

/// A container of a single command, like one that is there: no ports, no health check, and no name in DNS that would be
/// taken for the service.
pub(super) fn one_off(model: ContainerInspectResponse, labels: Labels, command: &[String]) -> ContainerCreateBody {
    let config = model.config.unwrap_or_default();
    let host = model.host_config.unwrap_or_default();
    ContainerCreateBody {
        image: config.image,
        cmd: Some(command.to_vec()),
        entrypoint: config.entrypoint,
        env: config.env,
        user: config.user,
        working_dir: config.working_dir,
        labels: Some(labels),
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        host_config: Some(HostConfig { port_bindings: None, ..host }),
        ..ContainerCreateBody::default()
    }
}

/// Another container of a service, like one that is there. Of its networks it is on the first; starting it does the rest.
pub(super) fn sibling(model: ContainerInspectResponse, service: &str, number: u32) -> ContainerCreateBody {
    let config = model.config.unwrap_or_default();
    let host = model.host_config.unwrap_or_default();
    let mut labels = config.labels.unwrap_or_default();
    labels.insert(labels::NUMBER.to_owned(), number.to_string());
    let aliases = Some(vec![service.to_owned(), instance_name(service, number)]);
    let endpoint = EndpointSettings { aliases, ..EndpointSettings::default() };
    let network = host.network_mode.clone().map(|network| HashMap::from([(network, endpoint)]));
    ContainerCreateBody {
        image: config.image,
        cmd: config.cmd,
        entrypoint: config.entrypoint,
        env: config.env,
        user: config.user,
        working_dir: config.working_dir,
        labels: Some(labels),
        stop_signal: config.stop_signal,
        stop_timeout: config.stop_timeout,
        healthcheck: config.healthcheck,
        exposed_ports: config.exposed_ports,
        host_config: Some(HostConfig { port_bindings: host.port_bindings.map(elsewhere), ..host }),
        networking_config: network.map(|network| NetworkingConfig { endpoints_config: Some(network) }),
        ..ContainerCreateBody::default()
    }
}

fn body(stack: &Stack, service: &Service, labels: Labels, aliases: Vec<String>) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(service.image.clone()),
        cmd: service.command.clone(),
        entrypoint: service.entrypoint.clone(),
        env: Some(service.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        user: service.user.clone(),
        working_dir: service.working_dir.clone(),
        hostname: service.hostname.clone(),
        labels: Some(labels),
        stop_signal: service.stop_signal.clone(),
        stop_timeout: service.stop_grace.map(whole_seconds),
        host_config: Some(host(stack, service)),
        networking_config: service.networks.first().map(|first| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(first.network.clone(), endpoint(first, aliases))])),
        }),
        ..ContainerCreateBody::default()
    }
}

/// A service's place on a network.
pub(super) fn endpoint(attachment: &Attachment, mut aliases: Vec<String>) -> EndpointSettings {
    aliases.extend(attachment.aliases.iter().cloned());
    EndpointSettings { aliases: Some(aliases), ..EndpointSettings::default() }
}

fn host(stack: &Stack, service: &Service) -> HostConfig {
    HostConfig {
        binds: Some(service.mounts.iter().filter_map(bind).collect()),
        mounts: Some(service.mounts.iter().filter_map(|one| mount(stack, one)).collect()),
        tmpfs: Some(service.mounts.iter().filter_map(memory).collect()),
        network_mode: service.networks.first().map(|first| first.network.clone()),
        memory: service.memory.and_then(|bytes| i64::try_from(bytes).ok()),
        cpu_period: service.cpus.map(|_| PERIOD_US),
        cpu_quota: service.cpus.map(quota_us),
        pids_limit: service.pids.map(i64::from),
        shm_size: service.shm.and_then(|bytes| i64::try_from(bytes).ok()),
        cap_add: Some(service.cap_add.clone()),
        cap_drop: Some(service.cap_drop.clone()),
        group_add: Some(service.groups.clone()),
        security_opt: Some(service.security.clone()),
        sysctls: Some(service.sysctls.clone().into_iter().collect()),
        ulimits: Some(service.ulimits.iter().map(ulimit).collect()),
        readonly_rootfs: Some(service.read_only),
        init: Some(service.init),
        log_config: service.logging.as_ref().map(logging),
        ..HostConfig::default()
    }
}

/// Over which a CPU quota counts, in µs.
const PERIOD_US: i64 = 100_000;

/// A quota does what the engine's own number of CPUs does, but may be above what the machine has: a file that is made for a
/// large machine runs on a small one.
#[allow(clippy::cast_possible_truncation, reason = "a number of CPUs times 10⁵ is far from the end of i64")]
fn quota_us(cpus: f64) -> i64 {
    (cpus * 1e5).round() as i64
}

/// The engine counts in whole seconds, and kills at once at 0; nothing is to have less time than the file gives it.
fn whole_seconds(grace: Duration) -> i64 {
    let seconds = grace.as_secs() + u64::from(grace.subsec_nanos() > 0);
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn logging(given: &Logging) -> HostConfigLogConfig {
    HostConfigLogConfig { typ: given.driver.clone(), config: Some(given.options.clone().into_iter().collect()) }
}

fn ulimit(given: &crate::stack::Ulimit) -> ResourcesUlimits {
    ResourcesUlimits { name: Some(given.name.clone()), soft: Some(given.soft), hard: Some(given.hard) }
}

/// Only the older way of naming a host folder makes one that is not there, and has it labelled for `SELinux`.
fn bind(mount: &Mount) -> Option<String> {
    let MountSource::Host { path, create: true, relabel } = &mount.source else { return None };
    let relabel = match relabel {
        None => "",
        Some(Relabel::Shared) => ",z",
        Some(Relabel::Private) => ",Z",
    };
    Some(format!("{path}:{}:{}{relabel}", mount.target, if mount.read_only { "ro" } else { "rw" }))
}

fn mount(stack: &Stack, mount: &Mount) -> Option<EngineMount> {
    let (typ, source) = match &mount.source {
        MountSource::Volume(name) => (MountType::VOLUME, name),
        MountSource::Host { path, create: false, .. } => (MountType::BIND, path),
        MountSource::Host { create: true, .. } | MountSource::Memory { .. } => return None,
    };
    Some(EngineMount {
        typ: Some(typ),
        source: Some(source.clone()),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        volume_options: volume(stack, &mount.source),
        ..EngineMount::default()
    })
}

/// The engine makes a volume that is not there when it makes a container: late, when `down` took the volume away while the
/// request was under way. It is ours then as well, and told by its labels like any other.
fn volume(stack: &Stack, source: &MountSource) -> Option<MountVolumeOptions> {
    let MountSource::Volume(name) = source else { return None };
    let volume = stack.volumes.iter().find(|volume| volume.name == *name)?;
    let options = (!volume.options.is_empty()).then(|| volume.options.clone().into_iter().collect());
    Some(MountVolumeOptions {
        labels: Some(labels::volume(&stack.project, volume)),
        driver_config: options.map(|options| MountVolumeOptionsDriverConfig { name: None, options: Some(options) }),
        ..MountVolumeOptions::default()
    })
}

fn memory(mount: &Mount) -> Option<(String, String)> {
    let MountSource::Memory { options } = &mount.source else { return None };
    Some((mount.target.clone(), options.clone()))
}

fn ports(service: &Service, number: u32) -> PortMap {
    let mut map = PortMap::new();
    for port in &service.ports {
        if let Some(published) = port.published {
            let published = if number == 1 { published.to_string() } else { CHOSEN.to_owned() };
            let binding = PortBinding { host_ip: Some(port.host.to_string()), host_port: Some(published) };
            let bindings = map.entry(format!("{}/{}", port.target, port.protocol)).or_default();
            bindings.get_or_insert_default().push(binding);
        }
    }
    map
}

/// As a port of the host: one that is free when the container is started, which the engine chooses.
const CHOSEN: &str = "0";

/// The same ports of a container, at others of the host.
fn elsewhere(mut map: PortMap) -> PortMap {
    for binding in map.values_mut().flatten().flatten() {
        binding.host_port = Some(CHOSEN.to_owned());
    }
    map
}

fn health(check: &HealthCheck) -> Option<HealthConfig> {
    match check {
        HealthCheck::Image => None,
        HealthCheck::Off => Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        HealthCheck::Command(command) => Some(health_command(command)),
    }
}

fn health_command(command: &HealthCommand) -> HealthConfig {
    let nanos = |time: Option<Duration>| time.and_then(|time| i64::try_from(time.as_nanos()).ok());
    HealthConfig {
        test: Some(command.test.clone()),
        interval: nanos(command.interval),
        timeout: nanos(command.timeout),
        retries: command.retries.and_then(|retries| i64::try_from(retries).ok()),
        start_period: nanos(command.start_period),
        start_interval: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{Source, Variables};

    #[test]
    fn a_container_says_what_the_file_says() {
        let text = "services: {a: {image: b, user: '9999', mem_limit: 1m, read_only: true, cap_drop: [ALL], \
            ports: ['127.0.0.1:81:80'], healthcheck: {test: [CMD, ok], interval: 1s}, volumes: ['v:/v', './h:/h']}}\n\
            volumes: {v: }";
        let source = Source { name: "f", folder: std::path::Path::new("/x"), text };
        let stack = Stack::parse(&source, "p", &Variables::new()).unwrap();
        let body = instance(&stack, stack.service("a").unwrap(), 2);
        let host = body.host_config.clone().unwrap();
        assert_eq!((host.memory, host.readonly_rootfs), (Some(1 << 20), Some(true)));
        assert_eq!(host.binds.unwrap(), ["/x/h:/h:rw"]);
        let volume = host.mounts.unwrap().swap_remove(0);
        assert_eq!(volume.source.as_deref(), Some("p_v"));
        // Where the engine makes it by itself, it is ours as well.
        let volume = volume.volume_options.unwrap().labels.unwrap();
        assert!(labels::are_of("p", &volume), "{volume:?}");
        let ports = host.port_bindings.unwrap();
        let binding = &ports["80/tcp"].as_ref().unwrap()[0];
        let published = (binding.host_ip.as_deref(), binding.host_port.as_deref());
        assert_eq!(published, (Some("127.0.0.1"), Some("0")), "the first one has 81");
        assert_eq!(body.healthcheck.unwrap().interval, Some(1_000_000_000));
        let networks = body.networking_config.unwrap().endpoints_config.unwrap();
        assert_eq!(networks["p_default"].aliases.as_deref(), Some(&["a".to_owned(), "a-2".to_owned()][..]));
        let labels = body.labels.unwrap();
        assert_eq!(labels[labels::NUMBER], "2");
        assert_eq!(labels[labels::ONE_OFF], "False");
    }

    fn made(service: &str) -> ContainerCreateBody {
        let text = format!("services: {{a: {{image: b, {service}}}}}");
        let source = Source { name: "f", folder: std::path::Path::new("/x"), text: &text };
        let stack = Stack::parse(&source, "p", &Variables::new()).unwrap();
        instance(&stack, stack.service("a").unwrap(), 1)
    }

    #[test]
    fn more_cpus_than_the_machine_has_are_a_quota_that_the_engine_takes() {
        for given in ["cpus: 64", "cpu_quota: 6400000", "cpu_quota: '3200000', cpu_period: '50000'"] {
            let host = made(given).host_config.unwrap();
            assert_eq!((host.nano_cpus, host.cpu_quota, host.cpu_period), (None, Some(6_400_000), Some(100_000)));
        }
    }

    #[test]
    fn nothing_has_less_time_to_stop_than_the_file_gives_it() {
        for (given, seconds) in [("200ms", 1), ("1s", 1), ("1s1ms", 2), ("0s", 0), ("1m30s", 90)] {
            assert_eq!(made(&format!("stop_grace_period: {given}")).stop_timeout, Some(seconds), "{given}");
        }
    }

    #[test]
    fn a_host_folder_is_labelled_for_selinux_where_the_file_says_so() {
        for (given, bind) in [
            ("./h:/h:z", "/x/h:/h:rw,z"),
            ("./h:/h:ro,Z", "/x/h:/h:ro,Z"),
            ("{type: bind, source: ./h, target: /h, bind: {create_host_path: true, selinux: Z}}", "/x/h:/h:rw,Z"),
        ] {
            let given = if given.starts_with('{') { given.to_owned() } else { format!("'{given}'") };
            assert_eq!(made(&format!("volumes: [{given}]")).host_config.unwrap().binds.unwrap(), [bind]);
        }
    }

    #[test]
    fn what_it_prints_goes_where_the_file_says() {
        let log = |given| made(given).host_config.unwrap().log_config;
        assert_eq!(log("mem_limit: 1m"), None);
        let bounded = log("logging: {driver: local, options: {max-size: 10m, max-file: 3}}").unwrap();
        assert_eq!(bounded.typ.as_deref(), Some("local"));
        let options = [("max-size", "10m"), ("max-file", "3")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(bounded.config.unwrap(), HashMap::from(options));
    }
}
