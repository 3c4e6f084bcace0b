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
/// Tools and proofs of developers. Nothing is built on them, not even a test.
const TOOLS: &[&str] =
    &["manifest-vectors", "manifest-model", "collection-model", "manifest-fuzz", "database-checks", "registry-bench"];

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
    // The vectors of the data layer run over adapters, and on Postgres a case has a database of its own.
    Room {
        name: "manifest-vectors",
        uses: &[
            "oci-types",
            "manifest-core",
            "manifest-memory",
            "manifest-sqlite",
            "manifest-postgres",
            "postgres-fixture",
        ],
        tests_use: &[],
    },
    // A tool of developers that looks at the adapters' databases, and nothing is built on it.
    Room {
        name: "database-checks",
        uses: &["oci-types", "manifest-core", "manifest-sqlite", "manifest-postgres", "postgres-fixture"],
        tests_use: &[],
    },
    // A tool that measures registries from outside, as programs, so it names nothing of ours but the server that one keeps rows in.
    Room { name: "registry-bench", uses: &["postgres-fixture"], tests_use: &[] },
    // A server for tests; nothing that is shipped is built on it.
    Room { name: "postgres-fixture", uses: &[], tests_use: &[] },
    // A proof that adapters answer alike.
    Room {
        name: "manifest-model",
        uses: &[
            "oci-types",
            "manifest-core",
            "manifest-memory",
            "manifest-sqlite",
            "manifest-postgres",
            "postgres-fixture",
        ],
        tests_use: &[],
    },
    // A proof over the core's own plans.
    Room { name: "collection-model", uses: CORE, tests_use: &[] },
    // A harness over every parser.
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
    let why = if TOOLS.contains(&to) {
        "nothing is built on a tool"
    } else if *for_tests {
        "not even for tests"
    } else if ADAPTERS.contains(&to) {
        "only `manifestd` and the tools that run adapters may name one"
    } else {
        "there is no such arrow"
    };
    Some(format!("`{from}` depends on `{to}`: {why}"))
}

#[cfg(test)]
mod tests {
    use super::{ADAPTERS, Edge, ROOMS, TOOLS, violations};

    fn check(from: &str, to: &str, for_tests: bool) -> Vec<String> {
        violations(&[Edge { from: from.to_owned(), to: to.to_owned(), for_tests }])
    }

    #[test]
    fn planted_arrows_are_found() {
        assert_eq!(
            check("registry-http", "manifest-sqlite", false),
            [
                "`registry-http` depends on `manifest-sqlite`: only `manifestd` and the tools that run adapters may name one"
            ]
        );
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
        let named = ["manifestd", "manifest-vectors", "manifest-model", "database-checks"];
        for room in ROOMS.iter().filter(|room| !named.contains(&room.name)) {
            assert!(!room.uses.iter().any(|used| ADAPTERS.contains(used)), "{}", room.name);
        }
    }

    #[test]
    fn only_tests_and_tools_use_the_fixture() {
        let tools = ["xtask", "database-checks", "manifest-vectors", "manifest-model", "registry-bench"];
        for room in ROOMS.iter().filter(|room| !tools.contains(&room.name)) {
            assert!(!room.uses.contains(&"postgres-fixture"), "{}", room.name);
        }
        assert_eq!(check("manifestd", "postgres-fixture", false).len(), 1);
        assert_eq!(check("manifest-sqlite", "postgres-fixture", true).len(), 1);
    }

    #[test]
    fn nothing_depends_on_a_tool() {
        for tool in TOOLS {
            assert!(ROOMS.iter().any(|room| room.name == *tool), "there is no `{tool}`");
            for (room, for_tests) in ROOMS.iter().flat_map(|room| [(room, false), (room, true)]) {
                let arrow = format!("`{}` depends on `{tool}`: nothing is built on a tool", room.name);
                assert_eq!(check(room.name, tool, for_tests), [arrow]);
            }
        }
    }

    /// What is used by nobody is a tool, or it would be missing from the list.
    #[test]
    fn every_tool_is_listed() {
        let products = ["manifestd", "xtask"];
        let is_used = |name| ROOMS.iter().any(|room| room.uses.contains(&name) || room.tests_use.contains(&name));
        for room in ROOMS.iter().filter(|room| !products.contains(&room.name)) {
            assert_ne!(is_used(room.name), TOOLS.contains(&room.name), "{}", room.name);
        }
    }
}
