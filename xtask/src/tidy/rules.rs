//! The rules, each a pure function of a file's path and text.

use std::{fmt, path::Path};

/// Files of Rust longer than this are refused.
const MOST_LINES: usize = 500;
/// Files of Rust longer than this are named.
const MANY_LINES: usize = 400;
/// Folders of one machine. Written in two parts, so that this file passes its own rule.
const MACHINE_FOLDERS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
/// Waiting for time to pass.
const SLEEPS: [&str; 2] = [concat!("thread::", "sleep("), concat!("time::", "sleep(")];

/// Something that a rule has to say about a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    text: String,
    notice: bool,
}

impl Finding {
    /// Whether the run fails for it.
    pub(crate) fn is_error(&self) -> bool {
        !self.notice
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, text, notice } = self;
        write!(f, "{path}:{line}: {}{text}", if *notice { "notice: " } else { "" })
    }
}

/// Everything that the rules have to say about one file.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    if is(path, &["rs"]) {
        found.extend(length(text));
        found.extend(crate_root(path, text));
        found.extend(attributes(text));
        found.extend(sleeps(path, text));
        found.extend(error_messages(text));
    }
    if is(path, &["rs", "md", "toml", "sql", "txt", "sh", "yml", "yaml"]) || path.starts_with(".ci/") {
        found.extend(machine_folders(text));
    }
    let finding = |(line, text, notice)| Finding { path: path.to_owned(), line, text, notice };
    found.into_iter().map(finding).collect()
}

/// A line's number, what is wrong with it, and whether that is only a notice.
type Found = (usize, String, bool);

fn length(text: &str) -> Option<Found> {
    let lines = text.lines().count();
    let is = format!("{lines} lines of Rust; one file holds one concept and at most {MOST_LINES}");
    (lines > MANY_LINES).then_some((lines, is, lines <= MOST_LINES))
}

/// The documentation of a library is its README, so that there is one text to keep right. A binary's says what it is for.
fn crate_root(path: &str, text: &str) -> Option<Found> {
    let first = text.lines().next().unwrap_or_default();
    let readme = r#"#![doc = include_str!("../README.md")]"#;
    let (right, wanted) = if path.ends_with("src/lib.rs") {
        (first == readme, readme)
    } else if path.ends_with("src/main.rs") || path.contains("/src/bin/") {
        (first == readme || first.starts_with("//!"), "the README or a documentation comment `//!`")
    } else {
        return None;
    };
    (!right).then(|| (1, format!("the first line must be {wanted}"), false))
}

/// A test that is ignored rots, and a lint that is allowed without expiring hides the next case.
fn attributes(text: &str) -> Vec<Found> {
    on_lines(text, |line| {
        let line = line.trim_start();
        let line = line.strip_prefix("#![").or_else(|| line.strip_prefix("#["))?;
        if line.starts_with("ignore") {
            Some("a test is never ignored: assert today's behaviour and say so".to_owned())
        } else if line.starts_with("allow(") {
            Some("a lint is suppressed with `expect` and a reason, which expires when it no longer applies".to_owned())
        } else {
            None
        }
    })
}

/// A test that sleeps is slow on every machine and wrong on a busy one. Code that is no test may sleep, and so may a test
/// whose clock is paused: there a sleep moves the clock and takes no time.
fn sleeps(path: &str, text: &str) -> Vec<Found> {
    let in_tests = path.split('/').any(|part| part == "tests") || path.ends_with("/tests.rs");
    let tests_start = if in_tests { Some(0) } else { text.lines().position(|line| line.trim() == "#[cfg(test)]") };
    let Some(tests_start) = tests_start else {
        return Vec::new();
    };
    let mut found = on_lines(text, |line| {
        let code = line.split("//").next().unwrap_or_default();
        let sleeps = SLEEPS.iter().any(|sleep| code.contains(sleep));
        sleeps.then(|| "a test waits for an event with a limit, never for time to pass".to_owned())
    });
    found.retain(|(line, ..)| *line > tests_start && !has_paused_clock(text, *line));
    found
}

/// Whether the line, counted from 1, sleeps on tokio's clock in a test that was started with that clock paused.
fn has_paused_clock(text: &str, line: usize) -> bool {
    let lines: Vec<&str> = text.lines().take(line).map(str::trim).collect();
    let is_tokio = lines.last().is_some_and(|line| line.contains(SLEEPS[1]));
    let function = lines.iter().rposition(|line| line.starts_with("async fn ") || line.starts_with("fn "));
    let attributes = lines.iter().take(function.unwrap_or_default()).rev().take_while(|line| line.starts_with("#["));
    is_tokio
        && attributes.into_iter().any(|line| line.starts_with("#[tokio::test(") && line.contains("start_paused = true"))
}

/// A message that prints its source is printed twice by whoever prints the chain of sources.
fn error_messages(text: &str) -> Vec<Found> {
    on_lines(text, |line| {
        let message = line.trim_start().strip_prefix("#[error(")?;
        message.contains("{source").then(|| "an error's message does not print its source".to_owned())
    })
}

