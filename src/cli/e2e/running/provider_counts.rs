//! Tokens as an inference server counts them itself, in the metrics of llama.cpp.

use std::time::{Duration, Instant};

use url::Url;

use crate::cli::e2e::measuring::model::CountedTokens;
use crate::cli::failure::Failure;
use crate::platform::outbound::client::{CONNECT_TIMEOUT, Client, innermost};
use crate::platform::outbound::reach::Reach;

/// The time that the server may go on with work whose client left.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads the counters of the server whose metrics are at this URL, once it works on nothing.
pub async fn read(url: &Url) -> Result<CountedTokens, Failure> {
    let client = Client::new(Reach::loopback().and_named(url), CONNECT_TIMEOUT)?;
    let failed = |error: reqwest::Error| Failure::Unreached {
        server: url.to_string(),
        reason: innermost(&error),
    };
    let began = Instant::now();
    loop {
        let request = client.request(reqwest::Method::GET, url.clone())?;
        let answer = request.send().await.map_err(failed)?;
        let text = answer.text().await.map_err(failed)?;
        let is_idle = series(&text, "llamacpp:requests_processing").is_none_or(|count| count == 0);
        if is_idle || began.elapsed() > PATIENCE {
            return counts(&text).ok_or_else(|| {
                Failure::Usage(format!(
                    "`{url}` shows no counters of tokens as llama.cpp has them"
                ))
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn series(text: &str, name: &str) -> Option<u64> {
    let lines = text.lines();
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.next()?.trim().split('.').next()?.parse().ok()
}

fn counts(text: &str) -> Option<CountedTokens> {
    let processed = series(text, "llamacpp:prompt_tokens_total")?;
    // It counts apart what it did not have to read again.
    let cached = series(text, "llamacpp:prompt_tokens_cached_total").unwrap_or(0);
    Some(CountedTokens {
        input: processed + cached,
        cache_read: cached,
        output: series(text, "llamacpp:tokens_predicted_total")?,
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
        let expected = CountedTokens {
            input: 150,
            cache_read: 30,
            output: 9,
        };
        assert_eq!(counts(text), Some(expected));
        assert_eq!(counts("up 1\n"), None);
    }
}
