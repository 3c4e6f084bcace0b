//! GET and HEAD of manifests.

use std::sync::Arc;

use anyhow::Result;

use super::{Line, Plan, Prepared, Sample, Unit, everyone, registries};
use crate::{
    content::{Content, Images, blob, empty_config, small_manifest},
    http::{Body, Expect, Request},
    load::{Until, requests},
    servers::{Kind, Server},
};

const HOT: &str = "bench/hot";
const MANY: &str = "bench/many";

pub(super) fn lines() -> Vec<Line> {
    let line = |name, about, prepare| Line { name, about, unit: Unit::Operations, asks: everyone, prepare };
    vec![
        line("get-tag", "GET of one manifest of 20 layers by tag", |server, plan| hot(server, plan, "GET", true)),
        line("get-digest", "GET of it by digest", |server, plan| hot(server, plan, "GET", false)),
        line("head-tag", "HEAD of it by tag", |server, plan| hot(server, plan, "HEAD", true)),
        line("head-digest", "HEAD of it by digest", |server, plan| hot(server, plan, "HEAD", false)),
        Line { asks: registries, ..line("get-tag-100k", "GET by tag, 100,000 manifests in turn, at random", many) },
    ]
}

fn hot(server: &mut Server, plan: Plan, method: &'static str, by_tag: bool) -> Result<Prepared> {
    let images = Images::new();
    let manifest = images.manifest(0);
    let mut client = server.client()?;
    for blob in images.blobs() {
        server.store_blob(&mut client, HOT, blob)?;
    }
    server.store_manifest(&mut client, HOT, "v1", &manifest)?;
    let reference = if by_tag { "v1" } else { &*manifest.digest };
    let path = format!("/v2/{HOT}/manifests/{reference}");
    let expect = expect(server, &manifest, method);
    let mut bytes = Vec::new();
    Request::new(&mut bytes, method, &path).end();
    Ok(Prepared::new(move |server| {
        let mut source = |request: &mut Vec<u8>| {
            request.clear();
            request.extend_from_slice(&bytes);
            Ok(expect.clone())
        };
        let address = server.address();
        Sample::of(server, || requests(&address, plan.connections, Until::Time(plan.round), &mut source))
    }))
}

/// What a GET or a HEAD of that manifest answers. A server of files knows no digests.
pub(super) fn expect(server: &Server, manifest: &Content, method: &str) -> Expect {
    Expect {
        digest: (server.kind != Kind::Nginx).then(|| Arc::clone(&manifest.digest)),
        body: Body::Exact(Arc::clone(&manifest.bytes)),
        to_head: method == "HEAD",
        ..Expect::status(200)
    }
}

fn many(server: &mut Server, plan: Plan) -> Result<Prepared> {
    let wanted: u64 = if plan.quick { 2_000 } else { 100_000 };
    let (config, layer) = (empty_config(), blob("layer", 0, 1_000));
    let mut client = server.client()?;
    for blob in [&config, &layer] {
        server.store_blob(&mut client, MANY, blob)?;
    }
    let manifests: Arc<[Content]> = (0..wanted).map(|number| small_manifest(&config, &layer, number)).collect();
    let stored = server.fill(plan, wanted, |client, number| {
        let index = usize::try_from(number)?;
        server.store_manifest(client, MANY, &format!("t{number:06}"), &manifests[index])
    })?;
    let expects: Vec<Expect> =
        manifests.iter().take(usize::try_from(stored)?).map(|manifest| expect(server, manifest, "GET")).collect();
    let mut state = 1_u64;
    let round = move |server: &mut Server| {
        let mut source = |request: &mut Vec<u8>| {
            // A full period over 64 bits, whose upper half is random enough.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = (state >> 33) % stored;
            Request::new(request, "GET", &format!("/v2/{MANY}/manifests/t{number:06}")).end();
            Ok(expects[usize::try_from(number)?].clone())
        };
        let address = server.address();
        Sample::of(server, || requests(&address, plan.connections, Until::Time(plan.round), &mut source))
    };
    Ok(Prepared::new(round).noting_size(stored, wanted, "manifests"))
}