fn machine_folders(text: &str) -> Vec<Found> {
    on_lines(text, |line| {
        let folder = MACHINE_FOLDERS.iter().find(|folder| starts_a_path(line, folder))?;
        Some(format!("`{folder}` is a folder of one machine"))
    })
}

/// Whether the folder is in the line as the beginning of a path and not inside of one.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || ['.', '_', '-', '}', '/'].contains(&before))
    })
}

fn on_lines(text: &str, rule: impl Fn(&str) -> Option<String>) -> Vec<Found> {
    let lines = text.lines().enumerate();
    lines.filter_map(|(index, line)| Some((index + 1, rule(line)?, false))).collect()
}

fn is(path: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extensions.contains(&extension))
}

#[cfg(test)]
mod tests {
    use super::{MACHINE_FOLDERS, SLEEPS, check};

    /// The lines that have findings, and how many findings are errors.
    fn lines(path: &str, text: &str) -> (Vec<usize>, usize) {
        let found = check(path, text);
        (found.iter().map(|finding| finding.line).collect(), found.iter().filter(|finding| finding.is_error()).count())
    }

    #[test]
    fn crate_roots_begin_with_their_documentation() {
        assert_eq!(lines("a/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\nmod b;\n"), (vec![], 0));
        assert_eq!(lines("a/src/lib.rs", "//! A crate.\n"), (vec![1], 1));
        assert_eq!(lines("a/src/main.rs", "//! A program.\n"), (vec![], 0));
        assert_eq!(lines("a/src/main.rs", "#![doc = include_str!(\"../README.md\")]\n"), (vec![], 0));
        assert_eq!(lines("a/src/main.rs", "fn main() {}\n"), (vec![1], 1));
        assert_eq!(lines("a/src/bin/b.rs", ""), (vec![1], 1));
        assert_eq!(lines("a/src/other.rs", "fn other() {}\n"), (vec![], 0));
    }

    #[test]
    fn attributes_are_found_and_prose_about_them_is_not() {
        assert_eq!(lines("a.rs", "#[ignore]\n  #[ignore = \"slow\"]\n"), (vec![1, 2], 2));
        assert_eq!(lines("a.rs", "#[allow(dead_code)]\n#![allow(unused)]\n"), (vec![1, 2], 2));
        assert_eq!(lines("a.rs", "// never #[ignore], never #[allow(x)]\n#[expect(a, reason = \"b\")]\n"), (vec![], 0));
    }

    #[test]
    fn sleeps_are_found_in_tests_only() {
        let [thread, time] = SLEEPS;
        let text =
            format!("fn poll() {{ std::{thread}x) }}\n#[cfg(test)]\nmod tests {{\n tokio::{time}x).await;\n}}\n");
        assert_eq!(lines("src/a.rs", &text), (vec![4], 1));
        assert_eq!(lines("crate/tests/a.rs", &text), (vec![1, 4], 2));
        assert_eq!(lines("crate/tests/a.rs", &format!("// {thread}x)\n")), (vec![], 0));
    }

    #[test]
    fn sleeps_of_a_paused_clock_take_no_time() {
        let [thread, time] = SLEEPS;
        let test =
            |attribute: &str, sleep: &str| format!("#[cfg(test)]\n{attribute}\nasync fn a() {{\n {sleep}x);\n}}\n");
        let paused = "#[tokio::test(start_paused = true)]";
        assert_eq!(lines("a.rs", &test(paused, time)), (vec![], 0));
        assert_eq!(lines("a.rs", &test(paused, thread)), (vec![4], 1), "the thread's clock is never paused");
        assert_eq!(lines("a.rs", &test("#[tokio::test]", time)), (vec![4], 1));
        let other = format!("{}async fn b() {{\n {time}x);\n}}\n", test(paused, time));
        assert_eq!(lines("a.rs", &other), (vec![7], 1), "the pause is another function's");
    }

    #[test]
    fn long_files_are_named_and_then_refused() {
        assert_eq!(lines("a.rs", &"\n".repeat(400)), (vec![], 0));
        assert_eq!(lines("a.rs", &"\n".repeat(401)), (vec![401], 0));
        assert_eq!(lines("a.rs", &"\n".repeat(501)), (vec![501], 1));
        assert_eq!(lines("a.md", &"\n".repeat(501)), (vec![], 0));
    }

    #[test]
    fn messages_do_not_print_their_source() {
        assert_eq!(lines("a.rs", "#[error(\"no such file: {source}\")]\n#[error(\"no such file\")]\n"), (vec![1], 1));
    }

    #[test]
    fn folders_of_one_machine_are_found() {
        let folder = MACHINE_FOLDERS[0];
        assert_eq!(lines("a.md", &format!("See {folder}x.\nSee `{folder}y`.\n")), (vec![1, 2], 2));
        assert_eq!(lines("a.toml", &format!("path = \"my{folder}x\"\n")), (vec![], 0));
        assert_eq!(lines("a.json", &format!("{{\"Dir\":\"{folder}\"}}\n")), (vec![], 0));
    }
}
