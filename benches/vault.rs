//! Sealing and opening of a kilobyte with keys at hand, beside the bare cipher in the same run.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::FutureExt;
use navi::platform::ids::OrgId;
use navi::platform::secret::SecretString;
use navi::vault::development::Development;
use navi::vault::envelope;
use navi::vault::envelope::DataKey;
use navi::vault::model::Place;
use navi::vault::service::{Keys, Limits, Vault};

const SIZE: usize = 1_024;

#[expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]
fn sealing(criterion: &mut Criterion) {
    let key = SecretString::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let keys = Keys {
        kms: None,
        development: Some(Development::new(&key).unwrap()),
    };
    let vault = Vault::new(keys, Limits::default());
    let org_id: OrgId = "acme".parse().unwrap();
    let place = Place {
        org_id: &org_id,
        table: "connector_tokens",
        row: "github/ada",
        name: "token",
        purpose: "connector",
    };
    let text = vec![7; SIZE];
    // With the key at hand nothing is waited for, so the first look at the future is the last. A key
    // of development is at hand even when it is a new one.
    let seal = || vault.seal(&place, &text).now_or_never().unwrap().unwrap();
    let sealed = seal();
    let open = || vault.open(&place, &sealed.bytes).now_or_never().unwrap();

    let mut group = criterion.benchmark_group("1 KB");
    group.throughput(Throughput::Elements(1));
    group.bench_function("vault seal", |bencher| bencher.iter(seal));
    group.bench_function("vault open", |bencher| bencher.iter(|| open().unwrap()));

    let data_key = DataKey::random().unwrap();
    let enclosed = envelope::seal(&data_key, b"place", &text).unwrap();
    group.bench_function("envelope seal", |bencher| {
        bencher.iter(|| envelope::seal(&data_key, b"place", &text).unwrap());
    });
    group.bench_function("envelope open", |bencher| {
        bencher.iter(|| envelope::open(&data_key, b"place", &enclosed).unwrap());
    });

    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*data_key.expose()));
    let nonce = Nonce::default();
    let payload = |msg| Payload { msg, aad: b"place" };
    let bare = cipher.encrypt(&nonce, payload(&text[..])).unwrap();
    group.bench_function("bare cipher seal", |bencher| {
        bencher.iter(|| cipher.encrypt(&nonce, payload(&text[..])).unwrap());
    });
    group.bench_function("bare cipher open", |bencher| {
        bencher.iter(|| cipher.decrypt(&nonce, payload(&bare[..])).unwrap());
    });
    group.finish();
}

criterion_group!(benches, sealing);
criterion_main!(benches);
