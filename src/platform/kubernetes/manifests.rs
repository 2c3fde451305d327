//! The objects that a stack is in a cluster: the manifests of `kubernetes/`, with what the stack says of its services. Pure.
//!
//! The manifests say how a service runs in a cluster: its volumes, probes, ports and rights. The stack says what runs in it:
//! the image, the arguments, how many. So every setting and every workload is the same on either platform.

use anyhow::{Context as _, Result, bail};
use include_dir::{Dir, include_dir};
use serde::Deserialize as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::labels;
use crate::settings::Ha;
use crate::stack::{JOBMANAGER, Service, Stack, TASKMANAGER, hex};
use crate::workload::model::LINES;

static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/kubernetes");

const BROKER: &str = "kafka";
const GENERATOR: &str = "clickevent-generator";
const CLIENT: &str = "client";
/// The services, each with the file that has its objects.
const FILES: [(&str, &str); 7] = [
    ("zookeeper", "base/zookeeper.yaml"),
    (BROKER, "base/kafka.yaml"),
    (JOBMANAGER, "base/jobmanager.yaml"),
    (TASKMANAGER, "base/taskmanager.yaml"),
    (GENERATOR, "overlays/click-count/generator.yaml"),
    (LINES, "overlays/event-counter/lines.yaml"),
    (CLIENT, "overlays/click-count/client.yaml"),
];
/// The `ConfigMaps`, each with its files, as `base/kustomization.yaml` makes them.
const CONFIGS: [(&str, &[&str]); 2] =
    [("flink-config", &["config.yaml", "log4j-console.properties"]), ("zookeeper-config", &["zoo.cfg"])];
/// The overlay for Kubernetes' own leader election, and the rights that it takes.
const ELECTION: &str = "overlays/kubernetes-ha/kustomization.yaml";
const ACCOUNT: &str = "overlays/kubernetes-ha/account.yaml";
const CLUSTER_ID: &str = "kubernetes.cluster-id=";
/// The claim of the volume.
const DATA: &str = "base/data.yaml";
pub(super) const CLAIM: &str = "data";
/// Options of Flink that the manifests decide: they name places in the cluster, and not in containers on one machine.
const PLACES: [&str; 4] =
    ["high-availability.type", "high-availability.zookeeper.quorum", "jobmanager.rpc.address", "rest.address"];
/// The file that a generator touches, which the probes look at.
const ALIVE: [&str; 2] = ["--alive", "/tmp/alive"];

/// All objects of a stack, in the order in which they are made.
///
/// # Errors
/// A service that no manifest is for: only those of the built-in compose file are.
pub(super) fn objects(stack: &Stack) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    for (name, files) in CONFIGS {
        let data: Result<serde_json::Map<String, Value>> =
            files.iter().map(|file| Ok(((*file).to_owned(), text(&format!("base/{file}"))?.into()))).collect();
        objects.push(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data?}));
    }
    for mut object in documents(DATA)? {
        annotate(&mut object, labels::HA, stack.ha.name());
        if let Some(class) = &stack.storage_class {
            object["spec"]["storageClassName"] = class.as_str().into();
        }
        objects.push(object);
    }
    let election = (stack.ha == Ha::Kubernetes).then(Election::read).transpose()?;
    if election.is_some() {
        objects.extend(documents(ACCOUNT)?);
    }
    for service in &stack.services {
        let Some((_, file)) = FILES.iter().find(|(name, _)| *name == service.name) else {
            bail!(
                "no manifest is for service {}: on Kubernetes only the services of the built-in compose file run",
                service.name
            );
        };
        // Nobody outside of the cluster is to reach REST who was not let through to it.
        let is_open = |object: &Value| object["spec"]["type"] == "NodePort";
        for mut object in documents(file)?.into_iter().filter(|object| !is_open(object)) {
            if object["kind"] != "Service" {
                if let (Some(election), JOBMANAGER | TASKMANAGER) = (&election, service.name.as_str()) {
                    election.is_held_by(&mut object, &stack.project)?;
                }
                runs(&mut object, service, stack)?;
            }
            objects.push(object);
        }
    }
    for object in &mut objects {
        let labels = labels::own(&stack.project);
        label(&mut object["metadata"], &labels);
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        if kind == "Deployment" || kind == "Job" {
            label(&mut object["spec"]["template"]["metadata"], &labels);
        }
        // Somebody else's pods may be called the same.
        match kind.as_str() {
            "Deployment" => add(&mut object["spec"]["selector"]["matchLabels"], &labels),
            "Service" => add(&mut object["spec"]["selector"], &labels),
            _ => {}
        }
    }
    Ok(objects)
}

