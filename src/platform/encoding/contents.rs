//! The kind of a file's bytes: text that can be written back, text to look at, or none.

use std::borrow::Cow;
use std::fmt;

use crate::platform::encoding::charset::Charset;
use crate::platform::encoding::legacy;
use crate::platform::encoding::stored::{StoredForm, StoredText};
use crate::platform::encoding::wide;

/// The bytes at a file's beginning that decide whether it is binary.
const PROBE_BYTES: usize = 8 * 1024;

/// The marks of UTF-32, of which one begins as that of UTF-16.
const MARKS_OF_UTF32: [&[u8]; 2] = [&[0xff, 0xfe, 0, 0], &[0, 0, 0xfe, 0xff]];

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Text that can be written back to the byte.
    Text(StoredText),
    /// Text that can only be looked at.
    Inexact {
        /// The text, with replacement characters for what could not be read.
        text: String,
        /// The reason.
        why: Inexact,
    },
    /// No text.
    Binary {
        /// The kind of data, in words.
        what: &'static str,
    },
}

/// The reason that a text cannot be written back to the byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inexact {
    /// It is not UTF-8, and several other encodings fit or none does.
    Unclear,
    /// It is in this encoding, and parts of it are no characters.
    Broken(&'static str),
    /// It has NUL characters.
    Nul,
}

impl fmt::Display for Inexact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unclear => f.write_str("is not valid UTF-8, and its encoding is not known"),
            Self::Broken(name) => write!(f, "is {name}, with parts that are not characters"),
            Self::Nul => f.write_str("has NUL characters"),
        }
    }
}

impl Contents {
    /// Looks at the whole content of a file.
    pub fn of(bytes: &[u8]) -> Self {
        if MARKS_OF_UTF32.iter().any(|mark| bytes.starts_with(mark)) {
            return Self::Binary {
                what: "UTF-32 text",
            };
        }
        for charset in [Charset::Utf16Le, Charset::Utf16Be] {
            if bytes.starts_with(charset.mark()) {
                return Self::of_utf16(charset, bytes);
            }
        }
        if bytes.contains(&0) {
            return Self::of_nuls(bytes);
        }
        if let Some(stored) = StoredText::read(Charset::Utf8, bytes) {
            return Self::Text(stored);
        }
        match legacy::read(bytes) {
            Some(stored) => Self::Text(stored),
            None => Self::inexact(&String::from_utf8_lossy(bytes), Inexact::Unclear),
        }
    }

    fn of_utf16(charset: Charset, bytes: &[u8]) -> Self {
        match StoredText::read(charset, bytes) {
            Some(stored) if !stored.text.contains('\0') => Self::Text(stored),
            Some(stored) => Self::inexact(&stored.text, Inexact::Nul),
            None => {
                let text = charset.decode_lossy(&bytes[charset.mark().len()..]);
                Self::inexact(&text, Inexact::Broken(charset.name()))
            }
        }
    }

    fn of_nuls(bytes: &[u8]) -> Self {
        if let Some(stored) = wide::read(bytes) {
            return Self::Text(stored);
        }
        if bytes.iter().take(PROBE_BYTES).any(|byte| *byte == 0) {
            return Self::Binary {
                what: "binary data",
            };
        }
        Self::inexact(&String::from_utf8_lossy(bytes), Inexact::Nul)
    }

    fn inexact(text: &str, why: Inexact) -> Self {
        // The database cannot store NUL characters.
        let text = text.replace('\0', "\u{fffd}");
        Self::Inexact { text, why }
    }

    /// The text to be looked at; none for binary content.
    pub fn text(self) -> Option<String> {
        match self {
            Self::Text(stored) => Some(stored.text),
            Self::Inexact { text, .. } => Some(text),
            Self::Binary { .. } => None,
        }
    }

