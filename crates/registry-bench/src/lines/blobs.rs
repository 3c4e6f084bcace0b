//! Blobs, large and small, up and down.

use std::{io::Write as _, sync::Arc, time::SystemTime};

use anyhow::{Context, Result, ensure};

use super::{Line, Plan, Prepared, Sample, Unit, everyone, registries};
use crate::{
    content::{Content, LargeBlob, blob},
    http::{Body, Client, Expect, Request},
    load::{Until, operations, requests},
    servers::{Kind, Server, push_blob, upload_path},
};

const LARGE: &str = "bench/large";
const SMALL: &str = "bench/small";
const SMALL_BYTES: usize = 16 * 1024;

pub(super) fn lines() -> Vec<Line> {
    vec![
        Line {
            name: "blob-push-1g",
            about: "push of a new blob of 1 GiB (128 MiB with --quick) in one PUT",
            unit: Unit::Bytes,
            asks: registries,
            prepare: large_push,
        },
        Line {
            name: "blob-pull-1g",
            about: "pull of a blob of 1 GiB (128 MiB with --quick)",
            unit: Unit::Bytes,
            asks: everyone,
            prepare: large_pull,
        },
        Line {
            name: "blobs-push-16k",
            about: "push of 10,000 blobs of 16 KiB, POST and PUT each, for the time of a round at most",
            unit: Unit::Operations,
            asks: registries,
            prepare: small_push,
        },
        Line {
            name: "blobs-pull-16k",
            about: "pull of 10,000 blobs of 16 KiB (1,000 with --quick), in turn",
            unit: Unit::Operations,
            asks: everyone,
            prepare: small_pull,
        },
    ]
}

/// In memory, where what was deleted stays for a while, several of 1 GiB have no room.
fn mebibytes(server: &Server, plan: Plan) -> u64 {
    if plan.quick || server.kind == Kind::Memory { 128 } else { 1024 }
}

fn noted(server: &Server, plan: Plan, prepared: Prepared) -> Prepared {
    let note = (!plan.quick && server.kind == Kind::Memory).then(|| "128 MiB".to_owned());
    Prepared { note, ..prepared }
}

fn large_push(server: &mut Server, plan: Plan) -> Result<Prepared> {
    let large = LargeBlob::of(mebibytes(server, plan));
    push_blob(&mut server.client()?, LARGE, &blob("warm", 0, 100))?;
    let round = move |server: &mut Server| {
        let since = SystemTime::now();
        let number = server.numbers(1);
        let digest = large.digest(number);
        let address = server.address();
        let push = |client: &mut Client, _| push_large(client, LARGE, &large, number);
        let sample = Sample::of_bytes(server, large.bytes(), || operations(&address, 1, Until::Count(1), push))?;
        // What was acknowledged is there; and it would be too much to keep.
        let mut client = server.client()?;
        let path = format!("/v2/{LARGE}/blobs/{digest}");
        let head = client.call("HEAD", &path)?;
        head.judge(&Expect { to_head: true, ..Expect::status(200) }).context("HEAD of the blob pushed")?;
        client.call("DELETE", &path)?.judge(&Expect::status(202)).context("DELETE of the blob pushed")?;
        server.remove_deleted(large.bytes(), since)?;
        Ok(sample)
    };
    Ok(noted(server, plan, Prepared::new(round)))
}

/// Pushes a large blob in one PUT.
pub(super) fn push_large(client: &mut Client, repository: &str, large: &LargeBlob, number: u64) -> Result<()> {
    let begun = client.call("POST", &format!("/v2/{repository}/blobs/uploads/"))?;
    begun.judge(&Expect::status(202)).context("the POST of an upload")?;
    let digest = large.digest(number);
    let path = upload_path(&begun.location()?, &digest);
    let answer = client.stream(("PUT", &path), large.bytes(), |stream| {
        for piece in large.pieces(number) {
            stream.write_all(&piece)?;
        }
        Ok(())
    })?;
    let expect = Expect { digest: Some(digest.into()), may_lack_digest: true, ..Expect::status(201) };
    answer.judge(&expect).with_context(|| format!("PUT {path}"))
}

/// Pulls a large blob and compares each byte.
pub(super) fn pull_large(client: &mut Client, repository: &str, large: &LargeBlob, number: u64) -> Result<()> {
    let path = format!("/v2/{repository}/blobs/{}", large.digest(number));
    let judge = large.judge(number);
    let bytes = client.download(&path, |offset, read| {
        ensure!(judge(offset, read), "GET {path}: other bytes at {offset}");
        Ok(())
    })?;
    ensure!(bytes == large.bytes(), "GET {path}: {bytes} bytes");
    Ok(())
}

fn large_pull(server: &mut Server, plan: Plan) -> Result<Prepared> {
    let large = LargeBlob::of(mebibytes(server, plan));
    if server.kind == Kind::Nginx {
        let bytes: Vec<u8> = large.pieces(0).flat_map(|piece| piece.to_vec()).collect();
        let content = Content { digest: large.digest(0).into(), bytes: bytes.into() };
        server.store_blob(&mut server.client()?, LARGE, &content)?;
    } else {
        push_large(&mut server.client()?, LARGE, &large, 0)?;
    }
    let round = move |server: &mut Server| {
        let address = server.address();
        let pull = |client: &mut Client, _| pull_large(client, LARGE, &large, 0);
        Sample::of_bytes(server, large.bytes(), || operations(&address, 1, Until::Time(plan.round), pull))
    };
    Ok(noted(server, plan, Prepared::new(round)))
}

fn small_push(server: &mut Server, plan: Plan) -> Result<Prepared> {
    push_blob(&mut server.client()?, SMALL, &blob("warm", 0, 100))?;
    Ok(Prepared::new(move |server| {
        let first = server.numbers(1_000_000);
        let (address, until) = (server.address(), Until::Time(plan.round));
        let push = |client: &mut Client, n| push_blob(client, SMALL, &blob("small", first + n, SMALL_BYTES));
        Sample::of(server, || operations(&address, plan.connections, until, push))
    }))
}

fn small_pull(server: &mut Server, plan: Plan) -> Result<Prepared> {
    let wanted: u64 = if plan.quick { 1_000 } else { 10_000 };
    let blobs: Arc<[Content]> = (0..wanted).map(|number| blob("pulled", number, SMALL_BYTES)).collect();
    let stored = server
        .fill(plan, wanted, |client, number| server.store_blob(client, SMALL, &blobs[usize::try_from(number)?]))?;
    let mut number = 0;
    let round = move |server: &mut Server| {
        let address = server.address();
        let mut source = |request: &mut Vec<u8>| {
            number = (number + 1) % stored;
            let blob = &blobs[usize::try_from(number)?];
            Request::new(request, "GET", &format!("/v2/{SMALL}/blobs/{}", blob.digest)).end();
            Ok(Expect { body: Body::Exact(Arc::clone(&blob.bytes)), ..Expect::status(200) })
        };
        Sample::of(server, || requests(&address, plan.connections, Until::Time(plan.round), &mut source))
    };
    Ok(Prepared::new(round).noting_size(stored, wanted, "blobs"))
}