/// What the overlay for Kubernetes' own leader election changes of Flink's Deployments.
struct Election(json_patch::Patch);

impl Election {
    fn read() -> Result<Self> {
        let overlay: Value = serde_yaml::from_str(text(ELECTION)?)?;
        let is_flinks = |patch: &&Value| patch["target"]["name"] == format!("({JOBMANAGER}|{TASKMANAGER})");
        let patch = overlay["patches"].as_array().and_then(|patches| patches.iter().find(is_flinks));
        let patch =
            patch.and_then(|patch| patch["patch"].as_str()).context("the overlay patches no Deployment of Flink")?;
        Ok(Self(serde_yaml::from_str(patch).with_context(|| format!("read kubernetes/{ELECTION}"))?))
    }

    /// Each project has an election of its own.
    fn is_held_by(&self, object: &mut Value, project: &str) -> Result<()> {
        json_patch::patch(object, &self.0).with_context(|| format!("apply kubernetes/{ELECTION}"))?;
        let args = object["spec"]["template"]["spec"]["containers"][0]["args"].as_array_mut();
        let id = args.into_iter().flatten().find(|arg| arg.as_str().is_some_and(|arg| arg.starts_with(CLUSTER_ID)));
        *id.context("the overlay names no cluster-id")? = format!("{CLUSTER_ID}{}", cluster_id(project)).into();
        Ok(())
    }
}

/// Under which id Flink keeps the `ConfigMaps` of a project's election: one that no cluster of somebody else's has. Their names begin
/// with it.
pub(super) fn cluster_id(project: &str) -> String {
    format!("playground-{}", labels::name_of(project))
}

/// Makes a Deployment or Job run what a service is.
fn runs(object: &mut Value, service: &Service, stack: &Stack) -> Result<()> {
    if object["kind"] == "Deployment" {
        object["spec"]["replicas"] = service.replicas.into();
        annotate(object, labels::INSTANCES, &service.replicas.to_string());
        annotate(object, labels::ENDED, "");
        let config = config_of(object)?;
        annotate(&mut object["spec"]["template"], labels::CONFIG, &config);
    }
    if let (JOBMANAGER, Some(registry)) = (service.name.as_str(), &stack.registry) {
        annotate(object, labels::REGISTRY, registry);
    }
    let pod = &mut object["spec"]["template"]["spec"];
    let command = service.command.clone().unwrap_or_default();
    match output_topic(&command) {
        Some(topic) => {
            for waits in pod["initContainers"].as_array_mut().into_iter().flatten() {
                // For the topic, with the broker's own tools.
                waits["image"] = stack.service(BROKER).map_or(Value::Null, |broker| broker.image.clone().into());
                waits["args"] = json!(["wait", topic]);
            }
        }
        // Whoever submits no job waits for nothing.
        None => drop(pod.as_object_mut().and_then(|pod| pod.remove("initContainers"))),
    }
    let container = &mut pod["containers"][0];
    container["image"] = service.image.clone().into();
    match service.name.as_str() {
        JOBMANAGER | TASKMANAGER => flink(container, &command)?,
        GENERATOR | LINES => container["args"] = command.iter().map(String::as_str).chain(ALIVE).collect(),
        CLIENT => container["args"] = command.into(),
        _ => {}
    }
    for (name, value) in &service.environment {
        set_variable(container, name, value);
    }
    if object["kind"] == "Job" {
        let made_from = serde_json::to_vec(&object["spec"]["template"])?;
        annotate(object, labels::HASH, &hex(&Sha256::digest(made_from)));
    }
    Ok(())
}

/// A hash of the `ConfigMaps` that a Deployment's pods read. A process reads its configuration once.
fn config_of(deployment: &Value) -> Result<String> {
    let volumes = deployment["spec"]["template"]["spec"]["volumes"].as_array();
    let mut hash = Sha256::new();
    for name in volumes.into_iter().flatten().filter_map(|volume| volume["configMap"]["name"].as_str()) {
        let (_, files) =
            CONFIGS.iter().find(|(config, _)| *config == name).with_context(|| format!("no ConfigMap {name}"))?;
        for file in *files {
            hash.update(text(&format!("base/{file}"))?);
        }
    }
    Ok(hex(&hash.finalize()))
}

