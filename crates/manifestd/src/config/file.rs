use super::keys::{KEYS, Key};
use super::nearest::nearest_key;
use super::problem::Problem;
use super::setting::{Origin, Setting};
use figment::value::Value;
use std::path::Path;
use toml_edit::{Document, Item, Key as TomlKey, TableLike};

/// The settings of a TOML file with their lines, or everything that is wrong with it.
pub(super) fn read(path: &Path) -> Result<Vec<Setting>, Vec<Problem>> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| vec![Problem::Unreadable { path: shown.clone(), reason: error.to_string() }])?;
    parse(&shown, &text)
}

fn parse(path: &str, text: &str) -> Result<Vec<Setting>, Vec<Problem>> {
    let document = Document::parse(text).map_err(|error| {
        let line = line_at(text, error.span().map_or(0, |span| span.start));
        vec![Problem::Syntax { path: path.to_owned(), line, reason: error.message().replace('\n', ", ") }]
    })?;
    let mut reader = Reader { path, text, settings: Vec::new(), problems: Vec::new() };
    reader.root(document.as_table());
    if reader.problems.is_empty() { Ok(reader.settings) } else { Err(reader.problems) }
}

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    settings: Vec<Setting>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn root(&mut self, root: &dyn TableLike) {
        for (section, item) in root.iter() {
            let origin = self.origin(root.key(section), item);
            let known = KEYS.iter().any(|key| key.parts().0 == section);
            match (known, item.as_table_like()) {
                (true, Some(table)) => self.section(section, table),
                (true, None) => self.problems.push(Problem::NotASection { origin, key: section.to_owned() }),
                (false, None) => self.unknown(origin, section.to_owned()),
                (false, Some(table)) => {
                    // The section is misspelt; its first key says best which one was meant.
                    let key = table.iter().next().map_or(section.to_owned(), |(key, _)| format!("{section}.{key}"));
                    self.unknown(origin, key);
                }
            }
        }
    }

    fn section(&mut self, section: &str, table: &dyn TableLike) {
        for (name, item) in table.iter() {
            let origin = self.origin(table.key(name), item);
            let path = format!("{section}.{name}");
            match (Key::find(&path), value_of(item)) {
                (Some(key), Some(value)) => self.settings.push(Setting { key, value, origin }),
                (Some(key), None) => self.problems.push(Problem::BadValue {
                    origin,
                    key: key.path,
                    found: item.type_name().to_owned(),
                    expects: key.expects,
                    reason: None,
                }),
                (None, _) => self.unknown(origin, path),
            }
        }
    }

    fn unknown(&mut self, origin: Origin, key: String) {
        let nearest = nearest_key(&key).map(str::to_owned);
        self.problems.push(Problem::UnknownKey { origin, key, nearest });
    }

    fn origin(&self, key: Option<&TomlKey>, item: &Item) -> Origin {
        let span = key.and_then(TomlKey::span).or_else(|| item.span());
        Origin::File { path: self.path.to_owned(), line: line_at(self.text, span.map_or(0, |span| span.start)) }
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|b| *b == b'\n').count()
}

/// The value, unless it is of a form that no key takes.
fn value_of(item: &Item) -> Option<Value> {
    if let Some(text) = item.as_str() {
        return Some(text.into());
    }
    if let Some(number) = item.as_integer() {
        return Some(number.into());
    }
    if let Some(flag) = item.as_bool() {
        return Some(flag.into());
    }
    let list = item.as_array()?;
    let texts: Option<Vec<&str>> = list.iter().map(toml_edit::Value::as_str).collect();
    texts.map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn settings_carry_their_lines() {
        let text = "# ours\nserver.listen = \"[::]:80\"\n\n[manifests]\nreferences = \"unchecked\"\n";
        let settings = parse("m.toml", text).unwrap();
        let shown: Vec<String> = settings.iter().map(|s| format!("{} {}", s.key.path, s.origin)).collect();
        assert_eq!(shown, ["server.listen m.toml:2", "manifests.references m.toml:5"]);
    }

    #[test]
    fn problems_name_line_and_nearest_key() {
        let check = |text: &str, expected: &[&str]| {
            let problems: Vec<String> = parse("m.toml", text).unwrap_err().iter().map(ToString::to_string).collect();
            assert_eq!(problems, expected);
        };
        check("[server]\nlisen = 1\n", &["m.toml:2: there is no key `server.lisen`; did you mean `server.listen`?"]);
        check("\nlisten = 1", &["m.toml:2: there is no key `listen`; did you mean `server.listen`?"]);
        check("[sever]\nhosts = []", &["m.toml:1: there is no key `sever.hosts`; did you mean `server.hosts`?"]);
        check("[quux]", &["m.toml:1: there is no key `quux`"]);
        check("server = 5", &["m.toml:1: `server` is a section; write its keys below `[server]`"]);
        check(
            "[uploads]\nttl = {}\n[log]\nlevl = \"info\"",
            &[
                "m.toml:2: `uploads.ttl` is inline table, but a length of time such as \"24h\" or \"14d\" is expected",
                "m.toml:4: there is no key `log.levl`; did you mean `log.level`?",
            ],
        );
    }

    #[test]
    fn broken_toml_names_its_line() {
        let problems = parse("m.toml", "[server]\nlisten = \"127.0.0.1:5000\nauth = 1\n").unwrap_err();
        let text = problems[0].to_string();
        assert!(text.starts_with("m.toml:2: this is not TOML: "), "{text}");
    }
}
