use crate::document::BASE64URL;
use crate::json::{Json, Object};
use base64::Engine as _;
use oci_types::{Algorithm, Digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};

/// The public half of a key that signs manifests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PublicKey {
    /// A point of the curve P-256. Signs with ES256.
    P256 {
        /// Its x coordinate, big-endian.
        x: [u8; 32],
        /// Its y coordinate, big-endian.
        y: [u8; 32],
    },
    /// An RSA key of 2,048 to 8,192 bits. Signs with RS256.
    Rsa {
        /// The modulus, big-endian, without zeros in front.
        n: Vec<u8>,
        /// The exponent, in the same way.
        e: Vec<u8>,
    },
}

/// What comes before a P-256 point in the DER of a public key: `SubjectPublicKeyInfo` with the two object ids, and the mark
/// of an uncompressed point. Source: RFC 5480.
const P256_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// The algorithm of an RSA key in its DER: `rsaEncryption` and its null. Source: RFC 8017, appendix C.
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

impl PublicKey {
    /// The only algorithm that this key is used with.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::P256 { .. } => "ES256",
            Self::Rsa { .. } => "RS256",
        }
    }

    /// The id that libtrust gives the key: of its DER the sha256, of that the first 30 bytes, in base32 by fours.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Digest::of(Algorithm::Sha256, &self.to_der());
        let text = base32(digest.hash().get(..30).unwrap_or_default());
        let groups: Vec<&str> = (0..text.len()).step_by(4).filter_map(|at| text.get(at..at + 4)).collect();
        groups.join(":")
    }

    /// The key as a `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        match self {
            Self::P256 { x, y } => [&P256_PREFIX[..], x, y].concat(),
            Self::Rsa { n, e } => {
                let numbers = der(0x30, &[der(0x02, &unsigned(n)), der(0x02, &unsigned(e))].concat());
                let bits = der(0x03, &[vec![0], numbers].concat());
                der(0x30, &[RSA_ALGORITHM.to_vec(), bits].concat())
            }
        }
    }

    /// Whether `signature` is what this key's other half makes of `message`: of P-256 the two numbers side by side.
    #[must_use]
    pub fn fits(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256 { x, y } => {
                let point = [&[4][..], x, y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
        }
    }

    /// The key out of a header's `jwk`; the name of the member that is wrong if it is none that we know.
    pub(super) fn read(jwk: &Object<'_>) -> Result<Self, &'static str> {
        let text = |name: &'static str| jwk.get(name).and_then(Json::text).ok_or(name);
        let bytes = |name: &'static str| BASE64URL.decode(text(name)?).map_err(|_| name);
        match text("kty")?.as_str() {
            "EC" if text("crv")? == "P-256" => {
                Ok(Self::P256 { x: coordinate(&bytes("x")?).ok_or("x")?, y: coordinate(&bytes("y")?).ok_or("y")? })
            }
            "EC" => Err("crv"),
            "RSA" => Ok(Self::Rsa { n: without_zeros(&bytes("n")?), e: without_zeros(&bytes("e")?) }),
            _ => Err("kty"),
        }
    }

    /// The key as the `jwk` of a header, members sorted as libtrust sorts them.
    pub(super) fn to_jwk(&self) -> Json<'static> {
        let bytes = |bytes: &[u8]| Json::string(&BASE64URL.encode(bytes));
        let kid = Json::string(&self.id());
        let members: Object<'static> = match self {
            Self::P256 { x, y } => [
                ("crv", Json::string("P-256")),
                ("kid", kid),
                ("kty", Json::string("EC")),
                ("x", bytes(x)),
                ("y", bytes(y)),
            ]
            .into_iter()
            .collect(),
            Self::Rsa { n, e } => {
                [("e", bytes(e)), ("kid", kid), ("kty", Json::string("RSA")), ("n", bytes(n))].into_iter().collect()
            }
        };
        Json::Object(members)
    }
}

/// 32 bytes, with the zeros in front that the writer left out.
fn coordinate(bytes: &[u8]) -> Option<[u8; 32]> {
    let bytes = without_zeros(bytes);
    let mut padded = [0; 32];
    padded.get_mut(32_usize.checked_sub(bytes.len())?..)?.copy_from_slice(&bytes);
    Some(padded)
}

fn without_zeros(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// An unsigned number as DER has it, which is signed.
fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let is_negative = bytes.first().is_none_or(|first| *first >= 0x80);
    if is_negative { [&[0], bytes].concat() } else { bytes.to_vec() }
}

