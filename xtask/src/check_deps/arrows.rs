//! Which crate of the workspace may depend on which.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata};

/// A crate of the workspace and what it may depend on inside the workspace.
struct Room {
    name: &'static str,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
}

const CORE: &[&str] = &["manifest-core", "oci-types"];
const PROOF: &[&str] = &["manifest-contract", "manifest-memory"];
const ADAPTERS: &[&str] = &["manifest-memory", "manifest-sqlite", "manifest-postgres", "blobs-filesystem"];
/// The fixture is a real server and knows nothing of the registry but its migrations.
const PROOF_ON_POSTGRES: &[&str] = &["manifest-contract", "manifest-memory", "postgres-fixture"];

/// The whole architecture. An arrow that is not here does not exist; a new one is a decision to write down.
const ROOMS: &[Room] = &[
    Room { name: "oci-types", uses: &[], tests_use: &[] },
    // Examples of embedding stand with the adapter that they use, so the core needs no adapter even for its tests.
    Room { name: "manifest-core", uses: &["oci-types"], tests_use: &[] },
    Room { name: "manifest-contract", uses: CORE, tests_use: &["manifest-memory"] },
    Room { name: "manifest-memory", uses: CORE, tests_use: &["manifest-contract"] },
    Room { name: "manifest-sqlite", uses: CORE, tests_use: PROOF },
    Room { name: "manifest-postgres", uses: CORE, tests_use: PROOF_ON_POSTGRES },
    Room { name: "blobs-filesystem", uses: CORE, tests_use: PROOF },
    Room { name: "registry-http", uses: CORE, tests_use: PROOF },
    Room {
        name: "manifestd",
        uses: &[
            "oci-types",
            "manifest-core",
            "manifest-memory",
            "manifest-sqlite",
            "manifest-postgres",
            "blobs-filesystem",
            "registry-http",
        ],
        tests_use: PROOF_ON_POSTGRES,
    },
    // A tool of developers: the vectors of the data layer run over adapters, and nothing is built on it.
    Room {
        name: "manifest-vectors",
        uses: &["oci-types", "manifest-core", "manifest-memory", "manifest-sqlite", "manifest-postgres"],
        tests_use: &["postgres-fixture"],
    },
    // A tool of developers that looks at the adapters' databases, and nothing is built on it.
    Room {
        name: "database-checks",
        uses: &["oci-types", "manifest-core", "manifest-sqlite", "manifest-postgres", "postgres-fixture"],
        tests_use: &[],
    },
    // A server for tests; nothing that is shipped is built on it.
    Room { name: "postgres-fixture", uses: &[], tests_use: &[] },
    // A proof for developers over the core's own plans; nothing is built on it.
    Room { name: "collection-model", uses: CORE, tests_use: &[] },
    // A harness of developers over every parser; nothing is built on it.
    Room { name: "manifest-fuzz", uses: &["manifest-core", "oci-types", "registry-http"], tests_use: &[] },
    Room { name: "xtask", uses: &["postgres-fixture"], tests_use: &[] },
];

/// A dependency of one crate of the workspace on another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    from: String,
    to: String,
    /// Whether only tests, examples and benchmarks have it.
    for_tests: bool,
}

/// The arrows that cargo sees, optional ones included.
pub(crate) fn edges(metadata: &Metadata) -> Vec<Edge> {
    let packages = metadata.workspace_packages();
    let members: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let edges = packages.iter().flat_map(|package| {
        package.dependencies.iter().filter(|dependency| members.contains(dependency.name.as_str())).map(|dependency| {
            Edge {
                from: package.name.to_string(),
                to: dependency.name.clone(),
                for_tests: dependency.kind == DependencyKind::Development,
            }
        })
    });
    edges.collect()
}

/// What is wrong with the arrows, one sentence each.
pub(crate) fn violations(edges: &[Edge]) -> Vec<String> {
    edges.iter().filter_map(violation).collect()
}

fn violation(Edge { from, to, for_tests }: &Edge) -> Option<String> {
    let Some(room) = ROOMS.iter().find(|room| room.name == from) else {
        return Some(format!("`{from}` is not in the architecture: name it in xtask/src/check_deps/arrows.rs"));
    };
    let to = to.as_str();
    if room.uses.contains(&to) || *for_tests && room.tests_use.contains(&to) {
        return None;
    }
    let why = match (ADAPTERS.contains(&to), *for_tests) {
        (true, false) => "only `manifestd` may name an adapter",
        (_, true) => "not even for tests",
        (false, false) => "there is no such arrow",
    };
    Some(format!("`{from}` depends on `{to}`: {why}"))
}

#[cfg(test)]
mod tests {
    use super::{ADAPTERS, Edge, ROOMS, violations};

    fn check(from: &str, to: &str, for_tests: bool) -> Vec<String> {
        violations(&[Edge { from: from.to_owned(), to: to.to_owned(), for_tests }])
    }

    #[test]
    fn planted_arrows_are_found() {
        let only_the_binary = ["`registry-http` depends on `manifest-sqlite`: only `manifestd` may name an adapter"];
        assert_eq!(check("registry-http", "manifest-sqlite", false), only_the_binary);
        assert_eq!(
            check("oci-types", "manifest-core", false),
            ["`oci-types` depends on `manifest-core`: there is no such arrow"]
        );
        assert_eq!(check("manifest-core", "manifest-memory", true).len(), 1);
        assert_eq!(check("manifest-sqlite", "manifest-contract", false).len(), 1);
        assert!(check("manifest-ui", "manifest-core", false)[0].contains("not in the architecture"));
    }

    #[test]
    fn arrows_of_the_architecture_pass() {
        assert!(check("manifest-sqlite", "manifest-contract", true).is_empty());
        assert!(check("registry-http", "manifest-memory", true).is_empty());
        assert!(check("manifestd", "manifest-sqlite", false).is_empty());
        assert!(check("manifest-postgres", "postgres-fixture", true).is_empty());
    }

    /// The table itself must not allow what the architecture forbids.
    #[test]
    fn only_the_binary_and_tools_name_adapters() {
        let may = ["manifestd", "manifest-vectors", "database-checks"];
        for room in ROOMS.iter().filter(|room| !may.contains(&room.name)) {
            assert!(!room.uses.iter().any(|used| ADAPTERS.contains(used)), "{}", room.name);
        }
    }

    #[test]
    fn only_tests_and_tools_use_the_fixture() {
        for room in ROOMS.iter().filter(|room| !["xtask", "database-checks"].contains(&room.name)) {
            assert!(!room.uses.contains(&"postgres-fixture"), "{}", room.name);
        }
        assert_eq!(check("manifestd", "postgres-fixture", false).len(), 1);
        assert_eq!(check("manifest-sqlite", "postgres-fixture", true).len(), 1);
    }

    #[test]
    fn nothing_depends_on_the_tools() {
        for room in ROOMS {
            let mut used = room.uses.iter().chain(room.tests_use);
            let tools = ["manifest-vectors", "collection-model", "database-checks", "xtask"];
            assert!(!used.any(|used| tools.contains(used)), "{}", room.name);
        }
    }
}
