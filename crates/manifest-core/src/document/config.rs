use super::error::ConfigError;
use super::member_error::{MemberError, Problem};
use super::node::{Field, Keys, Node, Path};
use crate::json::{Dialect, Kind, LENIENT_DEPTH, parse_bytes};
use crate::time::Millis;
use oci_types::Platform;
use std::collections::BTreeMap;

/// Which configs we look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigKind {
    /// That of a docker image.
    DockerImage,
    /// That of an OCI image.
    OciImage,
    /// None of these: it belongs to an artifact and may be anything.
    Other,
}

/// What the config of an image says, as far as the registry acts on it or shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    labels: BTreeMap<String, String>,
    odd_labels: usize,
    created: Option<Millis>,
    platform: Option<Platform>,
    has_empty_layers: bool,
}

impl ImageConfig {
    /// Reads a config. One of [`ConfigKind::Other`] is not looked into and says nothing.
    ///
    /// The empty object is accepted (semantics 2). The last of several members of one name counts, and `NaN` is a number
    /// (semantics 10): a registry only stores what builders wrote.
    ///
    /// ```
    /// # use manifest_core::document::{ConfigKind, ImageConfig};
    /// let text = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},
    ///     "created":"2024-01-02T03:04:05Z","config":{"Labels":{"a":"b"}}}"#;
    /// let config = ImageConfig::parse(ConfigKind::OciImage, text)?;
    /// assert_eq!(config.labels()["a"], "b");
    /// assert_eq!(config.created(), Some(1_704_164_645_000));
    ///
    /// let error = ImageConfig::parse(ConfigKind::DockerImage, text).unwrap_err();
    /// assert_eq!(error.to_string(), "in the image config, history is missing");
    /// # Ok::<(), manifest_core::document::ConfigError>(())
    /// ```
    pub fn parse(kind: ConfigKind, bytes: &[u8]) -> Result<Self, ConfigError> {
        if kind == ConfigKind::Other {
            return Ok(Self::default());
        }
        let value = parse_bytes(bytes, Dialect::Lenient, LENIENT_DEPTH).map_err(ConfigError::Json)?;
        if value.kind() == Kind::Object && !value.is_truthy() {
            return Ok(Self::default());
        }
        let root = Node::new(value, Path::Root("the config"), Keys::LastWins);
        Ok(read(kind, &root)?)
    }

    /// The image's labels. A label that is no Unicode text (Quay stores half of a surrogate pair) is left out.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// How many labels were left out.
    #[must_use]
    pub fn odd_labels(&self) -> usize {
        self.odd_labels
    }

    /// When the image was built; `None` also where the date is none.
    #[must_use]
    pub fn created(&self) -> Option<Millis> {
        self.created
    }

    /// What the image runs on; `None` where the operating system or the processor is not said.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        self.platform.clone()
    }

    /// Whether some step of the build changed no file, so that clients may ask for the
    /// [empty layer](crate::empty_layer).
    #[must_use]
    pub fn has_empty_layers(&self) -> bool {
        self.has_empty_layers
    }
}

fn read(kind: ConfigKind, root: &Node<'_, '_>) -> Result<ImageConfig, MemberError> {
    let names = ["rootfs", "history", "config", "created", "author"];
    // All at once: each look for members goes over the whole config.
    let ([rootfs, history, config, created, author], platform) = root.fields_and(names, PLATFORM)?;
    let [architecture, os, ..] = platform;
    check_rootfs(kind, &rootfs.required()?)?;
    let has_empty_layers = match (kind, history.optional()) {
        (ConfigKind::DockerImage, None) => return Err(history.error(Problem::Missing)),
        (_, None) => false,
        (_, Some(history)) => read_history(&history)?,
    };
    if kind == ConfigKind::OciImage {
        architecture.required()?.any_string()?;
        os.required()?.any_string()?;
        for field in [created, author] {
            nullable(field, Node::any_string)?;
        }
        if let Some(config) = config.non_null() {
            check_oci_settings(&config)?;
        }
    }
    let (labels, odd_labels) = settings_labels(config)?;
    Ok(ImageConfig {
        labels,
        odd_labels,
        created: created.non_null().and_then(|node| date(&node)),
        platform: platform_of(platform),
        has_empty_layers,
    })
}

/// The labels in `config`, of a docker config, an OCI config or the metadata of a schema 1 layer.
///
/// Quay fails on a `config` that is no object, null included; here it is refused (semantics 3). So is a label that is
/// no string (semantics 2).
pub(super) fn settings_labels(config: Field<'_, '_>) -> Result<(BTreeMap<String, String>, usize), MemberError> {
    let Some(config) = config.optional() else {
        return Ok(<_>::default());
    };
    let [labels] = config.fields(["Labels"])?;
    match labels.optional().filter(|labels| labels.value.is_truthy()) {
        Some(labels) => labels.texts_and_odd_ones(),
        None => Ok(<_>::default()),
    }
}