/// One value of DER: what it is, how long it is, and its content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = without_zeros(&content.len().to_be_bytes());
    let mut value = vec![tag];
    match length.as_slice() {
        [] => value.push(0),
        [short @ 0..0x80] => value.push(*short),
        long => {
            // A length has at most eight bytes.
            value.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            value.extend_from_slice(long);
        }
    }
    value.extend_from_slice(content);
    value
}

/// Base32 of bytes whose number is divisible by five. Source: RFC 4648, section 6.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let groups = bytes.chunks(5).map(|chunk| chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte)));
    groups
        .flat_map(|bits| (0..8).rev().map(move |at| (bits >> (at * 5)) & 31))
        .filter_map(|five| LETTERS.get(usize::try_from(five).ok()?).copied().map(char::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Dialect, parse};

    fn read(jwk: &str) -> Result<PublicKey, &'static str> {
        match parse(jwk, Dialect::Strict, 9).unwrap().tree() {
            Json::Object(jwk) => PublicKey::read(&jwk),
            Json::Scalar(_) | Json::List(_) => panic!("{jwk}"),
        }
    }

    #[test]
    fn ids_are_those_of_libtrust() {
        // Keys and ids as they stand in the vectors.
        let rsa = concat!(
            r#"{"kty":"RSA","e":"AQAB","n":"yRXLlxqrY-kZnJ0kQHnO4TN7LP3SO0bBPd7ATfzMWQNIkbk7PeXuNgrB8tfVD4iGxCMSI5CRaXc8VgWDL3D9"#,
            "rH1uLrALYsQFJzwzBr2yw1yvxMg7zaFQHfD80-8aTdAiF7A71f0iUd848Vdun64xx3C0LkOWOIboHqVIDtJO-BMKk2TIMJgSfXZLQ3dzF4b05nY53s",
            "LdUFBmNLHRvGAHvfyHR_mHhZd_gNkRY5gi6LLdU9eXix8BxRIubBOspPiXKorV98TgfvhfTPHfMdwXdNaRX-kyiC82nEkcxdP06IUy5cUu67vIGCTP",
            r#"KsT_LCMQSiUoQ6um5EjnYw0f45i06Q"}"#
        );
        let key = read(rsa).unwrap();
        assert_eq!(key.id(), "MKXI:SM43:EKXA:EO3Z:RL53:KIDX:FFAM:2X4I:3RWF:SJRX:E76K:LY5F");
        assert_eq!(key.algorithm(), "RS256");
        let p256 = concat!(
            r#"{"kty":"EC","crv":"P-256","x":"MCsdompmkoLagk-xsETnbiQLyypVUN3pBvitGBILOQI","#,
            r#""y":"ho1ak9PExqHj8O_s9tJcGMTSC5J71z3PvfgqHXfjVQ8"}"#
        );
        let key = read(p256).unwrap();
        assert_eq!(key.id(), "HCNC:7IAA:5YYA:UWL7:EGOR:TK4A:RDG6:6KZ3:KJYK:76QK:BS4Q:5W47");
        assert_eq!(key.algorithm(), "ES256");
    }

    #[test]
    fn a_jwk_is_read_as_it_is_written() {
        let keys = [
            PublicKey::P256 { x: [7; 32], y: coordinate(&[1, 2]).unwrap() },
            PublicKey::Rsa { n: vec![0xff; 256], e: vec![1, 0, 1] },
        ];
        for key in keys {
            assert_eq!(read(&key.to_jwk().compact()).unwrap(), key);
        }
    }

    #[test]
    fn what_is_no_key() {
        let check = |jwk: &str, member: &str| assert_eq!(read(jwk).unwrap_err(), member, "{jwk}");
        check("{}", "kty");
        check(r#"{"kty":"oct","k":"AAAA"}"#, "kty");
        check(r#"{"kty":1}"#, "kty");
        check(r#"{"kty":"EC"}"#, "crv");
        check(r#"{"kty":"EC","crv":"P-384","x":"","y":""}"#, "crv");
        check(r#"{"kty":"EC","crv":"P-256","x":"/","y":""}"#, "x");
        let long = BASE64URL.encode([1; 33]);
        check(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{long}","y":""}}"#), "x");
        check(r#"{"kty":"RSA","n":"AQAB"}"#, "e");
    }
}
