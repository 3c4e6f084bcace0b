use super::curl::{Curl, is_open};
use std::iter::Peekable;
use std::str::Lines;

/// A line of a console block that does something.
pub(super) enum Step {
    /// `# 2 hours later`: in milliseconds.
    Later(i64),
    /// `$ curl …` with its answer.
    Ask(Example),
}

/// A command and the answer that the document shows.
pub(super) struct Example {
    pub(super) line: usize,
    pub(super) command: Curl,
    pub(super) status: u16,
    /// Those that are shown.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// What the console blocks of a document do, in order.
pub(super) fn steps(document: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = Numbered { lines: document.lines().peekable(), number: 0 };
    while let Some(line) = lines.next() {
        if line != "```console" {
            continue;
        }
        while let Some(line) = lines.next().filter(|line| *line != "```") {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step::Ask(lines.example(command)));
            } else if let Some(comment) = line.strip_prefix("# ") {
                steps.push(Step::Later(later(comment)));
            } else {
                assert!(line.is_empty(), "line {}: {line:?} is neither `$ curl` nor `# … later`", lines.number);
            }
        }
    }
    steps
}

struct Numbered<'a> {
    lines: Peekable<Lines<'a>>,
    number: usize,
}

impl<'a> Numbered<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.number += 1;
        self.lines.next()
    }

    /// The next line of the answer.
    fn answer(&mut self) -> Option<&'a str> {
        let ends = self.lines.peek().is_none_or(|line| line.starts_with(['$', '#']) || *line == "```");
        if ends { None } else { self.next() }
    }

    fn example(&mut self, start: &str) -> Example {
        let line = self.number;
        let mut command = start.to_owned();
        while is_open(&command) {
            command.push('\n');
            command.push_str(self.next().unwrap_or_else(|| panic!("line {line}: the command does not end")));
        }
        let first = self.answer().unwrap_or_else(|| panic!("line {line}: there is no answer"));
        let said = first.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("line {line}: no status: {first:?}"));
        let (status, reason) = said.split_once(' ').unwrap();
        let status: u16 = status.parse().unwrap();
        let known = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        assert_eq!(known, Some(reason), "line {line}: {first}");
        let mut headers = Vec::new();
        while let Some(header) = self.answer().filter(|header| !header.is_empty()) {
            let (name, value) = header.split_once(": ").unwrap_or_else(|| panic!("line {line}: {header:?}"));
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut body = String::new();
        while let Some(line) = self.answer() {
            body.push_str(line);
            body.push('\n');
        }
        Example { line, command: Curl::parse(&command), status, headers, body: body.trim().to_owned() }
    }
}

/// `2 hours later` in milliseconds.
fn later(comment: &str) -> i64 {
    let words: Vec<&str> = comment.split(' ').collect();
    let [count, unit, "later"] = words.as_slice() else { panic!("not `… later`: {comment}") };
    let unit = match unit.trim_end_matches('s') {
        "second" => 1_000,
        "minute" => 60_000,
        "hour" => 3_600_000,
        "day" => 86_400_000,
        other => panic!("no unit of time: {other}"),
    };
    count.parse::<i64>().unwrap() * unit
}

#[test]
fn a_block_is_taken_apart() {
    let document = "text\n```console\n# 2 hours later\n$ curl -d '{\n}' http://localhost:5000/v2/\nHTTP/1.1 200 OK\nLink: <x>\n\n[\n1]\n\n$ curl http://localhost:5000/\nHTTP/1.1 204 No Content\n```\n```sh\n$ rm\n```\n";
    let steps = steps(document);
    let [Step::Later(7_200_000), Step::Ask(first), Step::Ask(second)] = steps.as_slice() else { panic!("three steps") };
    assert_eq!((first.line, first.status, first.body.as_str()), (4, 200, "[\n1]"));
    assert_eq!(first.headers, [("link".to_owned(), "<x>".to_owned())]);
    assert_eq!((second.line, second.status, second.body.as_str()), (12, 204, ""));
}
