//! KMS in good and bad hours.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use navi::platform::ids::OrgId;
use navi::vault::error::Error;
use navi::vault::service::{Limits, Vault};
use serde_json::json;

use crate::vault::place;
use crate::vault::stub::{ALIAS, KEY, KmsStub, Mischief, OTHER};

fn acme() -> OrgId {
    "acme".parse().unwrap()
}

/// The error of sealing something.
async fn sealing(vault: &Vault) -> Error {
    vault.seal(&place(&acme()), b"text").await.unwrap_err()
}

#[tokio::test]
async fn a_data_key_is_bound_to_organisation_and_purpose_and_named_when_it_is_opened() {
    let stub = KmsStub::start().await;
    let org = acme();
    let sealed = stub.vault(KEY, &[]).await.seal(&place(&org), b"text").await;
    let sealed = sealed.unwrap();
    assert_eq!(sealed.with, format!("2:kms:{KEY}"));
    let fresh = stub.vault(KEY, &[]).await;
    let opened = fresh.open(&place(&org), &sealed.bytes).await.unwrap();
    assert_eq!(opened.as_slice(), b"text");
    let context = json!({"org": "acme", "purpose": "connector"});
    let made = &stub.calls("GenerateDataKey")[0];
    assert_eq!(made["EncryptionContext"], context);
    assert_eq!(made["KeySpec"], "AES_256");
    let opened = &stub.calls("Decrypt")[0];
    assert_eq!(opened["EncryptionContext"], context);
    assert_eq!(opened["KeyId"], KEY);

    // Whatever moved it: KMS refuses, for the context is another one.
    let globex: OrgId = "globex".parse().unwrap();
    let moved = fresh.open(&place(&globex), &sealed.bytes).await;
    assert_eq!(moved.unwrap_err(), Error::InvalidDataKey);
}

#[tokio::test]
async fn thousands_of_values_of_an_organisation_cost_one_call_each_way() {
    let stub = KmsStub::start().await;
    let (vault, org) = (stub.vault(KEY, &[]).await, acme());
    let texts: Vec<_> = (0..2_000).map(|number| format!("text {number}")).collect();
    let place = place(&org);
    let sealed = join_all(texts.iter().map(|text| vault.seal(&place, text.as_bytes()))).await;
    let sealed: Vec<_> = sealed.into_iter().map(Result::unwrap).collect();
    assert_eq!(stub.calls("GenerateDataKey").len(), 1);
    let fresh = stub.vault(KEY, &[]).await;
    let opened = join_all(sealed.iter().map(|one| fresh.open(&place, &one.bytes))).await;
    for (opened, text) in opened.into_iter().zip(&texts) {
        assert_eq!(opened.unwrap().as_slice(), text.as_bytes());
    }
    assert_eq!(stub.calls("Decrypt").len(), 1);
    // A vault opens without a call to KMS what it has sealed itself.
    vault.open(&place, &sealed[0].bytes).await.unwrap();
    assert_eq!(stub.calls("Decrypt").len(), 1);
}

