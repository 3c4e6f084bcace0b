use crate::failure::Failure;
use std::io::{self, Write};

/// Prints an answer to standard output. Whoever stops reading it (`| head`) has what they wanted.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let printed = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    match printed {
        Err(source) if source.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::Process { doing: "writing to standard output", source })
        }
        _ => Ok(()),
    }
}

/// Says something to people on standard error. There is nobody to tell if that fails.
pub(crate) fn say(text: &str) {
    let _told = io::stderr().lock().write_all(text.as_bytes());
}

/// A JSON answer as it is printed.
pub(crate) fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
