//! Pages of tags, of referrers and of repositories.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Line, Plan, Prepared, Sample, Unit, registries};
use crate::{
    content::{Content, empty_config, referrer, small_manifest},
    http::{Body, Client, Expect, Page, Request, start},
    load::{Until, requests},
    servers::{Kind, Rows, Server, push_blob, push_manifest},
};

/// How much a page has.
const PAGE: u64 = 100;

pub(super) fn lines() -> Vec<Line> {
    let line = |name, about, prepare| Line { name, about, unit: Unit::Operations, asks: registries, prepare };
    let referrers = |name, about, prepare| Line { asks: has_referrers, ..line(name, about, prepare) };
    vec![
        line("catalog-100", "page of 100 of 100 repositories and those of other lines", |server, plan| {
            catalog(server, plan, 100)
        }),
        line("tags-1k", "page of 100 of 1,000 tags, in their middle", |server, plan| tags(server, plan, 1_000)),
        line("tags-100k", "the same of 100,000 tags", |server, plan| tags(server, plan, 100_000)),
        line("tags-1m", "the same of 1,000,000 tags (100,000 with --quick)", |server, plan| {
            tags(server, plan, if plan.quick { 100_000 } else { 1_000_000 })
        }),
        referrers("referrers-100", "page of 100 of 100 referrers", |server, plan| referrers_page(server, plan, 100)),
        referrers("referrers-100k", "page of 100 of 100,000 referrers", |server, plan| {
            referrers_page(server, plan, 100_000)
        }),
        line("catalog-100k", "page of 100 of 100,000 repositories", |server, plan| catalog(server, plan, 100_000)),
    ]
}

fn has_referrers(kind: &Kind) -> bool {
    registries(kind) && !matches!(kind, Kind::DockerRegistry | Kind::Distribution)
}

/// A repository with a manifest under the tag `first`.
fn seeded(client: &mut Client, repository: &str) -> Result<Content> {
    let config = empty_config();
    push_blob(client, repository, &config)?;
    let manifest = small_manifest(&config, &config, 0);
    push_manifest(client, repository, "first", &manifest)?;
    Ok(manifest)
}

fn tags(server: &mut Server, plan: Plan, wanted: u64) -> Result<Prepared> {
    let repository = format!("bench/tags-{}", server.numbers(1));
    let manifest = seeded(&mut server.client()?, &repository)?;
    let stored = if server.has_rows() {
        server.make_rows(&Rows::Tags { repository: &repository }, wanted)?;
        wanted
    } else {
        server.fill(plan, wanted, |client, number| {
            push_manifest(client, &repository, &format!("t{:07}", number + 1), &manifest)
        })?
    };
    let middle = stored / 2;
    let names = (middle + 1..=middle + PAGE.min(stored - middle)).map(|number| format!("t{number:07}")).collect();
    let path = format!("/v2/{repository}/tags/list?n={PAGE}&last=t{middle:07}");
    Ok(page(plan, &path, holds("tags", names, exact(server))).noting_size(stored, wanted, "tags"))
}

fn catalog(server: &mut Server, plan: Plan, wanted: u64) -> Result<Prepared> {
    let prefix = format!("bench/c{}/", server.numbers(1));
    let stored = if server.has_rows() {
        server.make_rows(&Rows::Repositories { prefix: &prefix }, wanted)?;
        wanted
    } else {
        server.fill(plan, wanted, |client, number| seeded(client, &format!("{prefix}{:07}", number + 1)).map(drop))?
    };
    // All but the first, behind which the page begins.
    let middle = if stored <= PAGE { 0 } else { stored / 2 };
    let names = (middle + 1..=(middle + PAGE).min(stored)).map(|number| format!("{prefix}{number:07}")).collect();
    let path = format!("/v2/_catalog?n={PAGE}&last={prefix}{middle:07}");
    Ok(page(plan, &path, holds("repositories", names, exact(server))).noting_size(stored, wanted, "repositories"))
}

fn referrers_page(server: &mut Server, plan: Plan, wanted: u64) -> Result<Prepared> {
    let repository = format!("bench/referrers-{}", server.numbers(1));
    let subject = seeded(&mut server.client()?, &repository)?;
    let config = empty_config();
    let push = |client: &mut Client, number| {
        let manifest = referrer(&config, &subject, number);
        push_manifest(client, &repository, &manifest.digest, &manifest)
    };
    let ours = exact(server);
    // olareg keeps the list of referrers in one file, and loses some of those that are pushed at once.
    let stored = if ours { server.fill(plan, wanted, push)? } else { server.fill_in_order(plan, wanted, push)? };
    let digest = subject.digest;
    let check = move |body: &[u8]| {
        let list: Value = serde_json::from_slice(body).context("the page is not JSON")?;
        let manifests = list["manifests"].as_array().context("the page has no manifests")?;
        let found = u64::try_from(manifests.len())?;
        ensure!(found == PAGE.min(stored) || !ours && found == stored, "{found} referrers of {stored} in a page");
        let right = |one: &Value| one["artifactType"] == "application/vnd.example.sbom";
        ensure!(manifests.iter().all(right), "a referrer of another type");
        Ok(())
    };
    let path = format!("/v2/{repository}/referrers/{digest}?n={PAGE}");
    Ok(page(plan, &path, check).noting_size(stored, wanted, "referrers"))
}

/// Ours must send the page that was asked for. Some others send all that there is, whatever was asked for.
fn exact(server: &Server) -> bool {
    server.kind.is_ours()
}

/// Whether the list of that key holds those names, and nothing else where that is wanted.
fn holds(key: &'static str, names: Vec<String>, exact: bool) -> impl Fn(&[u8]) -> Result<()> + Send + Sync {
    move |body| {
        let list: Value = serde_json::from_slice(body).context("the page is not JSON")?;
        let list = list[key].as_array().with_context(|| format!("the page has no {key}"))?;
        let found: BTreeSet<&str> = list.iter().filter_map(Value::as_str).collect();
        ensure!(names.iter().all(|name| found.contains(name.as_str())), "the page lacks names: {}", start(body));
        ensure!(!exact || list.iter().zip(&names).all(|(one, name)| one == name), "another order: {}", start(body));
        ensure!(!exact || found.len() == names.len(), "the page has {} names and not {}", found.len(), names.len());
        Ok(())
    }
}

fn page(plan: Plan, path: &str, check: impl Fn(&[u8]) -> Result<()> + Send + Sync + 'static) -> Prepared {
    let mut bytes = Vec::new();
    Request::new(&mut bytes, "GET", path).end();
    let expect = Expect { body: Body::Page(Page::new(check)), ..Expect::status(200) };
    Prepared::new(move |server| {
        let mut source = |request: &mut Vec<u8>| {
            request.clear();
            request.extend_from_slice(&bytes);
            Ok(expect.clone())
        };
        let address = server.address();
        Sample::of(server, || requests(&address, plan.connections, Until::Time(plan.round), &mut source))
    })
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn a_page_is_looked_through() {
        let names = || ["b", "c"].map(str::to_owned).to_vec();
        let check = |body: &str, exact| holds("tags", names(), exact)(body.as_bytes()).is_ok();
        assert!(check(r#"{"tags":["b","c"]}"#, true));
        assert!(!check(r#"{"tags":["a","b","c"]}"#, true) && check(r#"{"tags":["a","b","c"]}"#, false));
        assert!(!check(r#"{"tags":["c","b"]}"#, true) && check(r#"{"tags":["c","b"]}"#, false));
        assert!(!check(r#"{"tags":["b"]}"#, false));
        assert!(!check(r#"{"tags":null}"#, false) && !check("{", false));
    }
}
