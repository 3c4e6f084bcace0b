//! JSON as a tree that can be changed and written anew, for texts that must come out byte for byte as Quay writes them.

use super::escape;
use super::number;
use super::text::unescape;
use super::value::end_of_string;
use super::{Kind, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A value. Whatever is no list and no object is kept as the text that it will be written as: that keeps integers of any
/// length and half surrogate pairs, and makes equal what says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json<'a> {
    Scalar(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// The members of an object, each name once, in the order in which the names occurred first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Json<'a> {
    pub(crate) const NULL: Self = Json::Scalar(Cow::Borrowed("null"));
    pub(crate) const TRUE: Self = Json::Scalar(Cow::Borrowed("true"));

    /// A string that says `text`.
    pub(crate) fn string(text: &str) -> Self {
        Json::Scalar(Cow::Owned(escape::quoted(text)))
    }

    pub(crate) fn integer(number: u64) -> Self {
        Json::Scalar(Cow::Owned(number.to_string()))
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Json::Scalar(written) => Value::checked(written).kind(),
            Json::List(_) => Kind::List,
            Json::Object(_) => Kind::Object,
        }
    }

    /// Whether Python takes the value for true.
    pub(crate) fn is_truthy(&self) -> bool {
        match self {
            Json::Scalar(written) => Value::checked(written).is_truthy(),
            Json::List(elements) => !elements.is_empty(),
            Json::Object(members) => !members.0.is_empty(),
        }
    }

    /// What a string says, with a replacement character for each half of a surrogate pair that has no other half.
    pub(crate) fn text(&self) -> Option<String> {
        let Json::Scalar(written) = self else {
            return None;
        };
        let raw = written.strip_prefix('"')?.strip_suffix('"')?;
        Some(match unescape(raw) {
            Some(text) => text.into_owned(),
            None => char::decode_utf16(escape::units(raw)).map(|unit| unit.unwrap_or('\u{fffd}')).collect(),
        })
    }

    pub(crate) fn object(&self) -> Option<&Object<'a>> {
        match self {
            Json::Object(members) => Some(members),
            Json::Scalar(_) | Json::List(_) => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Json<'a>]> {
        match self {
            Json::List(elements) => Some(elements),
            Json::Scalar(_) | Json::Object(_) => None,
        }
    }
}

impl<'a> Object<'a> {
    /// The members with their names as they are written, quotes included.
    pub(super) fn members(&self) -> &[(Cow<'a, str>, Json<'a>)] {
        &self.0
    }

    /// The value of a member. Names are given in ASCII that needs no escape.
    pub(crate) fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(key, _)| is(key, name)).map(|(_, value)| value)
    }

    /// Replaces the value of a member where it stands, or adds the member at the end.
    pub(crate) fn set(&mut self, name: &str, value: Json<'a>) {
        match self.0.iter_mut().find(|(key, _)| is(key, name)) {
            Some(member) => member.1 = value,
            None => self.0.push((written(name), value)),
        }
    }

    /// Adds a member at the end unless there is one of that name.
    pub(crate) fn set_if_absent(&mut self, name: &str, value: impl FnOnce() -> Json<'a>) {
        if self.get(name).is_none() {
            self.set(name, value());
        }
    }

    /// All members but those of these names.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(key, _)| !names.iter().any(|name| is(key, name))).cloned().collect())
    }

    /// The members that are strings, without those that are no Unicode text.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        let exact = |written: &str| {
            let raw = written.strip_prefix('"')?.strip_suffix('"')?;
            unescape(raw).map(Cow::into_owned)
        };
        let texts = self.0.iter().filter_map(|(key, value)| match value {
            Json::Scalar(written) => Some((exact(key)?, exact(written)?)),
            Json::List(_) | Json::Object(_) => None,
        });
        texts.collect()
    }

    /// The name of a member, other than `except`, that `other` does not have or has with another value.
    pub(crate) fn first_that_differs(&self, other: &Self, except: Option<&str>) -> Option<&str> {
        let values: BTreeMap<&str, &Json<'_>> = other.0.iter().map(|(key, value)| (&**key, value)).collect();
        let is_other = |(key, value): &&(Cow<'a, str>, Json<'a>)| {
            !except.is_some_and(|except| is(key, except)) && values.get(&**key).is_none_or(|found| *found != value)
        };
        self.0.iter().find(is_other).map(|(key, _)| key.trim_matches('"'))
    }

    /// The last of several members of one name counts, at the place of the first.
    fn from_members(mut members: Vec<(Cow<'a, str>, Json<'a>)>) -> Self {
        /// Of so few each is held against each other, without an order.
        const FEW: usize = 12;
        let is_again = |at: usize| members[..at].iter().any(|(name, _)| *name == members[at].0);
        if members.len() <= FEW && !(1..members.len()).any(is_again) {
            return Self(members);
        }
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by(|a, b| members[*a].0.cmp(&members[*b].0));
        let groups = order.chunk_by(|a, b| members[*a].0 == members[*b].0).filter(|group| group.len() > 1);
        let groups: Vec<Vec<usize>> = groups.map(<[usize]>::to_vec).collect();
        if groups.is_empty() {
            return Self(members);
        }
        let mut is_first = vec![true; members.len()];
        for group in &groups {
            if let [first, .., last] = group.as_slice() {
                members[*first].1 = std::mem::replace(&mut members[*last].1, Json::NULL);
            }
            for later in group.iter().skip(1) {
                is_first[*later] = false;
            }
        }
        let mut is_first = is_first.into_iter();
        members.retain(|_| is_first.next().unwrap_or(true));
        Self(members)
    }
}

