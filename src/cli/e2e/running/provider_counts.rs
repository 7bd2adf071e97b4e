//! Tokens as an inference server counts them itself, in the metrics of llama.cpp.

use url::Url;

use crate::cli::e2e::measuring::model::TokenCounts;
use crate::cli::failure::Failure;
use crate::platform::outbound::client::{CONNECT_TIMEOUT, Client};
use crate::platform::outbound::reach::Reach;

/// Reads the counters of the server whose metrics are at this URL.
pub async fn read(url: &Url) -> Result<TokenCounts, Failure> {
    let client = Client::new(Reach::loopback().and_named(url), CONNECT_TIMEOUT)?;
    let failed = |error: reqwest::Error| Failure::Connection(error.to_string());
    let request = client.request(reqwest::Method::GET, url.clone())?;
    let answer = request.send().await.map_err(failed)?;
    let text = answer.text().await.map_err(failed)?;
    counts(&text).ok_or_else(|| {
        Failure::Connection(format!(
            "`{url}` shows no counters of tokens as llama.cpp has them"
        ))
    })
}

/// What a server counted between two readings.
pub fn between(before: TokenCounts, after: TokenCounts) -> TokenCounts {
    TokenCounts {
        input: after.input.saturating_sub(before.input),
        cache_read: after.cache_read.saturating_sub(before.cache_read),
        output: after.output.saturating_sub(before.output),
    }
}

fn counts(text: &str) -> Option<TokenCounts> {
    let series = |name: &str| {
        let lines = text.lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = values.next()?.trim();
        value.split('.').next()?.parse::<u64>().ok()
    };
    let processed = series("llamacpp:prompt_tokens_total")?;
    // It counts apart what it did not have to read again.
    let cached = series("llamacpp:prompt_tokens_cached_total").unwrap_or(0);
    Some(TokenCounts {
        input: processed + cached,
        cache_read: cached,
        output: series("llamacpp:tokens_predicted_total")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_is_what_was_read_and_what_was_cached() {
        let text = "# HELP llamacpp:prompt_tokens_total Number\n\
                    llamacpp:prompt_tokens_total 120\nllamacpp:prompt_tokens_cached_total 30\n\
                    llamacpp:tokens_predicted_total 9\nllamacpp:tokens_predicted_seconds_total 1.5\n";
        let expected = TokenCounts {
            input: 150,
            cache_read: 30,
            output: 9,
        };
        assert_eq!(counts(text), Some(expected));
        assert_eq!(counts("up 1\n"), None);
    }
}
