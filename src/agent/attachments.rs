//! Files, selections and images that a client sends with a request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::agent::error::Error;
use crate::llm::model::Part;

/// The most text of attachments, together, in bytes.
const MAX_ATTACHED_BYTES: usize = 512 * 1024;
/// The most images of one request.
const MAX_IMAGES: usize = 8;
/// The media type of a picture that is text; no provider takes it as an image.
const SVG: &str = "image/svg+xml";

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
        let length = attachment.content.as_deref().map_or(0, str::len);
        let part = attachment.into_part()?;
        match &part {
            Part::Image { .. } => images += 1,
            Part::Text { .. } => text_bytes += length,
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
        if self.kind != "image" {
            let text = self.content.as_deref().unwrap_or_default();
            return Ok(self.as_text(text));
        }
        let content = self.content.as_deref().unwrap_or_default();
        let (media_type, data) = match content.strip_prefix("data:") {
            Some(rest) => match rest.split_once(";base64,") {
                Some((media_type, data)) => (media_type, data),
                None => return refused("is a data URL without base64"),
            },
            None => (self.language.as_deref().unwrap_or("image/png"), content),
        };
        if media_type == SVG {
            return self.as_source(data);
        }
        image(media_type, data)
    }

    /// A picture whose source the model can read.
    fn as_source(&self, data: &str) -> Result<Part, Error> {
        let source = STANDARD.decode(data).ok();
        match source.and_then(|source| String::from_utf8(source).ok()) {
            Some(source) => Ok(self.as_text(&source)),
            None => refused("is SVG, and not base64 of UTF-8 text"),
        }
    }

    fn as_text(&self, text: &str) -> Part {
        let name = self.path.as_deref().or(self.name.as_deref());
        let (kind, name) = (&self.kind, name.unwrap_or_default());
        let text = format!("<attachment kind=\"{kind}\" path=\"{name}\">\n{text}\n</attachment>");
        Part::Text { text }
    }
}

fn image(media_type: &str, data: &str) -> Result<Part, Error> {
    if !matches!(
        media_type,
        "image/png" | "image/jpeg" | "image/gif" | "image/webp"
    ) {
        return refused("is neither PNG, JPEG, GIF, WebP nor SVG");
    }
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if data.is_empty() || !data.bytes().all(is_base64) {
        return refused("is not base64");
    }
    Ok(Part::Image {
        media_type: media_type.to_owned(),
        data: data.to_owned(),
    })
}

fn refused(reason: &str) -> Result<Part, Error> {
    Err(Error::Invalid(format!("an attached image {reason}")))
}
