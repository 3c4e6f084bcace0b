//! The project's own copy of the vectors.

#![expect(clippy::unwrap_used, reason = "a test: what is not as it must be fails it")]

use manifest_vectors::{Report, run};
use std::path::Path;
use std::sync::LazyLock;

static REPORT: LazyLock<Report> =
    LazyLock::new(|| run(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"))).unwrap());

#[test]
fn the_vectors_are_kept() {
    let report = &*REPORT;
    assert_eq!(report.count().failed, 0, "{report}");

    // A file that got lost, or lost cases, would pass as well.
    let cases: Vec<(&str, usize)> = report.files().iter().map(|file| (file.name(), file.cases())).collect();
    let expected = [
        ("a_schema2_to_v1", 27),
        ("b_oci_to_v1", 15),
        ("c_schema1_rewrite", 25),
        ("d_schema1_signed", 66),
        ("e_list_selection", 33),
        ("f_malformed", 347),
        ("g_labels_and_json", 110),
        ("h_data_layer", 81),
        ("seed_era/a_schema2_to_v1.seed", 27),
        ("seed_era/c_schema1_rewrite.seed", 25),
        ("seed_era/legacy_images.seed", 22),
    ];
    assert_eq!(cases, expected);
}

#[test]
fn nothing_is_left_for_later() {
    let report = &*REPORT;
    for file in report.files() {
        let count = file.count();
        assert_eq!(count.passed + count.failed + count.deviations, file.cases(), "{file}");
        assert_eq!(count.later, 0, "{file}");
    }
}
