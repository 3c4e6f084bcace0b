use super::super::error::DocumentError;
use super::super::member_error::{MemberError, Problem};
use super::super::node::{Keys, Node};
use crate::json::{Dialect, LENIENT_DEPTH, parse_bytes};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

/// base64url, with or without padding when read, without when written.
pub(crate) const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The text that the signatures of a manifest are about, rebuilt; `None` if there are none.
///
/// Each signature has a protected block, base64url of a JSON object: the text is the manifest's first `formatLength`
/// bytes and then `formatTail`, base64url again. The first signature's block counts; the others must only have the right
/// shape. Source: docker's libtrust, "pretty JWS"; quay-semantics, section 8.2.
pub(super) fn signed(bytes: &Bytes, root: &Node<'_, '_>) -> Result<Option<Bytes>, DocumentError> {
    let [signatures] = root.fields(["signatures"])?;
    let Some(signatures) = signatures.optional() else {
        return Ok(None);
    };
    let mut payload = None;
    for signature in signatures.elements()? {
        let [protected, value, header] = signature.fields(["protected", "signature", "header"])?;
        let protected = protected.required()?;
        protected.any_string()?;
        value.required()?.any_string()?;
        let header = header.required()?;
        let [algorithm, key] = header.fields(["alg", "jwk"])?;
        algorithm.required()?.any_string()?;
        key.required()?.object()?;
        if payload.is_none() {
            payload = Some(rebuild(bytes, &protected)?);
        }
    }
    // An empty list is no way to say that there are no signatures: Quay fails on it (semantics 3).
    payload.ok_or_else(|| signatures.error(Problem::Empty).into()).map(Some)
}

fn rebuild(bytes: &Bytes, protected: &Node<'_, '_>) -> Result<Bytes, MemberError> {
    let block = decode(protected)?;
    let block = parse_bytes(&block, Dialect::Strict, LENIENT_DEPTH);
    let block = block.map_err(|error| protected.error(Problem::NotJson(error)))?;
    let block = Node::new(block, *protected.path(), Keys::Unique);
    let [length, tail] = block.fields(["formatLength", "formatTail"])?;
    let length = length.required()?;
    let tail = decode(&tail.required()?)?;
    let found = length.size()?;
    let head = usize::try_from(found).ok().and_then(|length| bytes.get(..length));
    let head = head.ok_or_else(|| length.error(Problem::FormatLength { found, length: bytes.len() }))?;
    Ok([head, &tail].concat().into())
}

fn decode(node: &Node<'_, '_>) -> Result<Vec<u8>, MemberError> {
    BASE64URL.decode(node.text()?.as_bytes()).map_err(|_| node.error(Problem::Base64))
}
