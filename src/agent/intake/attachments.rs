//! Files, selections and images that a client sends with a request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use crate::agent::error::Error;
use crate::llm::model::Part;

/// The most text of attachments, together, in bytes.
const MAX_ATTACHED_BYTES: usize = 512 * 1024;
/// The most images of one request.
const MAX_IMAGES: usize = 8;
/// The media type of a picture that is text; no provider takes it as an image.
const SVG: &str = "image/svg+xml";
/// The media types that providers take as an image.
const TAKEN: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/jpg",
    "image/gif",
    "image/webp",
];

/// An attachment of a request.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub struct Attachment {
    /// `image`, or any kind of text: `file`, `selection`, `currentFile`, `diff` …
    pub kind: String,
    /// The text; for an image its data URL or base64.
    pub content: Option<String>,
    /// The file's path.
    pub path: Option<String>,
    /// The file's name.
    pub name: Option<String>,
    /// The text's language, or the image's media type.
    pub language: Option<String>,
}

/// The attachments as parts of a message, within their bounds.
pub fn parts(attachments: Vec<Attachment>) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    let (mut images, mut text_bytes) = (0, 0);
    for attachment in attachments {
        let part = attachment.into_part()?;
        match &part {
            Part::Image { .. } => images += 1,
            Part::Text { text } => text_bytes += text.len(),
        }
        if text_bytes > MAX_ATTACHED_BYTES {
            return Err(Error::TooLong {
                field: "attachments",
                length: text_bytes,
                limit: MAX_ATTACHED_BYTES,
            });
        }
        parts.push(part);
    }
    if images > MAX_IMAGES {
        let reason = format!("{images} images; at most {MAX_IMAGES} are accepted");
        return Err(Error::Invalid(reason));
    }
    Ok(parts)
}

impl Attachment {
    fn into_part(self) -> Result<Part, Error> {
        let content = self.content.as_deref().unwrap_or_default();
        if self.kind != "image" {
            return Ok(self.as_text(content));
        }
        let image = match DataUrl::parse(content) {
            Some(image) => image,
            None => DataUrl {
                media_type: self.language.as_deref().unwrap_or("image/png"),
                is_base64: true,
                data: content,
            },
        };
        let said = image.media_type.to_ascii_lowercase();
        if said == SVG {
            return match image.text() {
                Some(source) => Ok(self.as_text(&source)),
                None => refused("is SVG, and not UTF-8 text"),
            };
        }
        if !TAKEN.contains(&said.as_str()) {
            // The question may be answered without it, and the model knows that something is missing.
            return Ok(self.as_text("[An image in a format that models cannot read was left out.]"));
        }
        let Some(data) = image.base64() else {
            return refused("is not base64");
        };
        let Some(media_type) = media_type_of(&data) else {
            return refused("is no PNG, JPEG, GIF or WebP");
        };
        let media_type = media_type.to_owned();
        Ok(Part::Image { media_type, data })
    }

    fn as_text(&self, text: &str) -> Part {
        let name = self.path.as_deref().or(self.name.as_deref());
        let (kind, name) = (&self.kind, name.unwrap_or_default());
        let text = format!("<attachment kind=\"{kind}\" path=\"{name}\">\n{text}\n</attachment>");
        Part::Text { text }
    }
}

/// The media type of an image by its first bytes (MIME Sniffing Standard, section 6.1): what a client says of it may
/// be another, which providers refuse.
fn media_type_of(base64: &str) -> Option<&'static str> {
    // Twelve bytes.
    let first = base64.get(..16).unwrap_or(base64);
    let first = STANDARD.decode(first).ok()?;
    match first.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => Some("image/webp"),
        _ => None,
    }
}

/// A `data:` URL (RFC 2397).
struct DataUrl<'a> {
    /// Without its parameters, such as `charset`.
    media_type: &'a str,
    is_base64: bool,
    data: &'a str,
}

