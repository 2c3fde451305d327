//! What other commands left, or hold: undone where it is known how, told where it is not, and never undone on suspicion. No
//! Docker.

use playground::platform::Owner;

use crate::support::world::{World, elsewhere, ended};

#[test]
fn a_fault_whose_process_has_ended_is_undone_by_its_own_undo() {
    let world = World::new(&[("taskmanager", "exited")]).marked("kill", "taskmanager-1", &ended());
    let told = world.playground(&["ps"]).run().expect(0).stderr;
    assert!(
        told.contains("died between the kill of taskmanager-1 and its undo; undone: start taskmanager-1"),
        "{told}"
    );
    assert_eq!((world.instance("taskmanager").as_str(), world.marks()), ("running", 0));
}

#[test]
fn a_fault_on_several_instances_is_undone_on_all_that_are_left() {
    let world = World::new(&[("jobmanager", "exited"), ("zookeeper", "exited")]).marked(
        "kill",
        "jobmanager-1, taskmanager-2, zookeeper-1",
        &ended(),
    );
    let told = world.playground(&["ps"]).run().expect(0).stderr;
    assert!(told.contains("undone: start jobmanager-1, zookeeper-1"), "{told}");
    assert_eq!(["jobmanager", "zookeeper"].map(|service| world.instance(service)), ["running", "running"]);
    assert_eq!(world.marks(), 0);
}

#[test]
fn a_fault_of_a_later_version_is_told_and_left_as_it_is() {
    for target in ["taskmanager-1", "what is no instance"] {
        let world = World::new(&[("taskmanager", "paused")]).marked("freeze", target, &ended());
        let told = world.playground(&["ps"]).run().expect(0).stderr;
        assert!(told.contains("does not know the fault 'freeze', and left it as it is"), "{told}");
        assert_eq!((world.instance("taskmanager").as_str(), world.marks()), ("paused", 1));
    }
}

#[test]
fn a_fault_whose_process_may_still_run_is_told_with_what_to_do() {
    let world = World::new(&[("jobmanager", "running"), ("taskmanager", "exited")]).marked(
        "kill",
        "taskmanager-1",
        &elsewhere(),
    );
    let told = world.playground(&["start", "jobmanager"]).run().expect(0).stderr;
    for part in
        ["on elsewhere, not visible from here", "cannot be seen from here", "(start taskmanager-1)", "; then rm "]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!((world.instance("taskmanager").as_str(), world.marks()), ("exited", 1));
}

#[test]
fn flinks_own_command_line_owns_the_stack_unless_it_only_looks() {
    let world = World::new(&[("client", "running")]).locked("upgrade", &Owner::current().expect("this process"));
    for args in [&["flink", "stop", "7"][..], &["flink", "run", "a.jar", "--help"], &["flink", "savepoint", "7"]] {
        let refused = world.playground(args).run().expect(4).stderr;
        assert!(refused.contains("is in use by upgrade (process "), "{args:?}: {refused}");
    }
    for args in [&["flink", "list"][..], &["flink", "--help"], &["flink", "stop", "--help"]] {
        world.playground(args).run().expect(0);
    }
}
