use super::skip;
use super::{Dialect, SyntaxError, SyntaxProblem, Value};

/// The most digits of an integer.
const MAX_INTEGER_DIGITS: usize = 4300;

/// Walks over one JSON text, checking every byte of it.
pub(super) fn scan(text: &str, dialect: Dialect, max_depth: usize) -> Result<Value<'_>, SyntaxError> {
    let mut scanner = Scanner { text, at: 0, dialect };
    scanner.blanks();
    let start = scanner.at;
    scanner.value(max_depth)?;
    let end = scanner.at;
    scanner.blanks();
    if scanner.peek().is_some() {
        return Err(scanner.unexpected("the end"));
    }
    Ok(Value::checked(&text[start..end]))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
}

impl Scanner<'_> {
    /// One value and all that is in it. The stack of what is open is a list, not the program's: depth costs a byte.
    fn value(&mut self, max_depth: usize) -> Result<(), SyntaxError> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.blanks();
            match self.peek() {
                Some(bracket @ (b'[' | b'{')) => {
                    if open.len() == max_depth {
                        return Err(self.error(SyntaxProblem::TooDeep { limit: max_depth }));
                    }
                    self.at += 1;
                    self.blanks();
                    if self.peek() == Some(closing(bracket)) {
                        self.at += 1;
                    } else {
                        open.push(bracket);
                        self.start_of_entry(bracket)?;
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            if !self.end_of_value(&mut open)? {
                return Ok(());
            }
        }
    }

    /// After a value: closes what ends there. Answers whether another value follows.
    fn end_of_value(&mut self, open: &mut Vec<u8>) -> Result<bool, SyntaxError> {
        while let Some(&innermost) = open.last() {
            self.blanks();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    self.start_of_entry(innermost)?;
                    return Ok(true);
                }
                Some(byte) if byte == closing(innermost) => {
                    self.at += 1;
                    open.pop();
                }
                _ if innermost == b'[' => return Err(self.unexpected("`,` or `]`")),
                _ => return Err(self.unexpected("`,` or `}`")),
            }
        }
        Ok(false)
    }

    /// What stands before the value of an entry: in an object its name and a colon, in a list nothing.
    fn start_of_entry(&mut self, bracket: u8) -> Result<(), SyntaxError> {
        if bracket == b'[' {
            return Ok(());
        }
        self.blanks();
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a member's name in double quotes"));
        }
        self.string()?;
        self.blanks();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        Ok(())
    }

    fn scalar(&mut self) -> Result<(), SyntaxError> {
        let words: &[&str] = match self.dialect {
            Dialect::Strict => &["null", "true", "false"],
            Dialect::Lenient => &["null", "true", "false", "NaN", "Infinity", "-Infinity"],
        };
        if self.peek() == Some(b'"') {
            return self.string();
        }
        if let Some(word) = words.iter().find(|word| self.text[self.at..].starts_with(**word)) {
            self.at += word.len();
            return Ok(());
        }
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn string(&mut self) -> Result<(), SyntaxError> {
        self.at += 1;
        loop {
            self.at = skip::plain(self.text.as_bytes(), self.at);
            match self.peek() {
                None => return Err(self.unexpected("`\"`")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(0..0x20) => return Err(self.error(SyntaxProblem::Control)),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        let bytes = &self.text.as_bytes()[self.at + 1..];
        let length = match bytes {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => 6,
            _ => return Err(self.error(SyntaxProblem::Escape)),
        };
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let integer = self.at;
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        let digits = self.at - integer;
        let mut is_integer = true;
        if self.peek() == Some(b'.') {
            is_integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_integer = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        if is_integer && digits > MAX_INTEGER_DIGITS {
            return Err(SyntaxError { offset: start, problem: SyntaxProblem::LongInteger });
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), SyntaxError> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.unexpected("a digit"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn unexpected(&self, expected: &'static str) -> SyntaxError {
        self.error(match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => SyntaxProblem::Unexpected { expected, found },
            None => SyntaxProblem::End { expected },
        })
    }

    fn error(&self, problem: SyntaxProblem) -> SyntaxError {
        SyntaxError { offset: self.at, problem }
    }
}

fn closing(bracket: u8) -> u8 {
    if bracket == b'[' { b']' } else { b'}' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str, dialect: Dialect) -> Result<(), String> {
        scan(text, dialect, 8).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn accepted() {
        let check = |text: &str| assert_eq!(verdict(text, Dialect::Strict), Ok(()), "{text:?}");
        for text in ["null", " true ", "false", "\t\r\n0", "-0", "-0.0", "1", "10", "1.50", "1e5", "1E-05", "1e+400"] {
            check(text);
        }
        for text in [r#""""#, r#""\"\\\/\b\f\n\r\t\u00e9\uD83D""#, "\"é\u{7f}\u{2028}😱\"", "\"\u{feff}\""] {
            check(text);
        }
        for text in ["[]", "[ ]", "{}", "{ }", "[1,2]", r#"{"a":1,"a":[{}]}"#, "[[[[[[[[]]]]]]]]", "{\"\":{\n}\n}"] {
            check(text);
        }
        check(&"9".repeat(4300));
        check(&format!("-{}", "9".repeat(4300)));
        check(&format!("{}.0", "9".repeat(4301)));
    }

    #[test]
    fn refused() {
        let check =
            |text: &str, expected: &str| assert_eq!(verdict(text, Dialect::Strict), Err(expected.into()), "{text:?}");
        check("", "an end where a value should be at byte 0");
        check("[", "an end where a value should be at byte 1");
        check("\u{feff}{}", "'\\u{feff}' where a value should be at byte 0");
        check("{}x", "'x' where the end should be at byte 2");
        check("[1,]", "']' where a value should be at byte 3");
        check("[1 2]", "'2' where `,` or `]` should be at byte 3");
        check("[1}", "'}' where `,` or `]` should be at byte 2");
        check("{1:2}", "'1' where a member's name in double quotes should be at byte 1");
        check(r#"{"a":1,}"#, "'}' where a member's name in double quotes should be at byte 7");
        check(r#"{"a" 1}"#, "'1' where `:` should be at byte 5");
        check(r#"{"a":1"#, "an end where `,` or `}` should be at byte 6");
        check("'a'", "'\\'' where a value should be at byte 0");
        check("\"a", "an end where `\"` should be at byte 2");
        check("\"\n\"", "a bare control character in a string at byte 1");
        check(r#""\x""#, "an unknown escape in a string at byte 1");
        check(r#""\u00g0""#, "an unknown escape in a string at byte 1");
        check(r#""\u00"#, "an unknown escape in a string at byte 1");
        check("01", "'1' where the end should be at byte 1");
        check("-", "an end where a digit should be at byte 1");
        check("1.", "an end where a digit should be at byte 2");
        check("1e", "an end where a digit should be at byte 2");
        check(".5", "'.' where a value should be at byte 0");
        check("+1", "'+' where a value should be at byte 0");
        check("nul", "'n' where a value should be at byte 0");
        check("NaN", "'N' where a value should be at byte 0");
        check("-Infinity", "'I' where a digit should be at byte 1");
        check("// x", "'/' where a value should be at byte 0");
        check("[[[[[[[[[", "nesting deeper than 8 at byte 8");
        check(&"9".repeat(4301), "an integer of more than 4300 digits at byte 0");
    }

    #[test]
    fn the_lenient_dialect() {
        let check =
            |text: &str, accepted: bool| assert_eq!(verdict(text, Dialect::Lenient).is_ok(), accepted, "{text:?}");
        check("[NaN,Infinity,-Infinity]", true);
        check("[nan]", false);
        check("-NaN", false);
        check("[01]", false);
    }
}
