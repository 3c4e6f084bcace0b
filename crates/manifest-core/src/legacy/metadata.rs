//! What the metadata of one schema 1 layer say.

use super::error::LegacyError;
use crate::document::{MemberError, Problem};
use crate::json::{Dialect, Json, LENIENT_DEPTH, Object, parse};
use std::collections::BTreeMap;

/// The metadata of a layer, read.
pub(super) struct Metadata<'a> {
    /// Where they stand in the manifest's history, which begins with the last layer.
    at: usize,
    members: Object<'a>,
}

impl<'a> Metadata<'a> {
    /// Reads the text `v1Compatibility` that stands at `at`.
    pub(super) fn read(text: &'a str, at: usize) -> Result<Self, LegacyError> {
        let error = |problem| LegacyError::Metadata(MemberError { path: path(at).into(), problem });
        let value = parse(text, Dialect::Lenient, LENIENT_DEPTH).map_err(|found| error(Problem::NotJson(found)))?;
        match value.tree() {
            Json::Object(members) => Ok(Self::of(members, at)),
            Json::Scalar(_) | Json::List(_) => Err(error(Problem::Type { expected: "an object", found: value.kind() })),
        }
    }

    /// Those that were made and not written.
    pub(super) fn of(members: Object<'a>, at: usize) -> Self {
        Self { at, members }
    }

    /// What a member that is text says; also `None` if it is something else, or missing.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.members.get(name).and_then(Json::text)
    }

    /// The command, in canonical JSON: `container_config.Cmd`, unless it is nothing.
    pub(super) fn command(&self) -> Result<Option<String>, LegacyError> {
        let settings = self.member_object("container_config")?;
        let command = settings.and_then(|settings| settings.get("Cmd")).filter(|command| command.is_truthy());
        Ok(command.map(Json::canonical))
    }

    /// The labels that are text.
    pub(super) fn labels(&self) -> Result<BTreeMap<String, String>, LegacyError> {
        let settings = self.member_object("config")?;
        let labels = settings.and_then(|settings| settings.get("Labels")).and_then(Json::object);
        Ok(labels.map(Object::texts).unwrap_or_default())
    }

    /// The metadata with other ids, in canonical JSON.
    ///
    /// `rename` gives the new id for an old one. Of the container's image Quay leaves the old id in `Image` and puts the
    /// new one into `image`, which is part of what comes out (quay-semantics, section 9.4).
    ///
    /// # Errors
    ///
    /// If `container_config` is there and no object; Quay fails on it as well, `null` included.
    pub(super) fn renamed(
        mut self,
        id: Option<&str>,
        rename: impl Fn(&str) -> Option<String>,
    ) -> Result<String, LegacyError> {
        self.members.set("id", id.map_or(Json::NULL, Json::string));
        if let Some(parent) = self.text("parent").filter(|parent| !parent.is_empty()).and_then(|parent| rename(&parent))
        {
            self.members.set("parent", Json::string(&parent));
        }
        let settings = match self.members.get("container_config") {
            None => None,
            Some(Json::Object(settings)) => Some(settings),
            Some(other @ (Json::Scalar(_) | Json::List(_))) => return Err(self.no_object("container_config", other)),
        };
        let image = settings.and_then(|settings| settings.get("Image")).and_then(Json::text);
        if let (Some(settings), Some(image)) = (settings, image.as_deref().and_then(rename)) {
            let mut settings = settings.clone();
            settings.set("image", Json::string(&image));
            self.members.set("container_config", Json::Object(settings));
        }
        Ok(Json::Object(self.members).canonical())
    }

    /// The metadata without what only the last layer needs (quay-semantics, section 9.5, "metadata-removed").
    pub(super) fn reduced(&self) -> Result<String, LegacyError> {
        let mut kept = Object::default();
        for name in ["id", "parent", "created", "author", "comment", "Size"] {
            if let Some(value) = self.members.get(name) {
                kept.set(name, value.clone());
            }
        }
        let settings = self.member_object("container_config")?;
        if let Some(command) = settings.and_then(|settings| settings.get("Cmd")) {
            let settings = [("Cmd", command.clone())].into_iter().collect();
            kept.set("container_config", Json::Object(settings));
        }
        Ok(Json::Object(kept).plain())
    }

    /// All of the metadata, written anew.
    pub(super) fn plain(&self) -> String {
        self.members.plain()
    }

    /// An object, or nothing where there is nothing.
    fn member_object(&self, name: &str) -> Result<Option<&Object<'a>>, LegacyError> {
        match self.members.get(name) {
            Some(Json::Object(members)) => Ok(Some(members)),
            Some(other) if other.is_truthy() => Err(self.no_object(name, other)),
            Some(_) | None => Ok(None),
        }
    }

    fn no_object(&self, name: &str, found: &Json<'_>) -> LegacyError {
        let problem = Problem::Type { expected: "an object", found: found.kind() };
        LegacyError::Metadata(MemberError { path: format!("{}.{name}", path(self.at)).into(), problem })
    }
}

/// The way to metadata, for errors.
fn path(at: usize) -> String {
    format!("history[{at}].v1Compatibility")
}
