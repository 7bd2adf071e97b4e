//! The keys of a host as a person has come to know them (`known_hosts`, sshd(8)).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Host;

/// The usual port, which names leave out.
const SSH: u16 = 22;

/// A key of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostKey {
    /// As a line of a file for `ssh`.
    pub(super) line: String,
    /// As it goes over the wire.
    pub(super) blob: Vec<u8>,
}

/// The keys of a host that a file names. Lines with patterns, authorities and revoked keys are ignored.
pub(super) fn keys_of(host: &Host, port: u16, text: &str) -> Vec<HostKey> {
    let plain = host.to_string();
    let plain = plain.trim_matches(['[', ']']);
    let name = if port == SSH {
        plain.to_owned()
    } else {
        format!("[{plain}]:{port}")
    };
    let key = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (names, sort, encoded) = (words.next()?, words.next()?, words.next()?);
        let is_meant = names.split(',').any(|it| it.eq_ignore_ascii_case(&name))
            || is_hash_of(&name, names).unwrap_or(false);
        is_meant.then_some(())?;
        Some(HostKey {
            line: format!("{name} {sort} {encoded}"),
            blob: STANDARD.decode(encoded).ok()?,
        })
    };
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with(['#', '@']));
    lines.filter_map(key).collect()
}

/// True if a name is the one that a hash stands for (`|1|SALT|HASH`).
fn is_hash_of(name: &str, hashed: &str) -> Option<bool> {
    let (salt, hash) = hashed.strip_prefix("|1|")?.split_once('|')?;
    let key = hmac::Key::new(
        hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        &STANDARD.decode(salt).ok()?,
    );
    let name = name.to_ascii_lowercase();
    let tag = STANDARD.decode(hash).ok()?;
    Some(hmac::verify(&key, name.as_bytes(), &tag).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_its_name_and_port_only() {
        // `ssh-keygen -H` of `git.example`.
        let salt = STANDARD.encode(b"01234567890123456789");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"01234567890123456789");
        let hash = STANDARD.encode(hmac::sign(&key, b"git.example"));
        let text = format!(
            "# git.example ssh-ed25519 AAAA\n\
             git.example,192.0.2.7 ssh-ed25519 AAAB\n\
             [git.example]:2222 ssh-ed25519 AAAC\n\
             |1|{salt}|{hash} ssh-ed25519 AAAD\n\
             @revoked git.example ssh-ed25519 AAAE\n\
             *.example ssh-ed25519 AAAF\n\
             other.example ssh-ed25519 AAAG\n"
        );
        let lines = |port| {
            let keys = keys_of(&Host::Domain("git.example".to_owned()), port, &text);
            keys.into_iter().map(|it| it.line).collect::<Vec<_>>()
        };
        assert_eq!(
            lines(22),
            [
                "git.example ssh-ed25519 AAAB",
                "git.example ssh-ed25519 AAAD"
            ]
        );
        assert_eq!(lines(2222), ["[git.example]:2222 ssh-ed25519 AAAC"]);
        assert!(lines(23).is_empty());
    }
}
