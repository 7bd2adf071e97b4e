//! A folder that belongs to an organisation.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::platform::ids::{OrgId, UserId};

/// The longest path that is bound, in bytes: an index of Postgres holds no more than 2,704.
const MAX_PATH_BYTES: usize = 2_048;
/// The longest list of runs in a refusal.
const SHOWN_RUNS: usize = 5;

/// A folder that belongs to an organisation, with all that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The organisation.
    pub org_id: OrgId,
    /// The folder's real path.
    pub path: String,
    /// The person who used it first; none once they are erased.
    pub user_id: Option<UserId>,
    /// When that was.
    pub bound_at: DateTime<Utc>,
}

impl Binding {
    /// The folder.
    pub fn folder(&self) -> &Path {
        Path::new(&self.path)
    }
}

/// The ownership of a folder, as an organisation may know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No part of it belongs to anybody.
    Free,
    /// It belongs to the organisation.
    Ours,
    /// It, a folder around it or one in it belongs to another organisation.
    Theirs,
}

/// A folder's place as the database looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundPath {
    text: String,
}

impl BoundPath {
    /// The place of a folder; none when its path is no text, or too long for a key.
    pub fn of(place: &Path) -> Option<Self> {
        let text = place.to_str().filter(|text| text.len() <= MAX_PATH_BYTES)?;
        let text = text.to_owned();
        Some(Self { text })
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path and those of all folders around it.
    pub fn and_above(&self) -> Vec<String> {
        let all = Path::new(&self.text).ancestors().filter_map(Path::to_str);
        all.map(str::to_owned).collect()
    }

    /// The first path and the end of the paths of all that lies in the folder, in the order of their
    /// bytes.
    pub fn below(&self) -> (String, String) {
        // `0` follows `/`.
        let folder = self.text.trim_end_matches('/');
        (format!("{folder}/"), format!("{folder}0"))
    }
}

/// A run that is not over, and the folder that its client named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunAtWork {
    /// The run.
    pub run_id: uuid::Uuid,
    /// The folder.
    pub workspace: String,
}

/// The ids of runs, as a sentence names them.
pub fn named(runs: &[RunAtWork]) -> String {
    let shown = runs.iter().take(SHOWN_RUNS);
    let mut names: Vec<String> = shown.map(|run| run.run_id.to_string()).collect();
    if let Some(more @ 1..) = runs.len().checked_sub(SHOWN_RUNS) {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn bound(path: &str) -> BoundPath {
        BoundPath::of(Path::new(path)).unwrap()
    }

    #[test]
    fn what_fits_into_no_key_is_no_place() {
        let long = format!("/{}", "x".repeat(MAX_PATH_BYTES - 1));
        assert!(BoundPath::of(Path::new(&long)).is_some());
        assert_eq!(BoundPath::of(Path::new(&format!("{long}x"))), None);
        let no_text: &OsStr = OsStrExt::from_bytes(b"/srv/\xff");
        assert_eq!(BoundPath::of(Path::new(no_text)), None);
    }

    #[test]
    fn folders_around_a_folder_are_its_ancestors() {
        assert_eq!(bound("/srv/a").and_above(), ["/srv/a", "/srv", "/"]);
        assert_eq!(bound("/").and_above(), ["/"]);
    }

    #[test]
    fn what_lies_in_a_folder_stands_between_its_ends() {
        let (from, to) = bound("/srv/a").below();
        for inside in [
            "/srv/a/b",
            "/srv/a/\u{ff}",
            "/srv/a/\u{10ffff}",
            "/srv/a/b/c",
        ] {
            assert!(inside >= from.as_str() && inside < to.as_str(), "{inside}");
        }
        for outside in [
            "/srv/a", "/srv/ab", "/srv/a.b", "/srv/a-b", "/srv/b", "/srv/a0",
        ] {
            assert!(
                outside < from.as_str() || outside >= to.as_str(),
                "{outside}"
            );
        }
        assert_eq!(bound("/").below(), ("/".to_owned(), "0".to_owned()));
    }

    #[test]
    fn many_runs_are_named_in_part() {
        let run = |number| RunAtWork {
            run_id: uuid::Uuid::from_u128(number),
            workspace: String::new(),
        };
        let runs: Vec<_> = (0..7).map(run).collect();
        assert!(named(&runs).ends_with("000004, 2 more"), "{}", named(&runs));
        assert!(!named(&runs[..5]).contains("more"));
    }
}
