//! The names of the files that a repository tracks, as its index lists them.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most of an index that is read, in bytes.
const MAX_INDEX: u64 = 32 << 20;
/// The bytes before the name of an entry, with SHA-1 and without extended flags.
const FIXED: usize = 62;

/// The tracked files of the repository that a folder is in; none when there is no index that can be
/// read.
pub(in crate::policy) fn tracked(folder: &Path) -> Vec<String> {
    let index = folder
        .ancestors()
        .find_map(|folder| index(&folder.join(".git")))
        // A pipe in the place of a file would be waited for.
        .filter(|path| path.is_file());
    let Some(Ok(file)) = index.map(File::open) else {
        return Vec::new();
    };
    let mut bytes = Vec::new();
    match file.take(MAX_INDEX).read_to_end(&mut bytes) {
        Ok(_) => names(&bytes),
        Err(_) => Vec::new(),
    }
}

/// Where the index lies of a `.git`, which is a folder, or a file that names one.
fn index(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.join("index"));
    }
    if !git.is_file() {
        return None;
    }
    let text = std::fs::read_to_string(git).ok()?;
    let folder = text.strip_prefix("gitdir: ")?.trim_end();
    Some(git.parent()?.join(folder).join("index"))
}

/// The names in an index of version 2, 3 or 4, as far as they can be read
/// (git, `Documentation/gitformat-index.txt`).
fn names(bytes: &[u8]) -> Vec<String> {
    let number = |at: usize| {
        let bytes = bytes.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    let (Some(b"DIRC"), Some(version), Some(count)) = (bytes.get(..4), number(4), number(8)) else {
        return Vec::new();
    };
    let (mut names, mut at, mut name) = (Vec::new(), 12, Vec::new());
    for _ in 0..count {
        let Some(flags) = bytes.get(at + FIXED - 2) else {
            break;
        };
        let entry = at;
        let start = entry + FIXED + if flags & 0x40 == 0 { 0 } else { 2 };
        let mut begin = start;
        if version == 4 {
            let Some((kept, next)) = prefix(bytes, start, name.len()) else {
                break;
            };
            name.truncate(kept);
            begin = next;
        } else {
            name.clear();
        }
        let rest = bytes.get(begin..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte == 0) else {
            break;
        };
        name.extend_from_slice(&rest[..length]);
        names.push(String::from_utf8_lossy(&name).into_owned());
        at = begin + length + 1;
        if version != 4 {
            // Entries are filled up to a multiple of eight from where they begin.
            at = entry + ((begin + length - entry) / 8 + 1) * 8;
        }
    }
    names
}

/// The length that is kept of the name before in version 4, and the place where the rest begins: a number
/// of bytes to cut off, as git writes offsets.
fn prefix(bytes: &[u8], mut at: usize, length: usize) -> Option<(usize, usize)> {
    let mut byte = *bytes.get(at)?;
    let mut cut = usize::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        at += 1;
        byte = *bytes.get(at)?;
        cut = cut.checked_add(1)?.checked_mul(128)? | usize::from(byte & 0x7f);
    }
    Some((length.checked_sub(cut)?, at + 1))
}
