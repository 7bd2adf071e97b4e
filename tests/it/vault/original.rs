//! Values sealed by the service that this one replaces; they were made by its own functions.

use navi::vault::error::Error;
use navi::vault::original::{Original, parse};

use crate::vault::stub::{KEY, KmsStub, OTHER};
use crate::vault::{DEV_KEY, development, place};

/// The key that its source code holds, so that anybody knows it.
const BUILT_IN: &str = "Uqktv94Z9tHa5WsVKJVtBsc-QylZWQ4wTg3_sXekPaA=";

const DEV: &[(&str, &str, &str)] = &[
    (
        BUILT_IN,
        "ghp_exampleToken123",
        "ZGV2fGdBQUFBQUJsVV9FQUFBRUNBd1FGQmdjSUNRb0xEQTBPRDFhYjJycnJGM2FpcG1KaTN4WHlzaGNUcUxqTl9wb1hhWHkyVFJITUJfRjZmRlJ0VUJQTVcwOVY5OGt2SC1kdVZxRlM4eDN5VUhVS2xuY1l3WE9pSm5JPQ==",
    ),
    (
        BUILT_IN,
        "xoxb-ünï-Δ",
        "ZGV2fGdBQUFBQUJsVV9FQUFBRUNBd1FGQmdjSUNRb0xEQTBPRHpKeGtFNDVNUHJkVkFXSVhnMkhuOGlJakktczF5WDJuM0hQM1lYUG9XeHN6eTRWa0pjdXNoNk5JSzM1ZWJTMkh3PT0=",
    ),
    (
        DEV_KEY,
        "ghp_exampleToken123",
        "ZGV2fGdBQUFBQUJsVV9FQUFBRUNBd1FGQmdjSUNRb0xEQTBPRDFBeWNzZjNmY1Z0ckVLUTJSZWM1TTlwVXdId0tlYmdya3c0Q1dBVmdhNGxhMnhaeFhseFUwYlBHWXRyeEpiMW5wY2lGenVVR0luUERNbTJkNi00d0RjPQ==",
    ),
];

const V1: &[(&str, &str)] = &[
    (
        "ghp_exampleToken123",
        "djF8UmtGTFJTMUxUVk10UTBsUVNFVlNWRVZZVkMxQ1RFOUNmSGRwZEdndGNHbHdaUUQvfEFBRUNBd1FGQmdjSUNRb0x8T3pvdCtDOU5pb0hNbGF5U1NSZzdVaUpDMnZXSk9QYlkwQUo1MjdQOCtWa3duU009",
    ),
    (
        "jira-токен",
        "djF8UmtGTFJTMUxUVk10UTBsUVNFVlNWRVZZVkMxQ1RFOUNmSGRwZEdndGNHbHdaUUQvfEFBRUNBd1FGQmdjSUNRb0x8TmpzdnhtZmthVHdDS1hNV2s2UGp6NHRqMjBaa0lxL3MycE00Qy9RYjlBPT0=",
    ),
    (
        "",
        "djF8UmtGTFJTMUxUVk10UTBsUVNFVlNWRVZZVkMxQ1RFOUNmSGRwZEdndGNHbHdaUUQvfEFBRUNBd1FGQmdjSUNRb0x8UFp6blplOWFDSEplS2RHbUJ4S2dUdz09",
    ),
];

/// A bit of the ciphertext is flipped.
const FLIPPED: &str = "djF8UmtGTFJTMUxUVk10UTBsUVNFVlNWRVZZVkMxQ1RFOUNmSGRwZEdndGNHbHdaUUQvfEFBRUNBd1FGQmdjSUNRb0x8T2pvdCtDOU5pb0hNbGF5U1NSZzdVaUpDMnZXSk9QYlkwQUo1MjdQOCtWa3duU009";

