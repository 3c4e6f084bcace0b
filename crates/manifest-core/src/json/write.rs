//! The three ways in which Quay writes JSON. All are ASCII.

use super::escape;
use super::tree::{Json, Object};
use std::borrow::Cow;
use std::cmp::Ordering;

/// What stands between things.
#[derive(Clone, Copy)]
struct Style {
    comma: &'static str,
    colon: &'static str,
    is_sorted: bool,
    /// How many blanks each level is set in by, one entry a line; `None` for all in one line.
    indent: Option<usize>,
}

const PLAIN: Style = Style { comma: ", ", colon: ": ", is_sorted: false, indent: None };
const CANONICAL: Style = Style { comma: ",", colon: ":", is_sorted: true, indent: None };
const COMPACT: Style = Style { comma: ",", colon: ":", is_sorted: false, indent: None };
const INDENTED: Style = Style { comma: ",", colon: ": ", is_sorted: false, indent: Some(3) };

impl Json<'_> {
    /// As it goes into v1 ids and v1 metadata: a blank behind each comma and colon, members in their order.
    pub(crate) fn plain(&self) -> String {
        self.written(PLAIN)
    }

    /// Members sorted by name, code point by code point, without blanks.
    ///
    /// Quay means to escape `<`, `>` and `&`, but does so only where the whole value is a string; so here.
    pub(crate) fn canonical(&self) -> String {
        match self {
            Json::Scalar(written) => written.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e"),
            Json::List(_) | Json::Object(_) => self.written(CANONICAL),
        }
    }

    /// Without blanks, members in their order.
    pub(crate) fn compact(&self) -> String {
        self.written(COMPACT)
    }

    /// One entry a line, each level set in by three blanks, without a line feed at the end: as schema 1 is written.
    pub(crate) fn indented(&self) -> String {
        self.written(INDENTED)
    }

    /// [`Self::plain`], at the end of a text.
    pub(crate) fn write_plain(&self, out: &mut String) {
        self.write(out, PLAIN, 0);
    }

    fn written(&self, style: Style) -> String {
        let mut out = String::new();
        self.write(&mut out, style, 0);
        out
    }

    /// Goes as deep as the value, which the reader limits.
    fn write(&self, out: &mut String, style: Style, depth: usize) {
        match self {
            Json::Scalar(written) => out.push_str(written),
            Json::List(elements) => {
                out.push('[');
                for (at, element) in elements.iter().enumerate() {
                    start_entry(out, style, at == 0, depth + 1);
                    element.write(out, style, depth + 1);
                }
                end(out, style, elements.is_empty(), depth, ']');
            }
            Json::Object(object) => object.write(out, style, depth),
        }
    }
}

impl Object<'_> {
    /// [`Json::plain`] of the object.
    pub(crate) fn plain(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, PLAIN, 0);
        out
    }

    fn write(&self, out: &mut String, style: Style, depth: usize) {
        out.push('{');
        let mut write = |(at, (name, value)): (usize, &(Cow<'_, str>, Json<'_>))| {
            start_entry(out, style, at == 0, depth + 1);
            out.push_str(name);
            out.push_str(style.colon);
            value.write(out, style, depth + 1);
        };
        if style.is_sorted {
            sorted(self).into_iter().enumerate().for_each(&mut write);
        } else {
            self.members().iter().enumerate().for_each(&mut write);
        }
        end(out, style, self.members().is_empty(), depth, '}');
    }
}

fn sorted<'o, 'a>(object: &'o Object<'a>) -> Vec<&'o (Cow<'a, str>, Json<'a>)> {
    let mut members: Vec<_> = object.members().iter().collect();
    members.sort_by(|(a, _), (b, _)| by_code_points(a, b));
    members
}

fn start_entry(out: &mut String, style: Style, is_first: bool, depth: usize) {
    if !is_first {
        out.push_str(style.comma);
    }
    new_line(out, style, depth);
}

fn end(out: &mut String, style: Style, is_empty: bool, depth: usize, bracket: char) {
    if !is_empty {
        new_line(out, style, depth);
    }
    out.push(bracket);
}

fn new_line(out: &mut String, style: Style, depth: usize) {
    if let Some(indent) = style.indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth * indent));
    }
}

/// Two names as they are written. Half of a surrogate pair is a code point of its own.
fn by_code_points(a: &str, b: &str) -> Ordering {
    code_points(a).cmp(code_points(b))
}

fn code_points(written: &str) -> impl Iterator<Item = u32> {
    let raw = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
    char::decode_utf16(escape::units(raw))
        .map(|unit| unit.map_or_else(|lone| u32::from(lone.unpaired_surrogate()), u32::from))
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, parse};

    #[test]
    fn the_ways_to_write() {
        let check = |text: &str, plain: &str, canonical: &str| {
            let tree = parse(text, Dialect::Lenient, 9).unwrap().tree();
            assert_eq!((tree.plain().as_str(), tree.canonical().as_str()), (plain, canonical), "{text}");
        };
        check("\"<&>/\"", "\"<&>/\"", r#""\u003c\u0026\u003e/""#);
        check("[\"<&>\" , 1.0]", "[\"<&>\", 1.0]", "[\"<&>\",1.0]");
        check(r#"{"b":[],"a":{}}"#, r#"{"b": [], "a": {}}"#, r#"{"a":{},"b":[]}"#);
        // By code points, which is neither the order of the escapes nor that of UTF-16.
        let sorted = r#"{"A":6,"z":5,"\u00e9":1,"\ud800":4,"\ue000":2,"\ud83d\ude31":3}"#;
        let text = r#"{"é":1,"\ue000":2,"😱":3,"\ud800":4,"z":5,"A":6}"#;
        assert_eq!(parse(text, Dialect::Lenient, 9).unwrap().tree().canonical(), sorted);
    }

    #[test]
    fn indented() {
        let tree = parse(r#"{"a":[1,{"b":[]}],"c":{}}"#, Dialect::Lenient, 9).unwrap().tree();
        let expected = "{\n   \"a\": [\n      1,\n      {\n         \"b\": []\n      }\n   ],\n   \"c\": {}\n}";
        assert_eq!(tree.indented(), expected);
        assert_eq!(tree.compact(), r#"{"a":[1,{"b":[]}],"c":{}}"#);
    }
}
