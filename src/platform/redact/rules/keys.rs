//! The names of secrets.
//!
//! A name is taken apart into words first (`AWSSecretAccessKey` is `aws secret access key`), and words
//! are compared whole: `tokenizer`, `secretary` and `monkey` are no secrets.

use crate::platform::redact::rules::scan::Anchors;

/// The longest name that is looked at, in bytes. A longer one is no name but a text.
pub(super) const MAX_NAME: usize = 96;
/// More words than the longest name of a secret has.
const MAX_WORDS: usize = 16;

/// The kinds of values that a name tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Something that people choose, so that it may look like any word: `password`.
    Password,
    /// A credential that a machine made: `access_token`, `api_key`.
    Credential,
    /// A header whose whole value counts: `authorization`, `cookie`.
    Header,
    /// An address with credentials in it: `database_url`.
    Address,
}

/// Ends of names that are written without any sign of where their words begin.
const ENDS: &[(&str, Named)] = &[
    ("password", Named::Password),
    ("passwd", Named::Password),
    ("passphrase", Named::Password),
    ("apikey", Named::Credential),
    ("secretkey", Named::Credential),
    ("privatekey", Named::Credential),
    ("accesskey", Named::Credential),
    ("authkey", Named::Credential),
    ("authtoken", Named::Credential),
    ("accesstoken", Named::Credential),
    ("refreshtoken", Named::Credential),
    ("sessiontoken", Named::Credential),
    ("idtoken", Named::Credential),
    ("clientsecret", Named::Credential),
    ("connectionstring", Named::Address),
];
/// Words before `key` when the key opens something.
const KEYS: &str = "api access account secret private signing signature encryption master auth ssh shared \
    storage deploy webhook hmac aes rsa gpg pgp subscription consumer session service \
    license root app application openai anthropic stripe twilio sendgrid datadog groq \
    openrouter google azure vault fernet jwt cookie admin algolia fastly heroku mailgun mailchimp okta \
    cloudflare datadog snyk airtable mapbox twitch yandex global license unseal";
/// Words before `pass` when it is short for a password.
const PASSES: &str = "db database smtp user mail email redis pg postgres mysql admin root ftp ldap key store \
    proxy sudo ssh login imap become vault ansible";
/// Words before `code` when it is exchanged for a credential.
const CODES: &str = "authorization auth device verification recovery backup mfa otp";
/// Words before `url` and its like when it holds credentials.
const ADDRESSES: &str = "database db redis postgres postgresql pg mongo mongodb mysql amqp rabbitmq broker jdbc \
    sqlalchemy";
/// Words before `token` when it is a piece of text, a number of them or a place in a list.
const HARMLESS_TOKENS: &str = "next previous prev page continuation eos bos pad unk sep cls stop special mask first \
    last per max min total prompt completion input output peek current time";
/// Words before `tokens` when they open something; otherwise they are counted.
const MANY_TOKENS: &str = "access refresh api auth bearer session device";
/// Last words that turn the name of a secret into the name of something about it.
const ABOUT: &str = "age algorithm algo alg arn at attempts audience budget changed cost count counts created \
    description enabled endpoint fd env error errors exists expired expires expiry field fields \
    file format hint id ids in index input invalid issuer kind label length lifetime limit \
    limits long manager max method mgr min mode ms name names offset path pattern per placeholder \
    policy position prefix prompt provider ref regex required reset rotation rule rules \
    scheme seconds set short size source state status stdin store strength ttl timeout type types updated uri \
    url usage used valid weak var version visible";
/// First words that turn it into a question or an amount.
const ASKING: &str = "allow allows avg can count disable enable forgot forgotten has have hide invalid is max \
    min missing needs no num require required requires reset should show total uses without";

/// True when the value under this name is a secret, going by the name's words. Numbers and booleans are
/// none, whatever their name.
pub fn is_secret_key(name: &str) -> bool {
    // Most names are settled by this, in a fraction of the time that words take.
    Anchors::get().may_name_secret(name) && names_secret(name)
}

/// The same, going by the words alone.
pub(in crate::platform::redact) fn names_secret(name: &str) -> bool {
    named(name).is_some()
}

