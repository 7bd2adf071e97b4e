//! Where a value belongs, and the keys on its way there.

use crate::platform::ids::OrgId;
use crate::vault::envelope::DataKey;

/// Where a sealed value belongs. It opens there and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The organisation.
    pub org_id: &'a OrgId,
    /// The table.
    pub table: &'a str,
    /// The row within the organisation's rows, unambiguously.
    pub row: &'a str,
    /// The name of the value among those of the row.
    pub name: &'a str,
    /// The purpose of the value; one data key serves one purpose.
    pub purpose: &'a str,
}

impl<'a> Place<'a> {
    /// The context that the data key of this place is bound to.
    pub fn context(&self) -> Context<'a> {
        Context {
            org: self.org_id.as_str(),
            purpose: self.purpose,
        }
    }

    /// The place with the header of the value that lies there, as the cipher authenticates it.
    ///
    /// Every part is preceded by its length, so that no two places are written alike.
    pub fn bytes(&self, header: &[u8]) -> Vec<u8> {
        let parts = [
            self.org_id.as_str().as_bytes(),
            self.table.as_bytes(),
            self.row.as_bytes(),
            self.name.as_bytes(),
            self.purpose.as_bytes(),
            header,
        ];
        prefixed(&parts)
    }
}

/// The context of a data key: KMS refuses to unwrap it in any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// The organisation.
    pub org: &'a str,
    /// The purpose of the values.
    pub purpose: &'a str,
}

impl Context<'_> {
    /// The context, each part preceded by its length.
    pub fn bytes(&self) -> Vec<u8> {
        prefixed(&[self.org.as_bytes(), self.purpose.as_bytes()])
    }
}

/// The parts one after the other, each preceded by its length in eight bytes.
fn prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let size = parts.iter().map(|part| part.len() + 8).sum();
    let mut bytes = Vec::with_capacity(size);
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A new data key, and the same key wrapped.
#[derive(Debug)]
pub struct Wrapped {
    /// The key.
    pub key: DataKey,
    /// The key that wrapped it.
    pub key_id: String,
    /// The key as it may lie in a table.
    pub bytes: Vec<u8>,
}

/// A value that may lie in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The value.
    pub bytes: Vec<u8>,
    /// Its format and the key that wraps its data key, for those who count and renew.
    pub with: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_places_are_written_alike() {
        let (org, other): (OrgId, OrgId) = ("a".parse().unwrap(), "ab".parse().unwrap());
        let place = Place {
            org_id: &org,
            table: "bc",
            row: "d",
            name: "e",
            purpose: "f",
        };
        let moved = Place {
            org_id: &other,
            table: "c",
            ..place
        };
        assert_ne!(place.bytes(b""), moved.bytes(b""));
        let shifted = Place {
            name: "ef",
            purpose: "",
            ..place
        };
        assert_ne!(place.bytes(b""), shifted.bytes(b""));
        assert_ne!(place.bytes(b"h"), place.bytes(b""));
    }
}
