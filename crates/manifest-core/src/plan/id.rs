use super::change::Plan;
use super::json::plan_to_json;
use oci_types::{Algorithm, Digest, ParseDigestError};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// What a plan is known by: the sha256 of its canonical JSON. Equal plans have equal ids, on every node and in every
/// release that writes the same JSON; whoever confirms an id confirms that very plan.
///
/// As text it is a digest, `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(Digest);

/// Why a text is no [`PlanId`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePlanIdError {
    /// It is no digest.
    #[error("a plan's id is a digest")]
    Digest(#[source] ParseDigestError),
    /// It is a digest of another algorithm.
    #[error("a plan's id is a sha256, not {0}")]
    Algorithm(Digest),
}

impl PlanId {
    /// The id of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        Self::of_json(&plan_to_json(plan))
    }

    /// The id of what is shown as that JSON.
    #[must_use]
    pub fn of_json(value: &Value) -> Self {
        Self(Digest::of(Algorithm::Sha256, canonical_json(value).as_bytes()))
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PlanId {
    type Err = ParsePlanIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digest: Digest = text.parse().map_err(ParsePlanIdError::Digest)?;
        match digest.algorithm() {
            Algorithm::Sha256 => Ok(Self(digest)),
            Algorithm::Sha512 => Err(ParsePlanIdError::Algorithm(digest)),
        }
    }
}

/// JSON with the keys of each object in byte order and no blanks.
///
/// ```
/// # use manifest_core::plan::canonical_json;
/// let value = serde_json::json!({ "b": [1, null], "a": "é\n" });
/// assert_eq!(canonical_json(&value), r#"{"a":"é\n","b":[1,null]}"#);
/// ```
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// Sorts by itself: whether a `Map` keeps its keys sorted is a feature of the JSON crate that any other crate may change.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                separate(position, out);
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (position, (key, member)) in members.into_iter().enumerate() {
                separate(position, out);
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write(member, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

fn separate(position: usize, out: &mut String) {
    if position > 0 {
        out.push(',');
    }
}

#[cfg(test)]
mod tests;
