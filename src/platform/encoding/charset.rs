//! The encodings that are read and written.

use encoding_rs::{EUC_JP, EncoderResult, Encoding, GB18030, SHIFT_JIS, WINDOWS_1252};

/// An encoding of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// UTF-8.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows-1252, of which Latin-1 is the part that texts use.
    Windows1252,
    /// Shift JIS.
    ShiftJis,
    /// EUC-JP.
    EucJp,
    /// GB18030, of which GB2312 and GBK are parts.
    Gb18030,
}

impl Charset {
    /// The name by which programs such as `iconv` know it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1252 => "windows-1252",
            Self::ShiftJis => "Shift_JIS",
            Self::EucJp => "EUC-JP",
            Self::Gb18030 => "GB18030",
        }
    }

    /// The byte order mark.
    pub(super) fn mark(self) -> &'static [u8] {
        match self {
            Self::Utf8 => &[0xef, 0xbb, 0xbf],
            Self::Utf16Le => &[0xff, 0xfe],
            Self::Utf16Be => &[0xfe, 0xff],
            Self::Windows1252 | Self::ShiftJis | Self::EucJp | Self::Gb18030 => &[],
        }
    }

    /// The text of these bytes, when each of them is part of a character.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self.tables() {
            Some(tables) => tables
                .decode_without_bom_handling_and_without_replacement(bytes)
                .map(std::borrow::Cow::into_owned),
            None if self == Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            None => {
                let units = self.units(bytes);
                let is_whole = bytes.len().is_multiple_of(2);
                is_whole.then(|| String::from_utf16(&units).ok()).flatten()
            }
        }
    }

    /// The text of these bytes, with replacement characters for bytes that are not text.
    pub(super) fn decode_lossy(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf16Le | Self::Utf16Be => String::from_utf16_lossy(&self.units(bytes)),
            Self::Utf8 | Self::Windows1252 | Self::ShiftJis | Self::EucJp | Self::Gb18030 => {
                String::from_utf8_lossy(bytes).into_owned()
            }
        }
    }

    /// The bytes of a text, or the first character that cannot be written so that it is read again as the
    /// same.
    pub(super) fn encode(self, text: &str) -> Result<Vec<u8>, char> {
        match self {
            Self::Utf8 => Ok(text.as_bytes().to_vec()),
            Self::Utf16Le => Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Self::Utf16Be => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Self::Windows1252 | Self::ShiftJis | Self::EucJp | Self::Gb18030 => {
                let bytes = self.encode_by_table(text)?;
                if self.decode(&bytes).as_deref() == Some(text) {
                    return Ok(bytes);
                }
                // Some tables write two characters alike, such as the yen sign and the backslash.
                let returns = |c: char| {
                    let alone = c.to_string();
                    let bytes = self.encode_by_table(&alone).ok();
                    bytes.and_then(|bytes| self.decode(&bytes)) == Some(alone)
                };
                Err(text.chars().find(|c| !returns(*c)).unwrap_or_default())
            }
        }
    }

    fn encode_by_table(self, text: &str) -> Result<Vec<u8>, char> {
        let Some(tables) = self.tables() else {
            return Ok(text.as_bytes().to_vec());
        };
        let mut encoder = tables.new_encoder();
        let most = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
        let mut bytes = Vec::with_capacity(most.unwrap_or_default());
        let (result, _) =
            encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true);
        match result {
            EncoderResult::Unmappable(character) => Err(character),
            EncoderResult::InputEmpty | EncoderResult::OutputFull => Ok(bytes),
        }
    }

    fn tables(self) -> Option<&'static Encoding> {
        match self {
            Self::Utf8 | Self::Utf16Le | Self::Utf16Be => None,
            Self::Windows1252 => Some(WINDOWS_1252),
            Self::ShiftJis => Some(SHIFT_JIS),
            Self::EucJp => Some(EUC_JP),
            Self::Gb18030 => Some(GB18030),
        }
    }

    /// The units of UTF-16, without half a unit at the end.
    pub(super) fn units(self, bytes: &[u8]) -> Vec<u16> {
        let unit = |pair: &[u8; 2]| {
            if self == Self::Utf16Be {
                u16::from_be_bytes(*pair)
            } else {
                u16::from_le_bytes(*pair)
            }
        };
        bytes.as_chunks::<2>().0.iter().map(unit).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Charset; 7] = [
        Charset::Utf8,
        Charset::Utf16Le,
        Charset::Utf16Be,
        Charset::Windows1252,
        Charset::ShiftJis,
        Charset::EucJp,
        Charset::Gb18030,
    ];

    #[test]
    fn a_character_that_an_encoding_lacks_is_named() {
        assert_eq!(Charset::Windows1252.encode("Łódź"), Err('Ł'));
        assert_eq!(Charset::ShiftJis.encode("日本語 é"), Err('é'));
        // Both are written as the byte of the backslash.
        assert_eq!(Charset::ShiftJis.encode("a¥b"), Err('¥'));
        assert_eq!(Charset::EucJp.encode("\u{203e}"), Err('\u{203e}'));
    }

    #[test]
    fn half_a_character_is_no_text() {
        assert_eq!(Charset::Utf16Le.decode(b"a\0b"), None);
        assert_eq!(Charset::Utf16Le.decode(&[0x3d, 0xd8]), None);
        assert_eq!(Charset::ShiftJis.decode(&[b'a', 0x93]), None);
        assert_eq!(Charset::Utf16Be.decode_lossy(b"\0a\0b\0"), "ab");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(text in "\\PC{0,20}|[a-zé¥ßÿ€\\\\~あア漢字语\u{80}-\u{ff}]{0,20}") {
            for charset in ALL {
                if let Ok(bytes) = charset.encode(&text) {
                    let read = charset.decode(&bytes);
                    prop_assert_eq!(read.as_ref(), Some(&text), "{:?}", charset);
                }
            }
        }
    }
}
