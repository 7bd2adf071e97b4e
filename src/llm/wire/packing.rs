//! Answers that come packed although nothing packed was asked for.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};

use crate::llm::failure::broken::Broken;

/// The first bytes of everything that gzip has packed.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The packed bytes that are unpacked at once: a little can become very much.
const SLICE: usize = 4 * 1024;

/// The packing of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::llm) enum Packing {
    /// Not, or not said: what begins as gzip does is gzip all the same.
    #[default]
    Unsaid,
    /// `gzip`.
    Gzip,
    /// `deflate`.
    Zlib,
}

impl Packing {
    /// Reads the value of `content-encoding`.
    pub(in crate::llm) fn named(name: &str) -> Result<Self, Broken> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" | "none" => Ok(Self::Unsaid),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Zlib),
            _ => Err(Broken::new(
                "the answer is packed in a way that was not asked for",
            )),
        }
    }
}

/// Unpacks an answer as it comes.
#[derive(Debug)]
pub(in crate::llm) enum Unpacker {
    /// Nothing came yet, and nothing was said.
    Undecided,
    /// There is nothing to unpack.
    Plain,
    /// gzip.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// zlib.
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
}

impl Unpacker {
    /// For an answer that is packed in this way.
    pub(in crate::llm) fn new(packing: Packing) -> Self {
        match packing {
            Packing::Unsaid => Self::Undecided,
            Packing::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Packing::Zlib => Self::Zlib(Box::new(ZlibDecoder::new(Vec::new()))),
        }
    }

    /// The next packet as it was before it was packed: at most a little more than `most` bytes of it,
    /// and nothing where the rest is still to come.
    pub(in crate::llm) fn unpack(&mut self, packet: Bytes, most: usize) -> Result<Bytes, Broken> {
        if matches!(self, Self::Undecided) && !packet.is_empty() {
            *self = if packet.starts_with(GZIP) {
                Self::new(Packing::Gzip)
            } else {
                Self::Plain
            };
        }
        let mut whole = Vec::new();
        for slice in packet.chunks(SLICE) {
            let unpacked = match self {
                Self::Undecided | Self::Plain => return Ok(packet),
                Self::Gzip(decoder) => decoder
                    .write_all(slice)
                    .and_then(|()| decoder.flush())
                    .map(|()| std::mem::take(decoder.get_mut())),
                Self::Zlib(decoder) => decoder
                    .write_all(slice)
                    .and_then(|()| decoder.flush())
                    .map(|()| std::mem::take(decoder.get_mut())),
            };
            let unpacked = unpacked
                .map_err(|error| Broken::new(format!("the answer cannot be unpacked: {error}")))?;
            whole.extend_from_slice(&unpacked);
            if whole.len() > most {
                break;
            }
        }
        Ok(whole.into())
    }
}

/// As much of a whole body as can be unpacked, as text.
pub(in crate::llm) fn unpacked(packing: Packing, body: &[u8], most: usize) -> Vec<u8> {
    let mut unpacker = Unpacker::new(packing);
    let read = unpacker.unpack(Bytes::copy_from_slice(body), most);
    let mut read = read.map_or_else(|_| body.to_vec(), |read| read.to_vec());
    read.truncate(most);
    read
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"data: {\"a\": 1}\n\ndata: [DONE]\n\n";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(packing: Packing, packets: &[&[u8]]) -> Result<Vec<u8>, Broken> {
        let mut unpacker = Unpacker::new(packing);
        let mut whole = Vec::new();
        for packet in packets {
            let packet = Bytes::copy_from_slice(packet);
            whole.extend_from_slice(&unpacker.unpack(packet, usize::MAX)?);
        }
        Ok(whole)
    }

    #[test]
    fn what_is_packed_is_read_wherever_the_network_cuts_it() {
        let packed = gzip(TEXT);
        for cut in 2..packed.len() {
            let (head, tail) = packed.split_at(cut);
            for packing in [Packing::Gzip, Packing::Unsaid] {
                assert_eq!(read(packing, &[head, tail]).unwrap(), TEXT, "{cut}");
            }
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(TEXT).unwrap();
        assert_eq!(
            read(Packing::Zlib, &[&encoder.finish().unwrap()]).unwrap(),
            TEXT
        );
        assert_eq!(read(Packing::Unsaid, &[b"", TEXT]).unwrap(), TEXT);
    }

    #[test]
    fn a_piece_comes_out_as_soon_as_it_is_there() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(b"data: 1\n\n").unwrap();
        encoder.flush().unwrap();
        assert_eq!(
            read(Packing::Gzip, &[encoder.get_ref()]).unwrap(),
            b"data: 1\n\n"
        );
    }

    #[test]
    fn a_little_does_not_become_endlessly_much() {
        let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
        let mut unpacker = Unpacker::new(Packing::Gzip);
        let read = unpacker.unpack(bomb.into(), 1024 * 1024).unwrap();
        assert!(read.len() < 8 * 1024 * 1024, "{}", read.len());
    }

    #[test]
    fn what_cannot_be_unpacked_is_said() {
        assert!(Packing::named("br").is_err());
        assert!(read(Packing::Gzip, &[TEXT]).is_err());
        assert_eq!(unpacked(Packing::Gzip, TEXT, 4), b"data");
    }
}
