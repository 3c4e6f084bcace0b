//! How SQLite runs each statement: along indexes, whether or not ANALYZE has run, and however many rows there are.

use super::world::World;
use crate::ops;
use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection};

/// Every statement that is not about all rows on purpose.
const STATEMENTS: &[(&str, &str)] = &[
    ("ManifestByTag", ops::fetch::ManifestByTag::SQL),
    ("ManifestByTagAt", ops::fetch::ManifestByTagAt::SQL),
    ("ManifestByDigest", ops::fetch::ManifestByDigest::SQL),
    ("Labels", ops::labels::Labels::SQL),
    ("Kin", ops::support::Kin::SQL),
    ("Facts", ops::push_facts::Facts::SQL),
    ("Referrers", ops::referrers::Referrers::SQL),
    ("ServedImage", ops::legacy_images::ServedImage::SQL),
    ("Ancestry", ops::legacy_images::Ancestry::SQL),
    ("ImageTags", ops::legacy_images::ImageTags::SQL),
    ("TagNames", ops::tags::TagNames::SQL),
    ("TagsByName", ops::tags::TagsByName::SQL),
    ("TagsByStart", ops::tags::TagsByStart::SQL),
    ("UndeletedManifests", ops::manifests::UndeletedManifests::SQL),
    ("DeletedManifests", ops::manifests::DeletedManifests::SQL),
    ("History", ops::history::History::SQL),
    ("HistoryOfName", ops::history::HistoryOfName::SQL),
    ("Repository", ops::repositories::Repository::SQL),
    ("Repositories", ops::repositories::Repositories::SQL),
    ("RepositoriesInScope", ops::repositories::RepositoriesInScope::SQL),
    ("DeleteRepository", ops::repositories::DeleteRepository::SQL),
    ("CreateRepository", ops::create_repository::CreateRepository::SQL),
    ("RepositoryByName", ops::create_repository::RepositoryByName::SQL),
    ("BlobByDigest", ops::blobs::BlobByDigest::SQL),
    ("AccessRow", ops::blobs::AccessRow::SQL),
    ("RemoveAccess", ops::blobs::RemoveAccess::SQL),
    ("MountFromRepository", ops::mount::MountFromRepository::SQL),
    ("MountFromScope", ops::mount::MountFromScope::SQL),
    ("InsertUpload", ops::uploads::begin::InsertUpload::SQL),
    ("UploadById", ops::uploads::load::UploadById::SQL),
    ("MoveOffset", ops::uploads::publish::MoveOffset::SQL),
    ("InsertPart", ops::uploads::publish::InsertPart::SQL),
    ("UploadState", ops::uploads::publish::UploadState::SQL),
    ("Finish", ops::uploads::finish::Finish::SQL),
    ("RemoveUpload", ops::uploads::cancel::RemoveUpload::SQL),
    ("Discard", ops::uploads::trash::Discard::SQL),
    ("SweepUploads", ops::collection::SweepUploads::SQL),
    ("EndedUpload", ops::collection::EndedUpload::SQL),
    ("Trash", ops::collection::Trash::SQL),
    ("EmptyTrash", ops::collection::EmptyTrash::SQL),
    ("PostponeTrash", ops::collection::PostponeTrash::SQL),
    ("DiscardUnnamed", ops::collection::DiscardUnnamed::SQL),
    ("Look", ops::apply::Look::SQL),
    ("InsertManifest", ops::apply::manifest::InsertManifest::SQL),
    ("InsertBlobs", ops::apply::manifest::InsertBlobs::SQL),
    ("InsertChildren", ops::apply::manifest::InsertChildren::SQL),
    ("InsertImages", ops::apply::images::InsertImages::SQL),
    ("InsertFewImages", ops::apply::images::InsertFewImages::SQL),
    ("InsertLabels", ops::apply::labels::InsertLabels::SQL),
    ("RemoveLabel", ops::apply::labels::RemoveLabel::SQL),
    ("SetActing", ops::apply::labels::SetActing::SQL),
    ("BuryManifests", ops::apply::purge::BuryManifests::SQL),
    ("HeldManifests", ops::apply::purge::HeldManifests::SQL),
    ("ReleaseBlobs", ops::apply::purge::ReleaseBlobs::SQL),
    ("ReleaseImages", ops::apply::purge::ReleaseImages::SQL),
    ("RemoveManifests", ops::apply::purge::RemoveManifests::SQL),
    ("GrantEmptyLayer", ops::apply::manifest::GrantEmptyLayer::SQL),
    ("Missing", ops::apply::manifest::Missing::SQL),
    ("Revive", ops::apply::manifest::Revive::SQL),
    ("TagsBefore", ops::apply::tags::TagsBefore::SQL),
    ("PointTags", ops::apply::tags::PointTags::SQL),
    ("AmendTags", ops::apply::tags::AmendTags::SQL),
    ("CloseTags", ops::apply::tags::CloseTags::SQL),
    ("RemoveTags", ops::apply::tags::RemoveTags::SQL),
    ("Pin", ops::apply::pins::Pin::SQL),
    ("UndeletedManifest", ops::apply::delete::UndeletedManifest::SQL),
    ("TagsOfManifest", ops::apply::delete::TagsOfManifest::SQL),
    ("VisibleParents", ops::apply::delete::VisibleParents::SQL),
    ("MarkDeleted", ops::apply::delete::MarkDeleted::SQL),
    ("LookAtTags", ops::sweep::history::LookAtTags::SQL),
    ("LookAtHistory", ops::sweep::history::LookAtHistory::SQL),
    ("RemoveExpired", ops::sweep::history::RemoveExpired::SQL),
    ("RemoveHistory", ops::sweep::history::RemoveHistory::SQL),
    ("LookAtManifests", ops::sweep::manifests::LookAtManifests::SQL),
    ("RemoveUnretained", ops::sweep::manifests::RemoveUnretained::SQL),
    ("LookAtImages", ops::sweep::images::LookAtImages::SQL),
    ("RemoveImages", ops::sweep::images::RemoveImages::SQL),
    ("LookAtAccess", ops::sweep::access::LookAtAccess::SQL),
    ("RemoveUnlinked", ops::sweep::access::RemoveUnlinked::SQL),
    ("LookAtBlobs", ops::sweep::blobs::LookAtBlobs::SQL),
    ("RemoveBlobs", ops::sweep::blobs::RemoveBlobs::SQL),
    ("LookAtRepositories", ops::sweep::repositories::LookAtRepositories::SQL),
    ("CloseTags of a repository", ops::sweep::repositories::CloseTags::SQL),
    ("RemoveTags of a repository", ops::sweep::repositories::RemoveTags::SQL),
    ("RemoveHistory of a repository", ops::sweep::repositories::RemoveHistory::SQL),
    ("RemoveManifests of a repository", ops::sweep::repositories::RemoveManifests::SQL),
    ("RemoveImages of a repository", ops::sweep::repositories::RemoveImages::SQL),
    ("RemoveAccess of a repository", ops::sweep::repositories::RemoveAccess::SQL),
    ("RemoveUploads of a repository", ops::sweep::repositories::RemoveUploads::SQL),
    ("RemoveRepository", ops::sweep::repositories::RemoveRepository::SQL),
    ("FreedBy", ops::sweep::reclaim::FreedBy::SQL),
    ("RepositoryRecords", ops::records::repositories::RepositoryRecords::SQL),
    ("BlobRecords", ops::records::repositories::BlobRecords::SQL),
    ("AccessRecords", ops::records::repositories::AccessRecords::SQL),
    ("TagRecords", ops::records::tags::TagRecords::SQL),
    ("HistoryRecords", ops::records::tags::HistoryRecords::SQL),
    ("ManifestRecords", ops::records::manifests::ManifestRecords::SQL),
    ("ChildRecords", ops::records::manifests::ChildRecords::SQL),
    ("LinkRecords", ops::records::manifests::LinkRecords::SQL),
    ("ImageRecords", ops::records::images::ImageRecords::SQL),
    ("LabelRecords", ops::records::manifests::LabelRecords::SQL),
];

