use std::fmt::Debug;

/// Most characters of a shape.
const MOST: usize = 200;

/// What kind of value this is: the names of types and variants in its debug form, without the texts and numbers.
///
/// Two inputs with one shape are taken to have gone the same way through a parser.
pub(crate) fn shape(value: &impl Debug) -> String {
    let debug = format!("{value:?}");
    let mut shape = String::new();
    let mut rest = debug.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\'' => {
                while let Some(inner) = rest.next() {
                    if inner == '\\' {
                        rest.next();
                    } else if inner == c {
                        break;
                    }
                }
            }
            'A'..='Z' => {
                shape.push_str(if shape.is_empty() { "" } else { " " });
                shape.push(c);
                while let Some(inner) = rest.next_if(char::is_ascii_alphanumeric) {
                    shape.push(inner);
                }
            }
            // The rest of a word that is no name of a type.
            _ if c.is_ascii_alphanumeric() || c == '_' => {
                while rest.next_if(|c| c.is_ascii_alphanumeric() || "_.:-/".contains(*c)).is_some() {}
            }
            _ => {}
        }
        if shape.len() > MOST {
            break;
        }
    }
    shape
}

/// How large a number is, roughly: 0, 1, 2, 3 and 4, 5 to 8, and so on, as a text.
pub(crate) fn size(n: usize) -> String {
    n.checked_next_power_of_two().unwrap_or(n).min(1 << 20).min(if n == 0 { 0 } else { usize::MAX }).to_string()
}

#[cfg(test)]
mod tests {
    use super::{shape, size};

    #[test]
    fn names_without_texts() {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read by its debug form only")]
        enum Value {
            Inner { text: &'static str, some: Option<char> },
        }
        assert_eq!(shape(&Value::Inner { text: "A \" B", some: Some('\'') }), "Inner Some");
        assert_eq!(shape(&Value::Inner { text: "", some: None }), "Inner None");
        assert_eq!(shape(&(1, "X")), "");
    }

    #[test]
    fn sizes() {
        assert_eq!([0, 1, 2, 3, 5, 9].map(size), ["0", "1", "2", "4", "8", "16"]);
    }
}
