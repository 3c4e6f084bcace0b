/// A key of the configuration, as people need to know it. Its type and default are in [`Config`](super::Config).
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.key`.
    pub(crate) path: &'static str,
    /// What it is for, one or two lines of a comment.
    pub(crate) about: &'static str,
    /// What its value looks like, as the end of "… is expected".
    pub(crate) expects: &'static str,
    /// How much of its value may be printed.
    pub(crate) shown: Shown,
}

/// How much of a value may be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// All of it.
    Whole,
    /// A URL without the password in it.
    WithoutPassword,
}

impl Key {
    /// The key of that path, if there is one.
    pub(crate) fn find(path: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.path == path)
    }

    /// Section and key.
    pub(crate) fn parts(&self) -> (&'static str, &'static str) {
        self.path.split_once('.').unwrap_or((self.path, ""))
    }
}

const fn key(path: &'static str, expects: &'static str, about: &'static str) -> Key {
    Key { path, about, expects, shown: Shown::Whole }
}

const fn url(path: &'static str, expects: &'static str, about: &'static str) -> Key {
    Key { path, about, expects, shown: Shown::WithoutPassword }
}

const SIZE: &str = "a size such as \"4MiB\"";
const SPAN: &str = "a length of time such as \"24h\" or \"14d\"";
const BOOLEAN: &str = "true or false";
const PATTERNS: &str = "a list of patterns such as [\"v*\", \"release-?\"]";
const COUNT: &str = "a whole number";

/// Every key, in the order in which they are shown.
pub(crate) const KEYS: &[Key] = &[
    key(
        "server.listen",
        "an address with a port such as \"127.0.0.1:5000\"",
        "Where clients connect. Beyond loopback, auth = \"none\" must say that everybody may write.",
    ),
    key(
        "server.admin_listen",
        "an address with a port such as \"127.0.0.1:5001\", or \"off\",",
        "Where /metrics, /healthz and /readyz are served for operators; or \"off\".",
    ),
    key(
        "server.hosts",
        "a list of host names such as [\"registry.example\", \"registry.example:5000\"]",
        "Names under which clients reach the registry, beside the address listened on.\nOther Host and Origin headers are refused, so that no web page can reach a registry on loopback.\n\"*\" is every name, for a registry behind a proxy that checks them.",
    ),
    key(
        "server.auth",
        "\"loopback\" or \"none\"",
        "\"loopback\": nobody logs in, and only this machine can connect.\n\"none\": nobody logs in, and whoever can connect may read, write and delete everything.",
    ),
    key("server.head_timeout", SPAN, "How long the head of a request may take, and a connection may rest between two."),
    key(
        "server.idle_timeout",
        SPAN,
        "How long a transfer may pause, in either direction. How long it takes as a whole is not limited.",
    ),
    key("server.max_connections", COUNT, "How many connections may be open. More wait."),
    key("server.shutdown_grace", SPAN, "How long running transfers may go on after SIGINT or SIGTERM."),
    key(
        "storage.data_dir",
        "a path",
        "The directory of the database and the blobs, relative to the working directory. Made if it is absent.",
    ),
    key("storage.min_free", SIZE, "With less free space than this, pushes answer 503; pulls and deletes go on."),
    key("storage.ephemeral", BOOLEAN, "Keep everything in memory, and nothing after the end."),
    key("storage.ephemeral_limit", SIZE, "How many bytes of blobs an ephemeral registry takes."),
    url(
        "metadata.url",
        "\"\", or a URL such as \"postgres://user@host:5432/name?sslmode=verify-full\",",
        "Where the rows are: the URL of a Postgres database, or \"\" for an SQLite file in `storage.data_dir`.\nSeveral nodes may serve one database, if they share the blobs in `storage.data_dir` too.",
    ),
    key(
        "metadata.password_file",
        "a path, or \"\",",
        "A file that holds the password of the database's user, so that no URL has to; else the variable PGPASSWORD is used.",
    ),
    key(
        "metadata.application_name",
        "a name, or \"\",",
        "What Postgres calls the connections of this node in pg_stat_activity; \"\" is the application_name of the URL, else \"manifestd\".",
    ),
    key("metadata.pool_size", COUNT, "How many connections to Postgres this node holds at most."),
    key("metadata.acquire_timeout", SPAN, "How long a request waits for one of them before it answers 503."),
    key("metadata.statement_timeout", SPAN, "How long Postgres works on one statement before it gives up."),
    key("metadata.idle_timeout", SPAN, "How long a connection to Postgres is kept that nobody uses."),
    key(
        "metadata.max_lifetime",
        SPAN,
        "How old a connection to Postgres becomes, so that load moves to where it should be.",
    ),
    key(
        "metadata.migrate",
        BOOLEAN,
        "Whether `serve` runs the migrations that the Postgres database lacks; else `manifestd migrate up` does.",
    ),
    key("repositories.create_on_push", BOOLEAN, "Whether a push brings its repository into being."),
    key("repositories.default_visibility", "\"public\" or \"private\"", "What such a repository is."),
    key("manifests.max_bytes", SIZE, "The largest manifest."),
    key("manifests.max_config_bytes", SIZE, "The largest image config that is read for labels and platform."),
    key("manifests.max_depth", COUNT, "The most lists and objects inside one another in a manifest."),
    key("manifests.max_references", COUNT, "The most layers and children of one manifest."),
    key("manifests.max_tag_parameters", COUNT, "The most `tag` parameters of one push by digest."),
    key(
        "manifests.references",
        "\"required\", \"sparse-index\" or \"unchecked\"",
        "What a manifest names must exist: all of it (\"required\"), all but the children of an index\n(\"sparse-index\"), or nothing (\"unchecked\").",
    ),
    key(
        "manifests.untagged_ttl",
        SPAN,
        "How long a manifest without a tag is kept after a push by digest, or after its tag moved.",
    ),
    key("manifests.pin_on_untag", BOOLEAN, "Whether a manifest is kept that long when its tag moves or is deleted."),
    key(
        "manifests.strict_lookup",
        BOOLEAN,
        "Serve a manifest by digest only while an alive tag holds it, itself or through an index: neither pins nor history count.",
    ),
    key("manifests.max_purge", COUNT, "The most manifests or tags that one purge names."),
    key(
        "tags.immutable",
        PATTERNS,
        "Tags whose names fit one of these patterns cannot be moved or deleted once they point at a manifest.\n`*` stands for any text, `?` for one character.",
    ),
    key("tags.immutable_exceptions", PATTERNS, "Tags that can be moved although they fit one of those."),
    key("tags.min_life", SPAN, "The shortest life that a tag can be given by hand."),
    key("tags.max_life", SPAN, "The longest life that a tag can be given by hand, where it is given an end."),
    key("blobs.lease", SPAN, "How long an uploaded or mounted blob waits for a manifest."),
    key(
        "blobs.head_lease_floor",
        SPAN,
        "With less of the lease than this left, HEAD answers 404, so that the client uploads again.",
    ),
    key("uploads.ttl", SPAN, "How long an upload may rest before it is dropped."),
    key("listings.max_page", COUNT, "The largest page of a listing."),
    key("listings.max_referrers_bytes", SIZE, "How many bytes of descriptors a page of referrers holds at most."),
    key(
        "collection.enabled",
        BOOLEAN,
        "Whether `serve` removes what nothing keeps: manifests, blobs, dropped uploads, and bytes that nobody owns.\nWithout it, `manifestd gc` does while nothing is served.",
    ),
    key(
        "collection.interval",
        SPAN,
        "How long `serve` rests between two rounds of that. Dropped uploads and their bytes go every minute.",
    ),
    key(
        "collection.window",
        SPAN,
        "How long a manifest that was deleted, or that its last tag left, can be restored before it is removed.",
    ),
    key("collection.grace", SPAN, "How long a blob that no manifest names outlives its `blobs.lease`."),
    key("legacy.api", BOOLEAN, "Whether the v1 API is served, for reading. Without it, /v1/ is not there."),
    key(
        "legacy.images",
        "\"stored\" or \"off\"",
        "Where the v1 API finds images: each push stores them (\"stored\"), or each answer is made of manifests and configs (\"off\").",
    ),
    key(
        "legacy.signing_key",
        "a path, or \"\"",
        "The key that signs schema 1 for clients that take nothing newer: PKCS #8 in PEM, P-256 or RSA. Made if it is absent.\n\"\": signing-key.pem in the data directory.",
    ),
    key(
        "log.level",
        "a level (error, warn, info, debug, trace), or levels by module such as \"info,registry_http=debug\",",
        "How much is logged: error, warn, info, debug or trace, also by module: \"info,registry_http=debug\".",
    ),
    key(
        "log.format",
        "\"auto\", \"text\" or \"json\"",
        "\"text\" for people, \"json\" for machines, \"auto\": text on a terminal and JSON elsewhere.",
    ),
];

#[cfg(test)]
mod tests {
    use super::KEYS;
    use crate::config::Config;
    use figment::value::Value;
    use std::collections::BTreeSet;

    #[test]
    fn every_choice_is_described_once() {
        let sections = Value::serialize(Config::default()).unwrap().into_dict().unwrap();
        let choices: BTreeSet<String> = sections
            .iter()
            .flat_map(|(section, keys)| keys.as_dict().unwrap().keys().map(move |key| format!("{section}.{key}")))
            .collect();
        let described: BTreeSet<String> = KEYS.iter().map(|key| key.path.to_owned()).collect();
        assert_eq!(described, choices);
        assert_eq!(KEYS.len(), choices.len());
    }
}
