use super::member_error::{MemberError, Problem};
use crate::json::{Key, Kind, Value};
use oci_types::{Digest, MediaType, Quoted};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// A value of a document that knows the way to itself, so that whatever is wrong with it can be said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a, 'p> {
    pub(super) value: Value<'a>,
    path: Path<'p>,
    keys: Keys,
}

/// What a name that occurs twice in an object means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// The document is refused: two readers could read two things.
    Unique,
    /// The last one counts, as every JSON reader has it.
    LastWins,
}

/// The way from a document's root to a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'p> {
    Root(&'p str),
    Member(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

/// A member that may be there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a, 'p> {
    value: Option<Value<'a>>,
    path: Path<'p>,
    keys: Keys,
}

impl<'a, 'p> Node<'a, 'p> {
    pub(super) fn new(value: Value<'a>, path: Path<'p>, keys: Keys) -> Self {
        Self { value, path, keys }
    }

    pub(super) fn path(&self) -> &Path<'p> {
        &self.path
    }

    /// The members of those names, in that order.
    pub(super) fn fields<const N: usize>(&self, names: [&'static str; N]) -> Result<[Field<'a, '_>; N], MemberError> {
        self.fields_and(names, []).map(|(fields, [])| fields)
    }

    /// Those of two lists of names.
    pub(super) fn fields_and<const N: usize, const M: usize>(
        &self,
        names: [&'static str; N],
        more: [&'static str; M],
    ) -> Result<([Field<'a, '_>; N], [Field<'a, '_>; M]), MemberError> {
        let (mut found, mut found_more) = ([None; N], [None; M]);
        let mut seen = Vec::new();
        for (key, value) in self.value.members().ok_or_else(|| self.not("an object"))? {
            if let Key::Text(text) = &key {
                if let Some(at) = names.iter().position(|name| name == text) {
                    found[at] = Some(value);
                } else if let Some(at) = more.iter().position(|name| name == text) {
                    found_more[at] = Some(value);
                }
            }
            if self.keys == Keys::Unique {
                seen.push(key);
            }
        }
        self.refuse_duplicates(seen)?;
        Ok((self.fields_of(names, found), self.fields_of(more, found_more)))
    }

    fn fields_of<const N: usize>(&self, names: [&'static str; N], found: [Option<Value<'a>>; N]) -> [Field<'a, '_>; N] {
        let mut fields = names.map(|name| Field { value: None, path: Path::Member(&self.path, name), keys: self.keys });
        for (field, value) in fields.iter_mut().zip(found) {
            field.value = value;
        }
        fields
    }

    fn refuse_duplicates(&self, mut keys: Vec<Key<'_>>) -> Result<(), MemberError> {
        /// Of so few each is held against each other, without an order.
        const FEW: usize = 12;
        if keys.len() <= FEW && !(1..keys.len()).any(|at| keys[..at].contains(&keys[at])) {
            return Ok(());
        }
        keys.sort_unstable();
        let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) else {
            return Ok(());
        };
        let name = match &pair[0] {
            Key::Text(name) => name.as_ref(),
            Key::Raw(name) => name,
        };
        Err(Path::Member(&self.path, name).error(Problem::Duplicate))
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> Result<impl Iterator<Item = Node<'a, '_>>, MemberError> {
        let elements = self.value.elements().ok_or_else(|| self.not("a list"))?;
        let (path, keys) = (&self.path, self.keys);
        Ok(elements.enumerate().map(move |(at, value)| Node { value, path: Path::Element(path, at), keys }))
    }

    /// An object of strings.
    pub(super) fn texts(&self) -> Result<BTreeMap<String, String>, MemberError> {
        let (texts, odd) = self.texts_and_odd_ones()?;
        if odd == 0 { Ok(texts) } else { Err(self.error(Problem::NotText)) }
    }

    /// An object of strings without the entries that are no Unicode text, and how many those are.
    pub(super) fn texts_and_odd_ones(&self) -> Result<(BTreeMap<String, String>, usize), MemberError> {
        let (mut texts, mut odd, mut seen) = (BTreeMap::new(), 0, Vec::new());
        for (key, value) in self.value.members().ok_or_else(|| self.not("an object"))? {
            let name = match &key {
                Key::Text(name) => Some(name.clone()),
                Key::Raw(_) => None,
            };
            let path = Path::Member(&self.path, name.as_deref().unwrap_or("?"));
            let text = value.string().ok_or_else(|| Node::new(value, path, self.keys).not("a string"))?;
            match (name, text) {
                (Some(name), Some(text)) => drop(texts.insert(name.into_owned(), text.into_owned())),
                _ => odd += 1,
            }
            if self.keys == Keys::Unique {
                seen.push(key);
            }
        }
        self.refuse_duplicates(seen)?;
        Ok((texts, odd))
    }

    pub(super) fn object(&self) -> Result<(), MemberError> {
        self.expect(Kind::Object, "an object")
    }

    pub(super) fn boolean(&self) -> Result<bool, MemberError> {
        self.value.boolean().ok_or_else(|| self.not("a boolean"))
    }

    pub(super) fn text(&self) -> Result<Cow<'a, str>, MemberError> {
        let text = self.value.string().ok_or_else(|| self.not("a string"))?;
        text.ok_or_else(|| self.error(Problem::NotText))
    }

    /// That this is a string, whatever it says.
    pub(super) fn any_string(&self) -> Result<(), MemberError> {
        self.expect(Kind::String, "a string")
    }

    /// A list of strings.
    pub(super) fn text_list(&self) -> Result<Vec<String>, MemberError> {
        self.elements()?.map(|element| element.text().map(Cow::into_owned)).collect()
    }

    /// A number of bytes: a whole number below 2^63, however it is written (`192.0` is one).
    pub(super) fn size(&self) -> Result<u64, MemberError> {
        let number = self.value.number().ok_or_else(|| self.not("a number"))?;
        match whole(number) {
            Some(size) => Ok(size),
            None if number.starts_with('-') => Err(self.error(Problem::Negative)),
            None => Err(self.error(Problem::Size { found: number.into() })),
        }
    }

    pub(super) fn digest(&self) -> Result<Digest, MemberError> {
        self.text()?.parse().map_err(|error| self.error(Problem::Digest(error)))
    }

    pub(super) fn media_type(&self) -> Result<MediaType, MemberError> {
        self.text()?.parse().map_err(|error| self.error(Problem::MediaType(error)))
    }

    pub(super) fn error(&self, problem: Problem) -> MemberError {
        self.path.error(problem)
    }

    /// That this is of another kind than it must be.
    pub(super) fn not(&self, expected: &'static str) -> MemberError {
        self.error(Problem::Type { expected, found: self.value.kind() })
    }

    fn expect(&self, kind: Kind, name: &'static str) -> Result<(), MemberError> {
        if self.value.kind() == kind { Ok(()) } else { Err(self.not(name)) }
    }
}

impl<'a, 'p> Field<'a, 'p> {
    pub(super) fn required(self) -> Result<Node<'a, 'p>, MemberError> {
        self.optional().ok_or_else(|| self.error(Problem::Missing))
    }

    pub(super) fn optional(self) -> Option<Node<'a, 'p>> {
        self.value.map(|value| Node { value, path: self.path, keys: self.keys })
    }

    /// The member, unless it is missing or null.
    pub(super) fn non_null(self) -> Option<Node<'a, 'p>> {
        self.optional().filter(|node| node.value.kind() != Kind::Null)
    }

    pub(super) fn is_present(self) -> bool {
        self.value.is_some()
    }

    pub(super) fn error(self, problem: Problem) -> MemberError {
        self.path.error(problem)
    }
}

impl Path<'_> {
    fn error(&self, problem: Problem) -> MemberError {
        MemberError { path: self.to_string().into(), problem }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root(name) => f.write_str(name),
            Path::Element(list, at) => write!(f, "{list}[{at}]"),
            Path::Member(object, name) => {
                // What a client may have made up is quoted, and cut short.
                let is_plain = (1..=40).contains(&name.len())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
                match (object, is_plain) {
                    (Path::Root(_), true) => f.write_str(name),
                    (Path::Root(_), false) => write!(f, "{}", Quoted(name)),
                    (_, true) => write!(f, "{object}.{name}"),
                    (_, false) => write!(f, "{object}[{}]", Quoted(name)),
                }
            }
        }
    }
}

