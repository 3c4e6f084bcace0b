//! Where a page of the extension goes on. Clients hand cursors back as they got them; what is in them is ours to change.

use super::route::BadRequest;
use manifest_core::Millis;
use manifest_core::ports::{HistoryCursor, TagCursor};
use oci_types::TagName;
use std::fmt::Display;

/// The text of a cursor behind a tag, or behind an interval of one: made of characters that a query needs not escape.
pub(crate) fn cursor(start: Millis, name: &TagName) -> impl Display {
    format!("{start}.{name}")
}

pub(super) fn tag_cursor(text: &str) -> Result<TagCursor, BadRequest> {
    read(text).map(|(start, name)| TagCursor { start, name })
}

pub(super) fn history_cursor(text: &str) -> Result<HistoryCursor, BadRequest> {
    read(text).map(|(start, name)| HistoryCursor { start, name })
}

fn read(text: &str) -> Result<(Millis, TagName), BadRequest> {
    let (start, name) = text.split_once('.').ok_or(BadRequest::Cursor)?;
    let start = start.parse().map_err(|_| BadRequest::Cursor)?;
    let name = name.parse().map_err(|_| BadRequest::Cursor)?;
    Ok((start, name))
}

#[cfg(test)]
mod tests {
    use super::{BadRequest, cursor, history_cursor, tag_cursor};

    #[test]
    fn cursors_read_what_they_write() {
        for (start, name) in [(0, "v1"), (-1, "a.b.c"), (i64::MAX, "_"), (1_800_000_000_000, "1.2")] {
            let name = name.parse().unwrap();
            let text = cursor(start, &name).to_string();
            let tag = tag_cursor(&text).unwrap();
            assert_eq!((tag.start, &tag.name), (start, &name), "{text}");
            let interval = history_cursor(&text).unwrap();
            assert_eq!((interval.start, &interval.name), (start, &name), "{text}");
        }
    }

    #[test]
    fn others_are_refused() {
        for text in ["", ".", "1", "1.", ".a", "x.a", "1.-", "1 .a", "99999999999999999999.a"] {
            assert_eq!(tag_cursor(text), Err(BadRequest::Cursor), "{text}");
        }
    }
}
