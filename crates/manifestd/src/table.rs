/// Rows under headings, each column as wide as its widest cell, two spaces between.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    headings: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(headings: [&'static str; N]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: [String; N]) {
        self.rows.push(row);
    }

    /// As text. Trailing blanks are left out, and so are columns in which no row says anything.
    pub(crate) fn render(&self) -> String {
        let widths: Vec<usize> = (0..N).map(|column| self.width(column)).collect();
        let mut text = String::new();
        let headings = self.headings.map(str::to_owned);
        for row in std::iter::once(&headings).chain(&self.rows) {
            let shown = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
            let cells: Vec<String> = shown.map(|(cell, width)| format!("{cell:width$}")).collect();
            text += cells.join("  ").trim_end();
            text.push('\n');
        }
        text
    }

    fn width(&self, column: usize) -> usize {
        let widest = self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        if widest == 0 && !self.rows.is_empty() { 0 } else { widest.max(self.headings[column].len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let mut table = Table::new(["NAME", "NOTE", "SIZE"]);
        assert_eq!(table.render(), "NAME  NOTE  SIZE\n");
        table.push(["a".into(), String::new(), "1 B".into()]);
        table.push(["longer".into(), String::new(), "12 KiB".into()]);
        assert_eq!(table.render(), "NAME    SIZE\na       1 B\nlonger  12 KiB\n");
    }
}
