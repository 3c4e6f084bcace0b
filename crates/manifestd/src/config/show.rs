use super::Config;
use super::keys::{KEYS, Key, Shown};
use super::load::Loaded;
use super::metadata::without_password;
use figment::value::{Num, Value};
use std::fmt::Write;

/// The configuration in effect as TOML, with where each value came from as a comment.
pub(crate) fn effective(loaded: &Loaded) -> String {
    let lines: Vec<(&Key, String)> =
        KEYS.iter().map(|key| (key, assignment(key, loaded.value(key.path).as_ref()))).collect();
    let width = lines.iter().map(|(_, line)| line.chars().count()).max().unwrap_or(0).min(48);
    by_section(
        lines.iter().map(|(key, line)| (key.parts().0, format!("{line:width$}  # {}\n", loaded.origin(key.path)))),
    )
}

/// The defaults as TOML, each with what it means.
pub(crate) fn sample() -> String {
    let defaults = Value::serialize(Config::default()).ok();
    let mut text = "# Every key of manifestd with its default. Keep the lines that you change.\n\
         # The variable MANIFESTD_<SECTION>__<KEY> overrides a key, and a flag overrides both.\n\n"
        .to_owned();
    text += &by_section(KEYS.iter().map(|key| {
        let mut entry = String::new();
        for line in key.about.lines() {
            entry.extend(["# ", line, "\n"]);
        }
        entry += &assignment(key, defaults.as_ref().and_then(|all| all.find_ref(key.path)));
        entry.push('\n');
        (key.parts().0, entry)
    }));
    text
}

fn by_section<'a>(entries: impl Iterator<Item = (&'a str, String)>) -> String {
    let mut text = String::new();
    let mut current = "";
    for (section, entry) in entries {
        if section != current {
            let gap = if current.is_empty() { "" } else { "\n" };
            // Writing to a string cannot fail.
            let _infallible = writeln!(text, "{gap}[{section}]");
            current = section;
        }
        text += &entry;
    }
    text
}

fn assignment(key: &Key, value: Option<&Value>) -> String {
    let shown = match value {
        Some(Value::String(_, text)) if key.shown == Shown::WithoutPassword => toml(&without_password(text).into()),
        Some(value) => toml(value),
        None => "\"\"".to_owned(),
    };
    format!("{} = {shown}", key.parts().1)
}

/// A value as TOML writes it. JSON's escapes are a subset of those of TOML's basic strings.
fn toml(value: &Value) -> String {
    match value {
        Value::String(_, text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => number_text(*number),
        Value::Array(_, items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Char(_, one) => serde_json::Value::from(one.to_string()).to_string(),
        Value::Dict(..) | Value::Empty(..) => "\"\"".to_owned(),
    }
}

/// A number as both TOML and people write it.
pub(super) fn number_text(number: Num) -> String {
    match (number.to_u128(), number.to_i128()) {
        (Some(unsigned), _) => unsigned.to_string(),
        (None, Some(signed)) => signed.to_string(),
        (None, None) => number.to_f64().unwrap_or_default().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{assignment, effective, sample};
    use crate::config::keys::Key;
    use crate::config::{Config, Flag, load};
    use figment::value::Value;
    use std::io::Write;

    fn loaded_from(text: &str, flags: Vec<Flag>) -> crate::config::Loaded {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        load(Some(file.path()), std::iter::empty(), flags).unwrap()
    }

    #[test]
    fn the_sample_is_the_defaults() {
        assert_eq!(loaded_from(&sample(), Vec::new()).config, Config::default());
    }

    #[test]
    fn what_is_printed_can_be_read_back() {
        let flags = vec![
            Flag::new("server.hosts", "--host", vec!["a.example", "b:80"]),
            Flag::new("storage.data_dir", "--data-dir", "C:\\data \"x\"\n"),
            Flag::new("listings.max_page", "--page", 7_u32),
        ];
        let first = loaded_from("", flags);
        let text = effective(&first);
        assert!(text.contains("listen = \"127.0.0.1:5000\""), "{text}");
        assert!(text.contains("# flag --data-dir"), "{text}");
        assert_eq!(loaded_from(&text, Vec::new()).config, first.config);
    }

    #[test]
    fn secrets_are_never_printed() {
        let key = Key::find("metadata.url").unwrap();
        let check = |url: &str, expected: &str| assert_eq!(assignment(key, Some(&Value::from(url))), expected);
        check("postgres://me:hunter2@h/d", "url = \"postgres://me:***@h/d\"");
        check("postgres://me@h/d", "url = \"postgres://me@h/d\"");
        check("", "url = \"\"");
    }
}
