//! The two shapes of a list, and the negotiation between them.

use serde::Deserialize;

/// A shape that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// An object with `entries` and `next_cursor`.
    Object,
    /// A bare array in the shape of older clients, its next page in the header `Link`.
    Array,
}

/// The headers of a request that decide when it names no shape.
#[derive(Clone, Copy, Debug)]
pub struct Hints<'a> {
    /// The values of `Accept`.
    pub accept: &'a [&'a str],
    /// True if `Sec-Fetch-Mode` is there, which browsers add to every request and scripts cannot set.
    pub from_browser: bool,
}

impl Format {
    /// The shape of the answer: the one that is named, else the array for the script of a browser's
    /// page that names no media type, else the object.
    ///
    /// The audit page of older clients sends `Accept: */*` and crashes on an object; every program
    /// that was written for the object is either no browser or names its media type.
    pub fn of(named: Option<Self>, hints: Hints<'_>) -> Self {
        let indifferent = matches!(hints.accept, [] | ["*/*"]);
        match named {
            Some(named) => named,
            None if hints.from_browser && indifferent => Self::Array,
            None => Self::Object,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_array_is_for_pages_that_name_no_media_type_and_for_those_who_ask_for_it() {
        let of = |named, from_browser, accept: &[&str]| {
            let hints = Hints {
                accept,
                from_browser,
            };
            Format::of(named, hints)
        };
        for (from_browser, accept, expected) in [
            (true, &["*/*"][..], Format::Array),
            (true, &[], Format::Array),
            (true, &["application/json"], Format::Object),
            (true, &["application/json, */*"], Format::Object),
            (true, &["text/html,*/*;q=0.8"], Format::Object),
            (true, &["*/*", "text/html"], Format::Object),
            (true, &[""], Format::Object),
            (false, &["*/*"], Format::Object),
            (false, &[], Format::Object),
            (false, &["application/json"], Format::Object),
        ] {
            assert_eq!(of(None, from_browser, accept), expected, "{accept:?}");
            for named in [Format::Object, Format::Array] {
                assert_eq!(of(Some(named), from_browser, accept), named);
            }
        }
    }
}
