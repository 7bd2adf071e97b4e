//! The files that git reports as changed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The mode of a submodule in the index.
const SUBMODULE: &[u8] = b"160000 ";
/// The place of the status in the head of a record.
const STATUS_FIELD: usize = 4;

/// The kind of change of a file since the last commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new, and git knows it.
    Added,
    /// Its content or its mode is another.
    Modified,
    /// It is gone.
    Deleted,
    /// It had another name.
    Renamed,
    /// It was a file and is a link, or the other way round.
    Retyped,
    /// It is new, and git does not know it.
    Untracked,
}

impl ChangeKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
            Self::Retyped => "of another type",
            Self::Untracked => "untracked",
        }
    }

    fn of(status: u8) -> Self {
        match status {
            b'A' | b'C' => Self::Added,
            b'D' => Self::Deleted,
            b'R' => Self::Renamed,
            b'T' => Self::Retyped,
            _ => Self::Modified,
        }
    }
}

/// A changed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path, relative to the folder that was asked about.
    pub path: String,
    /// Its former path, when it was renamed.
    pub from: Option<String>,
    /// The kind of change.
    pub kind: ChangeKind,
}

/// Changed files, and how much is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files, in git's order.
    pub changes: Vec<Change>,
    /// Files whose names are no UTF-8, which nothing here can say.
    pub unnamed: usize,
    /// True when there are more.
    pub is_cut: bool,
}

impl Listing {
    /// Reads the output of `git diff --raw -z`. A record that was cut is left out.
    pub fn of_raw(bytes: &[u8], is_cut: bool) -> Self {
        let mut listing = Self {
            is_cut,
            ..Self::default()
        };
        let mut tokens = whole_tokens(bytes);
        while let Some(head) = tokens.next() {
            let Some(status) = head.split(|byte| *byte == b' ').nth(STATUS_FIELD) else {
                break;
            };
            let kind = ChangeKind::of(status.first().copied().unwrap_or_default());
            let has_two = matches!(status.first(), Some(b'R' | b'C'));
            let first = tokens.next();
            let second = if has_two { tokens.next() } else { None };
            let (from, path) = match (first, second) {
                (Some(from), Some(path)) if kind == ChangeKind::Renamed => (Some(from), path),
                (Some(_), Some(path)) => (None, path),
                (Some(path), None) if !has_two => (None, path),
                _ => break,
            };
            listing.push(kind, from, path);
        }
        listing
    }

    /// Reads the output of `git ls-files --others -z`.
    pub fn of_untracked(bytes: &[u8], is_cut: bool) -> Self {
        let mut listing = Self {
            is_cut,
            ..Self::default()
        };
        for path in whole_tokens(bytes) {
            listing.push(ChangeKind::Untracked, None, path);
        }
        listing
    }

    fn push(&mut self, kind: ChangeKind, from: Option<&[u8]>, path: &[u8]) {
        let name = |bytes: &[u8]| str::from_utf8(bytes).ok().map(str::to_owned);
        let (Some(path), Ok(from)) = (name(path), from.map(|it| name(it).ok_or(())).transpose())
        else {
            self.unnamed += 1;
            return;
        };
        self.changes.push(Change { path, from, kind });
    }
}

/// The submodules in the output of `git ls-files --stage -z`.
pub fn submodules(bytes: &[u8]) -> Vec<PathBuf> {
    let of = |token: &[u8]| {
        let tab = token.iter().position(|byte| *byte == b'\t')?;
        Some(PathBuf::from(OsStr::from_bytes(&token[tab + 1..])))
    };
    let tokens = whole_tokens(bytes).filter(|token| token.starts_with(SUBMODULE));
    tokens.filter_map(of).collect()
}

/// The pieces that end with a NUL character.
fn whole_tokens(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = bytes.iter().rposition(|byte| *byte == 0).unwrap_or(0);
    let whole = &bytes[..end];
    let tokens = whole.split(|byte| *byte == 0);
    tokens.filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(listing: &Listing) -> Vec<String> {
        let show = |change: &Change| {
            let from = change.from.as_deref().unwrap_or("");
            format!("{} {from}>{}", change.kind.word(), change.path)
        };
        listing.changes.iter().map(show).collect()
    }

    #[test]
    fn every_kind_of_change_is_read_whatever_its_name() {
        let raw = b":100644 100644 aaa bbb M\0a \"b\"\n.txt\0:100644 000000 aaa 000 D\0gone\0\
                    :100644 100644 aaa bbb R087\0old name\0new\tname\0:000000 100644 000 bbb A\0:colon\0\
                    :100644 120000 aaa bbb T\0link\0";
        let listing = Listing::of_raw(raw, false);
        assert_eq!(
            shown(&listing),
            [
                "modified >a \"b\"\n.txt",
                "deleted >gone",
                "renamed old name>new\tname",
                "added >:colon",
                "of another type >link",
            ]
        );
        assert_eq!((listing.unnamed, listing.is_cut), (0, false));
    }

    #[test]
    fn what_was_cut_is_left_out() {
        let raw = b":100644 100644 aaa bbb M\0a\0:100644 100644 aaa bbb M\0b";
        assert_eq!(shown(&Listing::of_raw(raw, true)), ["modified >a"]);
        let raw = b":100644 100644 aaa bbb M\0a\0:100644 100644 aaa bbb R100\0b\0";
        assert_eq!(shown(&Listing::of_raw(raw, true)), ["modified >a"]);
        assert_eq!(
            shown(&Listing::of_untracked(b"a\0b", true)),
            ["untracked >a"]
        );
        assert_eq!(Listing::of_raw(b"", false), Listing::default());
    }

    #[test]
    fn submodules_are_found_whatever_their_names() {
        let staged = b"100644 aaa 0\ta\x00160000 bbb 0\tmodule\n\tb\x00160000 ccc 2\t\xff\0";
        let found: Vec<_> = submodules(staged)
            .iter()
            .map(|path| path.as_os_str().as_bytes().to_vec())
            .collect();
        assert_eq!(found, [b"module\n\tb".to_vec(), b"\xff".to_vec()]);
    }

    #[test]
    fn names_that_are_no_text_are_counted() {
        let listing = Listing::of_untracked(b"a\0\xff\xfe\0b\0", false);
        assert_eq!(shown(&listing), ["untracked >a", "untracked >b"]);
        assert_eq!(listing.unnamed, 1);
    }
}
