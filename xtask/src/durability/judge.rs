//! Whether everything that an answer promises was on the disk before the answer left.

use std::path::Path;

use super::trace::Event;

/// What is wrong with each 201 of a trace; an empty list for those that are right.
///
/// The trace is of requests one after the other: first uploads of blobs, then manifests.
pub(crate) fn judge(events: &[Event], blobs: usize) -> Vec<Vec<String>> {
    let mut verdicts = Vec::new();
    let mut since = 0;
    for (now, event) in events.iter().enumerate() {
        let Event::Answered(status) = event else { continue };
        if *status == 201 {
            let (before, window) = (&events[..now], since..now);
            let mut wrong = Vec::new();
            if verdicts.len() < blobs {
                wrong.extend(blob(before, window.start));
            }
            let metadata = |path: &Path| path.to_string_lossy().ends_with("-wal");
            if !events[window].iter().any(|event| matches!(event, Event::Synced(path) if metadata(path))) {
                wrong.push("the write-ahead log of the database was not synced".to_owned());
            }
            verdicts.push(wrong);
        }
        since = now + 1;
    }
    verdicts
}

/// The rule for a blob: its bytes, the name that they were given last, and every directory above that name. A small blob is written to a
/// pack, a file that had its name before, and any other gets a name of its own.
fn blob(before: &[Event], since: usize) -> Vec<String> {
    let mut kept = before.iter().enumerate().skip(since).filter_map(|(at, event)| match event {
        Event::Placed { source, target } => Some((at, source, target)),
        Event::Written(pack) if is_pack(pack) => Some((at, pack, pack)),
        Event::Written(_) | Event::Synced(_) | Event::Made(_) | Event::Created(_) | Event::Answered(_) => None,
    });
    let Some((at, source, target)) = kept.next_back() else {
        return vec!["no file was given its final name, and nothing was written to a pack".to_owned()];
    };
    let synced = |path: &Path, from: usize| before[from..].iter().any(|event| *event == Event::Synced(path.to_owned()));
    let mut wrong = Vec::new();
    let is_packed = source == target;
    // What is appended later is not in an earlier sync; a file that is moved was written before.
    let is_synced = if is_packed { synced(target, at) } else { synced(source, since) || synced(target, since) };
    if !is_synced {
        wrong.push(format!("{} was not synced", target.display()));
    }
    let named = before.iter().position(|event| *event == Event::Created(target.clone()));
    if let Some(parent) = target.parent()
        && !synced(parent, if is_packed { named.unwrap_or(0) } else { at })
    {
        wrong.push(format!("{} was not synced after its new entry", parent.display()));
    }
    for (at, event) in before.iter().enumerate() {
        if let Event::Made(made) = event
            && target.starts_with(made)
            && let Some(parent) = made.parent()
            && !synced(parent, at)
        {
            wrong.push(format!("{} was not synced after {} was made", parent.display(), made.display()));
        }
    }
    wrong
}

fn is_pack(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|directory| directory == "packs")
}

#[cfg(test)]
mod tests {
    use super::{super::trace::Event, judge};

    /// A right run: one blob, one that is packed, another one in the same pack, one manifest.
    fn right() -> Vec<Event> {
        let log = || Event::Synced("/d/m.db-wal".into());
        let pack = || "/d/packs/p".into();
        vec![
            Event::Answered(202),
            Event::Made("/d/sha256/ab".into()),
            Event::Synced("/d/sha256".into()),
            Event::Synced("/d/parts/x".into()),
            Event::Placed { source: "/d/parts/x".into(), target: "/d/sha256/ab/y".into() },
            Event::Synced("/d/sha256/ab".into()),
            log(),
            Event::Answered(201),
            Event::Created(pack()),
            Event::Written(pack()),
            Event::Synced(pack()),
            Event::Synced("/d/packs".into()),
            log(),
            Event::Answered(201),
            Event::Written(pack()),
            Event::Synced(pack()),
            log(),
            Event::Answered(201),
            log(),
            Event::Answered(201),
        ]
    }

    #[test]
    fn a_right_run_passes() {
        assert_eq!(judge(&right(), 3), vec![Vec::<String>::new(); 4]);
    }

    /// Each sync is needed: without any one of them, or with it after the answer, something is wrong with the answer that it was for,
    /// and with later ones that need it as well: a pack whose name is not on the disk loses all that is in it.
    #[test]
    fn every_missing_or_late_sync_is_found() {
        for (at, event) in right().iter().enumerate().filter(|(_, event)| matches!(event, Event::Synced(_))) {
            let needed_by = if *event == Event::Synced("/d/packs".into()) { 2 } else { 1 };
            let mut missing = right();
            missing.remove(at);
            assert_eq!(judge(&missing, 3).iter().flatten().count(), needed_by, "{event:?}");
            let mut late = missing;
            late.push(event.clone());
            assert_eq!(judge(&late, 3).iter().flatten().count(), needed_by, "{event:?}");
        }
    }

    #[test]
    fn a_file_synced_before_it_was_written_is_found() {
        let mut early = right();
        early.swap(14, 15);
        assert_eq!(judge(&early, 3)[2], ["/d/packs/p was not synced"]);
    }

    #[test]
    fn a_directory_synced_too_early_is_found() {
        let mut early = right();
        early.swap(4, 5);
        assert_eq!(judge(&early, 3)[0], ["/d/sha256/ab was not synced after its new entry"]);
        let mut early = right();
        let synced = early.remove(11);
        early.insert(8, synced);
        assert_eq!(judge(&early, 3)[1], ["/d/packs was not synced after its new entry"]);
    }
}
