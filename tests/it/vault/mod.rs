//! The vault: its format under attack, the formats of the original, KMS in good and bad hours, and
//! resealing.

mod attacks;
mod collision;
mod document;
mod kms;
mod moto;
mod original;
pub(crate) mod rewrap;
pub(crate) mod stub;

use navi::platform::ids::OrgId;
use navi::platform::secret::SecretString;
use navi::vault::development::Development;
use navi::vault::model::Place;
use navi::vault::service::{Keys, Limits, Vault};

/// A development key that nothing else uses.
pub(crate) const DEV_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A vault over a development key.
pub(crate) fn development(key: &str) -> Vault {
    let key = Development::new(&SecretString::from(key)).unwrap();
    let keys = Keys {
        kms: None,
        development: Some(key),
    };
    Vault::new(keys, Limits::default())
}

/// A place of this organisation.
pub(crate) fn place(org_id: &OrgId) -> Place<'_> {
    Place {
        org_id,
        table: "connector_tokens",
        row: "github/ada",
        name: "token",
        purpose: "connector",
    }
}
