//! The name under which an erased person or organisation is known.

use aws_lc_rs::digest::{Context, SHA256};

use crate::platform::ids::{OrgId, UserId};

/// The prefix of the hashed text, so that no other hash is one of these.
const PURPOSE: &[u8] = b"navi erased name 1";

/// The hash of an organisation, or of a person in one. The name finds its hash; the hash does not reveal
/// the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErasedName([u8; 32]);

impl ErasedName {
    /// The hash of a person, or of a whole organisation without one.
    pub fn of(org: &OrgId, user: Option<&UserId>) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(PURPOSE);
        for part in [Some(org.as_str()), user.map(UserId::as_str)] {
            // A length, and none for a missing part: no two pairs are hashed as the same bytes.
            let length = part.map_or(0, |part| 1 + part.len() as u64);
            context.update(&length.to_be_bytes());
            context.update(part.unwrap_or_default().as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }

    /// The hash of a row.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes of the hash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_an_organisation_and_their_neighbours_have_names_of_their_own() {
        let name = |org: &str, user: Option<&str>| {
            let user = user.map(|user| user.parse().unwrap());
            ErasedName::of(&org.parse().unwrap(), user.as_ref())
        };
        let names = [
            name("acme", None),
            name("acme", Some("ada")),
            name("acmea", Some("da")),
            name("acmeada", None),
            name("ada", Some("acme")),
        ];
        for (at, one) in names.iter().enumerate() {
            assert!(!names[at + 1..].contains(one), "{at}");
        }
        assert_eq!(ErasedName::read(names[1].as_bytes()), Some(names[1]));
        assert_eq!(ErasedName::read(&[0; 31]), None);
    }
}
