//! What is measured, on any store: fetches by tag and by digest, one after the other, and plans applied by 1, 8 and 32 writers, each plan a new manifest
//! with 21 blobs and a moving tag; without legacy images, and with 21 of which 15 are shared.

use manifest_core::facts::{Acting, Location, Visibility};
use manifest_core::legacy::LegacyImage;
use manifest_core::plan::{Applied, Guard, ManifestChange, Need, NewManifest, Plan, TagChange};
use manifest_core::ports::{FetchAsk, Fetched, FinishUpload, Liveness, Manifests, NewUpload, UploadId, Uploads};
use manifest_core::time::NEVER;
use oci_types::{Algorithm, Digest, Hasher, MediaType, Reference, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BLOBS: usize = 21;
const STORED: usize = 20_000;
const ROUNDS: u32 = 6;

/// What is measured.
pub(crate) trait Store: Manifests + Uploads + Clone + 'static {}

impl<S: Manifests + Uploads + Clone + 'static> Store for S {}

/// Fills the store, which is empty, and prints what it does in a second.
pub(crate) async fn measure(store: &impl Store) -> Result<(), Box<dyn Error>> {
    let repository: RepositoryName = "measured/app".parse()?;
    for blob in 0..200 {
        upload(store, &repository, blob).await?;
    }
    let filling: Vec<_> = (0..32).map(|worker| fill(store.clone(), repository.clone(), worker)).collect();
    for worker in filling.into_iter().map(tokio::spawn).collect::<Vec<_>>() {
        worker.await?.map_err(|error| error.to_string())?;
    }
    let mut out = std::io::stdout();
    for (name, reference) in [
        ("fetch by tag", Reference::Tag("t-5-17".parse()?)),
        ("fetch by digest", Reference::Digest(manifest("t-5-17", 17, 0).digest)),
    ] {
        let rate = fetches(store, &repository, &reference).await?;
        writeln!(out, "{name}: {rate:.0} a second, {:.1} µs", 1e6 / rate)?;
    }
    for writers in [1, 8, 32] {
        let (mut rate, mut with_images) = (0.0, 0.0);
        // In turns, so that what else the machine does, and the growth of the database, falls on both.
        for round in 0..ROUNDS {
            rate += applies(store, &repository, writers, 0, round).await? / f64::from(ROUNDS);
            with_images += applies(store, &repository, writers, BLOBS, round).await? / f64::from(ROUNDS);
        }
        let ratio = with_images / rate;
        writeln!(
            out,
            "apply, {writers} writers: {rate:.0} a second; with legacy images {with_images:.0} a second, {ratio:.2} of that"
        )?;
    }
    Ok(())
}

fn blob(number: usize) -> Digest {
    Digest::of(Algorithm::Sha256, format!("blob {number}").as_bytes())
}

async fn upload(store: &impl Store, repository: &RepositoryName, number: usize) -> Result<(), Box<dyn Error>> {
    let id = UploadId::from_bits(number as u128);
    let begin = NewUpload {
        repository: repository.clone(),
        id,
        hash_state: Hasher::new(Algorithm::Sha256).to_state().into(),
        create_repository: Some(Visibility::Private),
        now: 1,
        expires: 1_000,
        actor: None,
    };
    store.begin(&begin).await?;
    let finish = FinishUpload {
        repository: repository.clone(),
        id,
        from: 0,
        sealed: Location { store: "main".parse()?, key: format!("blob/{number}") },
        digest: blob(number),
        size: 1_000,
        lease_until: NEVER,
        now: 1,
    };
    store.finish(&finish).await?;
    Ok(())
}

fn manifest(name: &str, seed: usize, images: usize) -> NewManifest {
    let bytes = format!("{name} {}", "x".repeat(3_000));
    NewManifest {
        digest: Digest::of(Algorithm::Sha256, bytes.as_bytes()),
        media_type: MediaType::from_static(MediaType::OCI_MANIFEST),
        bytes: bytes.into(),
        subject: None,
        artifact_type: None,
        annotations: BTreeMap::new(),
        platform: None,
        image_created: None,
        layers_size: Some(21_000),
        acting: Acting::default(),
        labels: Vec::new(),
        blobs: (0..BLOBS).map(|layer| (blob((seed * 7 + layer) % 200), Need::Required)).collect(),
        children: Vec::new(),
        empty_layer: false,
        legacy_images: (0..images).map(|height| image(name, seed, height)).collect(),
        legacy_image: images.checked_sub(1).map(|top| image_id(name, seed, top)),
    }
}

/// The lower ones are those of every manifest with that seed.
fn image_id(name: &str, seed: usize, height: usize) -> String {
    let text = if height < 15 { format!("base {} {height}", seed % 200) } else { format!("{name} {height}") };
    Digest::of(Algorithm::Sha256, text.as_bytes()).hex()
}

fn image(name: &str, seed: usize, height: usize) -> LegacyImage {
    LegacyImage {
        id: image_id(name, seed, height),
        parent: height.checked_sub(1).map(|below| image_id(name, seed, below)),
        blob: blob((seed * 7 + height) % 200),
        created: Some(1_000),
        command: Some("[\"/bin/sh -c a command\"]".to_owned()),
        comment: None,
        aggregate_size: Some(1_000),
        metadata: format!("{{\"id\":\"{}\"}}", "x".repeat(400)),
    }
}

fn plan(
    repository: &RepositoryName,
    name: &str,
    seed: usize,
    tag: &str,
    images: usize,
) -> Result<Plan, Box<dyn Error + Send + Sync>> {
    let manifest = manifest(name, seed, images);
    let point = TagChange::Point {
        name: tag.parse()?,
        to: manifest.digest,
        expires: NEVER,
        immutable: false,
        reversion: false,
        guard: Guard::Any,
    };
    Ok(Plan {
        repository: repository.clone(),
        create_repository: None,
        now: 1_000,
        actor: None,
        manifest: Some(ManifestChange::Create(Arc::new(manifest))),
        tags: vec![point],
        pin: None,
        displaced_until: Some(2_000),
        delete: None,
        labels: None,
        purge: BTreeSet::new(),
    })
}

async fn fill(
    store: impl Store,
    repository: RepositoryName,
    worker: usize,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    for number in 0..STORED / 32 {
        let name = format!("t-{worker}-{number}");
        store.apply(&plan(&repository, &name, number, &name, 0)?).await?;
    }
    Ok(())
}

async fn fetches(
    store: &impl Store,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<f64, Box<dyn Error>> {
    let ask = FetchAsk {
        repository: repository.clone(),
        reference: reference.clone(),
        now: 1_000,
        liveness: Liveness::Visible,
        have: None,
        at: None,
    };
    let (start, mut done) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs(3) {
        for _ in 0..100 {
            let Fetched::Found(_) = store.fetch(&ask).await? else {
                return Err("nothing was found".into());
            };
        }
        done += 100;
    }
    Ok(f64::from(done) / start.elapsed().as_secs_f64())
}

async fn applies(
    store: &impl Store,
    repository: &RepositoryName,
    writers: usize,
    images: usize,
    round: u32,
) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let workers: Vec<_> = (0..writers)
        .map(|writer| {
            let (store, repository) = (store.clone(), repository.clone());
            tokio::spawn(async move {
                let mut done = 0_u32;
                while start.elapsed() < Duration::from_secs(1) {
                    let name = format!("w-{writers}-{writer}-{images}-{round}-{done}");
                    let (seed, tag) = (writer + done as usize, format!("moving-{writer}"));
                    let plan = plan(&repository, &name, seed, &tag, images)?;
                    let Applied::Done { created: true, .. } = store.apply(&plan).await? else {
                        return Err("a plan was refused".into());
                    };
                    done += 1;
                }
                Ok::<u32, Box<dyn Error + Send + Sync>>(done)
            })
        })
        .collect();
    let mut done = 0;
    for worker in workers {
        done += worker.await?.map_err(|error| error.to_string())?;
    }
    Ok(f64::from(done) / start.elapsed().as_secs_f64())
}
