use crate::failure::Failure;
use crate::table::Table;
use crate::{output, words};
use manifest_core::ports::{Doomed, Reclaim};
use manifest_core::service::{Preview, Stage};
use manifest_core::{Millis, PortError, Registry};
use oci_types::RepositoryName;
use serde_json::{Value, json};

/// How many rows the text lists; JSON lists all.
const LISTED: usize = 200;

/// What a collection would remove now, and why. Reads only.
pub(super) async fn dry_run(registry: &Registry, now: Millis, as_json: bool) -> Result<String, Failure> {
    let (rows, reclaim) = read(registry, now)
        .await
        .map_err(|source| Failure::UseCase { doing: "looking for what nothing keeps", source: source.into() })?;
    Ok(if as_json { to_json(&rows, reclaim) } else { to_text(&rows, reclaim) })
}

async fn read(registry: &Registry, now: Millis) -> Result<(Vec<(Stage, Doomed)>, Reclaim), PortError> {
    let (mut preview, mut rows) = (Preview::new(registry), Vec::new());
    while let Some(step) = preview.step(now).await? {
        rows.extend(step.doomed.into_iter().map(|doomed| (step.stage, doomed)));
    }
    Ok((rows, preview.reclaim(now).await?))
}

fn to_text(rows: &[(Stage, Doomed)], reclaim: Reclaim) -> String {
    let listed = if rows.is_empty() {
        "Nothing would be removed: everything is kept by a tag, a pin, or the history window.\n".to_owned()
    } else {
        let mut table = Table::new(["WHAT", "WHERE", "WHICH", "WHY"]);
        for (stage, doomed) in rows.iter().take(LISTED) {
            let repository = doomed.repository.as_ref().map(ToString::to_string);
            let (which, why) = (which(*stage, doomed), why(*stage, doomed.since));
            table.push([kind(*stage).to_owned(), repository.unwrap_or_default(), which, why]);
        }
        table.render()
    };
    let more = match rows.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("and {} more, which --json lists\n", words::count(more as u64)),
    };
    let whole = format!(
        "A whole collection would free {} by {} and {}.\n",
        words::size(reclaim.bytes),
        words::counted(reclaim.manifests, "manifest", "manifests"),
        words::counted(reclaim.blobs, "blob", "blobs"),
    );
    listed + &more + &whole
}

/// A tag's interval is listed as `name@start`.
fn which(stage: Stage, doomed: &Doomed) -> String {
    let interval = doomed.what.split_once('@').filter(|_| stage == Stage::History);
    match interval.and_then(|(name, start)| Some((name, start.parse().ok()?))) {
        Some((name, start)) => format!("{name} of {}", words::time(start)),
        None => doomed.what.clone(),
    }
}

fn kind(stage: Stage) -> &'static str {
    match stage {
        Stage::History => "history",
        Stage::Manifests => "manifest",
        Stage::LegacyImages => "legacy image",
        Stage::Access => "access",
        Stage::Blobs => "blob",
        Stage::Repositories => "repository",
        Stage::Uploads => "upload",
        Stage::Trash | Stage::Unnamed => "bytes",
    }
}

/// What held the row, and when that ended.
fn why(stage: Stage, since: Option<Millis>) -> String {
    let when = since.map(words::time);
    match (stage, when) {
        (Stage::History, Some(when)) => format!("ended {when}"),
        (Stage::Manifests, Some(when)) => format!("held until {when}"),
        (Stage::Access, Some(when)) => format!("leased until {when}, and no manifest names it"),
        (Stage::LegacyImages, _) => "no manifest has it".to_owned(),
        (Stage::Access | Stage::Blobs, None) => "no manifest names it".to_owned(),
        (Stage::Blobs, Some(when)) => format!("no repository has it since {when}"),
        (Stage::Repositories, _) => "it was deleted".to_owned(),
        (Stage::Uploads | Stage::Trash | Stage::Unnamed, Some(when)) => format!("since {when}"),
        (_, None) => "nothing ever held it".to_owned(),
    }
}

fn to_json(rows: &[(Stage, Doomed)], reclaim: Reclaim) -> String {
    let row = |(stage, doomed): &(Stage, Doomed)| -> Value {
        json!({
            "what": kind(*stage),
            "repository": doomed.repository.as_ref().map(RepositoryName::as_str),
            "which": doomed.what,
            "since": doomed.since.and_then(words::rfc3339),
            "why": why(*stage, doomed.since),
            "bytes": doomed.bytes,
        })
    };
    output::json(&json!({
        "doomed": rows.iter().map(row).collect::<Vec<_>>(),
        "would_free": { "manifests": reclaim.manifests, "blobs": reclaim.blobs, "bytes": reclaim.bytes },
    }))
}