impl<'a> FromIterator<(&'static str, Json<'a>)> for Object<'a> {
    fn from_iter<I: IntoIterator<Item = (&'static str, Json<'a>)>>(members: I) -> Self {
        Self(members.into_iter().map(|(name, value)| (written(name), value)).collect())
    }
}

/// A name as it is written. Those that metadata are made of are many, and written already.
fn written(name: &str) -> Cow<'static, str> {
    Cow::Borrowed(match name {
        "id" => "\"id\"",
        "parent" => "\"parent\"",
        "created" => "\"created\"",
        "container_config" => "\"container_config\"",
        "Cmd" => "\"Cmd\"",
        "Size" => "\"Size\"",
        _ => return Cow::Owned(format!("\"{name}\"")),
    })
}

fn is(key: &str, name: &str) -> bool {
    key.len() == name.len() + 2 && key.get(1..=name.len()) == Some(name)
}

/// A list or object that has not ended yet.
enum Open<'a> {
    List(Vec<Json<'a>>),
    /// With the name whose value comes next.
    Object(Vec<(Cow<'a, str>, Json<'a>)>, Option<Cow<'a, str>>),
}

impl<'a> Open<'a> {
    fn close(self) -> Json<'a> {
        match self {
            Open::List(elements) => Json::List(elements),
            Open::Object(members, _) => Json::Object(Object::from_members(members)),
        }
    }
}

/// The tree of a value that has been checked. Takes time linear in the text (and sorting for objects), whatever the depth.
pub(super) fn tree(text: &str) -> Json<'_> {
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', ':']);
        let done = match rest.as_bytes().first() {
            Some(b'[') => {
                open.push(Open::List(Vec::new()));
                rest = &rest[1..];
                continue;
            }
            Some(b'{') => {
                open.push(Open::Object(Vec::new(), None));
                rest = &rest[1..];
                continue;
            }
            Some(b']' | b'}') => {
                rest = &rest[1..];
                open.pop().map(Open::close)
            }
            Some(b'"') => {
                let (string, after) = rest.split_at(end_of_string(rest.as_bytes(), 1));
                rest = after;
                let written = escape::rewritten(string);
                if let Some(Open::Object(_, name @ None)) = open.last_mut() {
                    *name = Some(written);
                    continue;
                }
                Some(Json::Scalar(written))
            }
            Some(_) => {
                let end = rest.find([',', ']', '}', ' ', '\t', '\n', '\r']).unwrap_or(rest.len());
                let (scalar, after) = rest.split_at(end);
                rest = after;
                let is_number = Value::checked(scalar).kind() == Kind::Number;
                Some(Json::Scalar(if is_number { number::rewritten(scalar) } else { Cow::Borrowed(scalar) }))
            }
            None => None,
        };
        // What has been checked ends in what it began with.
        let done = done.unwrap_or(Json::NULL);
        match open.last_mut() {
            None => return done,
            Some(Open::List(elements)) => elements.push(done),
            Some(Open::Object(members, name)) => members.push((name.take().unwrap_or_default(), done)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Dialect, parse};
    use super::*;

    fn tree(text: &str) -> Json<'_> {
        parse(text, Dialect::Lenient, 512).unwrap().tree()
    }

    #[test]
    fn the_last_duplicate_counts_at_the_place_of_the_first() {
        let check = |text: &str, expected: &str| assert_eq!(tree(text).plain(), expected, "{text}");
        check(r#"{"a":1,"b":2,"\u0061":3,"c":4,"a":5}"#, r#"{"a": 5, "b": 2, "c": 4}"#);
        check(r#"{"\ud800":1,"\uD800":2}"#, r#"{"\ud800": 2}"#);
        check(r#"[{"a":{"a":1,"a":[]}},{}]"#, r#"[{"a": {"a": []}}, {}]"#);
    }

    #[test]
    fn members_change_where_they_stand() {
        let Json::Object(mut object) = tree(r#"{"id":1,"x":null,"parent":[2]}"#) else { panic!() };
        object.set("id", Json::string("é"));
        object.set_if_absent("x", || Json::TRUE);
        object.set_if_absent("y", || Json::integer(7));
        let object = object.without(&["parent", "none"]);
        assert!(object.get("pare").is_none() && object.get("parents").is_none());
        assert_eq!(Json::Object(object).plain(), r#"{"id": "\u00e9", "x": null, "y": 7}"#);
    }

    #[test]
    fn texts_replace_what_is_none() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(tree(text).text().as_deref(), expected, "{text}");
        check(r#""a\ud83d\ude31\n""#, Some("a😱\n"));
        check(r#""a\ud83db\udc00""#, Some("a\u{fffd}b\u{fffd}"));
        check("1", None);
        check("[]", None);
    }

    #[test]
    fn depth_costs_no_time() {
        let deep = format!("{}1{}", "[".repeat(512), "]".repeat(512));
        assert_eq!(tree(&deep).plain(), deep);
        let deep = format!("{}1{}", r#"{"a": "#.repeat(512), "}".repeat(512));
        assert_eq!(tree(&deep).plain(), deep);
    }
}
