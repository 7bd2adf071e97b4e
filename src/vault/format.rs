//! The format of a sealed value, and the detection of the three formats.
//!
//! ```text
//! 0x02 ‖ wrapping (1) ‖ length (2) ‖ key id ‖ length (2) ‖ wrapped data key ‖ envelope
//! ```
//!
//! Lengths are unsigned and big-endian. All before the envelope is the header, and the envelope
//! authenticates it. The formats of the service that this one replaces are base64 text, whose first
//! byte is never 2; [`crate::vault::original`] reads them.

use crate::vault::error::Error;

/// The first byte of this format.
const VERSION: u8 = 2;
/// The longest key id or wrapped key, in bytes; KMS gives at most 2048 and 6144.
const MAX_PART_BYTES: usize = 8 * 1024;

/// The kind of key that wraps a data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// AWS KMS.
    Kms,
    /// A key of a developer's machine.
    Development,
}

impl Wrapping {
    fn code(self) -> u8 {
        match self {
            Self::Kms => 1,
            Self::Development => 2,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Kms, Self::Development]
            .into_iter()
            .find(|one| one.code() == code)
    }

    /// Format and key in one text: what `sealed_with` columns hold.
    pub fn with(self, key_id: &str) -> String {
        match self {
            Self::Kms => format!("2:kms:{key_id}"),
            Self::Development => format!("2:dev:{key_id}"),
        }
    }
}

/// A sealed value, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The kind of key that wraps the data key.
    pub wrapping: Wrapping,
    /// The id of that key.
    pub key_id: &'a str,
    /// The wrapped data key.
    pub wrapped: &'a [u8],
    /// All of the above as it was written.
    pub header: &'a [u8],
    /// The input of [`crate::vault::envelope::open`].
    pub envelope: &'a [u8],
}

/// The header of values whose data key is wrapped like this.
pub fn header(wrapping: Wrapping, key_id: &str, wrapped: &[u8]) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![VERSION, wrapping.code()];
    for part in [key_id.as_bytes(), wrapped] {
        let length = Some(part.len()).filter(|length| *length <= MAX_PART_BYTES);
        let length = length.and_then(|length| u16::try_from(length).ok());
        // KMS alone could hand out what does not fit.
        bytes.extend_from_slice(&length.ok_or(Error::Garbled)?.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

/// True when the bytes claim to be of this format.
pub fn is_current(bytes: &[u8]) -> bool {
    bytes.first() == Some(&VERSION)
}

/// Takes a value apart. Nothing of it is authentic before its envelope is open.
pub fn parse(bytes: &[u8]) -> Result<Parts<'_>, Error> {
    split(bytes).ok_or(Error::Malformed)
}

fn split(bytes: &[u8]) -> Option<Parts<'_>> {
    let (&[version, code], rest) = bytes.split_first_chunk()?;
    let wrapping = Wrapping::from_code(code).filter(|_| version == VERSION)?;
    let (key_id, rest) = part(rest)?;
    let (wrapped, envelope) = part(rest)?;
    Some(Parts {
        wrapping,
        key_id: std::str::from_utf8(key_id).ok()?,
        wrapped,
        header: bytes.get(..bytes.len() - envelope.len())?,
        envelope,
    })
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length > MAX_PART_BYTES {
        return None;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_no_part_of_it_is_a_value() {
        let bytes = header(Wrapping::Kms, "arn:key", b"wrapped").unwrap();
        let mut value = bytes.clone();
        value.extend_from_slice(b"envelope");
        let expected = Parts {
            wrapping: Wrapping::Kms,
            key_id: "arn:key",
            wrapped: b"wrapped",
            header: &bytes,
            envelope: b"envelope",
        };
        assert_eq!(parse(&value).unwrap(), expected);
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), Err(Error::Malformed), "{cut}");
        }
    }

    #[test]
    fn what_does_not_fit_is_neither_written_nor_read() {
        let long = vec![0; MAX_PART_BYTES + 1];
        assert_eq!(header(Wrapping::Kms, "k", &long), Err(Error::Garbled));
        let mut bytes = vec![VERSION, 1, 0, 0];
        bytes.extend_from_slice(&u16::try_from(long.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&long);
        assert_eq!(parse(&bytes), Err(Error::Malformed));
        for wrong in [[1, 1, 0, 0, 0, 0], [2, 3, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0]] {
            assert_eq!(parse(&wrong), Err(Error::Malformed), "{wrong:?}");
        }
    }
}
