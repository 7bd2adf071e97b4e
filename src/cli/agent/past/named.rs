//! A run as people name it: by its id, or by enough of the beginning of it.

use std::str::FromStr;

use crate::cli::agent::session::Session;
use crate::cli::failure::Failure;
use crate::platform::ids::RunId;

/// The length of a whole id.
const WHOLE: usize = 36;
/// The runs of one page.
const PAGE: u32 = 100;
/// The most pages that are looked through.
const MOST_PAGES: usize = 20;
/// The most runs that are named where several are meant.
const MOST_NAMED: usize = 5;

/// A whole id, or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedRun(String);

/// A text that names no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run is named by its id, or the beginning of it, as `navi agent list` shows them")]
pub struct InvalidRunName;

impl FromStr for NamedRun {
    type Err = InvalidRunName;

    fn from_str(text: &str) -> Result<Self, InvalidRunName> {
        let text = text.trim().to_ascii_lowercase();
        let is_of_id = |c: char| c.is_ascii_hexdigit() || c == '-';
        if text.is_empty() || text.len() > WHOLE || !text.chars().all(is_of_id) {
            return Err(InvalidRunName);
        }
        if text.len() == WHOLE {
            let _id: RunId = text.parse().map_err(|_| InvalidRunName)?;
        }
        Ok(Self(text))
    }
}

impl NamedRun {
    /// The id, if it is given whole.
    pub fn whole(&self) -> Option<RunId> {
        if self.0.len() < WHOLE {
            return None;
        }
        self.0.parse().ok()
    }

    /// The id that is meant, among the runs that a server lists.
    pub async fn find(&self, session: &Session) -> Result<RunId, Failure> {
        if let Some(id) = self.whole() {
            return Ok(id);
        }
        let mut meant = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page = session.runs(PAGE, cursor.as_deref()).await?;
            let jobs = page["jobs"].as_array().into_iter().flatten();
            let ids = jobs.filter_map(|job| job["job_id"].as_str());
            meant.extend(ids.filter(|id| id.starts_with(&self.0)).map(str::to_owned));
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
        }
        self.the_only(&meant)
    }

    fn the_only(&self, meant: &[String]) -> Result<RunId, Failure> {
        match meant {
            [] => Err(Failure::NoRun(self.0.clone())),
            [id] => id.parse().map_err(|_| Failure::NoRun(self.0.clone())),
            several => {
                let named: Vec<_> = several
                    .iter()
                    .take(MOST_NAMED)
                    .map(String::as_str)
                    .collect();
                Err(Failure::Usage(format!(
                    "the ids of {} runs begin with `{}`; say more of the one that is meant:\n  {}",
                    several.len(),
                    self.0,
                    named.join("\n  ")
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01977777-7777-7777-8777-777777777777";

    #[test]
    fn a_run_is_named_by_its_id_or_its_beginning() {
        let named = |text: &str| text.parse::<NamedRun>();
        assert_eq!(named(ID).unwrap().whole(), ID.parse().ok());
        assert_eq!(
            named(" 0197777A ").unwrap(),
            NamedRun("0197777a".to_owned())
        );
        assert_eq!(named("0197").unwrap().whole(), None);
        for text in ["", "RUN_ID", "0197;", &format!("{ID}7"), &"-".repeat(WHOLE)] {
            assert_eq!(named(text), Err(InvalidRunName), "{text}");
        }
    }

    #[test]
    fn a_beginning_of_several_names_none() {
        let named: NamedRun = "0197".parse().unwrap();
        assert_eq!(named.the_only(&[ID.to_owned()]).ok(), ID.parse().ok());
        assert!(matches!(named.the_only(&[]), Err(Failure::NoRun(_))));
        let several = [ID.to_owned(), ID.replace("8777", "9777")];
        let refused = named.the_only(&several).unwrap_err().to_string();
        assert!(
            refused.contains("2 runs") && refused.contains(ID),
            "{refused}"
        );
    }
}