#[tokio::test]
async fn a_data_key_seals_no_more_than_its_limits_allow() {
    let stub = KmsStub::start().await;
    let org = acme();
    let messages = Limits {
        messages: 10,
        ..Limits::default()
    };
    let vault = stub.vault_within(KEY, &[], messages).await;
    for _ in 0..25 {
        vault.seal(&place(&org), b"text").await.unwrap();
    }
    assert_eq!(stub.calls("GenerateDataKey").len(), 3);

    let bytes = Limits {
        bytes: 100,
        ..Limits::default()
    };
    let vault = stub.vault_within(KEY, &[], bytes).await;
    for _ in 0..6 {
        // The second one crosses the limit, so the third needs another key.
        vault.seal(&place(&org), &[0; 60]).await.unwrap();
    }
    assert_eq!(stub.calls("GenerateDataKey").len(), 3 + 3);
    // A value larger than the limit is sealed all the same, with a key of its own.
    vault.seal(&place(&org), &[0; 1_000]).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_disabled_opens_nothing_once_its_copy_is_old() {
    let stub = KmsStub::start().await;
    let org = acme();
    let limits = Limits {
        age: Duration::from_millis(300),
        ..Limits::default()
    };
    let vault = stub.vault_within(KEY, &[], limits).await;
    let began = Instant::now();
    let sealed = vault.seal(&place(&org), b"text").await.unwrap();
    stub.set(Mischief::Fail(u32::MAX, "DisabledException", 400));
    let opened = vault.open(&place(&org), &sealed.bytes).await;
    if began.elapsed() < limits.age {
        assert_eq!(opened.unwrap().as_slice(), b"text");
    }
    tokio::time::sleep(limits.age).await;
    let refused = vault.open(&place(&org), &sealed.bytes).await.unwrap_err();
    assert_eq!(refused, Error::KeyDisabled(KEY.to_owned()));
    let refused = sealing(&vault).await;
    assert_eq!(refused, Error::KeyDisabled(KEY.to_owned()));
    assert!(
        refused.to_string().contains("enable it in KMS"),
        "{refused}"
    );
    // Nothing was lost: once the key is enabled, everything opens.
    stub.set(Mischief::None);
    vault.open(&place(&org), &sealed.bytes).await.unwrap();
}

#[tokio::test]
async fn every_refusal_of_kms_is_a_clear_error_and_none_is_tried_in_vain() {
    let stub = KmsStub::start().await;
    let key = || KEY.to_owned();
    for (code, expected) in [
        ("DisabledException", Error::KeyDisabled(key())),
        ("KMSInvalidStateException", Error::KeyDisabled(key())),
        ("NotFoundException", Error::KeyNotFound(key())),
        ("AccessDeniedException", Error::Denied(key())),
        ("UnrecognizedClientException", Error::Denied(key())),
        ("IncorrectKeyException", Error::WrongKey(key())),
        ("InvalidCiphertextException", Error::InvalidDataKey),
        (
            "UnsupportedOperationException",
            Error::Refused("UnsupportedOperationException".to_owned()),
        ),
    ] {
        let vault = stub.vault(KEY, &[]).await;
        let before = stub.calls("GenerateDataKey").len();
        stub.set(Mischief::Fail(u32::MAX, code, 400));
        let found = sealing(&vault).await;
        assert_eq!(found, expected);
        assert!(!found.to_string().contains("secret"), "{found}");
        assert!(!found.is_passing());
        assert_eq!(stub.calls("GenerateDataKey").len(), before + 1, "{code}");
    }
}

#[tokio::test]
async fn throttling_and_failures_that_pass_are_ridden_out_and_lasting_ones_are_told() {
    let stub = KmsStub::start().await;
    for (code, status, lasting) in [
        ("ThrottlingException", 400, Error::Throttled),
        ("KMSInternalException", 500, Error::Failing),
    ] {
        stub.set(Mischief::Fail(2, code, status));
        let vault = stub.vault(KEY, &[]).await;
        vault.seal(&place(&acme()), b"text").await.unwrap();
        stub.set(Mischief::Fail(u32::MAX, code, status));
        let vault = stub.vault(KEY, &[]).await;
        let found = sealing(&vault).await;
        assert_eq!(found, lasting);
        assert!(found.is_passing());
    }
}

#[tokio::test]
async fn a_kms_that_is_slow_is_waited_for_once_by_all_and_not_for_long() {
    let stub = KmsStub::start().await;
    let vault = stub.vault(KEY, &[]).await;
    stub.set(Mischief::Slow(Duration::from_secs(30)));
    let began = Instant::now();
    let answers = join_all((0..50).map(|_| sealing(&vault))).await;
    assert!(answers.iter().all(|error| *error == Error::Unreachable));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    assert!(stub.calls("GenerateDataKey").len() <= 3);
    // Slow is not broken.
    stub.set(Mischief::Slow(Duration::from_millis(500)));
    vault.seal(&place(&acme()), b"text").await.unwrap();
}

#[tokio::test]
async fn a_kms_that_is_down_is_unreachable() {
    let stub = KmsStub::start().await;
    let vault = stub.vault(KEY, &[]).await;
    let org = acme();
    let sealed = vault.seal(&place(&org), b"text").await.unwrap();
    // The port of a closed listener is free, so connections to it fail.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let kms = navi::vault::kms::Kms::over(&crate::vault::stub::connection(&url).await, KEY, &[]);
    let keys = navi::vault::service::Keys {
        kms: Some(kms),
        development: None,
    };
    let down = Vault::new(keys, Limits::default());
    assert_eq!(sealing(&down).await, Error::Unreachable);
    let opened = down.open(&place(&org), &sealed.bytes).await;
    assert_eq!(opened.unwrap_err(), Error::Unreachable);
}

#[tokio::test]
async fn answers_that_fit_no_question_are_refused() {
    let stub = KmsStub::start().await;
    let org = acme();
    let sealed = stub.vault(KEY, &[]).await.seal(&place(&org), b"text").await;
    let sealed = sealed.unwrap();
    for (mischief, sealing_says, opening_says) in [
        (
            Mischief::OtherKey,
            Error::Garbled,
            Error::WrongKey(KEY.to_owned()),
        ),
        (Mischief::ShortKey, Error::Garbled, Error::Garbled),
        (Mischief::Nonsense, Error::Failing, Error::Failing),
    ] {
        stub.set(mischief.clone());
        let vault = stub.vault(KEY, &[]).await;
        assert_eq!(sealing(&vault).await, sealing_says, "{mischief:?}");
        let opened = vault.open(&place(&org), &sealed.bytes).await;
        assert_eq!(opened.unwrap_err(), opening_says, "{mischief:?}");
    }
}

#[tokio::test]
async fn a_value_under_somebody_elses_key_is_not_opened_whatever_kms_would_do() {
    let stub = KmsStub::start().await;
    let org = acme();
    // The forger's own key, with which everybody may decrypt.
    let forged = stub
        .vault(OTHER, &[])
        .await
        .seal(&place(&org), b"forged")
        .await;
    let forged = forged.unwrap();
    let vault = stub.vault(KEY, &[]).await;
    let refused = vault.open(&place(&org), &forged.bytes).await.unwrap_err();
    assert_eq!(refused, Error::UnknownKey(OTHER.to_owned()));
    assert!(stub.calls("Decrypt").is_empty(), "KMS is not even asked");
    // Named among the previous keys it is ours.
    let vault = stub.vault(KEY, &[OTHER]).await;
    let opened = vault.open(&place(&org), &forged.bytes).await.unwrap();
    assert_eq!(opened.as_slice(), b"forged");
}

#[tokio::test]
async fn an_alias_stands_for_the_key_that_it_named_at_the_start() {
    let stub = KmsStub::start().await;
    let org = acme();
    let vault = stub.vault(ALIAS, &[]).await;
    let sealed = vault.seal(&place(&org), b"text").await.unwrap();
    assert_eq!(sealed.with, format!("2:kms:{KEY}"));
    stub.point_alias(OTHER);
    let globex: OrgId = "globex".parse().unwrap();
    let later = vault.seal(&place(&globex), b"text").await.unwrap();
    assert_eq!(later.with, format!("2:kms:{KEY}"));
    // A process that starts now seals with the new key and wants to be told of the old one.
    let restarted = stub.vault(ALIAS, &[]).await;
    let opened = restarted.open(&place(&org), &sealed.bytes).await;
    assert_eq!(opened.unwrap_err(), Error::UnknownKey(KEY.to_owned()));
    let restarted = stub.vault(ALIAS, &[KEY, "alias/gone"]).await;
    restarted.open(&place(&org), &sealed.bytes).await.unwrap();
    let sealed = restarted.seal(&place(&org), b"text").await.unwrap();
    assert_eq!(sealed.with, format!("2:kms:{OTHER}"));
}
