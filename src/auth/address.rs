//! Credentials in the query of an address.

use std::borrow::Cow;

use url::form_urlencoded;

/// The parameter that holds a stream ticket.
const TICKET: &str = "ticket";
/// The parameter in which RFC 6750 allows a token, and which is not taken here.
const TOKEN: &str = "access_token";
/// Parameters in which other servers take a token.
const TOKENS_ELSEWHERE: &[&str] = &[
    "token",
    "auth",
    "authorization",
    "bearer",
    "jwt",
    "api_key",
    "apikey",
];

/// Every value of the parameter `ticket`.
pub fn tickets(query: &str) -> Vec<Cow<'_, str>> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .filter_map(|(name, value)| (name == TICKET).then_some(value))
        .collect()
}

/// True when the query has a parameter `access_token`.
pub fn has_token(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == TOKEN)
}

/// The parameter in which a token may have been meant to be sent, by its usual name.
pub fn meant_token(query: &str) -> Option<&'static str> {
    form_urlencoded::parse(query.as_bytes()).find_map(|(name, _)| {
        let known = TOKENS_ELSEWHERE.iter();
        known.copied().find(|one| name.eq_ignore_ascii_case(one))
    })
}

/// The query without its tickets, and nothing else changed.
pub fn without_tickets(query: &str) -> String {
    let pairs = query.split('&');
    let others: Vec<_> = pairs.filter(|pair| tickets(pair).is_empty()).collect();
    others.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_found_however_its_name_is_written_and_taken_out_alone() {
        for (query, expected, rest) in [
            ("", &[][..], ""),
            ("a=1&b=%20", &[], "a=1&b=%20"),
            ("ticket=t", &["t"], ""),
            ("a=1&ticket=t&b=2", &["t"], "a=1&b=2"),
            (
                "t%69cket=t%2B&after_sequence=4",
                &["t+"],
                "after_sequence=4",
            ),
            ("ticket&ticket=u", &["", "u"], ""),
            (
                "tickets=1&Ticket=2&x=ticket",
                &[],
                "tickets=1&Ticket=2&x=ticket",
            ),
        ] {
            assert_eq!(tickets(query), expected, "{query}");
            assert_eq!(without_tickets(query), rest, "{query}");
        }
        assert!(has_token("a=1&acces%73_token=x") && !has_token("access_tokens=x"));
        assert_eq!(meant_token("a=1&Token=x"), Some("token"));
        assert_eq!(meant_token("tokens=1&cursor=token"), None);
    }
}
