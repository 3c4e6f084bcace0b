use super::Config;
use super::keys::KEYS;
use super::nearest::nearest_key;
use super::problem::Problem;
use super::setting::{Origin, Setting};
use figment::value::Value;
use std::ffi::OsString;

/// What every variable of ours begins with.
const PREFIX: &str = "MANIFESTD_";

/// Variables of ours that are no keys.
const OTHERS: [&str; 1] = ["MANIFESTD_CONFIG"];

/// The settings of the environment, or everything that is wrong with those variables that have our prefix.
///
/// `MANIFESTD_SERVER__LISTEN` is `server.listen`: section and key in upper case with two underscores between.
pub(super) fn read(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<Vec<Setting>, Vec<Problem>> {
    let defaults = Value::serialize(Config::default()).ok();
    let (mut settings, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX) && !OTHERS.contains(name)) else {
            continue;
        };
        let Some(value) = value.to_str() else {
            problems.push(Problem::VariableEncoding { name: name.to_owned() });
            continue;
        };
        if set_by_kubernetes(&name[PREFIX.len()..], value) {
            continue;
        }
        match KEYS.iter().find(|key| variable(key.path) == name) {
            Some(key) => {
                let value = typed(value, defaults.as_ref().and_then(|all| all.find_ref(key.path)));
                settings.push(Setting { key, value, origin: Origin::Environment(name.to_owned()) });
            }
            None => problems.push(unknown(name)),
        }
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

/// The variable that sets a key.
fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Where the default is text, the variable is taken as it is; else as the number, flag or list that it spells.
fn typed(text: &str, default: Option<&Value>) -> Value {
    match default {
        Some(Value::String(..)) | None => text.into(),
        Some(_) => text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {}),
    }
}

fn unknown(name: &str) -> Problem {
    let key = name[PREFIX.len()..].to_ascii_lowercase();
    // One underscore is the commonest mistake: it may stand for the dot or belong to the key.
    let nearest = nearest_key(&key.replace("__", ".")).or_else(|| nearest_key(&key.replacen('_', ".", 1)));
    Problem::UnknownVariable { name: name.to_owned(), nearest: nearest.map(variable) }
}

/// Whether Kubernetes put the variable there. It gives every container such variables for every service of its namespace,
/// so a service called `manifestd` makes variables with our prefix.
fn set_by_kubernetes(rest: &str, value: &str) -> bool {
    let address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let service = ["SERVICE_HOST", "SERVICE_PORT"].iter().any(|word| rest.contains(word));
    let parts: Vec<&str> = rest.split('_').collect();
    let port = parts.windows(3).any(|three| {
        three[0] == "PORT" && three[1].parse::<u16>().is_ok() && matches!(three[2], "TCP" | "UDP" | "SCTP")
    });
    !rest.contains("__") && (service || port || (address && parts.last() == Some(&"PORT")))
}

#[cfg(test)]
mod tests {
    use super::read;
    use std::ffi::OsString;

    fn one(name: &str, value: &str) -> Result<String, String> {
        match read(std::iter::once((OsString::from(name), OsString::from(value)))) {
            Ok(settings) => Ok(settings.first().map(|s| format!("{}={:?}", s.key.path, s.value)).unwrap_or_default()),
            Err(problems) => Err(problems[0].to_string()),
        }
    }

    #[test]
    fn variables_are_keys() {
        let check = |name: &str, value: &str, expected: &str| {
            let found = one(name, value).unwrap();
            assert!(found.starts_with(expected), "{found}");
        };
        check("MANIFESTD_MANIFESTS__REFERENCES", "unchecked", "manifests.references=String(");
        // What looks like a number stays text where text is meant.
        check("MANIFESTD_STORAGE__DATA_DIR", "123", "storage.data_dir=String(");
        check("MANIFESTD_MANIFESTS__MAX_REFERENCES", "5", "manifests.max_references=Num(");
        check("MANIFESTD_STORAGE__EPHEMERAL", "true", "storage.ephemeral=Bool(");
        check("MANIFESTD_CONFIG", "m.toml", "");
        check("PATH", "/bin", "");
    }

    #[test]
    fn unknown_variables_name_the_nearest() {
        let check = |name: &str, expected: &str| assert_eq!(one(name, "x").unwrap_err(), expected);
        check(
            "MANIFESTD_SERVER__LISEN",
            "environment variable MANIFESTD_SERVER__LISEN sets nothing; did you mean `MANIFESTD_SERVER__LISTEN`?",
        );
        check(
            "MANIFESTD_STORAGE_DATA_DIR",
            "environment variable MANIFESTD_STORAGE_DATA_DIR sets nothing; did you mean `MANIFESTD_STORAGE__DATA_DIR`?",
        );
        check("MANIFESTD_QUUX", "environment variable MANIFESTD_QUUX sets nothing");
    }

    #[test]
    fn what_kubernetes_sets_is_none_of_ours() {
        let check = |name: &str, value: &str| assert_eq!(one(name, value), Ok(String::new()), "{name}");
        check("MANIFESTD_SERVICE_HOST", "10.0.0.1");
        check("MANIFESTD_SERVICE_PORT_HTTP", "5000");
        check("MANIFESTD_PORT", "tcp://10.0.0.1:5000");
        check("MANIFESTD_PORT_5000_TCP_ADDR", "10.0.0.1");
        check("MANIFESTD_ADMIN_PORT_5001_TCP_PROTO", "tcp");
        assert!(one("MANIFESTD_PORT", "5000").is_err());
    }
}
