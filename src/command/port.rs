//! What to do about a port that is in use: the platform knows by whom, the command line knows the option.

use anyhow::anyhow;

use crate::platform::PortTaken;
use crate::settings::project_option;

/// Adds advice to the error about a port in use, for a project; leaves any other error as it is.
pub(super) fn advise(error: anyhow::Error, project: &str) -> anyhow::Error {
    let Some(taken) = error.downcast_ref::<PortTaken>() else { return error };
    let free = taken.address.port().wrapping_add(1).max(1024);
    let up = format!("playground{} up", project_option(project));
    let (what, advice) = match taken.service.as_str() {
        "jobmanager" => ("Flink's web UI", format!("Use another port: {up} --rest-port {free}")),
        "kafka" => ("The broker", format!("Use another port: {up} --kafka-port {free}")),
        service => (service, "Use another port in the compose file, or stop what is using this one".to_owned()),
    };
    anyhow!(advice).context(format!("{what} would be published there.")).context(taken.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(service: &str, project: &str) -> String {
        let address = ([127, 0, 0, 1], 8081).into();
        let taken = PortTaken { address, by: "java (process 4123)".into(), service: service.into() };
        let error = advise(anyhow::Error::from(taken).context("bring the stack up"), project);
        error.chain().map(ToString::to_string).collect::<Vec<_>>().join("\n  ")
    }

    #[test]
    fn a_taken_port_comes_with_the_option_that_moves_it() {
        insta::assert_snapshot!(advised("jobmanager", "b"), @r"
        127.0.0.1:8081 is taken by java (process 4123)
          Flink's web UI would be published there.
          Use another port: playground -p b up --rest-port 8082
        ");
        assert!(advised("kafka", "b").ends_with("playground -p b up --kafka-port 8082"));
        assert!(advised("web", "b").contains("web would be published there."));
    }

    #[test]
    fn other_errors_stay() {
        assert_eq!(advise(anyhow!("x"), "b").to_string(), "x");
    }
}
