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

/// The rule for a blob: its bytes, the name that they were given last, and every directory above that name.
fn blob(before: &[Event], since: usize) -> Vec<String> {
    let mut placed = before.iter().enumerate().skip(since).filter_map(|(at, event)| match event {
        Event::Placed { source, target } => Some((at, source, target)),
        Event::Synced(_) | Event::Made(_) | Event::Answered(_) => None,
    });
    let Some((at, source, target)) = placed.next_back() else {
        return vec!["no file was given its final name".to_owned()];
    };
    let synced = |path: &Path, from: usize| before[from..].iter().any(|event| *event == Event::Synced(path.to_owned()));
    let mut wrong = Vec::new();
    if !synced(source, since) && !synced(target, since) {
        wrong.push(format!("{} was not synced", target.display()));
    }
    if let Some(parent) = target.parent()
        && !synced(parent, at)
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

#[cfg(test)]
mod tests {
    use super::{super::trace::Event, judge};

    /// A right run: one blob, one manifest.
    fn right() -> Vec<Event> {
        vec![
            Event::Answered(202),
            Event::Made("/d/sha256/ab".into()),
            Event::Synced("/d/sha256".into()),
            Event::Synced("/d/parts/x".into()),
            Event::Placed { source: "/d/parts/x".into(), target: "/d/sha256/ab/y".into() },
            Event::Synced("/d/sha256/ab".into()),
            Event::Synced("/d/m.db-wal".into()),
            Event::Answered(201),
            Event::Synced("/d/m.db-wal".into()),
            Event::Answered(201),
        ]
    }

    #[test]
    fn a_right_run_passes() {
        assert_eq!(judge(&right(), 1), [Vec::<String>::new(), Vec::new()]);
    }

    /// Each sync is needed: without any one of them, or with it after the answer, one verdict is not empty.
    #[test]
    fn every_missing_or_late_sync_is_found() {
        for (at, event) in right().iter().enumerate().filter(|(_, event)| matches!(event, Event::Synced(_))) {
            let mut missing = right();
            missing.remove(at);
            assert_eq!(judge(&missing, 1).iter().flatten().count(), 1, "{event:?}");
            let mut late = missing;
            late.push(event.clone());
            assert_eq!(judge(&late, 1).iter().flatten().count(), 1, "{event:?}");
        }
    }

    #[test]
    fn a_directory_synced_too_early_is_found() {
        let mut early = right();
        early.swap(4, 5);
        assert_eq!(judge(&early, 1)[0], ["/d/sha256/ab was not synced after its new entry"]);
    }
}
