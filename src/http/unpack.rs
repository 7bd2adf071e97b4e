//! Packed bodies, unpacked before anything reads them: the audit log keeps the unpacked text, and every
//! limit of a body's size is one of its unpacked size.
//!
//! They are unpacked as they are read, so a body that is not read costs nothing, and neither does what lies
//! beyond a limit. `tower_http`'s layer is not used: it takes zstd windows of 128 MiB, leaves out all but
//! the first member of a gzip body, and looks at the first `Content-Encoding` alone.

use std::io;

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::TryStreamExt;
use http_body_util::Limited;
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::http::limits::AGENT_BODY_BYTES;
use crate::platform::body::BodyError;
use crate::platform::problem::Problem;

/// The largest window a zstd body may ask for, as a power of two: 8 MiB, which is what RFC 9659 lets
/// content encodings use.
const ZSTD_WINDOW_LOG: u32 = 23;
/// The number of bytes that are unpacked at a time.
const CHUNK_BYTES: usize = 16 * 1024;
/// The largest packed body, in bytes: as large as the largest that any route takes unpacked.
/// Nothing that is worth packing gets larger by it.
const MAX_PACKED_BYTES: usize = AGENT_BODY_BYTES;
/// The accepted encodings, as in the header `Accept-Encoding`.
const TAKEN: &str = "gzip, zstd, identity";

/// The encoding of a packed body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContentCoding {
    Gzip,
    Zstd,
}

/// The body is packed in a way that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unknown;

impl ContentCoding {
    /// Reads the headers `Content-Encoding`; none when the body is as it is.
    fn of(headers: &HeaderMap) -> Result<Option<Self>, Unknown> {
        let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
        let encoding = match (encodings.next(), encodings.next()) {
            (None, _) => return Ok(None),
            (Some(encoding), None) => encoding.to_str().map_err(|_| Unknown)?,
            (Some(_), Some(_)) => return Err(Unknown),
        };
        match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            "zstd" => Ok(Some(Self::Zstd)),
            _ => Err(Unknown),
        }
    }

    /// Returns a body that unpacks this one while it is read.
    fn unpacked(self, packed: Body) -> Body {
        // Members and frames may be empty, so the limits of what comes out do not bound what goes in.
        let packed = Body::new(Limited::new(packed, MAX_PACKED_BYTES)).into_data_stream();
        // Errors from before unpacking keep their meaning.
        let packed = packed.map_err(|error| io::Error::other(BodyError::of(&error)));
        let packed = StreamReader::new(packed);
        match self {
            Self::Gzip => {
                let mut decoder = GzipDecoder::new(packed);
                decoder.multiple_members(true);
                read(decoder, "gzip")
            }
            Self::Zstd => {
                let window = DParameter::window_log_max(ZSTD_WINDOW_LOG);
                let mut decoder = ZstdDecoder::with_params(packed, &[window]);
                decoder.multiple_members(true);
                read(decoder, "zstd")
            }
        }
    }
}

fn read(decoder: impl AsyncRead + Send + 'static, name: &'static str) -> Body {
    let unpacked = ReaderStream::with_capacity(decoder, CHUNK_BYTES);
    Body::from_stream(
        unpacked
            .map_err(move |error| BodyError::within(&error).unwrap_or(BodyError::Damaged(name))),
    )
}

/// Unpacks the body of a request.
pub async fn unpack<F: Future<Output = Response>>(
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    if request.body().is_end_stream() {
        return next(request).await;
    }
    match ContentCoding::of(request.headers()) {
        Ok(None) => next(request).await,
        Ok(Some(coding)) => {
            let headers = request.headers_mut();
            headers.remove(header::CONTENT_ENCODING);
            headers.remove(header::CONTENT_LENGTH);
            next(request.map(|body| coding.unpacked(body))).await
        }
        Err(Unknown) => unsupported(),
    }
}

