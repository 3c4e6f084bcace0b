//! The files and the values in them.

use base64::Engine as _;
use serde::Deserialize;
use serde_json::Value;

/// One case, as the file has it.
#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) inputs: Value,
    pub(crate) expected: Value,
}

/// The cases of one file's text.
pub(crate) fn read(text: &str) -> Vec<Case> {
    serde_json::from_str(text).unwrap()
}

impl Case {
    /// An input that is text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.inputs[name].as_str().unwrap()
    }

    /// An input that stands for bytes.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        bytes(&self.inputs[name])
    }
}

/// The bytes that a value stands for.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match value.as_str() {
        Some(text) => text.to_owned().into_bytes(),
        None => base64::engine::general_purpose::STANDARD.decode(value["$b64"].as_str().unwrap()).unwrap(),
    }
}

/// What a result wrapper holds: the value, or the kind of the error.
pub(crate) fn result(wrapped: &Value) -> Result<&Value, &str> {
    wrapped.get("ok").ok_or_else(|| wrapped["error"]["kind"].as_str().unwrap())
}