/// The kind of value that a name stands for.
pub(super) fn named(name: &str) -> Option<Named> {
    // Shorter than the shortest word that counts, or no name.
    if name.len() < 3 || name.len() > MAX_NAME {
        return None;
    }
    if name == "_auth" {
        return Some(Named::Credential);
    }
    let mut lower = [0; MAX_NAME];
    let words = Words::of(name, &mut lower);
    let (first, last, before) = words.ends()?;
    if let Some(named) = by_last_words(last, before).or_else(|| by_end(name)) {
        let asks = first != last && is_one_of(first, ASKING);
        return (!asks || named == Named::Address).then_some(named);
    }
    let found = words.iter().find_map(by_word)?;
    if is_one_of(last, ABOUT) || (first != last && is_one_of(first, ASKING)) {
        return None;
    }
    Some(found)
}

/// The kind that one word gives alone, wherever it stands.
fn by_word(word: &str) -> Option<Named> {
    match word {
        "password" | "passwords" | "passwd" | "pwd" | "passphrase" | "passcode" | "passwort"
        | "keypass" | "storepass" | "userpass" | "sshpass" | "requirepass" | "masterauth"
        | "bindpw" | "rootpw" | "authtok" | "psk" => Some(Named::Password),
        // Where Sidekiq's gems are served from: the name of a setting of Bundler.
        "contribsys" => Some(Named::Credential),
        "secret" | "secrets" | "credential" | "credentials" | "creds" | "bearer" | "mnemonic" => {
            Some(Named::Credential)
        }
        "authorization" => Some(Named::Header),
        _ => None,
    }
}

/// The kind that the last two words give.
fn by_last_words(last: &str, before: &str) -> Option<Named> {
    match last {
        "token" => (!is_one_of(before, HARMLESS_TOKENS)).then_some(Named::Credential),
        "tokens" => is_one_of(before, MANY_TOKENS).then_some(Named::Credential),
        "key" | "keys" => is_one_of(before, KEYS).then_some(Named::Credential),
        "pass" => (before.is_empty() || is_one_of(before, PASSES)).then_some(Named::Password),
        "code" | "codes" => is_one_of(before, CODES).then_some(Named::Credential),
        "verifier" => (before == "code").then_some(Named::Credential),
        "phrase" => ["seed", "recovery", "pass"]
            .contains(&before)
            .then_some(Named::Password),
        "auth" => [
            "basic", "http", "proxy", "digest", "registry", "x", "rediscli",
        ]
        .contains(&before)
        .then_some(Named::Credential),
        "url" | "uri" => is_one_of(before, ADDRESSES).then_some(Named::Address),
        "string" | "str" => ["connection", "conn"]
            .contains(&before)
            .then_some(Named::Address),
        "dsn" => Some(Named::Address),
        "login" => (before == "sonar").then_some(Named::Credential),
        "cookie" | "cookies" => Some(Named::Header),
        "jwt" | "otp" | "totp" | "cvv" | "cvc" => Some(Named::Credential),
        _ => None,
    }
}

/// The kind that the end of a name gives when its words cannot be told apart: `dbpassword`, `APIkey`.
fn by_end(name: &str) -> Option<Named> {
    let ends_with = |end: &str| {
        let letters = name.bytes().rev().filter(u8::is_ascii_alphabetic);
        let mut letters = letters.map(|byte| byte.to_ascii_lowercase());
        end.bytes().rev().all(|byte| letters.next() == Some(byte))
    };
    let found = ENDS.iter().find(|(end, _)| ends_with(end));
    found.map(|(_, named)| *named)
}

/// True when a word is in a text that lists words.
fn is_one_of(word: &str, words: &str) -> bool {
    words.split(' ').any(|other| other == word)
}

/// The words of a name in lower case, without numbers.
struct Words<'a> {
    text: &'a str,
    ends: [(u8, u8); MAX_WORDS],
    count: usize,
}

