//! Tokens and addresses that are known by how they begin.

use crate::platform::redact::rules::bytes::is_word;
use crate::platform::redact::rules::span::Span;

/// A kind of token.
#[derive(Debug)]
pub(in crate::platform::redact) struct Form {
    /// Its exact beginning.
    pub(in crate::platform::redact) prefix: &'static str,
    /// Its name when it is redacted.
    kind: &'static str,
    /// The least number of characters after the prefix.
    least: usize,
    /// Their alphabet.
    of: Of,
}

/// The alphabet of the rest of a token.
#[derive(Clone, Copy, Debug)]
enum Of {
    /// Letters and digits.
    Alnum,
    /// Letters, digits, `_` and `-`.
    Word,
    /// The same and dots.
    Dotted,
    /// Letters, digits, `_` and `-`, with a long piece that looks like no word.
    Random,
    /// Exactly this many capitals and digits.
    Capitals,
    /// Hexadecimal digits in small letters.
    Hex,
    /// Base64, with dots and signs of either alphabet.
    Base64,
}

const fn form(prefix: &'static str, kind: &'static str, least: usize, of: Of) -> Form {
    Form {
        prefix,
        kind,
        least,
        of,
    }
}

/// The tokens that are known by their prefix.
pub(in crate::platform::redact) const FORMS: &[Form] = &[
    form("sk-", "api-key", 20, Of::Random),
    form("sk-ant-", "anthropic-key", 12, Of::Word),
    form("sk-proj-", "openai-key", 12, Of::Word),
    form("sk-svcacct-", "openai-key", 12, Of::Word),
    form("sk-or-v1-", "openrouter-key", 12, Of::Word),
    form("gsk_", "groq-key", 20, Of::Alnum),
    form("xai-", "xai-key", 20, Of::Alnum),
    form("pplx-", "perplexity-key", 20, Of::Alnum),
    form("nvapi-", "nvidia-key", 20, Of::Word),
    form("r8_", "replicate-token", 20, Of::Alnum),
    form("hf_", "huggingface-token", 20, Of::Alnum),
    form("ghp_", "github-token", 20, Of::Alnum),
    form("gho_", "github-token", 20, Of::Alnum),
    form("ghu_", "github-token", 20, Of::Alnum),
    form("ghs_", "github-token", 20, Of::Alnum),
    form("ghr_", "github-token", 20, Of::Alnum),
    form("github_pat_", "github-token", 20, Of::Word),
    form("glpat-", "gitlab-token", 16, Of::Dotted),
    form("gldt-", "gitlab-token", 16, Of::Dotted),
    form("glrt-", "gitlab-token", 16, Of::Dotted),
    form("glptt-", "gitlab-token", 16, Of::Dotted),
    form("glcbt-", "gitlab-token", 16, Of::Dotted),
    form("glsoat-", "gitlab-token", 16, Of::Dotted),
    form("ATBB", "bitbucket-token", 24, Of::Alnum),
    form("xoxa-", "slack-token", 10, Of::Word),
    form("xoxb-", "slack-token", 10, Of::Word),
    form("xoxc-", "slack-token", 10, Of::Word),
    form("xoxd-", "slack-token", 10, Of::Base64),
    form("xoxe-", "slack-token", 10, Of::Word),
    form("xoxe.", "slack-token", 10, Of::Word),
    form("xoxo-", "slack-token", 10, Of::Word),
    form("xoxp-", "slack-token", 10, Of::Word),
    form("xoxr-", "slack-token", 10, Of::Word),
    form("xoxs-", "slack-token", 10, Of::Word),
    form("xapp-", "slack-token", 10, Of::Word),
    form("AKIA", "aws-key-id", 16, Of::Capitals),
    form("ASIA", "aws-key-id", 16, Of::Capitals),
    form("LTAI", "alibaba-key-id", 16, Of::Alnum),
    form("AIza", "google-key", 30, Of::Word),
    form("ya29.", "google-token", 20, Of::Dotted),
    form("1//0", "google-token", 30, Of::Word),
    form("GOCSPX-", "google-secret", 20, Of::Word),
    form("npm_", "npm-token", 30, Of::Alnum),
    form("pypi-AgE", "pypi-token", 20, Of::Word),
    form("rubygems_", "rubygems-key", 32, Of::Hex),
    form("dckr_pat_", "docker-token", 20, Of::Word),
    form("sk_live_", "stripe-key", 10, Of::Alnum),
    form("sk_test_", "stripe-key", 10, Of::Alnum),
    form("rk_live_", "stripe-key", 10, Of::Alnum),
    form("rk_test_", "stripe-key", 10, Of::Alnum),
    form("whsec_", "webhook-secret", 16, Of::Base64),
    form("sq0atp-", "square-token", 20, Of::Word),
    form("sq0csp-", "square-secret", 20, Of::Word),
    form("shpat_", "shopify-token", 20, Of::Alnum),
    form("shpss_", "shopify-secret", 20, Of::Alnum),
    form("shpca_", "shopify-token", 20, Of::Alnum),
    form("shppa_", "shopify-token", 20, Of::Alnum),
    form("SG.", "sendgrid-key", 30, Of::Dotted),
    form("key-", "mailgun-key", 32, Of::Hex),
    form("dop_v1_", "digitalocean-token", 32, Of::Hex),
    form("doo_v1_", "digitalocean-token", 32, Of::Hex),
    form("dor_v1_", "digitalocean-token", 32, Of::Hex),
    form("ATATT3", "atlassian-token", 20, Of::Base64),
    form("ATCTT3", "atlassian-token", 20, Of::Base64),
    form("lin_api_", "linear-key", 20, Of::Alnum),
    form("ntn_", "notion-token", 30, Of::Alnum),
    form("secret_", "notion-token", 40, Of::Alnum),
    form("figd_", "figma-token", 20, Of::Word),
    form("hvs.", "vault-token", 20, Of::Word),
    form("hvb.", "vault-token", 20, Of::Word),
    form("pul-", "pulumi-token", 40, Of::Hex),
    form("sbp_", "supabase-token", 40, Of::Hex),
    form("nfp_", "netlify-token", 30, Of::Alnum),
    form("PMAK-", "postman-key", 24, Of::Word),
    form("glsa_", "grafana-token", 20, Of::Word),
    form("glc_", "grafana-token", 30, Of::Base64),
    form("sntrys_", "sentry-token", 30, Of::Base64),
    form("sntryu_", "sentry-token", 30, Of::Hex),
    form("NRAK-", "newrelic-key", 20, Of::Alnum),
    form("tskey-", "tailscale-key", 20, Of::Word),
    form("CFPAT-", "contentful-token", 20, Of::Word),
    form("ops_ey", "onepassword-token", 40, Of::Word),
    form("AGE-SECRET-KEY-1", "age-key", 40, Of::Alnum),
    form("gAAAAA", "fernet", 60, Of::Word),
    // Ours, for streams.
    form("navist_", "stream-ticket", 60, Of::Word),
];