impl<'a> DataUrl<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let (described, data) = url.strip_prefix("data:")?.split_once(',')?;
        let (media_type, parameters) = described.split_once(';').unwrap_or((described, ""));
        Some(Self {
            media_type: media_type.trim(),
            is_base64: parameters.split(';').any(|parameter| parameter == "base64"),
            data,
        })
    }

    /// The data in base64, without the blanks that some encoders break lines with.
    fn base64(&self) -> Option<String> {
        if !self.is_base64 {
            return None;
        }
        let data: String = self.data.split_ascii_whitespace().collect();
        let is_base64 =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        (!data.is_empty() && data.bytes().all(is_base64)).then_some(data)
    }

    fn text(&self) -> Option<String> {
        let bytes = if self.is_base64 {
            STANDARD.decode(self.base64()?).ok()?
        } else {
            percent_decode_str(self.data).collect()
        };
        String::from_utf8(bytes).ok()
    }
}

fn refused(reason: &str) -> Result<Part, Error> {
    Err(Error::Invalid(format!("an attached image {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(content: &str, language: Option<&str>) -> Result<Part, String> {
        let attachment = Attachment {
            kind: "image".to_owned(),
            content: Some(content.to_owned()),
            path: None,
            name: Some("s".to_owned()),
            language: language.map(str::to_owned),
        };
        let parts = parts(vec![attachment]).map_err(|error| error.to_string())?;
        Ok(parts.into_iter().next().unwrap())
    }

    fn image(media_type: &str, data: &str) -> Part {
        let (media_type, data) = (media_type.to_owned(), data.to_owned());
        Part::Image { media_type, data }
    }

    fn text(text: &str) -> Part {
        let text = format!("<attachment kind=\"image\" path=\"s\">\n{text}\n</attachment>");
        Part::Text { text }
    }

    #[test]
    fn images_are_taken_as_browsers_write_them() {
        for (content, language, expected) in [
            (
                "data:image/png;base64,iVBO\r\nRw==",
                None,
                image("image/png", "iVBORw=="),
            ),
            (
                "data:image/jpg;base64,/9j/4AAQ",
                None,
                image("image/jpeg", "/9j/4AAQ"),
            ),
            (
                "data:IMAGE/PNG;name=a.png;base64,R0lGODlh",
                None,
                image("image/gif", "R0lGODlh"),
            ),
            (
                "UklGRgAAAABXRUJQ",
                Some("image/webp"),
                image("image/webp", "UklGRgAAAABXRUJQ"),
            ),
            ("iVBORw==", None, image("image/png", "iVBORw==")),
            (
                "data:image/svg+xml;charset=utf-8;base64,PHN2Zy8+",
                None,
                text("<svg/>"),
            ),
            ("data:image/svg+xml,%3Csvg/%3E", None, text("<svg/>")),
            ("data:image/svg+xml;utf8,<svg/>", None, text("<svg/>")),
        ] {
            assert_eq!(part(content, language), Ok(expected), "{content}");
        }
    }

    #[test]
    fn an_image_that_no_model_reads_is_left_out_and_said_so() {
        let left_out = text("[An image in a format that models cannot read was left out.]");
        for media_type in [
            "image/bmp",
            "image/avif",
            "image/tiff",
            "application/pdf",
            "",
        ] {
            let content = format!("data:{media_type};base64,AAAA");
            assert_eq!(part(&content, None).as_ref(), Ok(&left_out), "{content}");
        }
    }

    #[test]
    fn what_is_no_image_is_refused() {
        for content in [
            "",
            "<svg>",
            "data:image/png,abc",
            "data:image/png;base64,",
            "data:",
        ] {
            let refused = part(content, None).unwrap_err();
            assert_eq!(refused, "an attached image is not base64", "{content}");
        }
        for content in ["zzz=", "AAAA", "data:image/png;base64,JVBERi0x"] {
            let refused = part(content, None).unwrap_err();
            assert_eq!(refused, "an attached image is no PNG, JPEG, GIF or WebP");
        }
        let refused = part("data:image/svg+xml;base64,/w==", None).unwrap_err();
        assert_eq!(refused, "an attached image is SVG, and not UTF-8 text");
    }

    #[test]
    fn names_count_as_text() {
        let attachment = Attachment {
            kind: "file".to_owned(),
            content: None,
            path: Some("x".repeat(MAX_ATTACHED_BYTES)),
            name: None,
            language: None,
        };
        assert!(matches!(
            parts(vec![attachment]),
            Err(Error::TooLong {
                field: "attachments",
                ..
            })
        ));
    }
}
