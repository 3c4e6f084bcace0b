//! Answers as text, without what adapters may choose: where bytes are, and which ids labels have.

use std::fmt::Debug;

/// Turns answers of one side into text. Ids of labels become the order in which they were first seen.
#[derive(Default)]
pub(crate) struct Texts {
    labels: Vec<String>,
}

impl Texts {
    pub(crate) fn of(&mut self, answer: &impl Debug) -> String {
        let text = replaced(&format!("{answer:?}"), "Location {", "}", |_| " .. ".to_owned());
        replaced(&text, "LabelId(", ")", |id| self.order(id).to_string())
    }

    fn order(&mut self, id: &str) -> usize {
        self.labels.iter().position(|seen| seen == id).unwrap_or_else(|| {
            self.labels.push(id.to_owned());
            self.labels.len() - 1
        })
    }
}

/// The text with everything between an opening and the next end replaced.
fn replaced(text: &str, open: &str, end: &str, mut with: impl FnMut(&str) -> String) -> String {
    let mut parts = text.split(open);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (inner, rest) = part.split_once(end).unwrap_or((part, ""));
        out.extend([open, &with(inner), end, rest]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::Texts;
    use manifest_core::facts::{Blob, Location};
    use manifest_core::plan::LabelId;

    #[test]
    fn ids_become_their_order_and_locations_nothing() {
        let mut texts = Texts::default();
        assert_eq!(texts.of(&(LabelId(7), LabelId(9), LabelId(7))), "(LabelId(0), LabelId(1), LabelId(0))");
        let location = Location { store: "memory".parse().unwrap(), key: "a".into() };
        assert_eq!(texts.of(&Blob { size: 3, location }), "Blob { size: 3, location: Location { .. } }");
    }
}
