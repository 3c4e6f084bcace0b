//! Measures what the largest manifests of schema 1 cost on one thread: to build one of a config of 4 MiB, to sign it, to read and verify it.
//!
//! `cargo run --release -p manifest-core --example largest_schema1`

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an example is no part of the core: it may look at a clock"
)]

use manifest_core::document::{Document, Limits};
use manifest_core::legacy::{AsSchema1, PublicKey, Signer, sign, to_schema1, verify};
use manifest_core::oci_types::{Algorithm, Digest, MediaType};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::json;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;

/// As `policy.max_config_bytes` and `policy.max_manifest_bytes` are by default.
const MOST: usize = 4 * 1024 * 1024;
const STEPS: usize = 16_384;

struct Rsa(RsaKeyPair, PublicKey);

impl Signer for Rsa {
    fn key(&self) -> &PublicKey {
        &self.1
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let signed = self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|error| error.to_string())?;
        Ok(signature)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let pair =
        RsaKeyPair::from_pkcs8(include_bytes!("../tests/legacy/rsa-2048.pkcs8")).map_err(|error| error.to_string())?;
    let RsaPublicKeyComponents { n, e } = pair.public().into();
    let signer = Rsa(pair, PublicKey::Rsa { n, e });
    for (name, config) in [
        ("as many steps as there may be, in 4 MiB", config(STEPS, MOST / STEPS - 64, "x")),
        ("as many steps as there may be, of nothing", config(STEPS, 0, "")),
        ("what fills 4 MiB with steps", config(9_300, 50, "x")),
        ("what fills 4 MiB with one step", config(1, 2_050_000, "\\\"")),
    ] {
        measure(name, &config, &signer)?;
    }
    Ok(())
}

/// A config whose history has so many steps, the first with a file, and in each a text of that length.
fn config(steps: usize, length: usize, of: &str) -> String {
    let mut text = String::from(r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"},"history":["#);
    for step in 0..steps {
        let comma = if step == 0 { "" } else { "," };
        let empty = if step == 0 { "" } else { r#""empty_layer":true,"# };
        let words = of.repeat(if of.is_empty() { 0 } else { length / of.len() });
        // Writing to a string cannot fail.
        let _infallible = write!(text, r#"{comma}{{{empty}"created_by":"{words}"}}"#);
    }
    text.push_str("]}");
    text
}

fn measure(name: &str, config: &str, signer: &dyn Signer) -> Result<(), Box<dyn Error>> {
    let descriptor = |media_type: &str, bytes: &[u8]| {
        let digest = Digest::of(Algorithm::Sha256, bytes).to_string();
        json!({ "mediaType": media_type, "size": bytes.len(), "digest": digest })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::DOCKER_SCHEMA2,
        "config": descriptor(MediaType::DOCKER_CONFIG, config.as_bytes()),
        "layers": [descriptor(MediaType::DOCKER_LAYER, b"layer")],
    });
    let image = Document::parse(None, manifest.to_string().into(), &Limits::default())?;
    let mut lap = Lap(Instant::now());
    let AsSchema1::Built(text) = to_schema1(&image, Some(config.as_bytes()), "team/app", "v1")? else {
        return Err("nothing was built".into());
    };
    let mut out = std::io::stdout();
    let (from, to) = (config.len() / 1024, text.len() / 1024);
    write!(out, "{name}: of a config of {from} KiB {to} KiB built in {} ms", lap.end())?;
    if text.len() > MOST {
        // Nobody is sent this.
        writeln!(out)?;
        return Ok(());
    }
    let whole = sign(&text, signer, 0)?;
    write!(out, ", signed in {} ms", lap.end())?;
    let document = Document::parse(None, whole.into(), &Limits::default())?;
    write!(out, ", read in {} ms", lap.end())?;
    verify(&document)?;
    writeln!(out, ", verified in {} ms", lap.end())?;
    Ok(())
}

struct Lap(Instant);

impl Lap {
    fn end(&mut self) -> u128 {
        let took = self.0.elapsed().as_millis();
        self.0 = Instant::now();
        took
    }
}