    /// The form of a text that can be written back.
    pub fn form(&self) -> Option<StoredForm> {
        match self {
            Self::Text(stored) => Some(stored.form),
            Self::Inexact { .. } | Self::Binary { .. } => None,
        }
    }
}

/// The text of any bytes, for a look for secrets in them: also the text within
/// binary data, and the beginning of a file that was cut within a character.
pub fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if !bytes.contains(&0)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text));
    }
    match Contents::of(bytes) {
        Contents::Text(stored) => Cow::Owned(stored.text),
        Contents::Inexact { text, .. } => Cow::Owned(text),
        // Without its NUL characters, ASCII in an encoding of two or four bytes is ASCII.
        Contents::Binary { .. } => Cow::Owned(String::from_utf8_lossy(bytes).replace('\0', "")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stored(bytes: &[u8]) -> (String, &'static str, bool) {
        match Contents::of(bytes) {
            Contents::Text(stored) => {
                let form = stored.form;
                assert_eq!(form.write(&stored.text).as_deref(), Ok(bytes));
                (stored.text, form.name(), form.has_mark())
            }
            other @ (Contents::Inexact { .. } | Contents::Binary { .. }) => panic!("{other:?}"),
        }
    }

    fn utf16(text: &str, charset: Charset) -> Vec<u8> {
        charset.encode(text).unwrap()
    }

    fn table(text: &str, encoding: &'static encoding_rs::Encoding) -> Vec<u8> {
        let (bytes, _, had_errors) = encoding.encode(text);
        assert!(!had_errors, "{text}");
        bytes.into_owned()
    }

    #[test]
    fn marks_decide() {
        assert_eq!(
            stored(b"\xef\xbb\xbfa\n"),
            ("a\n".to_owned(), "UTF-8", true)
        );
        assert_eq!(
            stored(b"\xff\xfea\0\n\0"),
            ("a\n".to_owned(), "UTF-16LE", true)
        );
        assert_eq!(
            stored(b"\xfe\xff\0a\0\n"),
            ("a\n".to_owned(), "UTF-16BE", true)
        );
        assert_eq!(stored(b"\xff\xfe"), (String::new(), "UTF-16LE", true));
        let utf32 = Contents::of(b"\xff\xfe\0\0a\0\0\0");
        assert_eq!(
            utf32,
            Contents::Binary {
                what: "UTF-32 text"
            }
        );
    }

    #[test]
    fn utf16_without_a_mark_is_told_by_its_ascii() {
        for text in [
            "key = 1\n",
            "# 一つの設定\nname = \"東京\"\n",
            "ключ = 1\r\n",
        ] {
            for charset in [Charset::Utf16Le, Charset::Utf16Be] {
                let read = stored(&utf16(text, charset));
                assert_eq!(read, (text.to_owned(), charset.name(), false));
            }
        }
    }

    #[test]
    fn western_japanese_and_chinese_texts_are_told_apart() {
        let japanese = "// 設定ファイルを読み込む\nint 値 = 1; // テスト\n";
        let chinese = "// 这个函数用来读取用户的配置文件\nint x = 1; // 不要修改\n";
        for (text, encoding) in [
            ("Le café est fermé à midi.\n", encoding_rs::WINDOWS_1252),
            (
                "// Größe für Übergänge – “müde”\n",
                encoding_rs::WINDOWS_1252,
            ),
            ("¿Qué pasa, señor? 20 °C, 5 €\n", encoding_rs::WINDOWS_1252),
            (japanese, encoding_rs::SHIFT_JIS),
            (japanese, encoding_rs::EUC_JP),
            (chinese, encoding_rs::GB18030),
        ] {
            let (read, name, has_mark) = stored(&table(text, encoding));
            assert!(name.eq_ignore_ascii_case(encoding.name()), "{name}");
            assert_eq!((read.as_str(), has_mark), (text, false));
        }
    }

    #[test]
    fn what_may_be_several_encodings_is_none() {
        for (text, encoding) in [
            ("// привет мир\nint x;\n", encoding_rs::WINDOWS_1251),
            ("// привет мир\nint x;\n", encoding_rs::KOI8_R),
            ("// mały żółw, łódź\n", encoding_rs::WINDOWS_1250),
            ("// 안녕하세요 세계\nint x;\n", encoding_rs::EUC_KR),
            ("// 這個函數讀取設定\nint x;\n", encoding_rs::BIG5),
            ("// 日本\nint x;\n", encoding_rs::SHIFT_JIS),
            ("le café d\u{e9}j\u{e0}\n", encoding_rs::MACINTOSH),
        ] {
            let found = Contents::of(&table(text, encoding));
            let is_unclear = matches!(
                found,
                Contents::Inexact {
                    why: Inexact::Unclear,
                    ..
                }
            );
            assert!(is_unclear, "{}: {found:?}", encoding.name());
        }
    }

    #[test]
    fn binary_data_are_no_text() {
        for bytes in [
            &b"\x7fELF\x02\x01\x01\0\0\0"[..],
            b"\x01\0\x02\0\x03\0\x04\0",
            b"a\0\0\0b\0\0\0",
            b"PK\x03\x04\0\0",
        ] {
            let binary = Contents::Binary {
                what: "binary data",
            };
            assert_eq!(Contents::of(bytes), binary, "{bytes:?}");
        }
    }

    #[test]
    fn damage_is_shown_and_never_written_back() {
        let broken = Contents::of(b"\xff\xfea\0\x3d\xd8b\0c");
        let Contents::Inexact { text, why } = broken else {
            panic!("{broken:?}")
        };
        assert_eq!(
            (text.as_str(), why),
            ("a\u{fffd}b", Inexact::Broken("UTF-16LE"))
        );
        // A byte of the table that another one means as well.
        let twice = [
            b"// ".as_slice(),
            &table("テスト", encoding_rs::SHIFT_JIS),
            &[0xed, 0x40],
        ];
        assert!(matches!(
            Contents::of(&twice.concat()),
            Contents::Inexact { .. }
        ));
    }

    #[test]
    fn a_look_for_secrets_sees_through_every_form() {
        let line = "password = hunter2\n";
        for bytes in [
            line.as_bytes().to_vec(),
            utf16(line, Charset::Utf16Le),
            [&[0xfe, 0xff][..], &utf16(line, Charset::Utf16Be)].concat(),
            // Cut within a character, or with data around it.
            [&[0xff, 0xfe][..], &utf16(line, Charset::Utf16Le), b"x"].concat(),
            [b"\0\x01\x02".as_slice(), &utf16(line, Charset::Utf16Le)].concat(),
            line.chars()
                .flat_map(|c| u32::from(c).to_le_bytes())
                .collect(),
        ] {
            assert!(readable(&bytes).contains("password = hunter2"), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn an_exact_text_gives_every_byte_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Contents::Text(stored) = Contents::of(&bytes) {
                let written = stored.form.write(&stored.text);
                prop_assert_eq!(written.as_deref(), Ok(&bytes[..]));
                prop_assert!(!stored.text.contains('\0'));
            }
        }

        #[test]
        fn utf8_is_read_as_utf8(text in "[^\u{0}\u{feff}]{0,40}") {
            let read = Contents::of(text.as_bytes());
            prop_assert_eq!(read.form(), Some(StoredForm::NEW));
            prop_assert_eq!(read.text(), Some(text));
        }

        #[test]
        fn utf16_with_a_mark_is_read_whatever_it_says(text in "[^\u{0}]{0,40}") {
            for charset in [Charset::Utf16Le, Charset::Utf16Be] {
                let bytes = [charset.mark(), &utf16(&text, charset)].concat();
                // Two NUL bytes behind the mark would make it that of UTF-32.
                let read = Contents::of(&bytes);
                prop_assert_eq!(read.text(), Some(text.clone()));
            }
        }
    }
}
