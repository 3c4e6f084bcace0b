use crate::shape::{shape, size};
use crate::target::{Broken, Outcome, Target, ensure, ensure_readable};
use manifest_core::legacy::{canonical_json, plain_json};

pub(crate) const JSON_DIALECT: Target = Target {
    name: "json-dialect",
    weight: 3,
    check,
    tokens: &[
        "\"\\ud83d\\ude31\"",
        "\"\\ud83d\"",
        "\"\\u0061\":",
        "\"a\":",
        "NaN",
        "-Infinity",
        "-0",
        "-0.0",
        "1e400",
        "5e-324",
        "1E+16",
        "0.00001",
        "123456789012345678901234567890",
        "[[[[",
        "{\"a\":{\"b\":",
        "\u{7f}",
        "é😱",
    ],
};

fn check(input: &[u8]) -> Result<Outcome, Broken> {
    let text = String::from_utf8_lossy(input);
    let plain = match plain_json(&text) {
        Ok(plain) => plain,
        Err(error) => {
            ensure_readable(&error)?;
            ensure(canonical_json(&text).as_ref() == Err(&error), "both ways to write read the same")?;
            return Ok(Outcome(shape(&error.problem)));
        }
    };
    ensure(plain.is_ascii(), "what is written is ASCII")?;
    ensure(plain_json(&plain).as_ref() == Ok(&plain), "what is written is written the same again")?;
    let canonical = canonical_json(&text);
    ensure(canonical.is_ok() && canonical == canonical_json(&plain), "both ways to write say the same")?;
    let first: String = plain.chars().take(1).collect();
    Ok(Outcome(format!("{first} {} {}", size(plain.len()), size(plain.matches('{').count()))))
}
