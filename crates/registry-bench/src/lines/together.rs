//! Lines on which two loads run at once.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::SystemTime,
};

use anyhow::{Context, Result};

use super::{
    Line, Plan, Prepared, Sample, Unit,
    blobs::{pull_large, push_large},
    manifests,
};
use crate::{
    content::{Images, LargeBlob},
    http::{Client, Expect},
    load::{Until, operations},
    servers::{Kind, Server, push_blob, push_manifest},
};

/// How many blobs go up, and as many down, at once.
const TRANSFERS: u32 = 32;

pub(super) fn lines() -> Vec<Line> {
    vec![
        Line {
            name: "bulk",
            about: "small GETs while 32 blobs of 256 MiB (8 MiB with --quick) go up and 32 down",
            unit: Unit::Operations,
            asks: |kind| kind.is_ours() && *kind != Kind::Memory,
            prepare: bulk,
        },
        Line {
            name: "deleted-tag",
            about: "PUT and DELETE of a tag during a load of GETs; the next GET of it answers 404",
            unit: Unit::Operations,
            asks: Kind::is_ours,
            prepare: deleted,
        },
    ]
}

/// An image under the tag `v1`.
fn seeded(server: &Server, repository: &str) -> Result<crate::content::Content> {
    let (images, mut client) = (Images::new(), server.client()?);
    for blob in images.blobs() {
        push_blob(&mut client, repository, blob)?;
    }
    let manifest = images.manifest(0);
    push_manifest(&mut client, repository, "v1", &manifest)?;
    Ok(manifest)
}

/// Runs GETs of a manifest on that many connections while something else runs, and answers what came of both.
fn during<T>(
    server: &Server,
    (repository, connections): (&str, u32),
    manifest: &crate::content::Content,
    work: impl FnOnce() -> Result<T>,
) -> Result<(Sample, T)> {
    let (over, address) = (AtomicBool::new(false), server.address());
    let (path, expect) = (format!("/v2/{repository}/manifests/v1"), manifests::expect(server, manifest, "GET"));
    let get = |client: &mut Client, _| client.call("GET", &path)?.judge(&expect).context("a GET meanwhile");
    let until = Until::Flag(&over);
    thread::scope(|scope| {
        let gets = scope.spawn(|| Sample::of(server, || operations(&address, connections, until, get)));
        let worked = work();
        over.store(true, Ordering::Relaxed);
        let sample = gets.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok((sample?, worked?))
    })
}

fn bulk(server: &mut Server, plan: Plan) -> Result<Prepared> {
    let repository = "bench/bulk";
    let manifest = seeded(server, repository)?;
    let large = LargeBlob::of(if plan.quick { 8 } else { 256 });
    push_large(&mut server.client()?, repository, &large, 0)?;
    let round = move |server: &mut Server| {
        let since = SystemTime::now();
        let (first, address) = (server.numbers(u64::from(TRANSFERS)), server.address());
        let transfer = |client: &mut Client, n: u64| {
            if n.is_multiple_of(2) {
                push_large(client, repository, &large, first + n / 2)
            } else {
                pull_large(client, repository, &large, 0)
            }
        };
        let until = Until::Count(u64::from(2 * TRANSFERS));
        let transfers = || operations(&address, 2 * TRANSFERS, until, transfer);
        let (sample, _) = during(server, (repository, 1), &manifest, transfers)?;
        // It would be too much to keep.
        let mut client = server.client()?;
        for number in first..first + u64::from(TRANSFERS) {
            let path = format!("/v2/{repository}/blobs/{}", large.digest(number));
            client.call("DELETE", &path)?.judge(&Expect::status(202)).context("DELETE of a blob pushed")?;
        }
        server.remove_deleted(large.bytes(), since)?;
        Ok(sample)
    };
    Ok(Prepared::new(round))
}

fn deleted(server: &mut Server, plan: Plan) -> Result<Prepared> {
    let repository = "bench/deleted";
    let manifest = seeded(server, repository)?;
    let round = move |server: &mut Server| {
        let address = server.address();
        let found = manifests::expect(server, &manifest, "GET");
        let cycle = |client: &mut Client, _| {
            let path = format!("/v2/{repository}/manifests/gone");
            push_manifest(client, repository, "gone", &manifest)?;
            client.call("GET", &path)?.judge(&found).context("GET of a new tag")?;
            client.call("DELETE", &path)?.judge(&Expect::status(202)).context("DELETE of a tag")?;
            client.call("GET", &path)?.judge(&Expect::status(404)).context("GET of a tag that was deleted")?;
            Client::connect(&address)?
                .call("GET", &path)?
                .judge(&Expect::status(404))
                .context("the same on another connection")
        };
        let cycles = || operations(&address, 1, Until::Time(plan.round), cycle);
        Ok(during(server, (repository, plan.connections), &manifest, cycles)?.0)
    };
    Ok(Prepared::new(round))
}