/// What of Flink's options is not in its `ConfigMap` goes onto the command line, where it wins. An application's JobManager is
/// another program, and has its class and the arguments of its `main` behind the options.
fn flink(container: &mut Value, command: &[String]) -> Result<()> {
    let (options, main) = split(command);
    let config: serde_json::Map<String, Value> = serde_yaml::from_str(text("base/config.yaml")?)?;
    let has = |name: &str, value: &str| config.get(name).is_some_and(|there| plain(there) == value);
    let more = options.into_iter().filter(|(name, value)| !PLACES.contains(name) && !has(name, value));
    let args = container["args"].as_array_mut().context("no args in its manifest")?;
    args.extend(more.flat_map(|(name, value)| [json!("-D"), format!("{name}={value}").into()]));
    if !main.is_empty() {
        args.extend(main.iter().map(|word| Value::from(word.as_str())));
        container["command"] = json!(["bin/standalone-job.sh"]);
    }
    Ok(())
}

/// The topic that the job writes to which a command submits.
fn output_topic(command: &[String]) -> Option<&str> {
    command.windows(2).find(|pair| pair[0] == "--output-topic").map(|pair| pair[1].as_str())
}

/// The options of a command, and what stands behind them.
fn split(command: &[String]) -> (Vec<(&str, &str)>, &[String]) {
    let words = command.strip_prefix(&["start-foreground".to_owned()]).unwrap_or(command);
    let pairs = words.chunks(2).take_while(|pair| pair.len() == 2 && pair[0] == "-D");
    let options: Vec<(&str, &str)> = pairs.filter_map(|pair| pair[1].split_once('=')).collect();
    let main = &words[2 * options.len()..];
    (options, main)
}

/// A value of YAML as Flink's command line would write it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn set_variable(container: &mut Value, name: &str, value: &str) {
    let variable = json!({"name": name, "value": value});
    match container["env"].as_array_mut() {
        Some(there) => match there.iter_mut().find(|one| one["name"] == name) {
            Some(one) => *one = variable,
            None => there.push(variable),
        },
        None => container["env"] = json!([variable]),
    }
}

fn label(metadata: &mut Value, labels: &labels::Labels) {
    add(&mut metadata["labels"], labels);
}

fn add(to: &mut Value, labels: &labels::Labels) {
    for (name, value) in labels {
        to[name] = value.as_str().into();
    }
}

fn annotate(object: &mut Value, name: &str, value: &str) {
    object["metadata"]["annotations"][name] = value.into();
}

fn documents(path: &str) -> Result<Vec<Value>> {
    let read = |document| Value::deserialize(document).with_context(|| format!("read kubernetes/{path}"));
    serde_yaml::Deserializer::from_str(text(path)?).map(read).collect()
}

