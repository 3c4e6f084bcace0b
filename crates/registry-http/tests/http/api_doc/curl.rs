use crate::client::Answer;
use crate::server::Server;

/// A `curl` command, as far as the document uses it.
#[derive(Debug)]
pub(super) struct Curl {
    /// Method and target, as a request line has them.
    pub(super) line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Curl {
    /// Reads a command line of words, in which single quotes keep everything and a backslash continues the line.
    pub(super) fn parse(command: &str) -> Self {
        let mut words = words(command).into_iter();
        assert_eq!(words.next().as_deref(), Some("curl"), "{command}");
        let (mut method, mut url, mut headers, mut body) = (None, None, Vec::new(), None);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} without a value: {command}"));
            match word.as_str() {
                "-i" => {}
                "-X" => method = Some(value()),
                "-H" => {
                    let header = value();
                    let (name, value) = header.split_once(": ").unwrap();
                    headers.push((name.to_owned(), value.to_owned()));
                }
                "-d" | "--data-binary" => body = Some(value()),
                option if option.starts_with('-') => panic!("curl {option} is not known here"),
                _ => url = Some(word),
            }
        }
        let url = url.unwrap_or_else(|| panic!("no URL: {command}"));
        let target = url.strip_prefix("http://localhost:5000").unwrap_or_else(|| panic!("another host: {url}"));
        if body.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
        }
        let method = method.unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
        headers.push(("Host".into(), "localhost:5000".into()));
        Self { line: format!("{method} {target}"), headers, body: body.unwrap_or_default() }
    }

    pub(super) async fn run(&self, server: &Server) -> Answer {
        let headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        server.call(&self.line, &headers, &self.body).await
    }
}

/// Whether a command goes on in the next line.
pub(super) fn is_open(command: &str) -> bool {
    command.matches('\'').count() % 2 == 1 || command.ends_with('\\')
}

fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    // Every second piece is between quotes.
    for (index, piece) in command.split('\'').enumerate() {
        let is_quoted = index % 2 == 1;
        if is_quoted {
            words.last_mut().unwrap().push_str(piece);
            continue;
        }
        for c in piece.replace("\\\n", " ").chars() {
            if c.is_whitespace() {
                words.push(String::new());
            } else {
                words.last_mut().unwrap().push(c);
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn commands_are_read_as_a_shell_reads_them() {
    let curl =
        Curl::parse("curl -i -X PUT 'http://localhost:5000/v2/a?b=c&d' \\\n  -H 'If-Match: *' -d '{\n \"x\": 1 }'");
    assert_eq!(curl.line, "PUT /v2/a?b=c&d");
    assert_eq!(curl.body, "{\n \"x\": 1 }");
    let names: Vec<&str> = curl.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["If-Match", "Content-Type", "Host"]);
    assert_eq!(Curl::parse("curl http://localhost:5000/v2/ -d x").line, "POST /v2/");
    assert_eq!(Curl::parse("curl -i http://localhost:5000/v2/").line, "GET /v2/");
    assert!(is_open("curl -d '{") && is_open("curl \\") && !is_open("curl -d '{}'"));
}
