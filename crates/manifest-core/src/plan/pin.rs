use super::change::{Pin, Plan};
use super::empty::empty_plan;
use crate::access::Context;
use crate::policy::Policy;
use crate::time::Millis;
use oci_types::{Digest, RepositoryName};

/// Keeps a manifest until a time, whatever happens to its tags; a later pin that is there stays. That the manifest is
/// still there is found by the write itself.
///
/// ```
/// # use manifest_core::{Context, Policy, oci_types::{Algorithm, Digest}, plan::plan_pin};
/// # let (repository, digest) = ("team/app".parse().unwrap(), Digest::of(Algorithm::Sha256, b""));
/// let plan = plan_pin(&repository, &digest, 5_000, &Policy::default(), &Context::anonymous(0));
/// assert_eq!(plan.pin.unwrap().until, 5_000);
/// ```
#[must_use]
pub fn plan_pin(repository: &RepositoryName, digest: &Digest, until: Millis, policy: &Policy, cx: &Context) -> Plan {
    Plan { pin: Some(Pin { digest: *digest, until }), ..empty_plan(repository, policy, cx) }
}
