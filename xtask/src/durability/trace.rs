//! What a program told the kernel, read from the output of `strace -f -y`.

use std::{collections::BTreeMap, path::PathBuf};

/// One thing that happened, in the order in which it was completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// What is written of a file, or the entries of a directory, are on the disk.
    Synced(PathBuf),
    /// A file has a second or another name.
    Placed {
        /// The name that it had.
        source: PathBuf,
        /// The new name.
        target: PathBuf,
    },
    /// A directory was made.
    Made(PathBuf),
    /// A file was made.
    Created(PathBuf),
    /// Bytes were written to a file, at a place that the program chose.
    Written(PathBuf),
    /// The status line of an answer began to leave.
    Answered(u16),
}

/// The events of a trace. What failed, and calls of no interest, are left out.
pub(crate) fn read(trace: &str) -> Vec<Event> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut events = Vec::new();
    for line in trace.lines() {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        // An answer may reach the client before the call that sends it returns, so its beginning counts.
        events.extend(answer(call));
        if let Some(call) = call.strip_suffix("<unfinished ...>") {
            begun.insert(process, call);
        } else if call.starts_with("<... ") {
            let rest = call.split_once("resumed>").map_or("", |(_, rest)| rest);
            let first = begun.remove(process).unwrap_or_default();
            events.extend(completed(&format!("{first}{rest}")));
        } else {
            events.extend(completed(call));
        }
    }
    events
}

fn answer(call: &str) -> Option<Event> {
    let sends = ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|name| call.starts_with(name));
    let (_, rest) = call.split_once("\"HTTP/1.").filter(|_| sends)?;
    Some(Event::Answered(rest.get(2..5)?.parse().ok()?))
}

fn completed(call: &str) -> Option<Event> {
    let (call, result) = call.rsplit_once(" = ")?;
    let (name, arguments) = call.split_once('(')?;
    let mut paths = paths(arguments).into_iter();
    // These say how much was written, and where the file is open now.
    match name {
        // Behind the file come the bytes, which are no name.
        "pwritev" if !result.starts_with('-') => {
            let (file, _) = arguments.split_once('<')?.1.split_once('>')?;
            return Some(Event::Written(file.into()));
        }
        "openat" if !result.starts_with('-') && arguments.contains("O_CREAT") => {
            return Some(Event::Created(paths.next()?));
        }
        _ => {}
    }
    if result.trim() != "0" {
        return None;
    }
    match name {
        "fsync" | "fdatasync" => Some(Event::Synced(paths.next()?)),
        "link" | "linkat" | "rename" | "renameat" | "renameat2" => {
            Some(Event::Placed { source: paths.next()?, target: paths.next()? })
        }
        "mkdir" | "mkdirat" => Some(Event::Made(paths.next()?)),
        _ => None,
    }
}

/// The paths in the arguments: each `"name"` joined to the `<directory>` before it, or a `<file>` alone.
fn paths(arguments: &str) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut directory: Option<PathBuf> = None;
    let mut rest = arguments;
    while let Some(at) = rest.find(['<', '"']) {
        let close = if rest[at..].starts_with('<') { '>' } else { '"' };
        let Some((text, behind)) = rest[at + 1..].split_once(close) else { break };
        if close == '>' {
            paths.extend(directory.replace(PathBuf::from(text)));
        } else {
            paths.push(directory.take().unwrap_or_default().join(text));
        }
        rest = behind;
    }
    paths.extend(directory);
    paths
}

#[cfg(test)]
mod tests {
    use super::{Event, read};

    #[test]
    fn calls_of_several_threads_are_put_together() {
        let trace = "\
10 mkdirat(5</d/sha256>, \"ab\", 0777) = 0
11 fsync(9</d/parts/x> <unfinished ...>
10 sendto(12<socket:[7]>, \"HTTP/1.1 202 Accepted\\r\\n\", 80, 0, NULL, 0) = 80
11 <... fsync resumed>)             = 0
11  linkat(4</d/parts>, \"x\", 6</d/sha256/ab>, \"y\", 0) = 0
10 fdatasync(8</d/m.db-wal>) = -1 EIO (Input/output error)
10 rename(\"/d/a\", \"/d/b\") = 0
10 openat(4</d/packs>, \"c0ffee\", O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600) = 7</d/packs/c0ffee>
10 openat(4</d/packs>, \"c0ffee\", O_RDONLY|O_CLOEXEC) = 8</d/packs/c0ffee>
10 pwritev(7</d/packs/c0ffee>, [{iov_base=\"mani\", iov_len=4096}], 1, 0) = 4096
10 pwritev(7</d/packs/c0ffee>, [{iov_base=\"mani\", iov_len=4096}], 1, 4096) = -1 ENOSPC (No space left on device)
10 write(3</d/log>, \"HTTP\", 4) = 4
10 writev(12<socket:[7]>, [{iov_base=\"HTTP/1.0 201 Created\\r\\n\", iov_len=9}], 1 <unfinished ...>
";
        let placed = |source: &str, target: &str| Event::Placed { source: source.into(), target: target.into() };
        let expected = [
            Event::Made("/d/sha256/ab".into()),
            Event::Answered(202),
            Event::Synced("/d/parts/x".into()),
            placed("/d/parts/x", "/d/sha256/ab/y"),
            placed("/d/a", "/d/b"),
            Event::Created("/d/packs/c0ffee".into()),
            Event::Written("/d/packs/c0ffee".into()),
            Event::Answered(201),
        ];
        assert_eq!(read(trace), expected);
    }
}