const MALFORMED: &[(&str, &str)] = &[
    (
        "three parts",
        "djF8UmtGTFJTMUxUVk10UTBsUVNFVlNWRVZZVkMxQ1RFOUNmSGRwZEdndGNHbHdaUUQvfEFBRUNBd1FGQmdjSUNRb0w=",
    ),
    (
        "version v999, which the original takes",
        "djk5OXxSa0ZMUlMxTFRWTXRRMGxRU0VWU1ZFVllWQzFDVEU5Q2ZIZHBkR2d0Y0dsd1pRRC98QUFFQ0F3UUZCZ2NJQ1FvTHxPem90K0M5TmlvSE1sYXlTU1JnN1VpSkMydldKT1BiWTBBSjUyN1A4K1Zrd25TTT0=",
    ),
    ("plaintext in the column", "ghp_plaintext_token"),
    ("nothing", ""),
    ("no base64", "djF8!"),
];

/// The data key of [`V1`], as the stub is to hold it.
fn data_key() -> [u8; 32] {
    std::array::from_fn(|index| 0x20 + u8::try_from(index).unwrap())
}

#[tokio::test]
async fn development_values_open_with_the_development_key_alone() {
    let org = "acme".parse().unwrap();
    for (key, text, stored) in DEV {
        let opened = development(key).open(&place(&org), stored.as_bytes()).await;
        assert_eq!(opened.unwrap().as_slice(), text.as_bytes());
        assert!(matches!(parse(stored.as_bytes()), Ok(Original::Dev(_))));
    }
    let (_, _, built_in) = DEV[0];
    let other = development(DEV_KEY);
    let refused = other.open(&place(&org), built_in.as_bytes()).await;
    assert!(matches!(refused, Err(Error::Unsealable(_))));
    let stub = KmsStub::start().await;
    let production = stub.vault(KEY, &[]).await;
    let refused = production.open(&place(&org), built_in.as_bytes()).await;
    assert!(matches!(refused, Err(Error::UnknownKey(_))));
}

/// A value of the original with the data key that the stub knows.
fn known_to(stored: &str, wrapped: &[u8]) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let joined = String::from_utf8(STANDARD.decode(stored).unwrap()).unwrap();
    let mut parts: Vec<_> = joined.split('|').map(str::to_owned).collect();
    parts[1] = STANDARD.encode(wrapped);
    STANDARD.encode(parts.join("|"))
}

#[tokio::test]
async fn kms_values_open_without_context_if_the_key_is_ours() {
    let (stub, org) = (KmsStub::start().await, "acme".parse().unwrap());
    let wrapped = stub.wrap_bare(KEY, data_key());
    let vault = stub.vault(KEY, &[]).await;
    for (text, stored) in V1 {
        let stored = known_to(stored, &wrapped);
        let opened = vault.open(&place(&org), stored.as_bytes()).await.unwrap();
        assert_eq!(opened.as_slice(), text.as_bytes());
        assert!(matches!(parse(stored.as_bytes()), Ok(Original::V1 { .. })));
    }
    let calls = stub.calls("Decrypt");
    assert_eq!(calls.len(), 1, "one data key, one call");
    assert!(
        calls[0]
            .get("EncryptionContext")
            .is_none_or(serde_json::Value::is_null)
    );
    let flipped = known_to(FLIPPED, &wrapped);
    let opened = vault.open(&place(&org), flipped.as_bytes()).await;
    assert!(matches!(opened, Err(Error::Unsealable(_))));

    let foreign = known_to(V1[0].1, &stub.wrap_bare(OTHER, data_key()));
    let opened = vault.open(&place(&org), foreign.as_bytes()).await;
    assert_eq!(opened.unwrap_err(), Error::UnknownKey(OTHER.to_owned()));
}

#[tokio::test]
async fn what_the_original_never_wrote_is_no_value() {
    let org = "acme".parse().unwrap();
    for (what, stored) in MALFORMED {
        let vault = development(DEV_KEY);
        let opened = vault.open(&place(&org), stored.as_bytes()).await;
        assert_eq!(opened.unwrap_err(), Error::Malformed, "{what}");
        assert_eq!(parse(stored.as_bytes()), Err(Error::Malformed), "{what}");
    }
}
