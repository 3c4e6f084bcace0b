use crate::shape::shape;
use crate::target::{Broken, Outcome, Target, ensure, ensure_readable};
use manifest_core::facts::Acting;
use manifest_core::labels::{
    EXPIRES_AFTER, MAX_KEY_BYTES, MAX_VALUE_BYTES, acting, acts, check_api_key, check_new, expires_after, immutable,
    is_json, overlay, storable,
};
use manifest_core::plan::{Label, LabelSource};
use std::collections::BTreeMap;

pub(crate) const LABELS: Target = Target {
    name: "labels",
    weight: 1,
    check,
    tokens: &[
        "quay.expires-after",
        "quay.immutable",
        "quay.",
        "com.docker.",
        "io.k8s.",
        "a.b-c",
        "\n",
        "true",
        "1h",
        "30m",
        "2w",
        "1y",
        "9223372036854775807",
        "999999999d",
        "{\"a\":[1]}",
    ],
};

/// The first line is the key, the rest is the value.
fn check(input: &[u8]) -> Result<Outcome, Broken> {
    let text = String::from_utf8_lossy(input);
    let (key, value) = text.split_once('\n').unwrap_or((&text, ""));
    let (expiry, is_immutable, json) = (expires_after(value), immutable(value), is_json(value));
    ensure(
        expiry.is_none_or(|ms| ms > 0 && ms.checked_add(i64::MAX / 2).is_some()),
        "a lifetime can be added to a time",
    )?;
    let own = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let acting = acting(&own);
    ensure(acting == overlay(Acting::default(), [(key, value)]), "an added label acts as an own one does")?;
    ensure(acts(key) || acting == Acting::default(), "only labels that act do")?;
    ensure(key != EXPIRES_AFTER || acting.expires_after == expiry, "a manifest's lifetime is its label's")?;
    let storable = storable(&own);
    ensure(storable.labels.len() + storable.dropped == 1, "a label is stored or dropped")?;
    for label in &storable.labels {
        ensure(label.key.len() <= MAX_KEY_BYTES && label.value.len() <= MAX_VALUE_BYTES, "stored labels are small")?;
        ensure(check_new(label).is_ok(), "what is stored of a manifest could be added")?;
    }
    let mut outcome = format!("{expiry} {is_immutable} {json}", expiry = expiry.is_some());
    for source in [LabelSource::Api, LabelSource::Internal, LabelSource::Manifest] {
        let label = Label { key: key.to_owned(), value: value.to_owned(), json, source };
        let checked = check_new(&label);
        checked.as_ref().err().map_or(Ok(()), ensure_readable)?;
        outcome.push_str(&shape(&checked));
    }
    if let Err(error) = check_api_key(key) {
        ensure_readable(&error)?;
    }
    Ok(Outcome(outcome))
}
