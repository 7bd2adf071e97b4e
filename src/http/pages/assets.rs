//! The files of the API page, packed, under names that change with their content.

use std::io::{self, Read};

use axum::http::{HeaderMap, header};
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use sha2::{Digest, Sha256};

use crate::platform::hex::hex;

/// The program of the page, which is not ours; see `vendor/swagger-ui`.
const BUNDLE: &[u8] = include_bytes!("../../../vendor/swagger-ui/swagger-ui-bundle.js.gz");
/// Its style sheet.
const STYLE: &[u8] = include_bytes!("../../../vendor/swagger-ui/swagger-ui.css.gz");
/// The script that starts it.
const START: &str = include_str!("start.js");
/// The page, with places for the names of the files.
const PAGE: &str = include_str!("docs.html");

/// Digits of a hash in a name: enough that two versions never share one.
const NAME_DIGITS: usize = 16;

const SCRIPT_TYPE: &str = "text/javascript; charset=utf-8";
const STYLE_TYPE: &str = "text/css; charset=utf-8";

/// A file, packed with gzip.
#[derive(Debug)]
pub(super) struct Asset {
    name: String,
    pub(super) kind: &'static str,
    pub(super) packed: Vec<u8>,
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, packed: Vec<u8>) -> Self {
        let hash = hex(&Sha256::digest(&packed));
        let hash = &hash[..NAME_DIGITS];
        Self {
            name: format!("{stem}-{hash}.{ending}"),
            kind,
            packed,
        }
    }

    /// The unpacked content, for the rare client that takes no gzip.
    pub(super) fn unpacked(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        GzDecoder::new(&*self.packed).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The API page and its files.
#[derive(Debug)]
pub(super) struct Assets {
    pub(super) page: String,
    files: [Asset; 3],
}

impl Assets {
    /// Names the files, and has the page name them.
    pub(super) fn new() -> io::Result<Self> {
        let mut start = Vec::new();
        GzEncoder::new(START.as_bytes(), Compression::best()).read_to_end(&mut start)?;
        let style = Asset::new("swagger-ui", "css", STYLE_TYPE, STYLE.to_vec());
        let bundle = Asset::new("swagger-ui", "js", SCRIPT_TYPE, BUNDLE.to_vec());
        let start = Asset::new("start", "js", SCRIPT_TYPE, start);
        let page = PAGE
            .replace("{style}", &style.name)
            .replace("{bundle}", &bundle.name)
            .replace("{start}", &start.name);
        Ok(Self {
            page,
            files: [style, bundle, start],
        })
    }

    /// The file of this name.
    pub(super) fn named(&self, name: &str) -> Option<&Asset> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// True if a client takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut choices = texts.flat_map(|text| text.split(','));
    choices.any(|choice| {
        let (name, weight) = choice.split_once(';').unwrap_or((choice, ""));
        let weight = weight.trim().trim_start_matches("q=");
        let is_refused = weight.parse::<f32>().is_ok_and(|weight| weight == 0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_what_was_published() {
        let published = include_str!("../../../vendor/swagger-ui/SHA256SUMS");
        let assets = Assets::new().unwrap();
        let sums: Vec<_> = assets.files[..2]
            .iter()
            .map(|file| hex(&Sha256::digest(file.unpacked().unwrap())))
            .collect();
        let lines = ["swagger-ui.css", "swagger-ui-bundle.js"];
        for (sum, name) in sums.iter().zip(lines) {
            assert!(published.contains(&format!("{sum}  {name}\n")), "{name}");
        }
    }

    #[test]
    fn the_page_names_every_file_and_nothing_elsewhere() {
        let assets = Assets::new().unwrap();
        for file in &assets.files {
            assert!(assets.page.contains(&format!("\"docs/{}\"", file.name)));
            assert!(assets.named(&file.name).is_some());
        }
        assert!(!assets.page.contains("://"), "{}", assets.page);
        assert!(assets.named("swagger-ui.js").is_none());
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let takes = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, text.parse().unwrap());
            takes_gzip(&headers)
        };
        assert!(takes("gzip") && takes("br, GZIP;q=0.5") && takes("deflate,gzip"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes("gzip;q=0.000") && !takes("x-gzip2"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
