//! Pushes of manifests and of whole images, and mounts.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use super::{Line, Plan, Prepared, Sample, Unit, registries};
use crate::{
    content::{Content, Images, MANIFEST, OwnImage},
    http::{Client, Expect, Request},
    load::{Until, operations, requests},
    servers::{Server, push_blob, push_manifest, stored},
};

const PUTS: &str = "bench/puts";
const IMAGES: &str = "bench/images";

pub(super) fn lines() -> Vec<Line> {
    let line = |name, about, prepare| Line { name, about, unit: Unit::Operations, asks: registries, prepare };
    vec![
        line("put-tag", "PUT of a new tag on a manifest that is there", |server, plan| puts(server, plan, Put::Tag)),
        line("put-new", "PUT of a new manifest of 20 layers under a new tag", |server, plan| {
            puts(server, plan, Put::New)
        }),
        line("put-again", "PUT of a manifest again that the tag already has", |server, plan| {
            puts(server, plan, Put::Again)
        }),
        line("push-image", "push of a new image of 20 layers: 21 times HEAD, POST, PUT, and the manifest", images),
        line("mount", "mount of a blob from another repository", mounts),
    ]
}

#[derive(Clone, Copy)]
enum Put {
    Tag,
    New,
    Again,
}

fn puts(server: &mut Server, plan: Plan, put: Put) -> Result<Prepared> {
    let images = Images::new();
    let mut client = server.client()?;
    for blob in images.blobs() {
        push_blob(&mut client, PUTS, blob)?;
    }
    let first = images.manifest(0);
    push_manifest(&mut client, PUTS, "first", &first)?;
    let round = move |server: &mut Server| {
        let mut last = (String::from("first"), first.clone());
        let mut source = |request: &mut Vec<u8>| {
            let number = server.numbers(1);
            match put {
                Put::Tag => last.0 = format!("tag-{number}"),
                Put::New => last = (format!("new-{number}"), images.manifest(number)),
                Put::Again => {}
            }
            let (tag, manifest) = &last;
            let length = u64::try_from(manifest.bytes.len())?;
            Request::new(request, "PUT", &format!("/v2/{PUTS}/manifests/{tag}")).body(MANIFEST, length).end();
            request.extend_from_slice(&manifest.bytes);
            Ok(stored(manifest))
        };
        let address = server.address();
        let sample = Sample::of(server, || requests(&address, plan.connections, Until::Time(plan.round), &mut source))?;
        // What was acknowledged is there.
        let (tag, manifest) = last;
        let answer = server.client()?.call("GET", &format!("/v2/{PUTS}/manifests/{tag}"))?;
        answer.judge(&super::manifests::expect(server, &manifest, "GET")).context("the last manifest pushed")?;
        Ok(sample)
    };
    Ok(Prepared::new(round))
}

fn images(server: &mut Server, plan: Plan) -> Result<Prepared> {
    // The repository is there before the clock runs.
    push_blob(&mut server.client()?, IMAGES, &OwnImage::new(0).blobs[0])?;
    Ok(Prepared::new(move |server| {
        let first = server.numbers(1_000_000);
        let (address, until) = (server.address(), Until::Time(plan.round));
        Sample::of(server, || operations(&address, plan.connections, until, |client, n| push_image(client, first + n)))
    }))
}

fn push_image(client: &mut Client, number: u64) -> Result<()> {
    let image = OwnImage::new(number);
    for blob in &image.blobs {
        let path = format!("/v2/{IMAGES}/blobs/{}", blob.digest);
        client.call("HEAD", &path)?.judge(&Expect { to_head: true, ..Expect::status(404) }).context(path)?;
        push_blob(client, IMAGES, blob)?;
    }
    push_manifest(client, IMAGES, &format!("image-{number}"), &image.manifest)
}

/// How many blobs are mounted: each into a repository where it is not yet.
const MOUNTED: u64 = 64;

fn mounts(server: &mut Server, plan: Plan) -> Result<Prepared> {
    let source = "bench/mount-source";
    let blobs: Arc<[Content]> = (0..MOUNTED).map(|number| crate::content::blob("mounted", number, 1024)).collect();
    let mut client = server.client()?;
    for blob in &*blobs {
        push_blob(&mut client, source, blob)?;
    }
    let round = move |server: &mut Server| {
        let first = server.numbers(1_000_000);
        let (address, until) = (server.address(), Until::Time(plan.round));
        let mount = |client: &mut Client, n: u64| {
            let number = first + n;
            let blob = &blobs[usize::try_from(number % MOUNTED)?];
            let target = format!("bench/mount-{}", number / MOUNTED);
            let path = format!("/v2/{target}/blobs/uploads/?mount={}&from={source}", blob.digest);
            let answer = client.call("POST", &path)?;
            answer.judge(&stored(blob)).with_context(|| format!("POST {path}"))?;
            ensure!(answer.location()?.ends_with(&*blob.digest), "the Location of a mount is not the blob");
            Ok(())
        };
        Sample::of(server, || operations(&address, plan.connections, until, mount))
    };
    Ok(Prepared::new(round))
}
