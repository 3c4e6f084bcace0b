//! Labels with half of a surrogate pair, which Quay stores and which are no text.

use serde_json::Value;

/// Stands for half of a surrogate pair. It is a noncharacter, so no label means it.
const MARK: char = '\u{fdd0}';

/// The labels without those whose key or value is no text. `None` if there are no labels to read.
///
/// The vectors write the whole object, or one value, as `{"$json": …}` where it holds such a thing.
pub(crate) fn without(labels: &Value) -> Option<Value> {
    let labels = plain(labels)?;
    let is_text = |text: &str| !text.contains(MARK);
    let mut kept = serde_json::Map::new();
    for (key, value) in labels.as_object()? {
        let value = plain(value)?;
        if is_text(key) && value.as_str().is_none_or(is_text) {
            kept.insert(key.clone(), value);
        }
    }
    Some(Value::Object(kept))
}

/// A string that is no text, with a replacement character in each place where half of a pair is. `None` for other values.
pub(crate) fn replaced(value: &Value) -> Option<Value> {
    let text = plain(value)?;
    let text = value.get("$json").and(text.as_str())?;
    Some(Value::from(text.replace(MARK, "\u{fffd}")))
}

fn plain(value: &Value) -> Option<Value> {
    match value.get("$json") {
        Some(text) => serde_json::from_str(&marked(text.as_str()?)?).ok(),
        None => Some(value.clone()),
    }
}

/// The JSON text with a mark in the place of every escape that is half of a pair.
fn marked(text: &str) -> Option<String> {
    let mut marked = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        let (before, escape) = rest.split_at(start);
        marked.push_str(before);
        let length = match unit(escape) {
            Some(0xD800..=0xDBFF) if matches!(unit(escape.get(6..)?), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                marked.push(MARK);
                rest = escape.get(6..)?;
                continue;
            }
            Some(_) => 6,
            None => 2,
        };
        marked.push_str(escape.get(..length)?);
        rest = escape.get(length..)?;
    }
    marked.push_str(rest);
    Some(marked)
}

/// The code unit that the escape at the start of a text is, if it is one.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::without;
    use serde_json::{Value, json};

    #[test]
    fn only_what_is_no_text_is_left_out() {
        let check = |labels: &Value, kept: Option<&Value>| assert_eq!(without(labels).as_ref(), kept, "{labels}");
        check(&json!({"a": "b"}), Some(&json!({"a": "b"})));
        check(&json!({"$json": r#"{"\udfff\ud800 x": ""}"#}), Some(&json!({})));
        check(&json!({"$json": r#"{"\ud83d\ude31": "\\ud800", "b": "\ud800"}"#}), Some(&json!({"😱": r"\ud800"})));
        check(&json!({"a": {"$json": r#""\udc00""#}, "b": "c"}), Some(&json!({"b": "c"})));
        check(&json!({"$json": "{"}), None);
        check(&json!({"$json": "1.5"}), None);
    }
}
