//! The stack's instances, as the platform shows them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Watch;
use crate::history::What;
use crate::platform::{Contract as _, Instance, Platform, Stage};

/// How often to poll: an instance that is killed stays down for longer than this.
const LOOK: Duration = Duration::from_millis(500);

/// Polls until the run is over, and again if the platform does not answer.
pub(super) async fn watch(platform: Platform, watch: Watch) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut told, mut came) = (BTreeMap::new(), BTreeMap::new());
    while watch.goes_on() {
        ticks.tick().await;
        let Ok(instances) = platform.services().await else { continue };
        for what in news(&mut told, &instances).into_iter().chain(stages(&mut came, &instances)) {
            watch.tell(what).await;
        }
    }
}

/// What has changed since the last report.
fn news(told: &mut BTreeMap<String, String>, instances: &[Instance]) -> Vec<What> {
    let now: BTreeMap<String, String> =
        instances.iter().map(|instance| (instance.name(), instance.state.name().to_owned())).collect();
    let gone = told.keys().filter(|name| !now.contains_key(*name)).map(|name| (name.clone(), "gone".to_owned()));
    let changed = now.iter().filter(|(name, state)| told.get(*name) != Some(*state));
    let changed = changed.map(|(name, state)| (name.clone(), state.clone()));
    let news = gone.chain(changed).map(|(instance, state)| What::Instance { instance, state }).collect();
    *told = now;
    news
}

/// The pods that have come further since the last look. One look may miss stages between.
fn stages(came: &mut BTreeMap<(String, String), Stage>, instances: &[Instance]) -> Vec<What> {
    let now: BTreeMap<(String, String), Stage> =
        instances.iter().filter_map(|one| Some(((one.name(), one.id.clone()), one.stage?))).collect();
    let further = now.iter().filter(|(pod, stage)| came.get(pod).is_none_or(|before| before < *stage));
    let news = further.map(|((instance, _), stage)| What::Pod { instance: instance.clone(), stage: *stage }).collect();
    *came = now;
    news
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::State;

    #[test]
    fn a_pod_that_takes_the_place_of_another_begins_anew() {
        let pod = |id: &str, stage| Instance {
            service: "kafka".into(),
            number: 1,
            id: id.into(),
            stage: Some(stage),
            ..Instance::default()
        };
        let mut came = BTreeMap::new();
        let mut told = |id: &str, stage| stages(&mut came, &[pod(id, stage)]).len();
        assert_eq!([told("a", Stage::Scheduled), told("a", Stage::Scheduled), told("a", Stage::Ready)], [1, 0, 1]);
        assert_eq!(told("a", Stage::Started), 0, "it is not ready any more");
        assert_eq!(told("b", Stage::Scheduled), 1);
    }

    #[test]
    fn only_changes_are_told() {
        let instance = |number, state| Instance { service: "kafka".into(), number, state, ..Instance::default() };
        let told = |told: &mut _, instances: &[Instance]| {
            let line = |what| match what {
                What::Instance { instance, state } => format!("{instance} {state}"),
                other => panic!("{other:?}"),
            };
            news(told, instances).into_iter().map(line).collect::<Vec<_>>()
        };
        let mut known = BTreeMap::new();
        let both = [instance(1, State::Running), instance(2, State::Running)];
        assert_eq!(told(&mut known, &both), ["kafka-1 running", "kafka-2 running"]);
        assert_eq!(told(&mut known, &both), Vec::<String>::new());
        assert_eq!(told(&mut known, &[instance(1, State::Exited)]), ["kafka-2 gone", "kafka-1 exited"]);
    }
}
