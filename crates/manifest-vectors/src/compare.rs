//! Values side by side: where they begin to differ, in words short enough for a line.

use serde_json::Value;

/// How many characters of a value are shown.
const SHOWN: usize = 80;

/// The first place at which two values differ, and what is there; `None` if they are equal.
///
/// Members of objects are looked at in alphabetical order, elements of lists in theirs.
pub(crate) fn first_difference(path: &str, expected: &Value, found: &Value) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let mut names: Vec<&String> = expected.keys().chain(found.keys()).collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().find_map(|name| member(&format!("{path}.{name}"), expected.get(name), found.get(name)))
        }
        (Value::Array(expected), Value::Array(found)) => (0..expected.len().max(found.len()))
            .find_map(|index| member(&format!("{path}[{index}]"), expected.get(index), found.get(index))),
        (Value::String(expected), Value::String(found)) => texts(path, expected, found),
        (expected, found) if expected == found => None,
        (expected, found) => Some(format!("{path}: expected {}, found {}", shown(expected), shown(found))),
    }
}

fn member(path: &str, expected: Option<&Value>, found: Option<&Value>) -> Option<String> {
    match (expected, found) {
        (Some(expected), Some(found)) => first_difference(path, expected, found),
        (expected, found) => {
            let words = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), shown);
            Some(format!("{path}: expected {}, found {}", words(expected), words(found)))
        }
    }
}

/// Long texts are shown from a little before the place where they part.
fn texts(path: &str, expected: &str, found: &str) -> Option<String> {
    if expected == found {
        return None;
    }
    let equal = expected.chars().zip(found.chars()).take_while(|(a, b)| a == b).count();
    let is_short = expected.chars().count().max(found.chars().count()) <= SHOWN;
    let start = if is_short { 0 } else { equal.saturating_sub(SHOWN / 4) };
    let from = |text: &str| {
        let rest: String = text.chars().skip(start).collect();
        format!("{}{}", if start == 0 { "" } else { "…" }, shown(&Value::from(rest)))
    };
    let place = if is_short { String::new() } else { format!(" at character {equal}") };
    Some(format!("{path}{place}: expected {}, found {}", from(expected), from(found)))
}

/// A value as JSON, cut where it is long.
pub(crate) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::first_difference;
    use serde_json::{Value, json};

    #[test]
    fn the_first_difference_is_named() {
        let check = |expected: &Value, found: &Value, words: Option<&str>| {
            assert_eq!(first_difference("f", expected, found).as_deref(), words);
        };
        check(&json!({"ok": [1, {"a": null}]}), &json!({"ok": [1, {"a": null}]}), None);
        check(&json!(1), &json!("1"), Some(r#"f: expected 1, found "1""#));
        check(&json!({"ok": [1, 2]}), &json!({"ok": [1, 3]}), Some("f.ok[1]: expected 2, found 3"));
        check(&json!([1]), &json!([1, 2]), Some("f[1]: expected nothing, found 2"));
        check(&json!({"a": 1}), &json!({"b": 1}), Some("f.a: expected 1, found nothing"));
        check(&json!("abc"), &json!("abd"), Some(r#"f: expected "abc", found "abd""#));
        let (long, longer) = ("é".repeat(100), "é".repeat(101));
        let words = first_difference("f", &json!(long), &json!(longer)).unwrap();
        assert!(words.starts_with("f at character 100: expected …\"éé") && words.chars().count() < 120, "{words}");
    }
}