/// Addresses that are secrets from here on: whoever knows one may post there.
pub(in crate::platform::redact) const WEBHOOKS: &[&str] = &[
    "hooks.slack.com/services/",
    "hooks.slack.com/workflows/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    ".webhook.office.com/",
];

/// The token with this prefix that begins here.
pub(super) fn token(text: &str, at: usize, form: &Form) -> Option<Span> {
    let bytes = text.as_bytes();
    let rest = bytes.get(at..)?.strip_prefix(form.prefix.as_bytes())?;
    if !begins_token(bytes, at) {
        return None;
    }
    let length = rest.iter().take_while(|byte| form.of.takes(**byte)).count();
    let body = &rest[..length];
    let fits = match form.of {
        Of::Capitals => {
            length == form.least && !rest.get(length).is_some_and(u8::is_ascii_alphanumeric)
        }
        Of::Random => length >= form.least && has_random_piece(body),
        Of::Alnum | Of::Word | Of::Dotted | Of::Hex | Of::Base64 => length >= form.least,
    };
    fits.then(|| Span::new(at, at + form.prefix.len() + length, form.kind))
}

impl Of {
    fn takes(self, byte: u8) -> bool {
        match self {
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word | Self::Random => is_word(byte),
            Self::Dotted => is_word(byte) || byte == b'.',
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Self::Base64 => is_word(byte) || matches!(byte, b'.' | b'+' | b'/' | b'=' | b'%'),
        }
    }
}

/// One of the pieces between dashes is long and has letters and digits: a name such as
/// `sk-learn-pipeline-with-scaling` has none.
fn has_random_piece(body: &[u8]) -> bool {
    body.split(|byte| *byte == b'-' || *byte == b'_')
        .any(|piece| {
            let has = |is: fn(&u8) -> bool| piece.iter().any(is);
            piece.len() >= 16 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
        })
}

/// A token can begin here: not in the middle of a word. An escaped line end (`\n`), a percent
/// sign's two digits and the end of a terminal's colour are no part of a word.
pub(in crate::platform::redact) fn begins_token(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return true;
    };
    let previous = bytes[before];
    if !is_word(previous) {
        return true;
    }
    let back = |count: usize| before.checked_sub(count).map_or(0, |place| bytes[place]);
    let is_escape = matches!(previous, b'n' | b'r' | b't') && back(1) == b'\\';
    let is_percent = previous.is_ascii_hexdigit() && back(1).is_ascii_hexdigit() && back(2) == b'%';
    is_escape || is_percent || (previous == b'm' && ends_colour(&bytes[..before]))
}

/// These bytes are followed by the `m` that ends a terminal's colour.
fn ends_colour(bytes: &[u8]) -> bool {
    let parameters = bytes
        .iter()
        .rev()
        .take(12)
        .take_while(|byte| byte.is_ascii_digit() || **byte == b';')
        .count();
    bytes[..bytes.len() - parameters].ends_with(b"\x1b[")
}
