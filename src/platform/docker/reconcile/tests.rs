use super::*;
use crate::platform::Instance;
use crate::stack::{Source, Variables};

const FILE: &str = "\
services:
  a: {image: one, scale: 2}
  once: {image: two, x-one-shot: true, networks: [default, other]}
networks: {default: , other: }
volumes: {data: }";

fn stack() -> Stack {
    let source = Source { name: "f", folder: std::path::Path::new("/"), text: FILE };
    Stack::parse(&source, "p", &Variables::new()).unwrap()
}

fn images() -> BTreeMap<String, String> {
    BTreeMap::from([("one".to_owned(), "id-one".to_owned()), ("two".to_owned(), "id-two".to_owned())])
}

/// What is there after the stack was brought up.
fn up() -> Observed {
    let stack = stack();
    let containers = stack.services.iter().flat_map(|service| {
        (1..=service.replicas).map(|number| Container {
            instance: Instance {
                service: service.name.clone(),
                number,
                id: format!("{}{number}", service.name),
                host: String::new(),
                state: if service.one_shot { State::Exited } else { State::Running },
                health: None,
                exit_code: service.one_shot.then_some(0),
                ports: Vec::new(),
                connected: true,
                stage: None,
            },
            name: labels::name("p", &service.name, number),
            one_off: false,
            owner: None,
            hash: service.hash(),
            image: images()[&service.image].clone(),
            networks: service.networks.iter().map(|one| one.network.clone()).collect(),
            attachments: service.networks.clone(),
            ..Container::default()
        })
    });
    Observed {
        containers: containers.collect(),
        networks: stack.networks.iter().map(|one| (one.name.clone(), Definition::of_network(one))).collect(),
        volumes: stack.volumes.iter().map(|one| (one.name.clone(), Definition::of_volume(one))).collect(),
        foreign: Vec::new(),
    }
}

/// A line for each operation.
fn told(plan: &Plan) -> String {
    let renewals = plan.renewals.iter().map(|one| format!("renew {}: {}", one.network.name, one.cause));
    let resources = plan.networks.iter().map(|one| format!("create {}: missing", one.name));
    let volumes = plan.volumes.iter().map(|one| format!("create {}: missing", one.name));
    let removals = plan.removals.iter().map(|one| format!("{} {}: {}", one.verb, one.object, one.cause));
    let instances = plan.instances.iter().flat_map(|steps| {
        let name = crate::platform::instance_name(&steps.service.name, steps.number);
        steps.operations.iter().map(move |one| match &one.verb {
            Verb::Connect(network) => format!("connect {name} to {network}: {}", one.cause),
            verb => format!("{} {name}: {}", verb.name(), one.cause),
        })
    });
    resources.chain(volumes).chain(removals).chain(renewals).chain(instances).collect::<Vec<_>>().join("\n")
}

fn after(change: impl FnOnce(&mut Observed)) -> String {
    let mut observed = up();
    change(&mut observed);
    told(&reconcile(&stack(), &images(), &observed))
}

#[test]
fn from_nothing_everything_is_made() {
    insta::assert_snapshot!(told(&reconcile(&stack(), &images(), &Observed::default())), @r"
    create p_default: missing
    create p_other: missing
    create p_data: missing
    create a-1: missing
    start a-1: new
    create a-2: missing
    start a-2: new
    create once-1: missing
    connect once-1 to p_other: not on it
    start once-1: new
    ");
}

#[test]
fn what_is_as_wanted_is_left_alone() {
    assert_eq!(after(|_| {}), "");
}

#[test]
fn what_does_not_run_is_started_and_what_is_done_is_not() {
    insta::assert_snapshot!(after(|observed| {
        observed.containers[0].instance.state = State::Paused;
        observed.containers[1].instance.state = State::Exited;
        observed.containers[1].instance.exit_code = Some(137);
    }), @r"
    unpause a-1: paused
    start a-2: exited with code 137
    ");
    let ended_well = after(|observed| {
        observed.containers[1].instance.state = State::Exited;
        observed.containers[1].instance.exit_code = Some(0);
    });
    assert_eq!(ended_well, "start a-2: exited with code 0");
    assert_eq!(
        after(|observed| observed.containers[2].instance.exit_code = Some(1)),
        "start once-1: exited with code 1"
    );
}

#[test]
fn a_container_that_was_cut_off_is_put_back() {
    assert_eq!(after(|observed| observed.containers[0].networks.clear()), "connect a-1 to p_default: not on it");
}

#[test]
fn what_was_made_from_something_else_is_replaced() {
    insta::assert_snapshot!(after(|observed| {
        observed.containers[0].hash = "other".into();
        observed.containers[1].image = "other".into();
    }), @r"
    replace a-1: its configuration changed
    replace a-2: its image changed
    create a-1: its configuration changed
    start a-1: new
    create a-2: its image changed
    start a-2: new
    ");
}

#[test]
fn surplus_goes_and_one_off_containers_are_none_of_it() {
    insta::assert_snapshot!(after(|observed| {
        let mut extra = observed.containers[0].clone();
        extra.instance.number = 3;
        let mut foreign = extra.clone();
        foreign.instance.service = "gone".into();
        let mut one_off = extra.clone();
        one_off.one_off = true;
        observed.containers.extend([extra, foreign, one_off]);
    }), @r"
    remove a-3: only 2 wanted
    remove gone-3: no such service in the compose file
    ");
}

fn with_file(text: &str) -> Plan {
    let source = Source { name: "f", folder: std::path::Path::new("/"), text };
    let stack = Stack::parse(&source, "p", &Variables::new()).unwrap();
    reconcile(&stack, &images(), &up())
}

#[test]
fn a_changed_network_is_made_anew_with_all_that_is_on_it() {
    let plan = with_file(&FILE.replace("other: }", "other: {internal: true}}"));
    insta::assert_snapshot!(told(&plan), @r"
    replace once-1: its network p_other changed
    renew p_other: internal was false and is now true
    create once-1: its network p_other changed
    connect once-1 to p_other: not on it
    start once-1: new
    ");
    assert_eq!(with_file(FILE).changed_volumes, [""; 0]);
}

#[test]
fn a_changed_volume_is_told_and_nothing_is_done_about_it() {
    let plan = with_file(&FILE.replace("data: }", "data: {driver_opts: {type: tmpfs}}}"));
    assert_eq!(plan.changed_volumes, ["p_data: option type is now tmpfs"]);
    assert_eq!(told(&plan), "");
}
