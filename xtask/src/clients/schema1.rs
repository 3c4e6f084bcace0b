//! Clients that take nothing newer than schema 1: conversion on pull, signatures, and skopeo's own schema 1.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Client, Scenario, compare, seed, stage::Stage, v1};
use crate::{
    http,
    images::{Descriptor, Image},
    setup::Need,
};

pub(super) const CLIENT: Client = Client {
    needs: &[Need::Skopeo, Need::LibtrustVerify, Need::OpenSsl],
    prepare: |_| Ok(()),
    scenarios: &[
        Scenario::new("an OCI image, asked for in schema 1", converted_image),
        Scenario::new("a docker image, asked for in schema 1", converted_docker_image),
        Scenario::new("an OCI index, asked for in schema 1", converted_index),
        Scenario::new("skopeo: schema 2 to schema 1 and back", there_and_back),
        Scenario::new("a changed byte is refused", changed_byte),
        Scenario::new("v1: from tags to a root file system", v1::walk),
        Scenario::new("v1: nothing is pushed", v1::refused_push),
        Scenario::killing("the same signing key after kill -9", restart),
        Scenario::killing("an RSA key of the operator's own", rsa_key),
    ],
};

const SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
const SCHEMA2: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Who signed a manifest, and the digest of what they signed, as docker's library says.
fn verified(stage: &Stage, manifest: &[u8]) -> Result<(String, String)> {
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), manifest)?;
    let output = stage.succeed(Need::LibtrustVerify, &[&file.path().display().to_string()])?;
    let mut lines: Vec<&str> = output.stdout.lines().collect();
    let digest = lines.pop().context("docker's library names no digest")?;
    Ok((lines.join("\n"), digest.to_owned()))
}

/// The manifest that a tag leads a client to that takes schema 1 only, verified. With its digest and its signer.
fn schema1(stage: &Stage, repository: &str, tag: &str) -> Result<(Vec<u8>, String, String)> {
    schema1_of(stage, &stage.address(), repository, tag)
}

/// The same of the registry at that address.
fn schema1_of(stage: &Stage, address: &str, repository: &str, tag: &str) -> Result<(Vec<u8>, String, String)> {
    let path = format!("/v2/{repository}/manifests/{tag}");
    let answer = http::get(address, &path, SIGNED)?;
    ensure!(answer.status == 200, "GET {path} is {}", answer.status);
    let media_type = answer.header("content-type").unwrap_or_default();
    ensure!(media_type == SIGNED, "GET {path} is of type {media_type}");
    let (signer, digest) = verified(stage, &answer.body)?;
    let told = answer.header("docker-content-digest").unwrap_or_default();
    ensure!(told == digest, "GET {path} tells {told} of a text whose digest is {digest}");
    Ok((answer.body, digest, signer))
}

/// The layers of a schema 1 manifest, base first, without those of steps that changed no file.
fn layers(manifest: &[u8]) -> Result<Vec<String>> {
    const EMPTY: &str = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4";
    let manifest: Value = serde_json::from_slice(manifest).context("a manifest is not JSON")?;
    let mut layers = Vec::new();
    for layer in compare::entries(&manifest, "fsLayers") {
        let blob = compare::text(layer, "blobSum")?;
        if blob != EMPTY {
            layers.push(blob.to_owned());
        }
    }
    layers.reverse();
    Ok(layers)
}

/// They are exactly these, and each can be fetched.
fn same_layers(stage: &Stage, repository: &str, found: &[String], expected: &[Descriptor]) -> Result<()> {
    let expected: Vec<&str> = expected.iter().map(|layer| layer.digest.as_str()).collect();
    ensure!(found == expected, "the layers are {found:?} and not {expected:?}");
    for digest in found {
        let path = format!("/v2/{repository}/blobs/{digest}");
        let status = http::get(&stage.address(), &path, "*/*")?.status;
        ensure!(status == 200, "GET {path} is {status}");
    }
    Ok(())
}

fn converted(stage: &Stage, name: &str, image: &Image, layers_of: std::ops::Range<usize>) -> Result<()> {
    let repository = stage.repository(name);
    seed::push(&stage.address(), &repository, "v1", image)?;
    let (manifest, digest, _) = schema1(stage, &repository, "v1")?;
    same_layers(stage, &repository, &layers(&manifest)?, &image.blobs[layers_of])?;
    // Signatures differ from time to time, what is signed does not. By digest, nothing was ever stored.
    let (_, again, _) = schema1(stage, &repository, "v1")?;
    ensure!(again == digest, "the same image is {digest}, then {again}");
    compare::absent(stage, &repository, &digest)?;
    // Whoever takes the image as it is gets it so.
    compare::served_image(stage, &repository, "v1", image)
}

fn converted_image(stage: &mut Stage) -> Result<()> {
    let image = &stage.fixtures().oci;
    converted(stage, "legacy/oci", image, 1..image.blobs.len())
}

