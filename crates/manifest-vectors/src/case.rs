//! The cases of a file, and the values in them.

use crate::compare::shown;
use crate::unusable::{InputError, Unusable};
use base64::Engine as _;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One case, as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) inputs: Map<String, Value>,
    pub(crate) expected: Map<String, Value>,
}

/// The cases of one file's text.
pub(crate) fn read(file: &str, text: &str) -> Result<Vec<Case>, Unusable> {
    let cases: Vec<Case> =
        serde_json::from_str(text).map_err(|source| Unusable::Format { file: file.to_owned(), source })?;
    if cases.is_empty() {
        return Err(Unusable::NoCases { file: file.to_owned() });
    }
    let mut names = BTreeSet::new();
    match cases.iter().find(|case| !names.insert(&case.name)) {
        Some(case) => Err(Unusable::TwiceNamed { file: file.to_owned(), case: case.name.clone() }),
        None => Ok(cases),
    }
}

impl Case {
    /// An input, null where there is none.
    pub(crate) fn input(&self, name: &str) -> &Value {
        self.inputs.get(name).unwrap_or(&Value::Null)
    }

    /// An input that is text.
    pub(crate) fn text(&self, name: &str) -> Result<&str, InputError> {
        self.input(name).as_str().ok_or_else(|| self.form(name, "text"))
    }

    /// An input that stands for bytes.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, InputError> {
        bytes(self.input(name)).ok_or_else(|| self.form(name, "text or bytes"))
    }

    /// The blobs and manifests that there are, by digest: the case's `content`, or its one config.
    pub(crate) fn content(&self) -> Result<BTreeMap<String, Vec<u8>>, InputError> {
        if let Some(content) = self.inputs.get("content") {
            let content = content.as_object().ok_or_else(|| self.form("content", "an object"))?;
            let read = content.iter().map(|(digest, value)| Some((digest.clone(), bytes(value)?)));
            return read.collect::<Option<_>>().ok_or_else(|| self.form("content", "an object of texts or bytes"));
        }
        if self.input("config").is_null() {
            return Ok(BTreeMap::new());
        }
        Ok(BTreeMap::from([(self.text("config_digest")?.to_owned(), self.bytes("config")?)]))
    }

    /// What is expected of one field, null where nothing is.
    pub(crate) fn expected(&self, name: &str) -> &Value {
        self.expected.get(name).unwrap_or(&Value::Null)
    }

    fn form(&self, name: &str, wanted: &'static str) -> InputError {
        InputError::Form { input: name.to_owned(), wanted, found: shown(self.input(name)) }
    }
}

/// The bytes that a value stands for: those of a text, or what `{"$b64": …}` holds.
pub(crate) fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value.as_str() {
        Some(text) => Some(text.to_owned().into_bytes()),
        None => base64::engine::general_purpose::STANDARD.decode(value.get("$b64")?.as_str()?).ok(),
    }
}

/// What a result wrapper holds: the value, or the kind of the error. `None` if it is no result wrapper.
///
/// `handled` tells Quay's own refusals from its crashes, which have a kind of their own; they must agree.
pub(crate) fn result(wrapped: &Value) -> Option<Result<&Value, &str>> {
    if let Some(value) = wrapped.get("ok") {
        return Some(Ok(value));
    }
    let error = wrapped.get("error")?;
    let kind = error.get("kind")?.as_str()?;
    (error.get("handled")?.as_bool()? == (kind != "unhandled")).then_some(Err(kind))
}
