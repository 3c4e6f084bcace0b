//! `docs/api.md` says what is: its examples are run in order against one registry, and every answer is compared; its table of endpoints is
//! held against the one that the registry gives of itself.

mod curl;
mod example;

use crate::client::Answer;
use crate::server::Server;
use example::{Example, Step, steps};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const DOC: &str = include_str!("../../../../../docs/api.md");

/// The digest of nothing in particular, where only the form of a path matters.
const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[tokio::test]
async fn every_example_is_answered_as_it_says() {
    let server = Server::start().await;
    let mut lies = String::new();
    let mut examples = 0;
    for step in steps(DOC) {
        match step {
            Step::Later(milliseconds) => server.pass(milliseconds),
            Step::Ask(example) => {
                examples += 1;
                let answer = example.command.run(&server).await;
                if !agree(&example, &answer) {
                    writeln!(lies, "line {}:\n{}", example.line, shown(&example, &answer)).unwrap();
                }
            }
        }
    }
    assert!(examples > 30, "only {examples} examples were found");
    assert!(lies.is_empty(), "docs/api.md says something else than these answers:\n\n{lies}");
}

fn agree(example: &Example, answer: &Answer) -> bool {
    let headers = example.headers.iter().all(|(name, value)| answer.headers(name) == [value]);
    // How JSON is laid out says nothing.
    let body = match serde_json::from_str::<Value>(&example.body) {
        Ok(body) => serde_json::from_slice::<Value>(&answer.body).is_ok_and(|found| found == body),
        Err(_) => example.body.trim_end() == answer.text().trim_end(),
    };
    example.status == answer.status && headers && body
}

/// An answer as the document would have to show it.
fn shown(example: &Example, answer: &Answer) -> String {
    let reason = http::StatusCode::from_u16(answer.status).unwrap();
    let mut text = format!("HTTP/1.1 {reason}\n");
    for (name, _) in &example.headers {
        writeln!(text, "{name}: {}", answer.headers(name).join(", ")).unwrap();
    }
    writeln!(text, "\n{}", answer.text()).unwrap();
    text
}

/// Method and template of every endpoint below a repository, as the registry tells them: by its list, and by what it allows.
async fn endpoints(server: &Server) -> BTreeSet<(String, String)> {
    let found = server.ask("GET /v2/_oci/ext/discover").await.expect(200).json();
    let mut endpoints = BTreeSet::new();
    for template in found["extensions"][0]["endpoints"].as_array().unwrap() {
        let template = template.as_str().unwrap();
        let path = template.replace("<tag>", "v1").replace("<digest>", DIGEST).replace("<id>", "1");
        let refused = server.ask(&format!("TRACE /v2/a/{path}")).await.refused(405, "UNSUPPORTED");
        for method in refused.header("allow").split(", ").filter(|method| *method != "HEAD") {
            endpoints.insert((method.to_owned(), template.to_owned()));
        }
    }
    endpoints
}

#[tokio::test]
async fn every_endpoint_is_in_the_table_and_nothing_else() {
    let server = Server::start().await;
    let mut table = BTreeSet::new();
    for row in DOC.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.split('|').map(|cell| cell.trim().trim_matches('`'));
        let (method, path) = (cells.nth(1).unwrap(), cells.next().unwrap());
        if let Some(template) = path.strip_prefix("/v2/<name>/")
            && template.starts_with("_manifestd/")
        {
            table.insert((method.to_owned(), template.to_owned()));
        }
    }
    assert_eq!(table, endpoints(&server).await);
}

/// Whether a path is one of a template, in which `<…>` stands for any one component.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted.starts_with('<') || wanted == found => {}
            _ => return false,
        }
    }
}

#[tokio::test]
async fn every_endpoint_has_an_example_that_succeeds() {
    let server = Server::start().await;
    let mut missing = endpoints(&server).await;
    for step in steps(DOC) {
        let Step::Ask(example) = step else { continue };
        let (method, path) = example.command.line.split_once(' ').unwrap();
        let path = path.split('?').next().unwrap();
        let Some(at) = path.find("/_manifestd/").filter(|_| example.status < 300) else { continue };
        missing.retain(|(wanted, template)| wanted != method || !fits(template, &path[at + 1..]));
    }
    assert_eq!(missing, BTreeSet::new());
}
