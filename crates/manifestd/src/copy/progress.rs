use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// A bar on standard error that shows how far a copy is; nothing where that is no terminal.
pub(super) struct Bar(Option<ProgressBar>);

impl Bar {
    pub(super) fn on_terminal() -> Self {
        let on = std::io::stderr().is_terminal();
        Self(on.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())))
    }

    pub(super) fn begin(&self, what: &str, total: u64) {
        let Some(bar) = &self.0 else { return };
        if let Ok(style) = ProgressStyle::with_template("{msg:24} {bar:30} {human_pos}/{human_len}, {eta} left") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.set_length(total);
        bar.reset();
    }

    pub(super) fn show(&self, done: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(done);
        }
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
