//! `manifestd fsck`: whether rows and bytes agree. Reads only, also while `serve` writes.

mod progress;

use crate::cli::Fsck;
use crate::config::Config;
use crate::failure::Failure;
use crate::logs::{self, LogStream};
use crate::{clock, output, storage, words};
use manifest_core::Registry;
use manifest_core::service::{Finding, FsckOptions, FsckReport};
use oci_types::RepositoryName;
use progress::Bar;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Checks, prints the report, and says by the exit code whether there are findings.
pub(crate) fn run(config: &Config, fsck: &Fsck) -> Result<ExitCode, Failure> {
    logs::start(&config.log, LogStream::Error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::Process { doing: "starting the runtime", source })?;
    let report = runtime.block_on(async {
        let registry = Registry::new(storage::open_to_check(config).await?, config.policy());
        let mut bar = Bar::on_terminal();
        let options = FsckOptions { deep: fsck.deep };
        let report = registry.fsck(options, clock::now(), &mut |progress| bar.show(progress)).await;
        bar.clear();
        report.map_err(|source| Failure::UseCase { doing: "the check", source: source.into() })
    })?;
    output::print(&if fsck.form.json { to_json(&report, fsck.deep) } else { to_text(&report, fsck.deep) })?;
    Ok(if report.clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn to_text(report: &FsckReport, deep: bool) -> String {
    let counts = &report.counts;
    let found = report.findings.len() as u64 + report.more;
    let mut lines: Vec<String> =
        report.findings.iter().map(|finding| format!("{}  {finding}", finding.problem.kind())).collect();
    if report.more > 0 {
        lines.push(format!("and {} more", words::count(report.more)));
    }
    lines.push(format!(
        "Checked {} of {}{}; {}; {}.",
        words::counted(counts.blobs, "blob", "blobs"),
        words::size(counts.blob_bytes),
        if deep { format!(", {} hashed", words::size(counts.hashed_bytes)) } else { String::new() },
        words::counted(counts.manifests, "manifest", "manifests"),
        words::counted(counts.links, "link", "links"),
    ));
    if counts.trash + counts.young > 0 {
        lines.push(format!(
            "Beside them the store holds {} in the trash and {} of uploads, or left by them, which collection removes in time.",
            words::counted(counts.trash, "file", "files"),
            words::counted(counts.young, "file", "files"),
        ));
    }
    lines.push(match found {
        0 => "Everything agrees.".to_owned(),
        _ => format!("{} found; nothing was changed.", words::counted(found, "problem", "problems")),
    });
    lines.join("\n") + "\n"
}

fn to_json(report: &FsckReport, deep: bool) -> String {
    let counts = &report.counts;
    output::json(&json!({
        "clean": report.clean(),
        "deep": deep,
        "findings": report.findings.iter().map(finding_json).collect::<Vec<_>>(),
        "more": report.more,
        "counts": {
            "blobs": counts.blobs,
            "blob_bytes": counts.blob_bytes,
            "hashed_bytes": counts.hashed_bytes,
            "stored": counts.stored,
            "trash": counts.trash,
            "young": counts.young,
            "access": counts.access,
            "manifests": counts.manifests,
            "links": counts.links,
        },
    }))
}

fn finding_json(finding: &Finding) -> Value {
    json!({
        "kind": finding.problem.kind(),
        "repository": finding.repository.as_ref().map(RepositoryName::as_str),
        "digest": finding.digest.map(|digest| digest.to_string()),
        "location": finding.location.as_ref().map(ToString::to_string),
        "message": finding.problem.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::{to_json, to_text};
    use manifest_core::service::{Finding, FsckCounts, FsckReport, Problem};

    #[test]
    fn reports() {
        let counts = FsckCounts { blobs: 2, blob_bytes: 2_048, manifests: 1, links: 2, ..FsckCounts::default() };
        let mut report = FsckReport { counts, ..FsckReport::default() };
        assert_eq!(to_text(&report, false), "Checked 2 blobs of 2.0 KiB; 1 manifest; 2 links.\nEverything agrees.\n");
        report.counts.young = 1;
        report.findings.push(Finding {
            repository: None,
            digest: None,
            location: Some(manifest_core::facts::Location { store: "main".parse().unwrap(), key: "k".into() }),
            problem: Problem::Unnamed { size: 5 },
        });
        report.more = 2_000;
        let expected = "\
unnamed-bytes  main:k: no row names these 5 bytes
and 2,000 more
Checked 2 blobs of 2.0 KiB, 0 B hashed; 1 manifest; 2 links.
Beside them the store holds 0 files in the trash and 1 file of uploads, or left by them, which collection removes in time.
2,001 problems found; nothing was changed.
";
        assert_eq!(to_text(&report, true), expected);
        let json: serde_json::Value = serde_json::from_str(&to_json(&report, true)).unwrap();
        assert_eq!(json["findings"][0]["kind"], "unnamed-bytes");
        assert_eq!((&json["clean"], &json["more"]), (&false.into(), &2_000.into()));
    }
}
