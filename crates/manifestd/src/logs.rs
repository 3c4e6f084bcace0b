use crate::config::{Log, LogFormat};
use std::io::{self, IsTerminal, Write};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Where logs go.
///
/// `serve` logs to standard output, and nothing else is ever written there, so that it stays JSON line by line; what is meant
/// for people (the first lines, the reason why it did not start) goes to standard error. The other commands print their answer
/// to standard output and log to standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) enum LogStream {
    Output,
    Error,
}

/// Starts logging.
pub(crate) fn start(log: &Log, stream: LogStream) {
    let terminal = match stream {
        LogStream::Output => io::stdout().is_terminal(),
        LogStream::Error => io::stderr().is_terminal(),
    };
    let filter = log.level.targets();
    let json = match log.format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let layer = if json {
        fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(stream).boxed()
    } else {
        // https://no-color.org: set and not empty means no colours.
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        fmt::layer().compact().with_ansi(colour).with_writer(stream).boxed()
    };
    // Only a second start in one process could fail, and `main` has one.
    let _started = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}

impl<'a> MakeWriter<'a> for LogStream {
    type Writer = Box<dyn Write>;

    fn make_writer(&'a self) -> Self::Writer {
        match self {
            Self::Output => Box::new(io::stdout()),
            Self::Error => Box::new(io::stderr()),
        }
    }
}
