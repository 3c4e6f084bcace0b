//! The tables, by hand: diesel's own printer makes 32-bit numbers of SQLite's integers. A test compares this with the
//! migrated database.

diesel::table! {
    repository (id) {
        id -> BigInt,
        name -> Text,
        visibility -> BigInt,
        state -> BigInt,
        created_ms -> BigInt,
        deleted_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    manifest (id) {
        id -> BigInt,
        repository_id -> BigInt,
        digest -> Binary,
        media_type -> Text,
        subject -> Nullable<Binary>,
        artifact_type -> Nullable<Text>,
        annotations -> Nullable<Text>,
        platform -> Nullable<Text>,
        image_created_ms -> Nullable<BigInt>,
        layers_size -> Nullable<BigInt>,
        expires_after_ms -> Nullable<BigInt>,
        immutable -> BigInt,
        pinned_until_ms -> BigInt,
        deleted_ms -> Nullable<BigInt>,
        created_ms -> BigInt,
        actor -> Nullable<Text>,
        legacy_image -> Nullable<Text>,
        bytes -> Binary,
    }
}

diesel::table! {
    legacy_image (repository_id, v1_id) {
        repository_id -> BigInt,
        v1_id -> Text,
        parent -> Nullable<Text>,
        created_ms -> Nullable<BigInt>,
        command -> Nullable<Text>,
        comment -> Nullable<Text>,
        aggregate_size -> Nullable<BigInt>,
        blob -> Binary,
        metadata -> Text,
    }
}

diesel::table! {
    manifest_child (repository_id, manifest_id, position) {
        repository_id -> BigInt,
        manifest_id -> BigInt,
        position -> BigInt,
        digest -> Binary,
        required -> BigInt,
        platform -> Nullable<Text>,
    }
}

diesel::table! {
    manifest_blob (repository_id, manifest_id, digest) {
        repository_id -> BigInt,
        manifest_id -> BigInt,
        digest -> Binary,
        required -> BigInt,
    }
}

diesel::table! {
    label (id) {
        id -> BigInt,
        repository_id -> BigInt,
        manifest_id -> BigInt,
        key -> Text,
        value -> Text,
        json -> BigInt,
        source -> BigInt,
    }
}

diesel::table! {
    tag (repository_id, name) {
        repository_id -> BigInt,
        name -> Text,
        manifest_id -> BigInt,
        start_ms -> BigInt,
        expires_ms -> BigInt,
        immutable -> BigInt,
        reversion -> BigInt,
        previous -> Nullable<Binary>,
        actor -> Nullable<Text>,
    }
}

diesel::table! {
    tag_history (repository_id, name, start_ms) {
        repository_id -> BigInt,
        name -> Text,
        start_ms -> BigInt,
        end_ms -> BigInt,
        manifest_id -> BigInt,
        reversion -> BigInt,
        previous -> Nullable<Binary>,
        actor -> Nullable<Text>,
    }
}

diesel::table! {
    blob (digest) {
        digest -> Binary,
        size -> BigInt,
        location -> Text,
    }
}

diesel::table! {
    trash (location) {
        location -> Text,
        not_before_ms -> BigInt,
    }
}

diesel::table! {
    repository_blob (repository_id, digest) {
        repository_id -> BigInt,
        digest -> Binary,
        size -> BigInt,
        location -> Text,
        lease_until_ms -> BigInt,
    }
}

diesel::table! {
    upload (repository_id, id) {
        repository_id -> BigInt,
        id -> Binary,
        offset -> BigInt,
        hash_state -> Binary,
        created_ms -> BigInt,
        expires_ms -> BigInt,
        actor -> Nullable<Text>,
        finished_digest -> Nullable<Binary>,
        finished_size -> Nullable<BigInt>,
        finished_location -> Nullable<Text>,
        lease_until_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    upload_part (repository_id, upload_id, position) {
        repository_id -> BigInt,
        upload_id -> Binary,
        position -> BigInt,
        size -> BigInt,
        location -> Text,
    }
}