fn text(path: &str) -> Result<&'static str> {
    let file = FOLDER.get_file(path).and_then(include_dir::File::contents_utf8);
    file.with_context(|| format!("kubernetes/{path} is missing from this build of the playground"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::StackSettings;
    use crate::workload::catalog;

    fn of(settings: &StackSettings, workload: &str) -> Vec<Value> {
        objects(&Stack::load(settings, &catalog::find(workload).unwrap()).unwrap()).unwrap()
    }

    fn find(objects: &[Value], kind: &str, name: &str) -> Value {
        let is_it = |one: &&Value| one["kind"] == kind && one["metadata"]["name"] == name;
        objects.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}")).clone()
    }

    #[test]
    fn no_image_is_without_a_tag() {
        for object in of(&StackSettings::of("p"), "click-count") {
            let pod = &object["spec"]["template"]["spec"];
            for container in ["initContainers", "containers"].iter().filter_map(|kind| pod[kind].as_array()).flatten() {
                assert!(container["image"].as_str().is_some_and(|image| image.contains(':')), "{container}");
            }
        }
    }

    fn container(objects: &[Value], kind: &str, name: &str) -> Value {
        find(objects, kind, name)["spec"]["template"]["spec"]["containers"][0].clone()
    }

    #[test]
    fn every_object_of_a_stack_bears_its_project() {
        let settings = StackSettings::of("p");
        let objects = of(&settings, "click-count");
        let kinds: Vec<String> =
            objects.iter().map(|one| format!("{} {}", plain(&one["kind"]), plain(&one["metadata"]["name"]))).collect();
        assert_eq!(kinds.len(), 12, "{kinds:?}");
        for object in &objects {
            assert_eq!(object["metadata"]["labels"][labels::PROJECT], "p", "{object}");
            assert_eq!(object["metadata"]["labels"][labels::STACK], "", "{object}");
        }
        let pod = &find(&objects, "Deployment", "taskmanager")["spec"]["template"]["metadata"]["labels"];
        assert_eq!((&pod[labels::PROJECT], &pod[labels::SERVICE]), (&json!("p"), &json!("taskmanager")));
    }

    #[test]
    fn what_settings_change_of_a_service_they_change_here() {
        let settings =
            StackSettings { slots: 3, speed: 5.0, kafka_port: 19_094, parallelism: Some(3), ..StackSettings::of("p") };
        let objects = of(&settings, "click-count");
        let args = container(&objects, "Deployment", "taskmanager")["args"].to_string();
        assert!(args.contains("taskmanager.numberOfTaskSlots=3") && args.contains("$(POD_IP)"), "{args}");
        for place in PLACES.iter().filter(|place| !place.ends_with(".address")) {
            assert!(!args.contains(place), "{place} is the manifests': {args}");
        }
        assert!(!args.contains("heartbeat"), "in the ConfigMap already: {args}");
        assert_eq!(
            container(&objects, "Deployment", "kafka")["env"],
            json!([{"name": "KAFKA_PORT", "value": "19094"}])
        );
        assert_eq!(container(&objects, "Job", "client")["env"], json!([{"name": "PARALLELISM", "value": "3"}]));
        let generator = container(&objects, "Deployment", "clickevent-generator")["args"].to_string();
        assert!(generator.contains(r#""--speed","5","--alive","/tmp/alive""#), "{generator}");
    }

    #[test]
    fn an_application_is_run_by_its_jobmanager() {
        let objects = of(&StackSettings::of("p"), "event-counter");
        let jobmanager = container(&objects, "Deployment", "jobmanager");
        assert_eq!(jobmanager["command"], json!(["bin/standalone-job.sh"]));
        let args = jobmanager["args"].to_string();
        assert!(args.starts_with(r#"["start-foreground","-D","jobmanager.rpc.address=$(POD_IP)""#), "{args}");
        assert!(
            args.ends_with(r#""--job-classname","playground.event.EventCounter","--host","lines","--port","9000"]"#),
            "{args}"
        );
        find(&objects, "Service", "lines");
        let client = find(&objects, "Job", "client");
        assert_eq!(client["spec"]["template"]["spec"]["initContainers"], Value::Null, "no topic to wait for");
    }

    #[test]
    fn pods_of_another_configuration_are_other_pods_and_the_registry_is_noted() {
        let objects = of(&StackSettings { registry: Some("r".to_owned()), ..StackSettings::of("p") }, "click-count");
        let hash = |service: &str| {
            let deployment = find(&objects, "Deployment", service);
            deployment["spec"]["template"]["metadata"]["annotations"][labels::CONFIG].as_str().map(str::to_owned)
        };
        assert_eq!(hash(JOBMANAGER), hash(TASKMANAGER));
        assert!(hash(JOBMANAGER).is_some_and(|one| one.len() == 64) && hash("zookeeper") != hash(JOBMANAGER));
        assert_eq!(find(&objects, "Deployment", JOBMANAGER)["metadata"]["annotations"][labels::REGISTRY], "r");
    }

    #[test]
    fn the_cluster_elects_the_leader_where_it_is_asked_to() {
        let settings =
            StackSettings { ha: Ha::Kubernetes, storage_class: Some("fast".to_owned()), ..StackSettings::of("a") };
        let objects = of(&settings, "click-count");
        assert!(!objects.iter().any(|object| object["metadata"]["name"] == "zookeeper"));
        for service in [JOBMANAGER, TASKMANAGER] {
            let args = container(&objects, "Deployment", service)["args"].to_string();
            assert!(args.contains(r#""high-availability.type=kubernetes""#), "{args}");
            assert!(args.contains(r#""kubernetes.cluster-id=playground-a""#), "{args}");
            let pod = find(&objects, "Deployment", service)["spec"]["template"]["spec"].clone();
            assert_eq!(
                (&pod["serviceAccountName"], &pod["automountServiceAccountToken"]),
                (&json!("flink"), &json!(true))
            );
        }
        find(&objects, "Role", "flink-leader-election");
        assert_eq!(find(&objects, "PersistentVolumeClaim", "data")["spec"]["storageClassName"], "fast");
    }

    #[test]
    fn options_end_where_the_program_begins() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let command = words("start-foreground -D a=1 -D b=c=2 --job-classname X -D d=3");
        let (options, main) = split(&command);
        assert_eq!(options, [("a", "1"), ("b", "c=2")]);
        assert_eq!(main, words("--job-classname X -D d=3"));
    }
}
