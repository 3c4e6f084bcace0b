//! The extension's own endpoints.

mod access;
mod bodies;
mod labels;
mod listings;
mod past;
mod purges;
mod repositories;
mod tags;

use crate::client::Answer;
use crate::server::Server;
use oci_types::{Algorithm, Digest};
use serde_json::Value;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

impl Server {
    /// A request to an endpoint of repository `a`, with a JSON body unless it is null.
    async fn manage(&self, line: &str, body: Value) -> Answer {
        let (method, rest) = line.split_once(' ').unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.call(&format!("{method} /v2/a/_manifestd/{rest}"), &[], body).await
    }

    /// An image in repository `a` of a layer that is told by its text; its digest.
    async fn image(&self, tag: &str, layer: &str) -> Digest {
        Digest::of(Algorithm::Sha256, &self.push_image("a", tag, layer.as_bytes()).await)
    }

    /// All pages of a listing of repository `a`, following the links, each as the texts of that member.
    async fn pages(&self, list: &str, query: &str, member: &str) -> Vec<Vec<String>> {
        let mut pages = Vec::new();
        let mut path = format!("/v2/a/_manifestd/{list}?{query}");
        loop {
            let answer = self.ask(&format!("GET {path}")).await.expect(200);
            let json = answer.json();
            assert_eq!(json["name"], "a");
            let items = json[list].as_array().unwrap();
            pages.push(items.iter().map(|item| item[member].as_str().unwrap().to_owned()).collect());
            let Some(after) = json["next"].as_str() else {
                assert!(!answer.has("link"), "{answer:?}");
                return pages;
            };
            let link = answer.header("link");
            assert!(link.contains(&format!("&after={after}")), "{link}");
            link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().clone_into(&mut path);
        }
    }
}
