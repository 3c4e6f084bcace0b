//! A push of an image in every way in which a blob can come, and what must be there of it afterwards.

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::trial::Stop;
use crate::{
    http::{self, Response},
    images::{digest::sha256, noise},
};

const REPOSITORY: &str = "crash/image";
/// Holds what is mounted from it.
const BASE: &str = "crash/base";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const BYTES: &str = "application/octet-stream";

/// How an item of the image comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// POST, then a PATCH for each half, then PUT: two parts, which are joined.
    Chunks,
    /// POST, then one PATCH with everything, then PUT: one part, which gets a second name.
    Chunk,
    /// POST, then PUT: the same within one request.
    Put,
    /// One POST with the digest.
    Post,
    /// A mount from another repository.
    Mount,
    /// The manifest, by tag.
    Manifest,
}

#[derive(Debug)]
struct Item {
    way: Way,
    digest: String,
    content: Vec<u8>,
}

impl Item {
    /// Where it is read.
    fn path(&self) -> String {
        match self.way {
            Way::Manifest => format!("/v2/{REPOSITORY}/manifests/v1"),
            Way::Chunks | Way::Chunk | Way::Put | Way::Post | Way::Mount => {
                format!("/v2/{REPOSITORY}/blobs/{}", self.digest)
            }
        }
    }
}

/// The image. Its manifest is the last of its items.
#[derive(Debug)]
pub(crate) struct Push {
    items: Vec<Item>,
}

/// How a push ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Everything was acknowledged.
    Whole,
    /// With an answer of this status, which was not the one hoped for.
    Refused(u16),
    /// Without an answer.
    Cut,
    /// By us.
    Stopped,
}

/// What a push was told.
#[derive(Debug)]
pub(crate) struct Progress {
    /// How it ended.
    pub(crate) end: End,
    /// How many items were answered with 201.
    acknowledged: usize,
    /// An upload of the next item: where it is, and how many bytes of it were acknowledged.
    pub(crate) upload: Option<(String, usize)>,
}

impl Push {
    /// Small layers: the number of system calls does not depend on sizes below a batch. It does on whether a blob is packed, as the second
    /// one that comes with PUT and the config are; what will be mounted is not, so that the pack begins within the push.
    pub(crate) fn new() -> Result<Self> {
        let mut items = Vec::new();
        for (way, seed, size) in [
            (Way::Chunks, 3, 90_000),
            (Way::Chunk, 4, 50_000),
            (Way::Put, 5, 100_000),
            (Way::Put, 6, 40_000),
            (Way::Mount, 7, 80_000),
        ] {
            let content = noise(seed, size);
            items.push(Item { way, digest: sha256(&content)?, content });
        }
        let layers: Vec<_> = items.iter().map(|item| described(LAYER, item)).collect();
        let content = json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": [] } });
        let content = serde_json::to_vec(&content)?;
        items.push(Item { way: Way::Post, digest: sha256(&content)?, content });
        let config = items.last().map(|item| described(CONFIG, item));
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
        let content = serde_json::to_vec(&manifest)?;
        items.push(Item { way: Way::Manifest, digest: sha256(&content)?, content });
        Ok(Self { items })
    }

    /// Puts what will be mounted where it is mounted from.
    pub(crate) fn seed(&self, address: &str) -> Result<()> {
        for item in self.items.iter().filter(|item| item.way == Way::Mount) {
            let mut progress = Progress { end: End::Whole, acknowledged: 0, upload: None };
            let mut client = Client { address, progress: &mut progress, stops: &|_| false };
            if client.upload(BASE, item, &[]).is_err() {
                bail!("{BASE} cannot be filled: {progress:?}");
            }
        }
        Ok(())
    }

    /// Pushes until something goes wrong, everything is there, or it is to stop at such a point.
    pub(crate) fn run(&self, address: &str, stops: &dyn Fn(Stop) -> bool) -> Progress {
        let mut progress = Progress { end: End::Whole, acknowledged: 0, upload: None };
        for item in &self.items {
            let mut client = Client { address, progress: &mut progress, stops };
            if let Err(end) = client.push(item) {
                progress.end = end;
                break;
            }
            (progress.acknowledged, progress.upload) = (progress.acknowledged + 1, None);
            if stops(Stop::Request) || stops(Stop::Item) {
                progress.end = End::Stopped;
                break;
            }
        }
        progress
    }

    /// Ends the upload that was under way, from where the registry says that it is. What is wrong with that.
    pub(crate) fn resume(&self, address: &str, told: &Progress) -> Result<Option<String>> {
        let (Some((path, _)), Some(item)) = (&told.upload, self.items.get(told.acknowledged)) else { return Ok(None) };
        let answer = http::get(address, path, "*/*")?;
        if answer.status != 204 {
            // It has ended, or the state is wrong, which was said.
            return Ok(None);
        }
        let rest = item.content.get(received(&answer)..).unwrap_or_default();
        let path = ending(path, item);
        let ended = http::send(address, "PUT", &path, BYTES, rest)?.status;
        let there = http::get(address, &item.path(), "*/*").ok().filter(|there| there.status == 200);
        let is_right = ended == 201 && there.is_some_and(|there| there.body == item.content);
        Ok((!is_right).then(|| format!("the upload could not be ended: PUT is {ended}, or GET has other bytes")))
    }

