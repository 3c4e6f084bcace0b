use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use manifest_core::service::{FsckPhase, FsckProgress};
use std::io::IsTerminal;

/// A bar on standard error that shows how far a check is; nothing where that is no terminal.
pub(super) struct Bar {
    bar: Option<ProgressBar>,
    phase: Option<FsckPhase>,
}

impl Bar {
    pub(super) fn on_terminal() -> Self {
        // indicatif would hide it by itself, but only after it has asked for the size of the terminal at each step.
        let bar =
            std::io::stderr().is_terminal().then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
        Self { bar, phase: None }
    }

    pub(super) fn show(&mut self, progress: FsckProgress) {
        let Some(bar) = &self.bar else { return };
        if self.phase != Some(progress.phase) {
            self.phase = Some(progress.phase);
            if let Some(style) = style(progress) {
                bar.set_style(style);
            }
            bar.set_message(words(progress.phase));
            // Last, for it draws.
            bar.reset();
        }
        // Counts of a store that is written to are only about right.
        if let Some(total) = progress.total {
            bar.set_length(total.max(progress.done));
        } else {
            bar.unset_length();
        }
        bar.set_position(progress.done);
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn words(phase: FsckPhase) -> &'static str {
    match phase {
        FsckPhase::Blobs => "rows of blobs",
        FsckPhase::Stored => "files of the store",
        FsckPhase::Bytes => "bytes of blobs",
        FsckPhase::Access => "access to blobs",
        FsckPhase::Manifests => "manifests",
        FsckPhase::Links => "what manifests name",
    }
}

fn style(progress: FsckProgress) -> Option<ProgressStyle> {
    let template = match (progress.phase, progress.total) {
        (FsckPhase::Bytes, _) => "{msg:20} {bar:30} {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
        (_, Some(_)) => "{msg:20} {bar:30} {human_pos}/{human_len}, {eta} left",
        (_, None) => "{msg:20} {spinner} {human_pos}",
    };
    ProgressStyle::with_template(template).ok()
}

#[cfg(test)]
mod tests {
    use super::style;
    use manifest_core::service::{FsckPhase, FsckProgress};

    #[test]
    fn every_phase_has_a_style() {
        let check = |phase, total| assert!(style(FsckProgress { phase, done: 0, total }).is_some(), "{phase:?}");
        check(FsckPhase::Blobs, Some(1));
        check(FsckPhase::Stored, None);
        check(FsckPhase::Bytes, Some(1));
        check(FsckPhase::Access, None);
        check(FsckPhase::Manifests, Some(1));
        check(FsckPhase::Links, None);
    }
}
