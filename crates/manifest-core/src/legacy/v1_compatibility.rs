//! The metadata of a layer as v1 and schema 1 have them.

use super::layers::{Entry, ImageHistory};
use crate::json::{Json, Object};

impl ImageHistory<'_> {
    /// The text `v1Compatibility` of each step, base first, byte for byte as Quay writes it.
    ///
    /// Of the last step it is the whole config, of the others what the history says of them. Source: quay-semantics,
    /// section 9.3, oddities included: a member that the config has already is not replaced by the history's, so a config
    /// of one step that has a `parent` keeps it.
    pub fn v1_compatibility(&self) -> impl Iterator<Item = String> {
        self.metadata().map(|metadata| metadata.plain())
    }
}

impl<'a> ImageHistory<'a> {
    /// The same, not written yet.
    pub(super) fn metadata(&self) -> impl ExactSizeIterator<Item = Object<'a>> {
        self.steps.iter().enumerate().map(|(at, step)| {
            let is_last = at + 1 == self.steps.len();
            let mut metadata = if is_last { self.config.without(&["history", "rootfs"]) } else { Object::default() };
            metadata.set("id", Json::string(&step.id));
            if let Some(parent) = at.checked_sub(1).and_then(|below| self.steps.get(below)) {
                metadata.set("parent", Json::string(&parent.id));
            }
            if let Some(entry) = &step.entry {
                describe(&mut metadata, entry);
            }
            metadata.set("Size", Json::integer(step.size));
            metadata
        })
    }
}

/// What a step's entry adds.
fn describe<'a>(metadata: &mut Object<'a>, entry: &Entry<'a>) {
    for (name, value) in [("created", &entry.created), ("author", &entry.author), ("comment", &entry.comment)] {
        if let Some(value) = value.as_ref().filter(|value| value.is_truthy()) {
            metadata.set_if_absent(name, || value.clone());
        }
    }
    if entry.is_empty {
        metadata.set_if_absent("throwaway", || Json::TRUE);
    }
    metadata.set_if_absent("container_config", || {
        let command = entry.command.clone().unwrap_or(Json::NULL);
        Json::Object([("Cmd", Json::List(vec![command]))].into_iter().collect())
    });
}
