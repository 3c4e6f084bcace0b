//! Measures a directory: large blobs written, sealed and read, and small ones, as parts and packed, by one and by eight clients at once.
//!
//! `cargo run --release -p blobs-filesystem --example measure -- DIR [MIB]`; with the second argument, large blobs have so many
//! mebibytes (1024 if it is absent). Compare the first figure with `dd if=/dev/zero of=DIR/file bs=1M count=1024 conv=fsync`.
#![expect(clippy::print_stdout, reason = "a tool that prints figures")]

use blobs_filesystem::{FilesystemBlobs, Options};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use manifest_core::facts::Location;
use manifest_core::ports::{BlobStore as _, BodyStream, UploadId};
use oci_types::{Algorithm, Digest};
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const MIB: u64 = 1024 * 1024;
/// What a body comes in from the network in.
const PIECE: usize = 64 * 1024;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("give a directory")?;
    let mib = args.next().map_or(Ok(1024), |mib| mib.parse())?;
    let root = Path::new(&dir).join(format!("measure-{}", std::process::id()));
    let blobs = FilesystemBlobs::open(&root, "measured".parse()?, Options::default())?;
    large(&blobs, mib).await?;
    for clients in [1, 8, 32] {
        small(&blobs, clients, Way::Part).await?;
        small(&blobs, clients, Way::Last).await?;
    }
    std::fs::remove_dir_all(root)?;
    Ok(())
}

/// How a body is stored.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// As a part that outlasts a crash, then sealed.
    Part,
    /// As the last one: a small one goes to a pack.
    Last,
}

async fn large(blobs: &FilesystemBlobs, mib: u64) -> Outcome<()> {
    let pieces = usize::try_from(mib * MIB)? / PIECE;
    let start = Instant::now();
    let at = write(blobs, 1, vec![7; PIECE].into(), pieces, Way::Part).await?;
    report("one part written and sealed", mib, start.elapsed());
    let start = Instant::now();
    let size = blobs.read(&at, None).await?.try_fold(0, async |sum, piece| Ok(sum + piece.len())).await?;
    report("read from the page cache", mib, start.elapsed());
    assert_eq!(size, pieces * PIECE, "every byte is there");
    let upload = UploadId::from_bits(2);
    let mut parts = Vec::new();
    for _ in 0..4 {
        parts.push(blobs.write_part(&upload, body(vec![7; PIECE].into(), pieces / 4)).await?);
    }
    let start = Instant::now();
    blobs.seal(&upload, &parts, None, &Digest::of(Algorithm::Sha256, b"2")).await?;
    report("four parts sealed", mib, start.elapsed());
    Ok(())
}

async fn small(blobs: &FilesystemBlobs, clients: u32, way: Way) -> Outcome<()> {
    const COUNT: u32 = 10_000;
    let used = processor_time()?;
    let content = Bytes::from(vec![7; 16 * 1024]);
    let start = Instant::now();
    let mut written = stream::iter(0..COUNT)
        .map(|n| {
            let (blobs, content) = (blobs.clone(), content.clone());
            tokio::spawn(async move { write(&blobs, u128::from(n) << 8 | u128::from(n % 256), content, 1, way).await })
        })
        .buffer_unordered(clients as usize);
    let mut all = Vec::new();
    while let Some(at) = written.next().await {
        all.push(at??);
    }
    let per_second = f64::from(COUNT) / start.elapsed().as_secs_f64();
    let each = (processor_time()? - used) * 1e6 / f64::from(COUNT);
    println!(
        "16 KiB written and sealed ({way:?}), {clients} at once: {per_second:.0} a second, {each:.0} µs of processor time each"
    );
    let start = Instant::now();
    for at in &all {
        blobs.read(at, None).await?.try_collect::<Vec<_>>().await?;
    }
    let per_second = f64::from(COUNT) / start.elapsed().as_secs_f64();
    println!("16 KiB read, one at a time: {per_second:.0} a second");
    Ok(())
}

async fn write(blobs: &FilesystemBlobs, upload: u128, piece: Bytes, count: usize, way: Way) -> Outcome<Location> {
    let (upload_id, body) = (UploadId::from_bits(upload), body(piece, count));
    let digest = Digest::of(Algorithm::Sha256, &upload.to_be_bytes());
    Ok(match way {
        Way::Part => {
            let part = blobs.write_part(&upload_id, body).await?;
            blobs.seal(&upload_id, &[part], None, &digest).await?
        }
        Way::Last => {
            let last = blobs.write_last(&upload_id, body).await?;
            blobs.seal(&upload_id, &[], Some(last), &digest).await?
        }
    })
}

/// Seconds that this process has used so far, its own and the kernel's for it.
fn processor_time() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').ok_or("a strange stat")?.1.split_whitespace().collect();
    // In hundredths of a second, on every machine that Linux runs on today.
    let ticks = |at: usize| -> Outcome<f64> { Ok(fields.get(at).ok_or("a short stat")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

fn body(piece: Bytes, count: usize) -> BodyStream {
    stream::iter((0..count).map(move |_| Ok(piece.clone()))).boxed()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn report(what: &str, mib: u64, took: Duration) {
    let per_second = (mib * MIB) as f64 / 1e6 / took.as_secs_f64();
    println!("{what}: {per_second:.0} MB/s ({:.2} s)", took.as_secs_f64());
}
