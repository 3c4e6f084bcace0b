use crate::rng::Rng;

/// Most bytes of an input.
pub(crate) const MOST_BYTES: usize = 64 * 1024;

/// Pieces that mean something in JSON, in paths and in headers. Each target adds its own.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "{}",
    "[]",
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1e999",
    "1.0",
    "0.1e1",
    "NaN",
    "Infinity",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\\udc00",
    "\\uD83D\\uDE00",
    "\\",
    "\u{0}",
    "\u{feff}",
    "\u{e9}",
    "\u{2028}",
    "\u{10ffff}",
    "%",
    "%2f",
    "%00",
    "%ff",
    "%25",
    "/",
    "//",
    "/../",
    ".",
    "..",
    "-",
    "_",
    "__",
    "?",
    "&",
    "=",
    "+",
    "*",
    "~",
    " ",
    "\t",
    "\r\n",
    "\n",
];

/// What a mutation draws from.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    /// Inputs that were worth keeping.
    pub(crate) kept: &'a [Vec<u8>],
    /// Pieces that mean something to the target.
    pub(crate) tokens: &'a [&'a str],
}

/// Another input, made of a kept one by one to eight mutations.
pub(crate) fn mutated(rng: &mut Rng, sources: Sources<'_>) -> Vec<u8> {
    let mut input = rng.pick(sources.kept).cloned().unwrap_or_default();
    // Few mutations are likelier than many: most inputs should still be nearly right.
    let times = 1 + rng.below(8).min(rng.below(8));
    for _ in 0..times {
        mutate(rng, sources, &mut input);
        input.truncate(MOST_BYTES);
    }
    input
}

fn mutate(rng: &mut Rng, sources: Sources<'_>, input: &mut Vec<u8>) {
    match rng.below(12) {
        0 => flip_bit(rng, input),
        1 => replace_byte(rng, input),
        2 => drop(input.drain(span(rng, input))),
        3 => input.truncate(rng.below(input.len() + 1)),
        4..=6 => insert_token(rng, sources.tokens, input),
        7 => swap_token(rng, sources.tokens, input),
        8 => splice(rng, sources.kept, input),
        9 => repeat(rng, input),
        10 => nest(rng, input),
        _ => copy(rng, input),
    }
}

fn flip_bit(rng: &mut Rng, input: &mut [u8]) {
    let at = rng.below(input.len());
    let bit = rng.below(8);
    if let Some(byte) = input.get_mut(at) {
        *byte ^= 1 << bit;
    }
}

fn replace_byte(rng: &mut Rng, input: &mut [u8]) {
    let at = rng.below(input.len());
    let [new, ..] = rng.next().to_le_bytes();
    if let Some(byte) = input.get_mut(at) {
        *byte = new;
    }
}

fn insert_token(rng: &mut Rng, own: &[&str], input: &mut Vec<u8>) {
    let token = token(rng, own);
    let at = rng.below(input.len() + 1);
    input.splice(at..at, token.bytes());
}

fn swap_token(rng: &mut Rng, own: &[&str], input: &mut Vec<u8>) {
    let token = token(rng, own);
    input.splice(span(rng, input), token.bytes());
}

/// The start of one input, and the end of another.
fn splice(rng: &mut Rng, kept: &[Vec<u8>], input: &mut Vec<u8>) {
    let other = rng.pick(kept).map(Vec::as_slice).unwrap_or_default();
    input.truncate(rng.below(input.len() + 1));
    input.extend(other.iter().skip(rng.below(other.len() + 1)));
}

/// A piece, many times over.
fn repeat(rng: &mut Rng, input: &mut Vec<u8>) {
    let span = span(rng, input);
    let piece: Vec<u8> = input.get(span.clone()).unwrap_or_default().to_vec();
    let times = (1 << rng.below(13)).min(MOST_BYTES / piece.len().max(1));
    input.splice(span, piece.repeat(times));
}

/// A piece, inside of many lists or objects.
fn nest(rng: &mut Rng, input: &mut Vec<u8>) {
    let span = span(rng, input);
    let piece: Vec<u8> = input.get(span.clone()).unwrap_or_default().to_vec();
    let times = 1 << rng.below(13);
    let (open, close) = if rng.below(2) == 0 { ("[", "]") } else { ("{\"a\":", "}") };
    let nested = [open.repeat(times).into_bytes(), piece, close.repeat(times).into_bytes()].concat();
    input.splice(span, nested);
}

/// A piece, at a second place.
fn copy(rng: &mut Rng, input: &mut Vec<u8>) {
    let piece: Vec<u8> = input.get(span(rng, input)).unwrap_or_default().to_vec();
    let at = rng.below(input.len() + 1);
    input.splice(at..at, piece);
}

fn token<'a>(rng: &mut Rng, own: &[&'a str]) -> &'a str {
    let tokens = if rng.below(3) == 0 { TOKENS } else { own };
    rng.pick(tokens).copied().unwrap_or("\"")
}

/// A piece of the input, rather short.
fn span(rng: &mut Rng, input: &[u8]) -> std::ops::Range<usize> {
    let start = rng.below(input.len() + 1);
    let most = (input.len() - start).min(1 << rng.below(10));
    start..start + rng.below(most + 1)
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, Sources, mutated};
    use crate::rng::Rng;

    #[test]
    fn inputs_stay_small_and_differ() {
        let kept = [Vec::new(), b"{\"a\":[1,2,3]}".to_vec(), vec![b'x'; MOST_BYTES]];
        let sources = Sources { kept: &kept, tokens: &["token"] };
        let mut rng = Rng::new(3, "");
        let inputs: Vec<Vec<u8>> = (0..2_000).map(|_| mutated(&mut rng, sources)).collect();
        assert!(inputs.iter().all(|input| input.len() <= MOST_BYTES));
        assert!(inputs.iter().collect::<std::collections::BTreeSet<_>>().len() > 1_000);
        assert!(inputs.iter().any(|input| input.windows(5).any(|window| window == b"token")));
    }

    #[test]
    fn nothing_kept_gives_inputs_too() {
        let sources = Sources { kept: &[], tokens: &[] };
        let mut rng = Rng::new(3, "");
        assert!((0..100).any(|_| !mutated(&mut rng, sources).is_empty()));
    }
}
