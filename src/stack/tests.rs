use super::*;
use std::time::Duration;

use crate::failure::Status;

fn parsed(text: &str) -> Result<Stack> {
    let source = Source { name: "stack.yaml", folder: Path::new("/home/me/stack"), text };
    let variables = [("REST_PORT", "8082"), ("HOME", "/home/me")].map(|(key, value)| (key.into(), value.into()));
    Stack::parse(&source, "p", &Variables::from(variables))
}

fn refused(text: &str) -> String {
    let error = parsed(text).unwrap_err();
    assert_eq!(Status::of(&error), Status::Usage, "{error}");
    error.to_string()
}

const SAMPLE: &str = r#"
x-jvm: &jvm
  cap_drop: [ALL]
  security_opt: ["no-new-privileges:true"]
  environment: &env
    HEAP: 64m
services:
  one:
    <<: *jvm
    image: playground/one:${VERSION:-1.0}
    command: run --port ${REST_PORT:-8081} 'a b'
    environment:
      <<: *env
      HOME:
      NOT_SET:
      EMPTY: ""
    ports: ["127.0.0.1:${REST_PORT:-8081}:8081"]
    volumes: ["data:/data", "./conf/../conf/a.yaml:/a.yaml:ro"]
    tmpfs: [/tmp, '/run:size=1m,exec']
    mem_limit: 512m
    healthcheck:
      test: ["CMD", "check"]
      interval: 200ms
      retries: 5
  two:
    image: two
    depends_on: {one: {condition: service_healthy}}
    deploy: {replicas: "${REPLICAS:-2}"}
    x-one-shot: true
volumes:
  data:
"#;

#[test]
fn a_file_is_resolved_to_plain_values() {
    let stack = parsed(SAMPLE).unwrap();
    let one = stack.service("one").unwrap();
    assert_eq!(one.image, "playground/one:1.0");
    assert_eq!(one.command.as_deref().unwrap(), ["run", "--port", "8082", "a b"]);
    let environment = [("HEAP", "64m"), ("HOME", "/home/me"), ("EMPTY", "")].map(|(k, v)| (k.into(), v.into()));
    assert_eq!(one.environment, BTreeMap::from(environment));
    assert_eq!((one.ports[0].published, one.ports[0].target), (Some(8082), 8081));
    assert_eq!(one.memory, Some(512 << 20));
    assert_eq!(one.cap_drop, ["ALL"]);
    assert_eq!(one.mounts[0].source, MountSource::Volume("p_data".into()));
    assert_eq!(
        one.mounts[1].source,
        MountSource::Host { path: "/home/me/stack/conf/a.yaml".into(), create: true, relabel: None }
    );
    assert!(one.mounts[1].read_only);
    assert_eq!(one.mounts[2].source, MountSource::Memory { options: String::new() });
    assert_eq!(one.mounts[3].source, MountSource::Memory { options: "size=1m,exec".into() });
    let HealthCheck::Command(health) = &one.health else { panic!("{:?}", one.health) };
    assert_eq!(
        (&health.test[..], health.interval),
        (&["CMD".into(), "check".into()][..], Some(Duration::from_millis(200)))
    );
    assert_eq!(one.networks, [Attachment { network: "p_default".into(), aliases: Vec::new() }]);

    let two = stack.service("two").unwrap();
    assert!(two.one_shot && !one.one_shot);
    assert_eq!(two.replicas, 2);
    assert_eq!(two.depends_on, [Dependency { service: "one".into(), condition: Condition::Healthy }]);
    assert_eq!(
        stack.networks,
        [Network { key: "default".into(), name: "p_default".into(), internal: false, labels: BTreeMap::new() }]
    );
    assert_eq!(
        stack.volumes,
        [Volume { key: "data".into(), name: "p_data".into(), options: BTreeMap::new(), labels: BTreeMap::new() }]
    );
}

