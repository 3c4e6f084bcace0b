/// An answer about one thing: a title, then facts with aligned names. A fact may have several lines.
#[derive(Debug)]
pub(super) struct Card {
    title: String,
    facts: Vec<(&'static str, Vec<String>)>,
}

impl Card {
    pub(super) fn new(title: String) -> Self {
        Self { title, facts: Vec::new() }
    }

    pub(super) fn add(&mut self, name: &'static str, text: impl Into<String>) {
        self.facts.push((name, vec![text.into()]));
    }

    /// Adds the fact where there is one.
    pub(super) fn add_some(&mut self, name: &'static str, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.add(name, text);
        }
    }

    /// Adds the fact unless it has no line.
    pub(super) fn add_lines(&mut self, name: &'static str, lines: Vec<String>) {
        if !lines.is_empty() {
            self.facts.push((name, lines));
        }
    }

    pub(super) fn render(&self) -> String {
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let mut text = format!("{}\n", self.title);
        for (name, lines) in &self.facts {
            let names = std::iter::once(*name).chain(std::iter::repeat(""));
            for (line, name) in lines.iter().zip(names) {
                text += format!("  {name:width$}  {line}").trim_end();
                text.push('\n');
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Card;

    #[test]
    fn facts_are_aligned() {
        let mut card = Card::new("a:v1".to_owned());
        card.add("size", "1 B");
        card.add_some("subject", None::<String>);
        card.add_lines("platform", vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()]);
        card.add_lines("labels", Vec::new());
        assert_eq!(card.render(), "a:v1\n  size      1 B\n  platform  linux/amd64\n            linux/arm64\n");
    }
}