/// The whole number from 0 to 2^63 − 1 that a JSON number is.
fn whole(number: &str) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53, above which not every whole number is a double
    if let Ok(size) = number.parse::<u64>() {
        return i64::try_from(size).is_ok().then_some(size);
    }
    let double: f64 = number.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and from 0 to 2^53")]
    (double.fract() == 0.0 && (0.0..=EXACT).contains(&double)).then_some(double as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Dialect, parse};

    #[test]
    fn sizes() {
        let check = |number: &str, expected: Option<u64>| assert_eq!(whole(number), expected, "{number}");
        check("0", Some(0));
        check("-0", Some(0));
        check("-0.0", Some(0));
        check("192.0", Some(192));
        check("1e3", Some(1000));
        check("9223372036854775807", Some(9_223_372_036_854_775_807));
        check("9223372036854775808", None);
        check("1180591620717411303424", None);
        check("-1", None);
        check("10.5", None);
        check("1e400", None);
        check("1e300", None);
        check("NaN", None);
        check("Infinity", None);
    }

    #[test]
    fn errors_name_the_member() {
        let text = r#"{"a":[{"b":1,"b":2}],"é b":{"x":-1},"":{"y.z":10.5}}"#;
        let root = Node::new(parse(text, Dialect::Strict, 9).unwrap(), Path::Root("the manifest"), Keys::Unique);
        let check = |error: MemberError, expected: &str| assert_eq!(error.to_string(), expected);

        check(root.text().unwrap_err(), "the manifest is an object, not a string");
        let [a, b, c, d] = root.fields(["a", "é b", "", "d"]).unwrap();
        check(d.required().unwrap_err(), "d is missing");
        let list = a.required().unwrap();
        check(list.fields([""]).unwrap_err(), "a is a list, not an object");
        let element = list.elements().unwrap().next().unwrap();
        check(element.fields(["c"]).unwrap_err(), "a[0].b occurs twice");
        let odd = b.required().unwrap();
        check(odd.fields(["x"]).unwrap()[0].required().unwrap().size().unwrap_err(), "`é b`.x is negative");
        let unnamed = c.required().unwrap();
        let size = unnamed.fields(["y.z"]).unwrap()[0].required().unwrap().size();
        check(size.unwrap_err(), "``.y.z is `10.5`, no whole number below 2^63");
    }
}