#[test]
fn what_cannot_be_realised_is_refused_with_its_place() {
    for (text, want) in [
        ("a: [", "stack.yaml: did not find expected node content at line 2 column 1, while parsing a flow node"),
        (
            "services: {a: {image: b, privileged: true}}",
            "stack.yaml: services.a.privileged: the playground does not support 'privileged' here",
        ),
        (
            "services: {a: {command: b}}",
            "stack.yaml: services.a: image is missing; the playground does not build images of your own",
        ),
        (
            "services: {a: {image: b, ports: ['8081:8081']}}",
            "stack.yaml: services.a: ports: 8081:8081 is open to the network; use 127.0.0.1:8081:8081",
        ),
        (
            "services: {a: {image: b, ports: ['0.0.0.0:8081:8081']}}",
            "stack.yaml: services.a: ports: 0.0.0.0:8081:8081 is open to the network; use 127.0.0.1:8081:8081",
        ),
        (
            "services: {a: {image: b, ports: ['8081']}}",
            "stack.yaml: services.a: ports: 8081: name the port on the host, as in 127.0.0.1:8081:8081",
        ),
        (
            "services: {a: {image: b, scale: 2, ports: ['127.0.0.1:1:1']}}",
            "stack.yaml: services.a: ports: only one replica can publish a port",
        ),
        ("services: {a: {image: b, restart: always}}", "stack.yaml: services.a: restart: only \"no\" is supported"),
        (
            "services: {a: {image: b, volumes: [/data]}}",
            "stack.yaml: services.a: volumes: anonymous volumes are not supported: they would be left behind",
        ),
        (
            "services: {a: {image: b, volumes: ['data:/data']}}",
            "stack.yaml: services.a: volumes: no volume 'data' under 'volumes:'",
        ),
        (
            "services: {a: {image: b, network_mode: host}}",
            "stack.yaml: services.a.network_mode: the playground does not support 'network_mode' here",
        ),
        (
            "services: {a: {image: b, networks: [c]}}",
            "stack.yaml: services.a: networks: no network 'c' under 'networks:'",
        ),
        ("services: {a: {image: b, depends_on: [c]}}", "stack.yaml: services.a.depends_on: no service 'c'"),
        (
            "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}",
            "stack.yaml: services depend on each other in a cycle: a, b",
        ),
        (
            "services: {a: {image: b, environment: {X: '${Y:?say Y}'}}}",
            "stack.yaml: services.a.environment.X: Y must be set: say Y",
        ),
        (
            "services: {a: {image: b, volumes: ['data:/data:z']}}\nvolumes: {data: }",
            "stack.yaml: services.a: volumes: z and Z are for host folders; the engine labels its volumes",
        ),
        (
            "services: {a: {image: b, volumes: [{type: bind, source: ./a, target: /a, bind: {selinux: z}}]}}",
            "stack.yaml: services.a: volumes: bind.selinux: the engine supports it only with create_host_path: true",
        ),
        (
            "services: {a: {image: b, cpus: 1, cpu_quota: 50000}}",
            "stack.yaml: services.a: cpu_quota: cpus is already set",
        ),
        (
            "services: {a: {image: b, logging: {driver: local, size: 1}}}",
            "stack.yaml: services.a.logging.size: the playground does not support 'size' here",
        ),
        ("services: {a: {image: b, mem_limit: much}}", "stack.yaml: services.a.mem_limit: "),
        (
            "services: {a: {image: b, command: \"it's\"}}",
            "stack.yaml: services.a: command: a quote is not closed: it's",
        ),
    ] {
        let message = refused(text);
        assert!(message.starts_with(want), "{text}\n got {message}\nwant {want}");
    }
}

#[test]
fn the_hash_follows_what_a_container_is_made_from() {
    let hash = |text: &str| parsed(text).unwrap().service("a").unwrap().hash();
    let base = hash("services: {a: {image: b}}");
    assert_eq!(base, hash("services: {c: {image: d}, a: {image: b}}"));
    assert_eq!(base, hash("services: {a: {image: b, scale: 3, depends_on: [c]}, c: {image: d}}"));
    assert_ne!(base, hash("services: {a: {image: b, command: c}}"));
    assert_ne!(base, hash("services: {a: {image: b, environment: [A=1]}}"));
}

#[test]
fn a_service_has_as_many_replicas_as_are_asked_for() {
    let stack = parsed(SAMPLE).unwrap();
    assert_eq!(stack.clone().with_replicas("two", 3).unwrap().service("two").unwrap().replicas, 3);
    assert_eq!(stack.with_replicas("six", 2).unwrap_err().to_string(), "no service 'six'; the services are one, two");
}