impl<'a> Words<'a> {
    /// Takes a name apart: at everything that is no letter, before a capital after a small letter,
    /// and before the last of several capitals when a small letter follows.
    fn of(name: &str, lower: &'a mut [u8; MAX_NAME]) -> Self {
        let bytes = name.as_bytes();
        let mut ends = [(0, 0); MAX_WORDS];
        let (mut count, mut start) = (0, None);
        for (at, byte) in bytes.iter().enumerate() {
            lower[at] = byte.to_ascii_lowercase();
            // Letters beyond ASCII belong to words too, but have no case here.
            let is_letter = byte.is_ascii_alphabetic() || !byte.is_ascii();
            let begins = is_letter && byte.is_ascii_uppercase() && at > 0 && {
                let after_small = bytes[at - 1].is_ascii_lowercase();
                let before_small = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
                after_small || (bytes[at - 1].is_ascii_uppercase() && before_small)
            };
            if let Some(from) = start
                && (!is_letter || begins)
            {
                if count < MAX_WORDS {
                    ends[count] = (from, narrow(at));
                    count += 1;
                }
                start = None;
            }
            if is_letter && start.is_none() {
                start = Some(narrow(at));
            }
        }
        if let Some(from) = start
            && count < MAX_WORDS
        {
            ends[count] = (from, narrow(bytes.len()));
            count += 1;
        }
        let text = std::str::from_utf8(&lower[..bytes.len()]).unwrap_or_default();
        Self { text, ends, count }
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        self.ends[..self.count]
            .iter()
            .map(|(from, to)| &self.text[usize::from(*from)..usize::from(*to)])
    }

    /// The first word, the last, and the one before it, which is empty when there is none.
    fn ends(&self) -> Option<(&str, &str, &str)> {
        let word = |at: usize| {
            let (from, to) = self.ends[at];
            &self.text[usize::from(from)..usize::from(to)]
        };
        let last = self.count.checked_sub(1)?;
        let before = last.checked_sub(1).map_or("", word);
        Some((word(0), word(last), before))
    }
}

/// A place in a name, none of which is longer than [`MAX_NAME`].
fn narrow(at: usize) -> u8 {
    u8::try_from(at).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_recognised_however_they_are_written() {
        for name in [
            "apiKey",
            "API_KEY",
            "x-api-key",
            "api key",
            "api.key",
            "AWSSecretAccessKey",
            "clientSecret",
            "refreshToken",
            "authorization",
            "Proxy-Authorization",
            "set-cookie",
            "passwd",
            "pwd",
            "privateKey",
            "connectionString",
            "DATABASE_URL",
            "openAIApiKey",
            "API-KEY",
            "accessKey",
            "token",
            "Token",
            "csrf_token",
            "password2",
            "new_password",
            "passwordConfirmation",
            "password_hash",
            "PGPASSWORD",
            "dbpassword",
            "apikey",
            "APIkey",
            "accesstoken",
            "DB_PASS",
            "pass",
            "jwt",
            "id_token",
            "x-amz-security-token",
            "X-Vault-Token",
            "STRIPE_SECRET_KEY",
            "ssh_private_key",
            "SENTRY_DSN",
            "basic_auth",
            "_auth",
            "_authToken",
            "auth_code",
            "codeVerifier",
            "recovery_codes",
            "seedPhrase",
            "secrets",
            "credentials",
            "REDIS_URL",
            "Account Key",
            "Ocp-Apim-Subscription-Key",
            "spring.datasource.password",
            "accessTokens",
            "signing_key",
            "totp",
            "bearer",
        ] {
            assert!(is_secret_key(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_resemble_them_are_left_alone() {
        for name in [
            "total_tokens",
            "max_tokens",
            "tokens",
            "tokenizer",
            "keyboard",
            "secretary",
            "monkey",
            "author",
            "public_key",
            "publicKey",
            "key",
            "keys",
            "primary_key",
            "sort_key",
            "password_hash_algorithm",
            "passwordPolicy",
            "has_password",
            "max_token",
            "token_count",
            "tokenType",
            "tokens_per_second",
            "time_to_first_token_ms",
            "sessionLength",
            "sessionId",
            "nextPageToken",
            "next_token",
            "eos_token",
            "secret_name",
            "secretArn",
            "password_min_length",
            "authorization_url",
            "cookie_policy",
            "cookieName",
            "error_code",
            "code",
            "auth",
            "url",
            "base_url",
            "idempotency_key",
            "foreign_key",
            "cache_key",
            "passport",
            "compass",
            "bypass",
            "jwt_algorithm",
            "credential_type",
            "keystore",
            "accessible",
            "private_key_path",
            "",
            "ssh_public_key",
            "tokenise",
            "tokenStream",
            "secretly",
            "is_secret",
            "require_password",
        ] {
            assert!(!is_secret_key(name), "{name}");
        }
    }
}
