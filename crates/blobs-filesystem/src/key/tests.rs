use super::*;
use crate::pack::{BLOCK, LIMIT};
use oci_types::Algorithm;
use proptest::prelude::*;

const PART: &str = "parts/ef/01234567-89ab-cdef-0123-456789abcdef.00000000000000ff";

const PACKED: &str = "packs/000000000000000000000000000000ff/00001000.10000.01234567-89ab-cdef-0123-456789abcdef";

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![any_file().prop_map(Key::from), any_packed().prop_map(Key::from)]
}

fn any_file() -> impl Strategy<Value = FileKey> {
    let digest = (any::<[u8; 8]>(), proptest::sample::select(&Algorithm::ALL))
        .prop_map(|(seed, algorithm)| Digest::of(algorithm, &seed));
    (proptest::option::of(digest), any::<u128>(), any::<u64>()).prop_map(|(digest, upload, nonce)| FileKey {
        digest,
        upload: UploadId::from_bits(upload),
        nonce,
    })
}

/// Of few packs, so that they often differ in the rest alone.
fn any_packed() -> impl Strategy<Value = PackedKey> {
    (0..2_u128, 1..0x10_0000_u64, 0..=LIMIT, any::<u128>()).prop_map(|(pack, block, size, upload)| {
        let pack = PackId::of_name(&format!("{pack:032x}")).unwrap();
        PackedKey::new(pack, block * BLOCK, size, UploadId::from_bits(upload)).unwrap()
    })
}

#[test]
fn refused_texts() {
    let sealed = FileKey::fresh_sealed(UploadId::from_bits(7), Digest::of(Algorithm::Sha256, b"")).to_string();
    assert!([PART, PACKED, &sealed].iter().all(|key| key.parse::<Key>().is_ok()));
    let check = |text: &str| assert!(text.parse::<Key>().is_err(), "{text:?}");
    for key in [PART, PACKED, &sealed] {
        check(&format!("/{key}"));
        check(&format!("./{key}"));
        check(&format!("../{key}"));
        check(&format!("{key}/"));
        check(&format!("{key}/."));
        check(&format!("{key}\0"));
        check(&format!("{key}\n"));
        check(&format!(" {key}"));
        check(&key.to_uppercase());
        check(&key.replace('/', "//"));
        check(&key.replace('/', "\\"));
        check(&key[1..]);
        check(&key[..key.len() - 1]);
        check(&format!("{key}0"));
    }
    check("");
    check("store-id");
    check("parts");
    check("parts/..");
    check("parts/../store-id");
    check("/etc/passwd");
    check(&PART.replace("/ef/", "/ee/"));
    check(&PART.replace("/ef/", "/../"));
    check(&PART.replace("parts", "sha256"));
    check(&PART.replace(".0", ".+"));
    check(&PART.replace("-cdef-", "-cdef-+"));
    check(&sealed.replace("sha256", "parts"));
    check(&sealed.replace("sha256", "sha512"));
    check(&sealed.replacen("e3/", "e4/", 1));
    check(&sealed.replacen("e3b0", "e3B0", 1));
    // The head of a pack, the middle of a block, a blob that is too large, and one that reaches behind the longest pack.
    check(&PACKED.replace("00001000", "00000000"));
    check(&PACKED.replace("00001000", "00001001"));
    check(&PACKED.replace("00001000", "100001000"));
    check(&PACKED.replace(".10000.", ".10001."));
    check(&PACKED.replace(".10000.", ".010000."));
    check(&PACKED.replace(".10000.", ".+1000."));
    check(&PACKED.replace("packs/0", "packs/"));
    check(&PACKED.replace("packs/0", "packs/+"));
    check(&PACKED.replace("packs/0", "packs/00"));
}

#[test]
fn nonces_differ() {
    let upload = UploadId::from_bits(1);
    assert_ne!(FileKey::fresh_part(upload), FileKey::fresh_part(upload));
}

proptest! {
    #[test]
    fn keys_read_what_they_write(key in any_key()) {
        prop_assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn file_names_are_short(key in any_file()) {
        prop_assert!(key.file_name().len() <= 182);
    }

    #[test]
    fn keys_compare_as_their_texts_do(one in any_key(), other in any_key()) {
        prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
    }

    /// A damaged key is refused or is another key of ours: it never names anything outside.
    #[test]
    fn damaged_keys_stay_inside(key in any_key(), at in any::<proptest::sample::Index>(), put in "(?s).{0,3}|\\.\\./|/|\0") {
        let mut text = key.to_string();
        let at = at.index(text.len());
        text.replace_range(at..=at, &put);
        if let Ok(key) = text.parse::<Key>() {
            prop_assert_eq!(key.to_string(), text.clone());
            prop_assert_eq!(text.matches('/').count(), 2);
            prop_assert!(!text.contains("..") && !text.starts_with('/') && !text.contains('\0'));
        }
    }

    #[test]
    fn anything_is_read_without_a_panic(text in "(?s).{0,200}") {
        prop_assert!(text.parse::<Key>().is_err());
    }
}