    /// Stores a blob that has nothing to do with the push. Its commit waits for the disk, and with it for all that came before, such as
    /// the commits of an upload under way, which do not.
    pub(crate) fn settle(address: &str) -> Result<()> {
        let content = b"settled";
        let path = format!("/v2/{BASE}/blobs/uploads/?digest={}", sha256(content)?);
        let status = http::send(address, "POST", &path, BYTES, content)?.status;
        ensure!(status == 201, "a blob beside the push is answered with {status}");
        Ok(())
    }

    /// What is wrong with the state, given what a push was told: what was acknowledged must be there byte for byte, what
    /// was not may be, and a manifest never without its blobs. Where an upload under way `may_be_forgotten`, it may be unknown, or
    /// end earlier than was said.
    pub(crate) fn check(&self, address: &str, told: &Progress, may_be_forgotten: bool) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        let mut there = Vec::new();
        for item in &self.items {
            let answer = match http::get(address, &item.path(), "*/*") {
                Ok(answer) => answer,
                Err(error) => {
                    wrong.push(format!("GET {}: {error:#}", item.path()));
                    there.push(false);
                    continue;
                }
            };
            match answer.status {
                200 if answer.body == item.content => {}
                404 => {}
                200 => wrong.push(format!("{} has other bytes", item.path())),
                status => wrong.push(format!("GET {} is {status}", item.path())),
            }
            there.push(answer.status == 200);
        }
        for (item, _) in self.items.iter().zip(&there).take(told.acknowledged).filter(|(_, there)| !**there) {
            wrong.push(format!("{} was acknowledged and is gone", item.path()));
        }
        if there.last() == Some(&true) && there.contains(&false) {
            wrong.push(format!("the manifest is there and not all of its blobs: {there:?}"));
        }
        if let Some((path, offset)) = &told.upload
            && there.get(told.acknowledged) == Some(&false)
            && !may_be_forgotten
        {
            let answer = http::get(address, path, "*/*")?;
            if answer.status != 204 || received(&answer) < *offset {
                let found = format!("{} with Range {:?}", answer.status, answer.header("range"));
                wrong.push(format!("{offset} bytes of {path} were acknowledged, but GET is {found}"));
            }
        }
        Ok(wrong)
    }
}

/// How many bytes an upload has, as the answer to a question about it says: `0-0` where it has none, or one, which is never sent
/// here.
fn received(answer: &Response) -> usize {
    let last = answer.header("range").and_then(|range| range.strip_prefix("0-")?.parse::<usize>().ok());
    last.filter(|last| *last > 0).map_or(0, |last| last + 1)
}

/// Where an upload is ended.
fn ending(path: &str, item: &Item) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}digest={}", item.digest)
}

fn described(media_type: &str, item: &Item) -> serde_json::Value {
    json!({ "mediaType": media_type, "digest": item.digest, "size": item.content.len() })
}

struct Client<'a> {
    address: &'a str,
    progress: &'a mut Progress,
    stops: &'a dyn Fn(Stop) -> bool,
}

impl Client<'_> {
    fn push(&mut self, item: &Item) -> Result<(), End> {
        let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
        match item.way {
            Way::Chunks => {
                let (first, second) = item.content.split_at(item.content.len() / 2);
                self.upload(REPOSITORY, item, &[first, second])
            }
            Way::Chunk => self.upload(REPOSITORY, item, &[&item.content]),
            Way::Put => self.upload(REPOSITORY, item, &[]),
            Way::Post => {
                self.ask("POST", &format!("{uploads}?digest={}", item.digest), BYTES, &item.content, 201).map(drop)
            }
            Way::Mount => {
                self.ask("POST", &format!("{uploads}?mount={}&from={BASE}", item.digest), BYTES, &[], 201).map(drop)
            }
            Way::Manifest => self.ask("PUT", &item.path(), MANIFEST, &item.content, 201).map(drop),
        }
    }

    /// Sends the chunks with PATCH, and what they are not of the item with PUT.
    fn upload(&mut self, repository: &str, item: &Item, chunks: &[&[u8]]) -> Result<(), End> {
        let mut answer = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), BYTES, &[], 202)?;
        let mut sent = 0;
        for chunk in chunks {
            let path = self.continues(&answer, sent)?;
            answer = self.ask("PATCH", &path, BYTES, chunk, 202)?;
            sent += chunk.len();
        }
        let path = self.continues(&answer, sent)?;
        let path = ending(&path, item);
        self.ask("PUT", &path, BYTES, &item.content[sent..], 201).map(drop)
    }

    /// Where an upload goes on, of which so many bytes are acknowledged.
    fn continues(&mut self, answer: &Response, sent: usize) -> Result<String, End> {
        let location = answer.header("location").context("no Location").map_err(|_| End::Refused(answer.status))?;
        let path = location.strip_prefix(&format!("http://{}", self.address)).unwrap_or(location).to_owned();
        self.progress.upload = Some((path.clone(), sent));
        if (self.stops)(Stop::Request) { Err(End::Stopped) } else { Ok(path) }
    }

    fn ask(&self, method: &str, path: &str, media_type: &str, body: &[u8], hoped: u16) -> Result<Response, End> {
        match http::send(self.address, method, path, media_type, body) {
            Ok(answer) if answer.status == hoped => Ok(answer),
            Ok(answer) => Err(End::Refused(answer.status)),
            Err(_) => Err(End::Cut),
        }
    }
}
