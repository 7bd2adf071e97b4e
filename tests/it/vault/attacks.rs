//! Attacks of a writer to the database who holds no key.

use navi::platform::ids::OrgId;
use navi::vault::error::Error;
use navi::vault::model::Place;
use navi::vault::service::{Keys, Limits, Vault};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::vault::{DEV_KEY, development, place};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

/// True if an error is one that a changed value may cause.
fn is_refused(error: &Error) -> bool {
    matches!(
        error,
        Error::Malformed | Error::Unsealable(_) | Error::InvalidDataKey | Error::UnknownKey(_)
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_sealed_opens_in_its_place(text in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let (vault, org) = (development(DEV_KEY), "acme".parse().unwrap());
        runtime().block_on(async {
            let sealed = vault.seal(&place(&org), &text).await.unwrap();
            let opened = vault.open(&place(&org), &sealed.bytes).await.unwrap();
            assert_eq!(opened.as_slice(), text.as_slice());
            // Another process with the same key has nothing in memory.
            let fresh = development(DEV_KEY).open(&place(&org), &sealed.bytes).await;
            assert_eq!(fresh.unwrap().as_slice(), text.as_slice());
        });
    }

    #[test]
    fn a_value_of_two_places_is_a_value_of_none(
        org in "[a-z/]{1,6}", table in "[a-z/]{0,6}", row in "[a-z/]{0,6}",
        name in "[a-z/]{0,6}", purpose in "[a-z/]{0,6}", part in 0..5, cut in 0_usize..6,
    ) {
        // The same characters, divided otherwise: the end of a part goes to the next.
        let parts = [org, table, row, name, purpose];
        let mut moved = parts.clone();
        let index = usize::try_from(part).unwrap();
        let keep = cut.min(parts[index].len().saturating_sub(1));
        let tail = moved[index].split_off(keep.max(usize::from(index == 0)));
        moved[(index + 1) % 5].insert_str(0, &tail);
        prop_assume!(moved != parts);
        let orgs: [OrgId; 2] = [&parts, &moved].map(|parts| parts[0].parse().unwrap());
        let at = |org_id, parts: &'_ [String; 5]| -> [String; 4] {
            let _: &OrgId = org_id;
            [1, 2, 3, 4].map(|index: usize| parts[index].clone())
        };
        let (here, there) = (at(&orgs[0], &parts), at(&orgs[1], &moved));
        let vault = development(DEV_KEY);
        runtime().block_on(async {
            let sealed = vault.seal(&of(&orgs[0], &here), b"text").await.unwrap();
            let opened = vault.open(&of(&orgs[1], &there), &sealed.bytes).await;
            assert!(is_refused(&opened.unwrap_err()));
            vault.open(&of(&orgs[0], &here), &sealed.bytes).await.unwrap();
        });
    }

    #[test]
    fn whatever_bytes_lie_there_nothing_opens_and_nothing_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..300), as_ours in any::<bool>(),
    ) {
        let mut bytes = bytes;
        if as_ours {
            bytes.splice(0..0, [2, 2]);
        }
        let (vault, org) = (development(DEV_KEY), "acme".parse().unwrap());
        let opened = runtime().block_on(vault.open(&place(&org), &bytes));
        assert!(is_refused(&opened.unwrap_err()));
    }
}

fn of<'a>(org_id: &'a OrgId, [table, row, name, purpose]: &'a [String; 4]) -> Place<'a> {
    Place {
        org_id,
        table,
        row,
        name,
        purpose,
    }
}

#[tokio::test]
async fn no_bit_of_a_value_can_be_changed_and_no_byte_taken_away_or_added() {
    let (vault, org) = (development(DEV_KEY), "acme".parse().unwrap());
    let sealed = vault.seal(&place(&org), b"a token").await.unwrap().bytes;
    for index in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[index] ^= 1 << bit;
            let opened = vault.open(&place(&org), &changed).await;
            let error = opened.expect_err("a changed value opened");
            assert!(is_refused(&error), "{index}.{bit}: {error}");
        }
        let opened = vault.open(&place(&org), &sealed[..index]).await;
        assert!(is_refused(&opened.unwrap_err()), "cut at {index}");
    }
    let longer = [sealed.as_slice(), b"\0"].concat();
    assert!(vault.open(&place(&org), &longer).await.is_err());
    vault.open(&place(&org), &sealed).await.unwrap();
}

#[tokio::test]
async fn values_cannot_change_places_and_parts_of_values_cannot_be_combined() {
    let (vault, org) = (development(DEV_KEY), "acme".parse().unwrap());
    let here = place(&org);
    let there = Place {
        row: "github/eve",
        ..here
    };
    let one = vault.seal(&here, b"ada's").await.unwrap().bytes;
    let other = vault.seal(&there, b"eve's").await.unwrap().bytes;
    assert!(vault.open(&there, &one).await.is_err());
    assert!(vault.open(&here, &other).await.is_err());
    // The header of one process's value before the envelope of another's: same key, same context.
    let elsewhere = development(DEV_KEY);
    let foreign = elsewhere.seal(&here, b"ada's").await.unwrap().bytes;
    assert_eq!(one.len(), foreign.len());
    let split = one.len() - b"ada's".len() - navi::vault::envelope::OVERHEAD;
    let spliced = [&one[..split], &foreign[split..]].concat();
    assert!(vault.open(&here, &spliced).await.is_err());
}

#[tokio::test]
async fn another_development_key_opens_nothing_and_is_named() {
    let org = "acme".parse().unwrap();
    let sealed = development(DEV_KEY).seal(&place(&org), b"text").await;
    let sealed = sealed.unwrap();
    let other = navi::vault::key::generate().unwrap();
    let other = navi::platform::secret::ExposeSecret::expose_secret(&other).to_owned();
    let refused = development(&other).open(&place(&org), &sealed.bytes).await;
    assert_eq!(refused.unwrap_err(), Error::UnknownKey(sealed.with));
}

#[tokio::test]
async fn without_a_key_nothing_is_sealed_and_nothing_is_kept_in_the_clear() {
    let vault = Vault::new(Keys::default(), Limits::default());
    let org = "acme".parse().unwrap();
    assert!(!vault.is_configured());
    let sealed = vault.seal(&place(&org), b"text").await;
    assert_eq!(sealed.unwrap_err(), Error::NotConfigured);
    assert_eq!(vault.current().await, Err(Error::NotConfigured));
}

#[test]
fn production_refuses_a_development_key_and_names_the_setting() {
    let flags = ["--app-env", "production", "--dev-encryption-key", DEV_KEY];
    let config = navi::config::settings::Config::from_flags(flags).unwrap();
    let refused = config.check().unwrap_err();
    let named = refused.violations.iter().map(|violation| violation.setting);
    assert!(named.clone().any(|setting| setting == "DEV_ENCRYPTION_KEY"));
    assert!(!refused.to_string().contains(DEV_KEY), "{refused}");
}

#[tokio::test]
async fn nothing_of_text_or_key_is_printed() {
    let (vault, org) = (development(DEV_KEY), "acme".parse().unwrap());
    let sealed = vault.seal(&place(&org), b"canary-5f2b8c").await.unwrap();
    // Now it has keys for both.
    vault.open(&place(&org), &sealed.bytes).await.unwrap();
    let printed = format!("{vault:?} {sealed:?} {}", sealed.with);
    let listed = b"canary-5f2b8c".map(|byte| byte.to_string()).join(", ");
    for secret in [DEV_KEY, "canary", &listed] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