fn unsupported() -> Response {
    let mut response = Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-media-type",
        "the encoding of the body is not supported; use `gzip`, `zstd` or none",
    )
    .into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(TAKEN));
    response
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::body::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http_body_util::{BodyExt, Limited};
    use proptest::prelude::*;

    use super::*;

    const BOTH: [ContentCoding; 2] = [ContentCoding::Gzip, ContentCoding::Zstd];

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn pack(coding: ContentCoding, bytes: &[u8]) -> Vec<u8> {
        match coding {
            ContentCoding::Gzip => gzip(bytes),
            ContentCoding::Zstd => zstd::encode_all(bytes, 3).unwrap(),
        }
    }

    /// Unpacks a body that comes in chunks of this many bytes, up to `limit`.
    async fn unpack(
        coding: ContentCoding,
        packed: &[u8],
        chunk: usize,
        limit: usize,
    ) -> Result<Bytes, BodyError> {
        let chunks: Vec<_> = packed.chunks(chunk).map(Bytes::copy_from_slice).collect();
        let chunks = futures_util::stream::iter(chunks.into_iter().map(Ok::<_, io::Error>));
        let body = coding.unpacked(Body::from_stream(chunks));
        let read = Limited::new(body, limit).collect().await;
        read.map(http_body_util::Collected::to_bytes)
            .map_err(|error| BodyError::of(&*error))
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(future)
    }

    fn declared(values: &[&str]) -> Result<Option<ContentCoding>, Unknown> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CONTENT_ENCODING, value.parse().unwrap());
        }
        ContentCoding::of(&headers)
    }

    #[test]
    fn one_known_encoding_is_taken_and_nothing_else() {
        assert_eq!(declared(&[]), Ok(None));
        for none in ["identity", "", " Identity "] {
            assert_eq!(declared(&[none]), Ok(None), "{none}");
        }
        for gzip in ["gzip", " GZIP ", "x-gzip"] {
            assert_eq!(declared(&[gzip]), Ok(Some(ContentCoding::Gzip)), "{gzip}");
        }
        assert_eq!(declared(&["zstd"]), Ok(Some(ContentCoding::Zstd)));
        for unknown in ["br", "deflate", "gzip, zstd", "gzip,gzip"] {
            assert_eq!(declared(&[unknown]), Err(Unknown), "{unknown}");
        }
        let mut headers = HeaderMap::new();
        let no_text = HeaderValue::from_bytes(b"\xe9").unwrap();
        headers.insert(header::CONTENT_ENCODING, no_text);
        assert_eq!(ContentCoding::of(&headers), Err(Unknown));
        assert_eq!(declared(&["gzip", "br"]), Err(Unknown));
        assert_eq!(declared(&["identity", "gzip"]), Err(Unknown));
    }

    #[tokio::test]
    async fn a_bomb_is_refused_without_being_unpacked() {
        const LIMIT: usize = 1 << 20;
        let zeros = vec![b'0'; 256 << 20];
        for coding in BOTH {
            let bomb = pack(coding, &zeros);
            assert!(bomb.len() < LIMIT);
            let mut body = coding.unpacked(Body::from(bomb.clone()));
            let first = body.frame().await.unwrap().unwrap();
            assert!(first.data_ref().unwrap().len() <= CHUNK_BYTES);
            let refused = unpack(coding, &bomb, 4096, LIMIT).await;
            assert_eq!(refused, Err(BodyError::TooLarge), "{coding:?}");
        }
    }

    /// Members, or frames, that are as long as they can be and hold nothing.
    fn nothing(coding: ContentCoding) -> Vec<u8> {
        let long = vec![b'x'; 60 * 1024];
        let member = match coding {
            ContentCoding::Gzip => {
                let builder = flate2::GzBuilder::new().filename(&long[..]);
                builder
                    .write(Vec::new(), Compression::fast())
                    .finish()
                    .unwrap()
            }
            // RFC 8878 §3.1.2: a skippable frame.
            ContentCoding::Zstd => {
                let length = u32::try_from(long.len()).unwrap();
                [
                    &0x184D_2A50_u32.to_le_bytes()[..],
                    &length.to_le_bytes(),
                    &long,
                ]
                .concat()
            }
        };
        member.repeat(MAX_PACKED_BYTES / long.len() + 1)
    }

    #[tokio::test]
    async fn what_holds_nothing_is_not_read_for_ever() {
        for coding in BOTH {
            let refused = unpack(coding, &nothing(coding), 64 * 1024, 100).await;
            assert_eq!(refused, Err(BodyError::TooLarge), "{coding:?}");
        }
    }

    #[tokio::test]
    async fn a_window_that_would_take_more_memory_than_is_given_is_refused() {
        let packed = |log| {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
            encoder.window_log(log).unwrap();
            encoder.write_all(&vec![b' '; 4096]).unwrap();
            encoder.finish().unwrap()
        };
        let taken = unpack(ContentCoding::Zstd, &packed(ZSTD_WINDOW_LOG), 4096, 4096).await;
        assert_eq!(taken.unwrap().len(), 4096);
        let refused = unpack(
            ContentCoding::Zstd,
            &packed(ZSTD_WINDOW_LOG + 1),
            4096,
            4096,
        )
        .await;
        assert_eq!(refused, Err(BodyError::Damaged("zstd")));
    }

    #[tokio::test]
    async fn several_members_are_one_body() {
        for coding in BOTH {
            let packed = [pack(coding, b"{\"a\":"), pack(coding, b"1}")].concat();
            let unpacked = unpack(coding, &packed, 3, 100).await;
            assert_eq!(unpacked.as_deref(), Ok(&b"{\"a\":1}"[..]), "{coding:?}");
        }
    }

    #[tokio::test]
    async fn what_failed_before_unpacking_keeps_its_reason() {
        for coding in BOTH {
            let start = Bytes::from(pack(coding, b"{}")).slice(..8);
            let chunks = [Ok(start), Err(BodyError::Slow)];
            let body = Body::from_stream(futures_util::stream::iter(chunks));
            let failed = coding.unpacked(body).collect().await.unwrap_err();
            assert_eq!(BodyError::of(&failed), BodyError::Slow, "{coding:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_was_packed_comes_out_as_it_was(
            body in prop::collection::vec(any::<u8>(), 0..40_000),
            chunk in 1..5_000usize,
        ) {
            for coding in BOTH {
                let packed = pack(coding, &body);
                let unpacked = block_on(unpack(coding, &packed, chunk, body.len()));
                prop_assert_eq!(unpacked.as_deref(), Ok(&body[..]), "{:?}", coding);
            }
        }

        #[test]
        fn what_is_cut_short_or_followed_by_something_else_is_damaged(
            body in prop::collection::vec(any::<u8>(), 1..2_000),
            cut in any::<prop::sample::Index>(),
            chunk in 1..500usize,
        ) {
            for coding in BOTH {
                let name = if coding == ContentCoding::Gzip { "gzip" } else { "zstd" };
                let packed = pack(coding, &body);
                let cut = 1 + cut.index(packed.len() - 1);
                let read = block_on(unpack(coding, &packed[..cut], chunk, 1 << 20));
                prop_assert_eq!(read, Err(BodyError::Damaged(name)), "{} of {}", cut, packed.len());
                let more = [&packed[..], b"more"].concat();
                let read = block_on(unpack(coding, &more, chunk, 1 << 20));
                prop_assert_eq!(read, Err(BodyError::Damaged(name)));
            }
        }

        #[test]
        fn bytes_that_nothing_packed_are_damaged(
            bytes in prop::collection::vec(any::<u8>(), 1..500),
        ) {
            for coding in BOTH {
                let name = if coding == ContentCoding::Gzip { "gzip" } else { "zstd" };
                let read = block_on(unpack(coding, &bytes, 64, 1 << 20));
                prop_assert_eq!(read, Err(BodyError::Damaged(name)));
            }
        }
    }
}
