//! The file that a call is about to change: what it holds, and what it will hold in its own form.

use std::fs::File;
use std::io::Read;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat};

use crate::platform::encoding::contents::Contents;
use crate::platform::encoding::stored::StoredForm;
use crate::tools::files::line_ends::FileLines;
use crate::tools::outcome::ToolError;
use crate::workspace::error::PathError;
use crate::workspace::paths::Place;

/// Reads at most one byte more than `most` of the file at a place, and notes in `place` which content was read.
pub fn read(place: &mut Place, most: usize) -> Result<Vec<u8>, ToolError> {
    let path = place.path.to_string();
    if place.existing.is_none() {
        return Err(PathError::Missing(path).into());
    }
    let unreadable = |reason: &str| ToolError::Tell(format!("`{path}` cannot be read: {reason}"));
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let name = place.name.as_os_str();
    let descriptor = openat(&place.directory, name, flags, Mode::empty())
        .map_err(|errno| unreadable(errno.desc()))?;
    place.existing = Some(fstat(&descriptor).map_err(|errno| unreadable(errno.desc()))?);
    let mut bytes = Vec::new();
    File::from(descriptor)
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error.to_string()))?;
    Ok(bytes)
}

/// The bytes of a text in this form.
pub fn written(path: &str, text: &str, form: StoredForm) -> Result<Vec<u8>, ToolError> {
    form.write(text).map_err(|unwritable| {
        ToolError::Tell(format!(
            "`{path}` is stored as {}, and {unwritable}; nothing was written. Use characters that it has, \
             or convert the file first with a command such as `iconv`",
            form.name()
        ))
    })
}

/// The bytes of a file that gets this content: with the encoding, the byte order mark and the ends of lines
/// that it has now. A file that is new or no text gets the content as it is.
pub fn rewritten(path: &str, before: Option<&[u8]>, content: &str) -> Result<Rewritten, ToolError> {
    let as_it_is = Rewritten {
        bytes: content.as_bytes().to_vec(),
        kept: Vec::new(),
    };
    let Some(before) = before else {
        return Ok(as_it_is);
    };
    match Contents::of(before) {
        Contents::Text(stored) => {
            let lines = FileLines::of(&stored.text);
            // A mark that the content itself begins with is the same one.
            let given = content.strip_prefix('\u{feff}');
            let form = stored.form;
            let text = lines.rewritten(given.filter(|_| form.has_mark()).unwrap_or(content));
            let mut kept = Vec::new();
            if form.has_mark() {
                kept.push("its byte order mark".to_owned());
            }
            if !form.is_utf8() {
                kept.push(format!("its encoding ({})", form.name()));
            }
            if text != content && given.is_none() {
                kept.push("its ends of lines".to_owned());
            }
            Ok(Rewritten {
                bytes: written(path, &text, form)?,
                kept,
            })
        }
        Contents::Inexact { why, .. } if !content.is_ascii() => Err(ToolError::Tell(format!(
            "`{path}` {why}, so `content` cannot be written in it; nothing was written. Write nothing but \
             ASCII, or remove the file first with a command: a new file is UTF-8"
        ))),
        Contents::Inexact { .. } | Contents::Binary { .. } => Ok(as_it_is),
    }
}

/// The bytes that replace a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The properties that the file kept although the content is without them, in words.
    pub kept: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(before: &[u8], content: &str) -> Result<Vec<u8>, String> {
        rewritten("f", Some(before), content)
            .map(|rewritten| rewritten.bytes)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_keeps_its_form_when_its_content_is_replaced() {
        for (before, content, after) in [
            (&b"a\r\n"[..], "b\nc\n", &b"b\r\nc\r\n"[..]),
            (b"\xef\xbb\xbfa\n", "b\n", b"\xef\xbb\xbfb\n"),
            (b"\xef\xbb\xbfa\n", "\u{feff}b\n", b"\xef\xbb\xbfb\n"),
            (b"\xff\xfea\0\r\0\n\0", "b\n", b"\xff\xfeb\0\r\0\n\0"),
            (b"caf\xe9\n", "d\u{e9}j\u{e0}\n", b"d\xe9j\xe0\n"),
            (b"", "b\n", b"b\n"),
            (b"\x7fELF\0", "b\n", b"b\n"),
        ] {
            assert_eq!(bytes(before, content).as_deref(), Ok(after), "{before:?}");
        }
    }

    #[test]
    fn what_a_file_cannot_hold_is_refused_with_the_reason() {
        let refused = bytes(b"caf\xe9\n", "Łódź\n").unwrap_err();
        assert!(
            refused.contains("windows-1252 has no character `Ł` (U+0141)"),
            "{refused}"
        );
        let refused = bytes(b"\xff\xfe\x3d\xd8", "é").unwrap_err();
        assert!(refused.contains("UTF-16LE, with parts that are not characters"));
        assert!(bytes(b"\xff\xff\xff", "é").is_err());
        assert_eq!(bytes(b"\xff\xff\xff", "e"), Ok(b"e".to_vec()));
    }
}
