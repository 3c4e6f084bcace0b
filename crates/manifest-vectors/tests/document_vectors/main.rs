//! Documents, configs and labels against what Quay answers: every case of the vectors that is about reading.
//!
//! A case passes if each of its fields is as Quay has it, or as a rule in `deviations.rs` says instead. Fields that belong
//! to the legacy view of images (v1 ids, conversion, signatures) are not looked at.

#![expect(clippy::unwrap_used, reason = "a test, helpers and all: what is not as it must be fails it")]

mod cases;
mod deviations;
mod images;
mod labels;
mod malformed;
mod observed;
mod report;
mod schema1;

use report::Report;

#[test]
fn documents_are_read_as_quay_reads_them() {
    let mut report = Report::default();
    images::run(include_str!("../../vectors/a_schema2_to_v1.json"), &mut report);
    images::run(include_str!("../../vectors/b_oci_to_v1.json"), &mut report);
    schema1::run(include_str!("../../vectors/d_schema1_signed.json"), &mut report);
    images::run(include_str!("../../vectors/e_list_selection.json"), &mut report);
    malformed::run(include_str!("../../vectors/f_malformed.json"), &mut report);
    labels::run(include_str!("../../vectors/g_labels_and_json.json"), &mut report);
    report.finish();
}