#[test]
fn settings_are_variables_above_those_of_the_process() {
    let settings = StackSettings { rest_port: 1, kafka_port: 2, speed: 2.5, ..StackSettings::of("p") };
    let variables = variables(
        &settings,
        [("REST_PORT", "9"), ("FLINK_IMAGE", "flink:2")].map(|(k, v)| (k.into(), v.into())).into(),
    );
    assert_eq!(variables["REST_PORT"], "1");
    assert_eq!(variables["FLINK_IMAGE"], "flink:2");
    assert_eq!(variables["SPEED"], "2.5");
    assert_eq!(variables["JOB_ARGS"], "--checkpointing --event-time --delivery at-least-once");
}

#[test]
fn a_second_jobmanager_is_a_replica_and_one_is_what_the_file_has() {
    let jobmanagers = |jobmanagers| {
        let settings = StackSettings { jobmanagers, ..StackSettings::of("p") };
        let stack = Stack::load(&settings, &crate::workload::catalog::usual().unwrap()).unwrap();
        stack.service("jobmanager").unwrap().clone()
    };
    assert_eq!((jobmanagers(1).replicas, jobmanagers(2).replicas), (1, 2));
    assert_eq!(jobmanagers(1).hash(), jobmanagers(2).hash(), "the first one is not replaced by the second");
}

#[test]
fn the_built_in_file_holds_only_what_is_supported() {
    let source = Source { name: BUILTIN_NAME, folder: Path::new("/"), text: BUILTIN };
    let stack = Stack::parse(&source, "p", &Variables::new()).unwrap();
    let names: Vec<&str> = stack.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["zookeeper", "kafka", "jobmanager", "taskmanager", "clickevent-generator", "client"]);
    assert!(stack.service("client").unwrap().one_shot);
    let open = stack.services.iter().flat_map(|service| &service.ports).filter(|port| !port.host.is_loopback());
    assert_eq!(open.count(), 0);
}

#[test]
fn the_file_beside_the_compose_file_has_what_the_shell_has_not() {
    let folder = tempfile::tempdir().unwrap();
    let load = |services: &str| {
        let file = folder.path().join("own.yaml");
        std::fs::write(&file, services).unwrap();
        Stack::load(
            &StackSettings { file: Some(file), ..StackSettings::of("p") },
            &crate::workload::catalog::usual().unwrap(),
        )
    };
    let own = BUILTIN.replace("${ZOOKEEPER_IMAGE:-playground/zookeeper:3.9.5}", "zoo:${FROM_DOTENV}-x");
    std::fs::write(folder.path().join(".env"), "FROM_DOTENV=7\n").unwrap();
    assert_eq!(load(&own).unwrap().service("zookeeper").unwrap().image, "zoo:7-x");
    std::fs::write(folder.path().join(".env"), "A=1\nB='x\n").unwrap();
    let refused = load(&own).unwrap_err().to_string();
    assert_eq!(refused, format!("{}: line 2: B: the quote is not closed", folder.path().join(".env").display()));
}

#[test]
fn an_application_is_run_by_its_jobmanager_and_its_lines_are_served() {
    let text = crate::workload::catalog::text("event-counter").unwrap();
    let text = format!("{text}\n[flink]\n\"state.backend.type\" = \"rocksdb\"\n");
    let workload = crate::workload::parse::workload("x.toml", &text).unwrap();
    let settings = StackSettings { parallelism: Some(3), ..StackSettings::of("p") };
    let stack = Stack::load(&settings, &workload).unwrap();
    let command = |name: &str| stack.service(name).unwrap().command.clone().unwrap().join(" ");
    let (jobmanager, taskmanager) = (command("jobmanager"), command("taskmanager"));
    let application = "-D parallelism.default=3 --job-classname playground.event.EventCounter --host lines --port 9000";
    assert!(jobmanager.ends_with(&format!("-D state.backend.type=rocksdb {application}")), "{jobmanager}");
    assert!(taskmanager.ends_with("-D state.backend.type=rocksdb"), "{taskmanager}");
    assert!(stack.service("jobmanager").unwrap().entrypoint.as_ref().unwrap()[2].contains("bin/standalone-job.sh"));
    let lines = "serve --bootstrap-server kafka:9092 --topic lines --group event-counter --listen 0.0.0.0:9000";
    assert_eq!(command("lines"), lines);
    assert!(stack.service("lines").unwrap().ports.is_empty(), "no port of it is published");
    assert_eq!(command("client"), "true");
    let other = stack.with_application_parallelism(2);
    assert!(
        other.service("jobmanager").unwrap().command.as_ref().unwrap().contains(&"parallelism.default=2".to_owned())
    );
}
