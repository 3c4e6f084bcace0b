use super::change::{Pin, Plan};
use super::empty::empty_plan;
use crate::access::Context;
use crate::policy::Policy;
use crate::time::Millis;
use oci_types::{Digest, RepositoryName};

/// Keeps a manifest until a time, whatever happens to its tags; a later pin that is there stays. That the manifest is still there
/// is found by the write itself.
#[must_use]
pub fn plan_pin(repository: &RepositoryName, digest: &Digest, until: Millis, policy: &Policy, cx: &Context) -> Plan {
    Plan { pin: Some(Pin { digest: *digest, until }), ..empty_plan(repository, policy, cx) }
}