/// A date as RFC 3339 writes it.
pub(super) fn date(node: &Node<'_, '_>) -> Option<Millis> {
    node.text().ok()?.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// The platform that the members of a config say; `None` where the operating system or the processor is missing.
pub(super) fn read_platform(root: &Node<'_, '_>) -> Result<Option<Platform>, MemberError> {
    root.fields(PLATFORM).map(platform_of)
}

/// The members that say what an image runs on.
const PLATFORM: [&str; 5] = ["architecture", "os", "os.version", "os.features", "variant"];

fn platform_of([architecture, os, os_version, os_features, variant]: [Field<'_, '_>; 5]) -> Option<Platform> {
    let text = |field: Field<'_, '_>| Some(field.optional()?.text().ok()?.into_owned()).filter(|text| !text.is_empty());
    let (architecture, os) = text(architecture).zip(text(os))?;
    Some(Platform {
        architecture,
        os,
        os_version: text(os_version),
        os_features: os_features.optional().and_then(|node| node.text_list().ok()).unwrap_or_default(),
        variant: text(variant),
        features: Vec::new(),
    })
}

fn check_rootfs(kind: ConfigKind, rootfs: &Node<'_, '_>) -> Result<(), MemberError> {
    let [root_type, diff_ids] = rootfs.fields(["type", "diff_ids"])?;
    let root_type = root_type.required()?;
    root_type.any_string()?;
    if kind == ConfigKind::OciImage {
        let found = root_type.text()?;
        if found != "layers" {
            return Err(root_type.error(Problem::Value { expected: "`layers`", found: found.into() }));
        }
        strings(&diff_ids.required()?)?;
    }
    Ok(())
}

/// Checks the history, and answers whether some step changed no file.
fn read_history(history: &Node<'_, '_>) -> Result<bool, MemberError> {
    let mut has_empty_layer = false;
    for step in history.elements()? {
        let [empty_layer, texts @ ..] = step.fields(["empty_layer", "created", "created_by", "comment", "author"])?;
        for text in texts {
            text.optional().map_or(Ok(()), |text| text.any_string())?;
        }
        has_empty_layer |= empty_layer.optional().map(|empty| empty.boolean()).transpose()?.unwrap_or(false);
    }
    Ok(has_empty_layer)
}

/// The members of an OCI config's `config`: each may be missing or null, but not of another kind.
fn check_oci_settings(config: &Node<'_, '_>) -> Result<(), MemberError> {
    for text in config.fields(["User", "WorkingDir", "StopSignal"])? {
        nullable(text, Node::any_string)?;
    }
    for object in config.fields(["ExposedPorts", "Volumes", "Labels"])? {
        nullable(object, Node::object)?;
    }
    for list in config.fields(["Env", "Entrypoint", "Cmd"])? {
        nullable(list, strings)?;
    }
    Ok(())
}

fn nullable<'a, 'p>(
    field: Field<'a, 'p>,
    check: impl Fn(&Node<'a, 'p>) -> Result<(), MemberError>,
) -> Result<(), MemberError> {
    field.non_null().map_or(Ok(()), |node| check(&node))
}

fn strings(list: &Node<'_, '_>) -> Result<(), MemberError> {
    list.elements()?.try_for_each(|element| element.any_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docker(text: &str) -> Result<ImageConfig, String> {
        ImageConfig::parse(ConfigKind::DockerImage, text.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_a_config_says() {
        let text = r#"{"rootfs":{"type":"layers"},"history":[{},{"empty_layer":true}],"os":"linux","architecture":"arm",
            "variant":"v7","created":"1970-01-01T00:00:01.5+00:00","config":{"Labels":{"a":"1","\ud800":"","b":"\udc00"}},
            "config":{"Labels":{"a":"2","\ud800":"","b":"\udc00"}}}"#;
        let config = docker(text).unwrap();
        assert_eq!(config.labels, BTreeMap::from([("a".to_owned(), "2".to_owned())]));
        assert_eq!(config.odd_labels, 2);
        assert_eq!(config.created, Some(1500));
        assert_eq!(config.platform.unwrap().to_string(), "linux/arm/v7");
        assert!(config.has_empty_layers);
    }

    #[test]
    fn what_is_left_out() {
        let text = r#"{"rootfs":{"type":"x"},"history":[],"created":"yesterday","os":"","architecture":"arm","config":{"Labels":[]}}"#;
        assert_eq!(docker(text), Ok(ImageConfig::default()));
        assert_eq!(docker(" { } "), Ok(ImageConfig::default()));
        assert_eq!(ImageConfig::parse(ConfigKind::Other, b"\xff"), Ok(ImageConfig::default()));
    }

    #[test]
    fn what_is_refused() {
        let check = |kind, text: &str, expected: &str| {
            let error = ImageConfig::parse(kind, text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("in the image config, {expected}"));
        };
        let (docker, oci) = (ConfigKind::DockerImage, ConfigKind::OciImage);
        check(docker, "[]", "the config is a list, not an object");
        check(docker, r#"{"rootfs":{}}"#, "rootfs.type is missing");
        let oci_start = r#"{"os":"a","architecture":"b","rootfs":{"type":"layers","diff_ids":[]}"#;
        let oci_check = |rest: &str, expected: &str| check(oci, &format!("{oci_start},{rest}}}"), expected);
        oci_check(r#""config":null"#, "config is null, not an object");
        oci_check(r#""config":{"Labels":{"a":1}}"#, "config.Labels.a is a number, not a string");
        oci_check(r#""config":{"Env":["a",1]}"#, "config.Env[1] is a number, not a string");
        oci_check(r#""rootfs":{"type":"x"}"#, "rootfs.type is `x`, not `layers`");
        oci_check(r#""history":[{"empty_layer":null}]"#, "history[0].empty_layer is null, not a boolean");
    }
}
