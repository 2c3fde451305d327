//! Waiting for what a service depends on, and for what it promises itself.

use std::time::Duration;

use anyhow::{Result, anyhow};

use super::observe::Container;
use super::{Docker, labels, problem};
use crate::platform::{Health, State, instance_name};
use crate::stack::{Condition, HealthCheck, Service, Stack};
use crate::wait::{Seen, until};

/// Between two looks: an inspection takes the engine about a millisecond.
const INTERVAL: Duration = Duration::from_millis(100);

impl Docker {
    /// Waits until every instance of a service is as the condition says, `limit` for each.
    pub(super) async fn wait_for(
        &self,
        stack: &Stack,
        service: &str,
        condition: Condition,
        limit: Duration,
    ) -> Result<()> {
        let replicas = stack.service(service).map_or(0, |service| service.replicas);
        for number in 1..=replicas {
            self.wait_for_instance(service, number, condition, limit).await?;
        }
        Ok(())
    }

    /// Waits until an instance is what its own description promises: healthy, ended well, or running.
    pub(super) async fn wait_for_promise(&self, service: &Service, number: u32, limit: Duration) -> Result<()> {
        let condition = if service.one_shot {
            Condition::Completed
        } else if service.health == HealthCheck::Off {
            Condition::Started
        } else {
            Condition::Healthy
        };
        self.wait_for_instance(&service.name, number, condition, limit).await
    }

    async fn wait_for_instance(&self, service: &str, number: u32, condition: Condition, limit: Duration) -> Result<()> {
        let name = labels::name(&self.project, service, number);
        let instance = instance_name(service, number);
        let what = match condition {
            Condition::Started => format!("start {instance}"),
            Condition::Healthy => format!("wait until {instance} is healthy"),
            Condition::Completed => format!("wait until {instance} is done"),
        };
        let waited = until(what, limit, INTERVAL, async || {
            let Some(container) = self.container(&name).await? else {
                return Ok(Seen::NotYet("not created".to_owned()));
            };
            Ok(match judge(&container, condition) {
                Found::Holds => Seen::Done(None),
                Found::NotYet(seen) => Seen::NotYet(seen),
                Found::Never(why) => Seen::Done(Some(why)),
            })
        });
        match waited.await {
            Ok(None) => Ok(()),
            Ok(Some(why)) => Err(self.with_last_words(anyhow!("{instance} {why}"), &name).await),
            Err(error) => Err(self.with_last_words(error, &name).await),
        }
    }

    /// Adds what a container printed last to an error about it.
    async fn with_last_words(&self, error: anyhow::Error, name: &str) -> anyhow::Error {
        let lines = self.last_lines(name, 400).await.unwrap_or_default();
        let words = problem::essence(&lines);
        if words.is_empty() { error } else { anyhow!(words.join("\n  ")).context(error.to_string()) }
    }
}

/// What one look at a container found.
enum Found {
    Holds,
    NotYet(String),
    Never(String),
}

fn judge(container: &Container, condition: Condition) -> Found {
    let instance = &container.instance;
    match (condition, instance.state) {
        (Condition::Started | Condition::Completed, State::Exited) if instance.exit_code == Some(0) => Found::Holds,
        (_, State::Exited) => {
            let code = instance.exit_code.unwrap_or_default();
            Found::Never(format!("exited with code {code}{}", meaning(code)))
        }
        (_, State::Created | State::Paused) => Found::NotYet("not running".to_owned()),
        (Condition::Completed, State::Running) => Found::NotYet("still running".to_owned()),
        (Condition::Started, State::Running) => Found::Holds,
        (Condition::Healthy, State::Running) => match instance.health {
            None | Some(Health::Healthy) => Found::Holds,
            Some(Health::Starting) => Found::NotYet("starting".to_owned()),
            Some(Health::Unhealthy) => Found::NotYet(format!("unhealthy: {}", container.health_said)),
        },
    }
}

fn meaning(code: i64) -> &'static str {
    match code {
        137 => " (killed, by its memory limit or by someone)",
        139 => " (crashed)",
        143 => " (SIGTERM: asked to stop)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Instance;

    fn seen(condition: Condition, state: State, exit_code: Option<i64>, health: Option<Health>) -> String {
        let container = Container {
            instance: Instance {
                service: "a".into(),
                number: 1,
                id: String::new(),
                host: String::new(),
                state,
                health,
                exit_code,
                ports: Vec::new(),
                connected: true,
                stage: None,
            },
            ..Container::default()
        };
        match judge(&container, condition) {
            Found::Holds => "holds".to_owned(),
            Found::NotYet(seen) => format!("not yet: {seen}"),
            Found::Never(why) => format!("never: {why}"),
        }
    }

    #[test]
    fn a_condition_holds_may_hold_or_never_will() {
        use Condition::{Completed, Healthy, Started};
        use State::{Created, Exited, Running};
        for (condition, state, exit_code, health, want) in [
            (Started, Created, None, None, "not yet: not running"),
            (Started, Running, None, Some(Health::Starting), "holds"),
            (Started, Exited, Some(0), None, "holds"),
            (Healthy, Running, None, Some(Health::Starting), "not yet: starting"),
            (Healthy, Running, None, Some(Health::Unhealthy), "not yet: unhealthy: "),
            (Healthy, Running, None, Some(Health::Healthy), "holds"),
            // Without a health check there is nothing to wait for.
            (Healthy, Running, None, None, "holds"),
            (Healthy, Exited, Some(0), None, "never: exited with code 0"),
            (Healthy, State::Paused, None, None, "not yet: not running"),
            (Completed, Running, None, None, "not yet: still running"),
            (Completed, Exited, Some(0), None, "holds"),
            (Completed, Exited, Some(1), None, "never: exited with code 1"),
            (
                Completed,
                Exited,
                Some(137),
                None,
                "never: exited with code 137 (killed, by its memory limit or by someone)",
            ),
        ] {
            assert_eq!(seen(condition, state, exit_code, health), want, "{condition:?} {state:?}");
        }
    }
}
