use crate::shape::{shape, size};
use crate::target::{Broken, Outcome, Target, ensure};
use manifest_core::stored::{annotations_from_text, annotations_to_text, platform_from_text, platform_to_text};

pub(crate) const STORED: Target = Target {
    name: "stored",
    weight: 1,
    check,
    tokens: &[
        "\"architecture\":\"amd64\"",
        "\"os\":\"linux\"",
        "\"os.version\":\"1\"",
        "\"os.features\":[\"a\"]",
        "\"variant\":\"v8\"",
        "\"features\":[]",
        "\"a\":\"b\"",
    ],
};

fn check(input: &[u8]) -> Result<Outcome, Broken> {
    let text = String::from_utf8_lossy(input);
    let platform = platform_from_text(&text);
    if let Ok(platform) = &platform {
        let again = platform_from_text(&platform_to_text(platform));
        ensure(again.is_ok_and(|again| again == *platform), "a platform reads what it stores")?;
    }
    let annotations = annotations_from_text(&text);
    if let Ok(annotations) = &annotations {
        let again = annotations_from_text(&annotations_to_text(annotations));
        ensure(again.is_ok_and(|again| again == *annotations), "annotations read what they store")?;
    }
    let count = annotations.map_or_else(|error| shape(&error), |annotations| size(annotations.len()));
    Ok(Outcome(format!("{} / {count}", shape(&platform))))
}
