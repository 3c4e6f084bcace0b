use http::HeaderMap;
use http::header::ACCEPT;

/// The media types that the `Accept` headers name, without their parameters; those that the client says it does not take
/// (`q=0`) are left out. Source: RFC 9110, section 12.5.1.
pub(crate) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|item| {
        let (media_type, parameters) = item.split_once(';').unwrap_or((item, ""));
        (!parameters.split(';').any(is_refusal)).then(|| media_type.trim())
    })
}

/// Whether a parameter is a weight of zero, however many digits it has.
fn is_refusal(parameter: &str) -> bool {
    let Some((name, weight)) = parameter.split_once('=') else { return false };
    let weight = weight.trim();
    name.trim().eq_ignore_ascii_case("q") && weight.starts_with('0') && weight.bytes().all(|b| b"0.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::accepted;
    use http::HeaderMap;
    use http::header::ACCEPT;

    #[test]
    fn types() {
        let check = |lines: &[&str], expected: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(ACCEPT, line.parse().unwrap());
            }
            assert_eq!(accepted(&headers).collect::<Vec<_>>(), expected, "{lines:?}");
        };
        check(&[], &[]);
        check(&["a/b"], &["a/b"]);
        check(&["a/b , c/d", "e/f"], &["a/b", "c/d", "e/f"]);
        check(&["a/b;q=0.5, c/d; q=0, e/f;Q=0.000, g/h; charset=utf-8;q=0.0"], &["a/b"]);
        check(&["a/b;q=1, c/d;q=0.01, e/f;x=0"], &["a/b", "c/d", "e/f"]);
        check(&["*/*;q=0.1"], &["*/*"]);
    }
}
