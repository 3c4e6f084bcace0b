use super::skip;
use super::text::unescape;
use super::tree::{self, Json};
use std::borrow::Cow;
use std::fmt;

/// One value inside a JSON text that has been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a>(&'a str);

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// A list.
    List,
    /// An object.
    Object,
}

/// The name of a member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key<'a> {
    /// Without escapes.
    Text(Cow<'a, str>),
    /// As it is written, because half of a surrogate pair is in it.
    Raw(&'a str),
}

impl<'a> Value<'a> {
    /// A value that has been checked; blanks around it are cut off.
    pub(super) fn checked(text: &'a str) -> Self {
        Self(text)
    }

    pub(crate) fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'n') | None => Kind::Null,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'"') => Kind::String,
            Some(b'[') => Kind::List,
            Some(b'{') => Kind::Object,
            Some(_) => Kind::Number,
        }
    }

    /// The value and all that is in it, to be changed and written anew.
    pub(crate) fn tree(self) -> Json<'a> {
        tree::tree(self.0)
    }

    pub(crate) fn boolean(self) -> Option<bool> {
        (self.kind() == Kind::Boolean).then_some(self.0 == "true")
    }

    /// The number as it is written.
    pub(crate) fn number(self) -> Option<&'a str> {
        (self.kind() == Kind::Number).then_some(self.0)
    }

    /// What a string says; `Some(None)` if half of a surrogate pair is in it.
    #[expect(clippy::option_option, reason = "no string, and a string that is no text, are two things")]
    pub(crate) fn string(self) -> Option<Option<Cow<'a, str>>> {
        (self.kind() == Kind::String).then(|| unescape(inside(self.0)))
    }

    pub(crate) fn elements(self) -> Option<Elements<'a>> {
        (self.kind() == Kind::List).then(|| Elements(inside(self.0)))
    }

    pub(crate) fn members(self) -> Option<Members<'a>> {
        (self.kind() == Kind::Object).then(|| Members(inside(self.0)))
    }

    /// Whether Python takes the value for true: neither `null`, `false`, zero, nor empty.
    pub(crate) fn is_truthy(self) -> bool {
        match self.kind() {
            Kind::Null => false,
            Kind::Boolean => self.0 == "true",
            // "NaN" and "Infinity" parse here as they do there.
            Kind::Number => self.0.parse::<f64>().is_ok_and(|number| number != 0.0),
            Kind::String => self.0.len() > 2,
            Kind::List | Kind::Object => !trim(inside(self.0)).is_empty(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::List => "a list",
            Self::Object => "an object",
        })
    }
}

/// The values of a list, in order.
pub(crate) struct Elements<'a>(&'a str);

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        next_value(&mut self.0)
    }
}

/// The names and values of an object, in order, duplicates and all.
pub(crate) struct Members<'a>(&'a str);

impl<'a> Iterator for Members<'a> {
    type Item = (Key<'a>, Value<'a>);

    fn next(&mut self) -> Option<(Key<'a>, Value<'a>)> {
        let raw = inside(next_value(&mut self.0)?.0);
        Some((unescape(raw).map_or(Key::Raw(raw), Key::Text), next_value(&mut self.0)?))
    }
}

/// Takes the first value off `rest`, and the comma or colon behind it.
fn next_value<'a>(rest: &mut &'a str) -> Option<Value<'a>> {
    let text = trim(rest);
    if text.is_empty() {
        return None;
    }
    let (value, after) = text.split_at(end_of_value(text.as_bytes()));
    let after = trim(after);
    *rest = after.strip_prefix([',', ':']).unwrap_or(after);
    Some(Value(value))
}

/// Where the value that `bytes` begin with ends.
fn end_of_value(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = end_of_string(bytes, at),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            // Inside of something, or inside a number or a word that may go on.
            _ if depth > 0 => continue,
            _ => match bytes.get(at) {
                None | Some(b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') => {}
                Some(_) => continue,
            },
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Where a string ends whose first character stands at `at`.
pub(super) fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = skip::plain(bytes, at);
        match bytes.get(at) {
            None => return bytes.len(),
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
        }
    }
}

/// What is between the first and the last byte, which are quotes or brackets.
fn inside(text: &str) -> &str {
    text.get(1..text.len().saturating_sub(1)).unwrap_or_default()
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, parse};
    use super::*;

    fn value(text: &str) -> Value<'_> {
        parse(text, Dialect::Lenient, 9).unwrap()
    }

    #[test]
    fn lists_and_objects_give_what_is_in_them() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = value(text).elements().unwrap().map(|element| element.0).collect();
            assert_eq!(found, expected, "{text}");
        };
        check("[]", &[]);
        check("[ ]", &[]);
        check("[1]", &["1"]);
        check(" [ 1 , -2.5e+3 ,null, \"a,]\" ] ", &["1", "-2.5e+3", "null", "\"a,]\""]);
        check(r#"[[1,[2]],{"a":[3]},"\"]",[]]"#, &["[1,[2]]", r#"{"a":[3]}"#, r#""\"]""#, "[]"]);
        check("[NaN,-Infinity]", &["NaN", "-Infinity"]);

        let members = value(r#"{ "a" : 1 , "\u0061":"x:y" ,"\ud800":[] , "" : {"b":2}}"#).members().unwrap();
        let found: Vec<(Key<'_>, &str)> = members.map(|(key, value)| (key, value.0)).collect();
        let text = |text: &'static str| Key::Text(text.into());
        let raw = Key::Raw(r"\ud800");
        assert_eq!(found, [(text("a"), "1"), (text("a"), "\"x:y\""), (raw, "[]"), (text(""), r#"{"b":2}"#)]);
    }

    #[test]
    fn truth() {
        let check = |text: &str, expected: bool| assert_eq!(value(text).is_truthy(), expected, "{text}");
        for text in ["null", "false", "0", "-0.0", "0e9", "\"\"", "[]", "[ ]", "{ }"] {
            check(text, false);
        }
        for text in ["true", "1", "-1", "0.1", "NaN", "Infinity", "\" \"", "[0]", "{\"\":0}"] {
            check(text, true);
        }
    }
}
