//! Child processes that cannot hang a run: every wait has a limit, and standard input is empty.

use std::{
    fs::{self, File},
    io,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(5);

/// What a finished command printed.
#[derive(Debug)]
pub(crate) struct Output {
    /// Standard output, with bytes that are not UTF-8 replaced.
    pub(crate) stdout: String,
    /// Standard error, with bytes that are not UTF-8 replaced.
    pub(crate) stderr: String,
    status: ExitStatus,
}

impl Output {
    /// Whether the exit code was 0.
    pub(crate) fn success(&self) -> bool {
        self.status.success()
    }
}

/// Runs the command to its end with its output passed on, and fails unless it exits with 0.
pub(crate) fn stream(command: &mut Command) -> Result<()> {
    let shown = show(command);
    println!("$ {shown}");
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("`{shown}` did not start"))?;
    ensure!(status.success(), "`{shown}` ended with {status}");
    Ok(())
}

/// Runs the command to its end and returns what it printed, whatever its exit code. Kills it at the limit.
///
/// Output goes through files and not through pipes, so that a process that outlives the command cannot block us.
pub(crate) fn capture(command: &mut Command, limit: Duration) -> Result<Output> {
    let shown = show(command);
    let directory = tempfile::tempdir().context("no directory for the output of a command")?;
    let (out, err) = (directory.path().join("out"), directory.path().join("err"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(File::create(&out)?)
        .stderr(File::create(&err)?)
        .spawn()
        .with_context(|| format!("`{shown}` did not start"))?;
    let Some(status) = wait(&mut child, limit)? else {
        stop(&mut child, Duration::ZERO)?;
        let printed = String::from_utf8_lossy(&fs::read(&err)?).into_owned();
        bail!("`{shown}` had not ended after {} s; it printed: {}", limit.as_secs(), tail(&printed, 10));
    };
    let read = |path| -> io::Result<String> { Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned()) };
    Ok(Output { stdout: read(&out)?, stderr: read(&err)?, status })
}

/// Runs the command to its end, fails with what it printed unless it exits with 0, and returns its output.
pub(crate) fn succeed(command: &mut Command, limit: Duration) -> Result<Output> {
    let output = capture(command, limit)?;
    if !output.success() {
        let printed = format!("{}\n{}", output.stdout.trim(), output.stderr.trim());
        bail!("`{}` ended with {}: {}", show(command), output.status, tail(&printed, 10));
    }
    Ok(output)
}

/// Waits until the child ends; `None` if it has not at the limit.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let mut ended = None;
    poll(limit, || {
        ended = child.try_wait()?;
        Ok(ended.is_some())
    })?;
    Ok(ended)
}

/// Asks the child to stop, and kills it if it has not after the grace time.
pub(crate) fn stop(child: &mut Child, grace: Duration) -> Result<()> {
    if !grace.is_zero()
        && let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
    {
        // The process may have ended by itself, which is what we want, so a refusal is no error.
        let _gone = kill_process(pid, Signal::TERM);
        if wait(child, grace)?.is_some() {
            return Ok(());
        }
    }
    let _gone = child.kill();
    child.wait().context("a killed process could not be waited for")?;
    Ok(())
}

/// Asks again until the answer is yes; `false` if it was not within the limit.
pub(crate) fn poll(limit: Duration, mut ask: impl FnMut() -> Result<bool>) -> Result<bool> {
    let start = Instant::now();
    loop {
        if ask()? {
            return Ok(true);
        }
        if start.elapsed() >= limit {
            return Ok(false);
        }
        thread::sleep(POLL);
    }
}

/// The last lines of a text, for an error message.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// The command as a person would type it, near enough to copy.
fn show(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::{capture, succeed, tail};

    #[test]
    fn output_and_exit_code_are_told() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 3"]);
        let output = capture(&mut command, Duration::from_secs(10)).unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str(), output.success()), ("one\n", "two\n", false));
        let error = succeed(&mut command, Duration::from_secs(10)).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("one\ntwo"), "{error}");
    }

    #[test]
    fn a_command_that_hangs_is_killed() {
        let error = capture(Command::new("sh").args(["-c", "while :; do :; done"]), Duration::from_millis(50));
        assert!(error.unwrap_err().to_string().contains("had not ended after"));
    }

    #[test]
    fn a_tail_is_the_end() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }
}
