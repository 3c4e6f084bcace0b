//! The ask and the plan that ask for and do nothing, for others to fill.

use super::change::Plan;
use crate::access::Context;
use crate::facts::PushAsk;
use crate::policy::Policy;
use crate::time::after;
use oci_types::RepositoryName;
use std::collections::BTreeSet;

pub(crate) fn empty_ask(repository: &RepositoryName, cx: &Context) -> PushAsk {
    PushAsk {
        repository: repository.clone(),
        now: cx.now,
        digest: None,
        blobs: BTreeSet::new(),
        children: BTreeSet::new(),
        tags: BTreeSet::new(),
        tags_of: None,
        labels: false,
        visibility: false,
        legacy_images: BTreeSet::new(),
    }
}

pub(super) fn empty_plan(repository: &RepositoryName, policy: &Policy, cx: &Context) -> Plan {
    Plan {
        repository: repository.clone(),
        create_repository: None,
        now: cx.now,
        actor: cx.caller.actor().cloned(),
        manifest: None,
        tags: Vec::new(),
        pin: None,
        displaced_until: policy.pin_on_untag.then(|| after(cx.now, policy.untagged_ttl)),
        delete: None,
        labels: None,
        purge: BTreeSet::new(),
    }
}