/// What is run by triggers that go through tables: their statements, with what OLD stands for as parameters.
const TRIGGERS: &[&str] = &["manifest_removed", "upload_removed"];

fn statements_of(connection: &mut SqliteConnection, trigger: &str) -> Vec<String> {
    let sql = format!("SELECT sql AS detail FROM sqlite_schema WHERE type = 'trigger' AND name = '{trigger}'");
    let Step { detail } = diesel::sql_query(sql).get_result(connection).unwrap();
    let (_, body) = detail.split_once("BEGIN").unwrap();
    let body = body.trim_end().trim_end_matches("END").replace("OLD.repository_id", "?1").replace("OLD.id", "?2");
    body.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

fn plan(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(connection).unwrap();
    steps.into_iter().map(|step| step.detail).collect()
}

/// Steps over what a statement itself made: values that were bound, and rows that it found along an index.
const OWN: &[&str] = &[
    "CONSTANT ROW",
    "8-ROW VALUES CLAUSE",
    "json_each",
    "j ",
    "span",
    "kin",
    "up",
    "here",
    "ask",
    "found",
    "pin",
    "i LEFT-JOIN",
    "(subquery-",
    "purged",
    "freed",
    "amendment",
    "seen",
];

/// How often a statement sorts few rows: the changes of one plan, one page of history, the tags of one manifest, what a purge meets.
const SORTED: &[(&str, usize)] = &[
    ("TagsBefore", 1),
    ("VisibleParents", 1),
    ("History", 1),
    ("HistoryOfName", 1),
    ("Kin", 2),
    ("HeldManifests", 2),
    ("FreedBy", 2),
];

/// Statements that take the first rows of a repository, as many as a LIMIT says.
const FROM_THE_FIRST: &str = " of a repository";

/// What speaks against a plan.
fn objections(name: &str, steps: &[String]) -> Vec<String> {
    let own = |what: &str| OWN.iter().any(|own| what.starts_with(own));
    let scans = |step: &&String| step.strip_prefix("SCAN ").is_some_and(|what| !own(what));
    // An index made for one run, and a filter before it, are paid at each run.
    let made = |step: &&String| step.contains("AUTOMATIC") || step.contains("BLOOM FILTER ON");
    // Every row of a repository has the first column of an index.
    let coarse = |step: &&String| step.ends_with("(repository_id=?)") && !name.ends_with(FROM_THE_FIRST);
    let mut objections: Vec<String> =
        steps.iter().filter(|step| scans(step) || made(step) || coarse(step)).cloned().collect();
    let sorts: Vec<&String> = steps.iter().filter(|step| step.contains("TEMP B-TREE")).collect();
    let few = SORTED.iter().find(|(sorting, _)| *sorting == name).map_or(0, |(_, times)| *times);
    objections.extend(sorts.into_iter().skip(few).cloned());
    objections
}

fn check(connection: &mut SqliteConnection, when: &str, exempt: &[&str]) {
    let mut refused = Vec::new();
    for (name, sql) in STATEMENTS.iter().filter(|(name, _)| !exempt.contains(name)) {
        let steps = plan(connection, sql);
        let objections = objections(name, &steps);
        if !objections.is_empty() {
            refused.push(format!("{name} {when}: {objections:?} in {steps:#?}"));
        }
    }
    for trigger in TRIGGERS {
        for sql in statements_of(connection, trigger) {
            let steps = plan(connection, &sql);
            let objections = objections(trigger, &steps);
            if !objections.is_empty() {
                refused.push(format!("{trigger} {when}: {objections:?} in {steps:#?} of {sql}"));
            }
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

/// Three repositories, one of them large.
const VOLUME: &str = "
    INSERT INTO repository (name, visibility, state, created_ms) VALUES ('a', 0, 0, 0), ('b', 1, 0, 0), ('c', 1, 1, 0);
    CREATE TEMP TABLE number (n INTEGER PRIMARY KEY);
    INSERT INTO number WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 5000) SELECT n FROM n;
    INSERT INTO manifest (repository_id, digest, media_type, subject, artifact_type, immutable, created_ms, bytes)
        SELECT 1 + (n % 50 = 0), unhex(printf('01%064x', n)), 'a/b',
            iif(n % 3 = 0, unhex(printf('01%064x', n / 3)), NULL), iif(n % 3 = 0, 'c/d', NULL), 0, 0, zeroblob(500)
        FROM number;
    INSERT INTO legacy_image (repository_id, v1_id, parent, blob, metadata) SELECT repository_id, printf('%064x', id),
        iif(id % 10 > 0, printf('%064x', id - 1), NULL), x'01', printf('%0500d', id) FROM manifest;
    UPDATE manifest SET legacy_image = printf('%064x', id) WHERE id % 2 = 0;
    INSERT INTO manifest_child SELECT repository_id, id, 0, unhex(printf('01%064x', id + 1)), 1, NULL FROM manifest WHERE id % 5 = 0;
    INSERT INTO blob SELECT unhex(printf('02%0128x', n)), n, printf('main:%d', n) FROM number;
    INSERT INTO repository_blob SELECT 1, digest, size, location, 0 FROM blob;
    INSERT INTO repository_blob SELECT 2, digest, size, location, 0 FROM blob WHERE size % 2 = 0;
    INSERT INTO manifest_blob SELECT m.repository_id, m.id, unhex(printf('02%0128x', (m.id + n) % 5000)), 1
        FROM manifest m CROSS JOIN number WHERE n <= 5;
    INSERT INTO label (repository_id, manifest_id, key, value, json, source) SELECT repository_id, id, 'k', 'v', 0, 0 FROM manifest;
    INSERT INTO tag (repository_id, name, manifest_id, start_ms, expires_ms, immutable, reversion)
        SELECT repository_id, printf('v%d', id), id, id, 9223372036854775807, 0, 0 FROM manifest WHERE id % 2 = 0;
    UPDATE tag SET start_ms = start_ms + 1;
    UPDATE tag SET start_ms = start_ms + 1 WHERE manifest_id % 4 = 0;
    INSERT INTO upload (repository_id, id, \"offset\", hash_state, created_ms, expires_ms)
        SELECT 1, unhex(printf('%032x', n)), 0, x'00', 0, n FROM number;
    INSERT INTO upload_part SELECT 1, unhex(printf('%032x', n)), 0, 1, printf('main:part/%d', n) FROM number;
    INSERT INTO trash SELECT printf('main:trash/%d', n), n FROM number;
    DROP TABLE number;
";

#[test]
fn every_statement_goes_along_indexes() {
    let world = World::new();
    let mut connection = world.connection();
    check(&mut connection, "when the store is empty", &[]);
    // A store that was analysed when it was nearly empty has statistics which say that a scan costs nothing. A join by row id
    // cannot be told not to believe them; the only one that is not behind a unique row mounts from any repository.
    let exempt = ["MountFromScope"];
    world.sql("INSERT INTO repository (name, visibility, state, created_ms) VALUES ('one', 0, 0, 0); ANALYZE");
    check(&mut world.connection(), "when it was analysed too early", &exempt);
    world.sql(VOLUME);
    check(&mut world.connection(), "when it has grown", &exempt);
    world.sql("ANALYZE");
    check(&mut world.connection(), "when it was analysed", &[]);
}
