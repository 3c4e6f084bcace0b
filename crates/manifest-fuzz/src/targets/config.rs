use crate::shape::{shape, size};
use crate::target::{Broken, Outcome, Target, ensure, ensure_readable};
use manifest_core::document::{ConfigError, ConfigKind, ImageConfig};

pub(crate) const CONFIG: Target = Target {
    name: "config",
    weight: 3,
    check,
    tokens: &[
        "\"architecture\":\"amd64\"",
        "\"os\":\"linux\"",
        "\"os.version\":",
        "\"os.features\":",
        "\"variant\":",
        "\"rootfs\":",
        "\"type\":\"layers\"",
        "\"diff_ids\":",
        "\"history\":",
        "\"empty_layer\":true",
        "\"created\":",
        "\"created_by\":",
        "\"comment\":",
        "\"author\":",
        "\"config\":",
        "\"Labels\":",
        "\"container_config\":",
        "\"2024-01-02T03:04:05Z\"",
        "\"0000-00-00T00:00:00Z\"",
        "\"9999-12-31T23:59:60.999999999+23:59\"",
        "{\"quay.expires-after\":\"1h\"}",
        "\"Env\":",
    ],
};

fn check(input: &[u8]) -> Result<Outcome, Broken> {
    let mut outcomes = Vec::new();
    for kind in [ConfigKind::DockerImage, ConfigKind::OciImage, ConfigKind::Other] {
        let parsed = ImageConfig::parse(kind, input);
        ensure(parsed == ImageConfig::parse(kind, input), "parsing is deterministic")?;
        outcomes.push(match parsed {
            Ok(config) => {
                let (labels, odd) = (size(config.labels().len()), size(config.odd_labels()));
                let rest = (config.created().map(|_| ()), config.platform(), config.has_empty_layers());
                format!("Ok {labels} {odd} {} {}", shape(&rest), rest.2)
            }
            Err(error) => {
                ensure(kind != ConfigKind::Other, "a config that is not looked into is accepted")?;
                ensure_readable(&error)?;
                if let ConfigError::Member(error) = &error { shape(&error.problem) } else { shape(&error) }
            }
        });
    }
    Ok(Outcome(outcomes.join(" / ")))
}
