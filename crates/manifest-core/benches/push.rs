//! What a push costs the processor: reading a manifest, deciding about it, and the ids of its legacy images.
//!
//! `cargo bench -p manifest-core`. Each is measured for images of 1, 20 and 1,000 layers.
#![expect(clippy::unwrap_used, reason = "a benchmark whose input is wrong ends")]

use bytes::Bytes;
use divan::{Bencher, black_box};
use manifest_core::document::{Document, Limits};
use manifest_core::facts::{Blob, Location, PushFacts, RepositoryState};
use manifest_core::legacy::legacy_images;
use manifest_core::oci_types::{Algorithm, Digest, MediaType};
use manifest_core::plan::{Guard, Permissions, PushCase, PushTarget, plan_push, push_ask};
use manifest_core::{Caller, Context, Policy};
use std::collections::BTreeMap;

const LAYERS: [u64; 3] = [1, 20, 1_000];

fn main() {
    divan::main();
}

/// An OCI image.
struct Image {
    media_type: MediaType,
    manifest: Bytes,
    config: Vec<u8>,
    blobs: BTreeMap<Digest, u64>,
}

impl Image {
    fn of(layers: u64) -> Self {
        let digest = |text: &str| Digest::of(Algorithm::Sha256, text.as_bytes());
        let join = |entry: &dyn Fn(u64) -> String| (0..layers).map(entry).collect::<Vec<_>>().join(",");
        let history = join(&|layer| {
            format!(
                r#"{{"created":"2026-01-01T00:00:00Z","created_by":"/bin/sh -c install the package of step {layer}"}}"#
            )
        });
        let ids = join(&|layer| format!(r#""{}""#, digest(&format!("unpacked {layer}"))));
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","created":"2026-01-01T00:00:00Z","config":{{"Labels":{{"a":"b"}}}},"rootfs":{{"type":"layers","diff_ids":[{ids}]}},"history":[{history}]}}"#
        );
        let named = |kind: &str, digest: Digest, size: usize| {
            format!(r#"{{"mediaType":"application/vnd.oci.image.{kind}","digest":"{digest}","size":{size}}}"#)
        };
        let of_config = digest(&config);
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
            named("config.v1+json", of_config, config.len()),
            join(&|layer| named("layer.v1.tar+gzip", digest(&format!("layer {layer}")), 1_000)),
        );
        let blobs = (0..layers).map(|layer| (digest(&format!("layer {layer}")), 1_000));
        let config_size = u64::try_from(config.len()).unwrap();
        Self {
            media_type: MediaType::from_static("application/vnd.oci.image.manifest.v1+json"),
            manifest: manifest.into(),
            blobs: blobs.chain([(of_config, config_size)]).collect(),
            config: config.into_bytes(),
        }
    }

    fn parsed(&self) -> Document {
        Document::parse(Some(&self.media_type), self.manifest.clone(), &Limits::default()).unwrap()
    }
}

/// Bytes into a document.
#[divan::bench(args = LAYERS)]
fn parse(bencher: Bencher<'_, '_>, layers: u64) {
    let image = Image::of(layers);
    bencher.bench_local(|| black_box(&image).parsed());
}

/// A document and facts into a plan; the config is read, and the legacy images are made.
#[divan::bench(args = LAYERS)]
fn plan(bencher: Bencher<'_, '_>, layers: u64) {
    let image = Image::of(layers);
    let document = image.parsed();
    let (repository, policy) = ("team/app".parse().unwrap(), Policy::default());
    let target = PushTarget::Tag { name: "v1".parse().unwrap(), guard: Guard::Any };
    let context = Context { caller: Caller::Anonymous, now: 1_000_000_000_000 };
    let case = PushCase {
        repository: &repository,
        document: &document,
        digest: document.digest(Algorithm::Sha256),
        target: &target,
        context: &context,
        permissions: Permissions { overwrite: true, create: None },
        reversion: false,
        policy: &policy,
    };
    let location = |digest: &Digest| Location { store: "main".parse().unwrap(), key: digest.to_string() };
    let blobs = image.blobs.iter().map(|(digest, size)| (*digest, Blob { size: *size, location: location(digest) }));
    let facts = PushFacts { blobs: blobs.collect(), ..PushFacts::nothing_in(RepositoryState::Open) };
    bencher.bench_local(|| {
        let ask = push_ask(black_box(&case));
        (ask, plan_push(&case, Some(&image.config), &facts).unwrap())
    });
}

/// The rows of legacy images, with their v1 ids.
#[divan::bench(args = LAYERS)]
fn v1_ids(bencher: Bencher<'_, '_>, layers: u64) {
    let image = Image::of(layers);
    let document = image.parsed();
    let known = BTreeMap::new();
    bencher.bench_local(|| legacy_images(black_box(&document), Some(&image.config), &known, &image.blobs).unwrap());
}
