use serde::Serialize;

/// The code of an error: those of the OCI distribution spec, four that clients know besides, and those of our own endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    /// From before the OCI spec: the signatures of schema 1 do not fit.
    ManifestUnverified,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unauthorized,
    Denied,
    Unsupported,
    /// From before the OCI spec, which has no code for a bad tag.
    TagInvalid,
    /// With 503; the OCI spec has no codes for the server's own failures.
    Unavailable,
    /// With 500.
    Unknown,
    /// Of our own endpoints: a parameter or a body that is not understood, or that cannot be meant.
    RequestInvalid,
    /// Of our own endpoints: what is there already, or still, stands against it.
    Conflict,
    /// Of our own endpoints: what would be done is not what was confirmed.
    PlanStale,
    /// Of our own endpoints.
    LabelInvalid,
    /// Of our own endpoints.
    LabelUnknown,
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_written_as_the_spec_writes_them() {
        let check = |code: Code, expected: &str| assert_eq!(serde_json::to_value(code).unwrap(), expected);
        check(Code::BlobUploadUnknown, "BLOB_UPLOAD_UNKNOWN");
        check(Code::Denied, "DENIED");
        check(Code::Unsupported, "UNSUPPORTED");
        check(Code::PlanStale, "PLAN_STALE");
    }
}
