//! The route whose address is most like one that does not exist.
//!
//! Addresses are compared segment by segment, with the edit distance that words are compared with
//! letter by letter. Both are cut, so that no address costs more than a fraction of a millisecond.

use strsim::normalized_levenshtein;

use crate::platform::text::first_chars;

/// An address with more segments is not compared.
const MAX_SEGMENTS: usize = 8;
/// An address with more bytes is not compared.
const MAX_BYTES: usize = 256;
/// Segments are compared by their first characters alone.
const COMPARED_CHARS: usize = 24;
/// The likeness of a parameter to the segment at its place: any may be meant by it, and a word that fits is
/// the better guess. At another place it is like nothing.
const LIKE_A_PARAMETER: f64 = 0.6;
/// The least likeness of an address and a template that may be meant by it.
const ALIKE: f64 = 0.5;

/// The templates of all routes, ready to be compared with.
#[derive(Debug, Default)]
pub struct Templates {
    templates: Vec<Template>,
    /// The words of all templates, each once.
    words: Vec<String>,
}

#[derive(Debug)]
struct Template {
    path: String,
    /// The place of each segment among the words; none of a parameter.
    segments: Vec<Option<usize>>,
}

impl Templates {
    /// Prepares the templates of routes.
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = Self::default();
        for path in paths {
            let segments = segments(path).map(|segment| known.word(segment)).collect();
            known.templates.push(Template {
                path: path.to_owned(),
                segments,
            });
        }
        known
    }

    fn word(&mut self, segment: &str) -> Option<usize> {
        if segment.starts_with('{') {
            return None;
        }
        let place = self.words.iter().position(|word| word == segment);
        Some(place.unwrap_or_else(|| {
            self.words.push(segment.to_owned());
            self.words.len() - 1
        }))
    }

    /// The template that is most like an address, unless none is at least half like it.
    pub fn nearest(&self, address: &str) -> Option<&str> {
        let count = segments(address).take(MAX_SEGMENTS + 1).count();
        if address.len() > MAX_BYTES || count > MAX_SEGMENTS {
            return None;
        }
        // Each pair of words is compared once, however many templates have the word.
        let likeness: Vec<Vec<f64>> = segments(address).map(|it| self.likeness(it)).collect();
        let scored = self.templates.iter().map(|template| {
            let score = template.score(&likeness);
            (score, template.path.as_str())
        });
        let alike = scored.filter(|(score, _)| *score >= ALIKE);
        // Of several the first, which is the shortest of those that begin alike.
        let best = alike.reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map(|(_, path)| path)
    }

    /// The likeness of a segment to each word. Squared, so that one word that is the same counts for
    /// more than two that are half alike.
    fn likeness(&self, segment: &str) -> Vec<f64> {
        let segment = first_chars(segment, COMPARED_CHARS);
        let like = |word: &String| normalized_levenshtein(segment, word).powi(2);
        self.words.iter().map(like).collect()
    }
}

impl Template {
    /// The likeness of an address to the template, from 0 to 1: the best alignment of their segments,
    /// where a segment that has no counterpart counts as unlike.
    fn score(&self, address: &[Vec<f64>]) -> f64 {
        let longest = self.segments.len().max(address.len());
        let mut above = vec![0.0_f64; self.segments.len() + 1];
        for (at, segment) in address.iter().enumerate() {
            let mut row = vec![0.0_f64];
            for (n, place) in self.segments.iter().enumerate() {
                let like = match place {
                    None if n == at => LIKE_A_PARAMETER,
                    None => 0.0,
                    Some(word) => segment.get(*word).copied().unwrap_or(0.0),
                };
                let paired = above[n] + like;
                row.push(paired.max(above[n + 1]).max(row[n]));
            }
            above = row;
        }
        let matched = above.last().copied().unwrap_or(0.0);
        #[expect(clippy::cast_precision_loss, reason = "a handful of segments")]
        let longest = longest.max(1) as f64;
        matched / longest
    }
}

/// The segments after `/api`, which all have in common.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix("/api").unwrap_or(path);
    path.split('/').filter(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates() -> Templates {
        Templates::new([
            "/api/jobs",
            "/api/jobs/{job_id}",
            "/api/jobs/{job_id}/events",
            "/api/jobs/{job_id}/cancel",
            "/api/navi/chat",
            "/api/navi/chat/autonomous",
            "/api/navi-memory/conversations",
            "/api/navi-memory/conversations/{id}/messages",
            "/api/feedback/submit",
        ])
    }

    #[test]
    fn the_most_similar_template_is_found() {
        let templates = templates();
        for (address, expected) in [
            ("/api/job", "/api/jobs"),
            ("/api/jobs/", "/api/jobs"),
            ("/api/job/4711", "/api/jobs/{job_id}"),
            ("/api/jobs/4711/event", "/api/jobs/{job_id}/events"),
            ("/api/navi/chats", "/api/navi/chat"),
            ("/api/conversations", "/api/navi-memory/conversations"),
            (
                "/api/navi-memory/conversation/1/message",
                "/api/navi-memory/conversations/{id}/messages",
            ),
            ("/api/feedback/sumbit", "/api/feedback/submit"),
            ("/api/chat/autonomous", "/api/navi/chat/autonomous"),
        ] {
            assert_eq!(templates.nearest(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn what_is_like_nothing_or_too_long_has_no_nearest() {
        let templates = templates();
        let long = format!("/api/jobs/{}", "x".repeat(MAX_BYTES));
        let deep = format!("/api{}", "/jobs".repeat(MAX_SEGMENTS + 1));
        for address in ["/api", "/api/", "/api/wallpaper/themes", &long, &deep, ""] {
            assert_eq!(templates.nearest(address), None, "{address}");
        }
        assert_eq!(Templates::new([]).nearest("/api/jobs"), None);
    }
}
