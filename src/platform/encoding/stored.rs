//! A text as a file stores it.

use crate::platform::encoding::charset::Charset;

/// A text, and how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredText {
    /// The text, without a byte order mark.
    pub text: String,
    /// The form in which it is stored.
    pub form: StoredForm,
}

/// The form of a stored text: its encoding, and whether a byte order mark stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredForm {
    charset: Charset,
    has_mark: bool,
}

/// A text has a character that cannot be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} has no character `{character}` (U+{:04X})", .charset.name(), u32::from(*.character))]
pub struct Unwritable {
    charset: Charset,
    character: char,
}

impl StoredText {
    /// The text of these bytes; none unless the form gives exactly them back.
    pub(super) fn read(charset: Charset, bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(charset.mark());
        let has_mark = !charset.mark().is_empty() && rest.is_some();
        let text = charset.decode(rest.unwrap_or(bytes))?;
        let form = StoredForm { charset, has_mark };
        // UTF-8 and UTF-16 have one way to write a character; the tables of others may have two.
        let is_exact = match charset {
            Charset::Utf8 | Charset::Utf16Le | Charset::Utf16Be => true,
            Charset::Windows1252 | Charset::ShiftJis | Charset::EucJp | Charset::Gb18030 => {
                form.write(&text).as_deref() == Ok(bytes)
            }
        };
        is_exact.then_some(Self { text, form })
    }
}

impl StoredForm {
    /// The form of new files.
    pub const NEW: Self = Self {
        charset: Charset::Utf8,
        has_mark: false,
    };

    /// The encoding's name.
    pub fn name(self) -> &'static str {
        self.charset.name()
    }

    /// True for UTF-8, with a byte order mark or without.
    pub fn is_utf8(self) -> bool {
        self.charset == Charset::Utf8
    }

    /// True if the file begins with a byte order mark.
    pub fn has_mark(self) -> bool {
        self.has_mark
    }

    /// The bytes of a text in this form.
    pub fn write(self, text: &str) -> Result<Vec<u8>, Unwritable> {
        let unwritable = |character| Unwritable {
            charset: self.charset,
            character,
        };
        let written = self.charset.encode(text).map_err(unwritable)?;
        if !self.has_mark {
            return Ok(written);
        }
        Ok([self.charset.mark(), &written].concat())
    }
}
