//! Bodies that were packed, unpacked within bounds: neither size nor memory is what the sender says.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::telemetry::error::Error;
use crate::telemetry::model::MAX_BODY_BYTES;

/// The largest window a zstd stream may ask for, as a power of two: 8 MiB, which is what RFC 9659 lets
/// content encodings use.
const ZSTD_WINDOW_LOG: u32 = 23;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// It is not.
    None,
    /// With gzip.
    Gzip,
    /// With zstd.
    Zstd,
}

impl Packing {
    /// Reads the header `Content-Encoding`.
    pub fn from_header(value: Option<&str>) -> Result<Self, Error> {
        match value
            .map(|value| value.trim().to_ascii_lowercase())
            .as_deref()
        {
            None | Some("" | "identity") => Ok(Self::None),
            Some("gzip" | "x-gzip") => Ok(Self::Gzip),
            Some("zstd") => Ok(Self::Zstd),
            Some(_) => Err(Error::Encoding),
        }
    }

    /// Unpacks a body, at most as much as a body may be.
    pub fn unpack(self, packed: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
        match self {
            Self::None => Ok(Cow::Borrowed(packed)),
            Self::Gzip => read(MultiGzDecoder::new(packed), "gzip"),
            Self::Zstd => {
                let damaged = |_| Error::Damaged("zstd");
                let mut decoder = zstd::stream::read::Decoder::new(packed).map_err(damaged)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(damaged)?;
                read(decoder, "zstd")
            }
        }
    }
}

fn read(unpacking: impl Read, name: &'static str) -> Result<Cow<'static, [u8]>, Error> {
    let mut unpacked = Vec::new();
    let most = MAX_BODY_BYTES as u64 + 1;
    let read = unpacking.take(most).read_to_end(&mut unpacked);
    // A bomb is one even when what follows is damaged.
    if unpacked.len() > MAX_BODY_BYTES {
        return Err(Error::UnpackedTooLarge);
    }
    read.map(|_| Cow::Owned(unpacked))
        .map_err(|_| Error::Damaged(name))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_packed_comes_out_as_it_was() {
        let body = br#"{"events":[]}"#;
        assert_eq!(&*Packing::Gzip.unpack(&gzip(body)).unwrap(), body);
        let packed = zstd::encode_all(&body[..], 3).unwrap();
        assert_eq!(&*Packing::Zstd.unpack(&packed).unwrap(), body);
        assert_eq!(&*Packing::None.unpack(body).unwrap(), body);
    }

    #[test]
    fn a_bomb_is_refused_without_being_unpacked() {
        let zeros = vec![b'0'; 64 * 1024 * 1024];
        let bombs = [
            (Packing::Gzip, gzip(&zeros)),
            (Packing::Zstd, zstd::encode_all(&zeros[..], 3).unwrap()),
        ];
        for (packing, bomb) in bombs {
            assert!(bomb.len() < MAX_BODY_BYTES);
            let refused = packing.unpack(&bomb);
            assert!(
                matches!(refused, Err(Error::UnpackedTooLarge)),
                "{packing:?}"
            );
        }
    }

    #[test]
    fn a_window_that_would_take_more_memory_than_is_given_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&vec![b' '; 4096]).unwrap();
        let packed = encoder.finish().unwrap();
        assert!(matches!(
            Packing::Zstd.unpack(&packed),
            Err(Error::Damaged("zstd"))
        ));
    }

    #[test]
    fn what_is_damaged_or_unknown_is_told() {
        let mut cut = gzip(b"{}");
        cut.truncate(12);
        assert!(matches!(
            Packing::Gzip.unpack(&cut),
            Err(Error::Damaged("gzip"))
        ));
        assert!(matches!(
            Packing::Zstd.unpack(b"{}"),
            Err(Error::Damaged("zstd"))
        ));
        assert!(matches!(
            Packing::from_header(Some("br")),
            Err(Error::Encoding)
        ));
        assert!(matches!(
            Packing::from_header(Some("gzip, zstd")),
            Err(Error::Encoding)
        ));
        assert_eq!(Packing::from_header(Some(" GZIP ")).unwrap(), Packing::Gzip);
    }
}