fn converted_docker_image(stage: &mut Stage) -> Result<()> {
    let image = &stage.fixtures().docker;
    converted(stage, "legacy/docker", image, 1..image.blobs.len())
}

fn converted_index(stage: &mut Stage) -> Result<()> {
    // The first image is that for amd64: a config and two layers.
    converted(stage, "legacy/index", &stage.fixtures().index, 1..3)
}

fn skopeo(stage: &Stage, format: &str, from: &str, to: &str) -> Result<()> {
    let (from, to) = (format!("docker://{}:v1", stage.full(from)), format!("docker://{}:v1", stage.full(to)));
    let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let copy = [&["--insecure-policy", "copy", "--format", format], &tls[..], &[&from, &to]].concat();
    stage.succeed(Need::Skopeo, &copy)?;
    Ok(())
}

fn there_and_back(stage: &mut Stage) -> Result<()> {
    let names = ["schema2", "schema1", "back"].map(|name| stage.repository(&format!("legacy/{name}")));
    let [new, old, back] = &names;
    let image = &stage.fixtures().docker;
    seed::push(&stage.address(), new, "v1", image)?;
    skopeo(stage, "v2s1", new, old)?;
    // skopeo signs with a key of its own, and what it sent is what is served.
    let (manifest, digest, _) = schema1(stage, old, "v1")?;
    let layers_of = |manifest: &[u8]| layers(manifest);
    same_layers(stage, old, &layers_of(&manifest)?, &image.blobs[1..])?;
    let by_digest = http::get(&stage.address(), &format!("/v2/{old}/manifests/{digest}"), SCHEMA2)?;
    ensure!(by_digest.body == manifest, "by digest other bytes are served than by tag");
    skopeo(stage, "v2s2", old, back)?;
    let answer = http::get(&stage.address(), &format!("/v2/{back}/manifests/v1"), SCHEMA2)?;
    let manifest: Value = serde_json::from_slice(&answer.body).context("a manifest is not JSON")?;
    let found = compare::entries(&manifest, "layers").map(|layer| compare::text(layer, "digest").map(str::to_owned));
    same_layers(stage, back, &found.collect::<Result<Vec<_>>>()?, &image.blobs[1..])
}

fn changed_byte(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("legacy/changed");
    seed::push(&stage.address(), &repository, "v1", &stage.fixtures().oci)?;
    let (manifest, ..) = schema1(stage, &repository, "v1")?;
    let text = String::from_utf8(manifest).context("a manifest is no text")?;
    let changed = text.replacen("amd64", "arm64", 1);
    ensure!(changed != text, "nothing was changed");
    let path = format!("/v2/{repository}/manifests/v1");
    let refused = http::send(&stage.address(), "PUT", &path, SIGNED, changed.as_bytes())?;
    ensure!(refused.status == 400, "PUT {path} is {}", refused.status);
    compare::names(&String::from_utf8_lossy(&refused.body), &["MANIFEST_UNVERIFIED"])?;
    // And nothing has changed.
    compare::served_image(stage, &repository, "v1", &stage.fixtures().oci)
}

fn restart(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("legacy/restart");
    seed::push(&stage.address(), &repository, "v1", &stage.fixtures().oci)?;
    let (_, digest, signer) = schema1(stage, &repository, "v1")?;
    stage.kill_and_restart()?;
    let (_, again, same) = schema1(stage, &repository, "v1")?;
    ensure!((&again, &same) == (&digest, &signer), "{signer} signed {digest}, then {same} signed {again}");
    Ok(())
}

/// RS256, for clients that know nothing else: signed by a registry with such a key, and taken back by it.
fn rsa_key(stage: &mut Stage) -> Result<()> {
    let folder = stage.folder()?;
    let key = folder.join("rsa.pem").display().to_string();
    let options = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &key];
    stage.succeed(Need::OpenSsl, &options)?;
    // From its folder.
    let server = stage.registry().another(&folder, &[("MANIFESTD_LEGACY__SIGNING_KEY", "rsa.pem")])?;
    let (address, repository) = (server.address(), "legacy/rsa");
    seed::push(&address, repository, "v1", &stage.fixtures().oci)?;
    let (manifest, digest, signer) = schema1_of(stage, &address, repository, "v1")?;
    ensure!(signer.starts_with("RSA "), "the key is {signer}");
    let text: Value = serde_json::from_slice(&manifest).context("a manifest is not JSON")?;
    let algorithm = text.pointer("/signatures/0/header/alg").and_then(Value::as_str);
    ensure!(algorithm == Some("RS256"), "the algorithm is {algorithm:?}");
    let path = format!("/v2/{repository}/manifests/v1");
    let pushed = http::send(&address, "PUT", &path, SIGNED, &manifest)?;
    ensure!(pushed.status == 201, "PUT {path} is {}", pushed.status);
    let told = pushed.header("docker-content-digest").unwrap_or_default();
    ensure!(told == digest, "{digest} was pushed, and is told to be {told}");
    Ok(())
}
