//! The part of the Compose format that the platforms implement, as a table of keys; every other key is an error.

use anyhow::{Result, bail};
use serde_yaml::Value;

/// What the value of a key may be.
enum Schema {
    /// Whatever the format allows.
    Any,
    /// A number or a boolean, which is text where it comes from a variable.
    Scalar,
    /// A number that may have a fraction: the Compose parser takes it only as a float.
    Real,
    /// A mapping with these keys only.
    Keys(&'static [(&'static str, Schema)]),
    /// A mapping with any keys, or a list, of values with this schema.
    Each(&'static Schema),
}

use Schema::{Any, Each, Keys, Real, Scalar};

const FILE: Schema = Keys(&[
    ("version", Any), // obsolete, and ignored by Compose as well
    ("services", Each(&SERVICE)),
    ("networks", Each(&Keys(&[("internal", Scalar), ("labels", Any), ("name", Any)]))),
    ("volumes", Each(&Keys(&[("driver_opts", Any), ("labels", Any), ("name", Any)]))),
]);

const SERVICE: Schema = Keys(&[
    ("cap_add", Any),
    ("cap_drop", Any),
    ("command", Any),
    ("cpu_period", Scalar),
    ("cpu_quota", Scalar),
    ("cpus", Real),
    ("depends_on", Each(&Keys(&[("condition", Any)]))),
    ("deploy", Keys(&[("replicas", Scalar), ("resources", Keys(&[("limits", LIMITS)]))])),
    ("entrypoint", Any),
    ("environment", Any),
    ("expose", Any),
    ("group_add", Any),
    ("healthcheck", HEALTH),
    ("hostname", Any),
    ("image", Any),
    ("init", Scalar),
    ("labels", Any),
    ("logging", Keys(&[("driver", Any), ("options", Any)])),
    ("mem_limit", Any),
    ("networks", Each(&Keys(&[("aliases", Any)]))),
    ("pids_limit", Scalar),
    ("ports", Each(&Keys(&[("host_ip", Any), ("protocol", Any), ("published", Any), ("target", Scalar)]))),
    ("read_only", Scalar),
    ("restart", Any),
    ("scale", Scalar),
    ("security_opt", Any),
    ("shm_size", Any),
    ("stop_grace_period", Any),
    ("stop_signal", Any),
    ("sysctls", Any),
    ("tmpfs", Any),
    ("ulimits", Each(&Keys(&[("hard", Scalar), ("soft", Scalar)]))),
    ("user", Any),
    ("volumes", Each(&MOUNT)),
    ("working_dir", Any),
]);

const LIMITS: Schema = Keys(&[("cpus", Real), ("memory", Any), ("pids", Scalar)]);

const HEALTH: Schema = Keys(&[
    ("disable", Scalar),
    ("interval", Any),
    ("retries", Scalar),
    ("start_period", Any),
    ("test", Any),
    ("timeout", Any),
]);

const MOUNT: Schema = Keys(&[
    ("bind", Keys(&[("create_host_path", Scalar), ("selinux", Any)])),
    ("read_only", Scalar),
    ("source", Any),
    ("target", Any),
    ("tmpfs", Keys(&[("mode", Scalar), ("size", Any)])),
    ("type", Any),
]);

/// Refuses keys that no platform implements, and turns numbers and booleans that came as text into what they are.
pub(super) fn check(file: &mut Value) -> Result<()> {
    walk(file, &FILE, "")
}

fn walk(value: &mut Value, schema: &Schema, path: &str) -> Result<()> {
    match (schema, value) {
        (Scalar, value) => give_type(value),
        (Real, value) => {
            give_type(value);
            if let Some(number) = value.as_f64() {
                *value = Value::from(number);
            }
        }
        (Keys(keys), Value::Mapping(entries)) => {
            for (key, item) in entries.iter_mut() {
                let key = key.as_str().unwrap_or("?");
                let below = join(path, key);
                match keys.iter().find(|(name, _)| *name == key) {
                    Some((_, schema)) => walk(item, schema, &below)?,
                    None if key.starts_with("x-") => {}
                    None => bail!("{below}: the playground does not support '{key}' here"),
                }
            }
        }
        (Each(schema), Value::Mapping(entries)) => {
            for (key, item) in entries.iter_mut() {
                walk(item, schema, &join(path, key.as_str().unwrap_or("?")))?;
            }
        }
        (Each(schema), Value::Sequence(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                walk(item, schema, &format!("{path}[{index}]"))?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn give_type(value: &mut Value) {
    if let Value::String(text) = &*value
        && let Ok(typed @ (Value::Number(_) | Value::Bool(_))) = serde_yaml::from_str(text)
    {
        *value = typed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<Value> {
        let mut value = serde_yaml::from_str(text).unwrap();
        check(&mut value).map(|()| value)
    }

    #[test]
    fn a_key_that_is_not_realised_is_named_with_its_place() {
        for (text, want) in [
            (
                "services: {a: {privileged: true}}",
                "services.a.privileged: the playground does not support 'privileged' here",
            ),
            ("xylophone: 1", "xylophone: the playground does not support 'xylophone' here"),
            ("name: x", "name: the playground does not support 'name' here"),
            (
                "services: {a: {ports: [{target: 1, mode: host}]}}",
                "services.a.ports[0].mode: the playground does not support 'mode' here",
            ),
            (
                "services: {a: {depends_on: {b: {condition: service_started, required: false}}}}",
                "services.a.depends_on.b.required: the playground does not support 'required' here",
            ),
        ] {
            assert_eq!(checked(text).unwrap_err().to_string(), want);
        }
    }

    #[test]
    fn extensions_are_allowed_anywhere() {
        checked("x-all: 1\nservices: {a: {image: b, x-note: {c: d}, healthcheck: {x-why: e}}}").unwrap();
    }

    #[test]
    fn a_number_that_came_as_text_gets_its_type() {
        let value = checked("services: {a: {scale: '2', environment: {N: '2'}}}").unwrap();
        assert_eq!(value["services"]["a"]["scale"], Value::Number(2.into()));
        assert_eq!(value["services"]["a"]["environment"]["N"], Value::String("2".into()));
        let value = checked("services: {a: {cpus: 2}, b: {cpus: '0.5'}}").unwrap();
        assert_eq!(value["services"]["a"]["cpus"], Value::from(2.0));
        assert_eq!(value["services"]["b"]["cpus"], Value::from(0.5));
    }
}
