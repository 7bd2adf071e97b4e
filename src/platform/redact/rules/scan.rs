//! The places of a text at which it is worth looking closer.
//!
//! Nearly all text is harmless, so this decides what redaction costs: one pass that takes three bytes
//! at a time, without regard to case, and looks them up in a table that fits into the first cache. The
//! rules do the rest at the few places that it finds.

use std::sync::LazyLock;

use crate::platform::redact::rules::commands::more::MORE_PROGRAMS;
use crate::platform::redact::rules::commands::programs::{PRINTERS, PROGRAMS, SecretProgram};
use crate::platform::redact::rules::forms::table::{FORMS, Form, WEBHOOKS};
use crate::platform::redact::rules::vendors::table::{VENDORS, Vendor};

/// The secrets that may begin, or be named, at an anchor.
#[derive(Clone, Copy, Debug)]
pub(in crate::platform::redact) enum Rule {
    /// A token with a prefix of its own.
    Prefix(&'static Form),
    /// A piece of a name that may say that a secret follows.
    Name,
    /// `Bearer`, `Basic`.
    Scheme,
    /// A JSON object in base64.
    Jwt,
    /// The head of a PEM block.
    PemBegin,
    /// Its foot.
    PemEnd,
    /// A name and a password between a URL's scheme and its host.
    Userinfo,
    /// An address that is a secret, after this.
    Webhook(&'static str),
    /// The middle of a Telegram token.
    Telegram,
    /// `-u name:password`.
    CurlUser,
    /// A program that takes a secret as an argument.
    Program(&'static SecretProgram),
    /// A command that prints what it is given, maybe for another to read.
    Printed,
    /// A word or a document that a command reads.
    Redirected,
    /// A word that tells of a secret of Kubernetes.
    Manifest,
    /// The name of a service, which may be that of its key.
    Vendor(&'static Vendor),
    /// An escape that stands for something that is not seen.
    Written,
    /// A port in a line of `.pgpass`.
    Pgpass,
    /// The sign in a client secret of Microsoft Entra.
    Azure,
    /// The end of a key of Mailchimp.
    Mailchimp,
    /// The end of a licence of `MaxMind`.
    Maxmind,
    /// The bar in a token of an application at Facebook.
    Facebook,
}

/// Pieces of names of secrets: each such name holds one of them.
const NAMES: &[&[u8; 3]] = &[
    b"pas", b"pwd", b"ecr", b"ede", b"tok", b"key", b"riz", b"kie", b"jwt", b"dsn", b"otp", b"cvv",
    b"cvc", b"nne", b"onn", b"url", b"uri", b"mne", b"phr", b"cod", b"aut", b"?si", b"&si", b"-si",
    b"?se", b"&se", b"fie", b"red", b"bea", b"?as", b"&as", b"?ti", b"&ti", b"?sa", b"&sa", b"bsy",
    b"psk", b"dpw", b"tpw",
];

/// Ports at which databases listen, as far as three bytes tell; every port that `.pgpass` does not say.
const PORTS: &[&[u8; 3]] = &[
    b":*:", b":54", b":55", b":64", b":65", b":15", b":25", b":26", b":35", b":63",
];

/// The middles of the words that tell of a secret of Kubernetes: `Secret`, `stringData`, `apiVersion`.
const MANIFESTS: &[&[u8; 3]] = &[b"ecr", b"ngD", b"piV"];

/// The signs before a word or a document that a command reads.
const REDIRECTIONS: &[&[u8; 3]] = &[b" <<", b"<<<"];

/// The beginnings of escapes of control characters and of characters without width.
const ESCAPES: &[&[u8; 3]] = &[
    b"\\u{", b"\\u0", b"\\u1", b"\\u2", b"\\u3", b"\\uf", b"\\ue", b"\\ud", b"\\x0", b"\\x1",
    b"\\x7", b"\\x8", b"\\x9", b"\\03", b"\\e[",
];

/// One more than the number of slots that the hash of three bytes can name.
const SLOTS: usize = 8192;

/// All anchors, and the table that finds them.
pub(in crate::platform::redact) struct Anchors {
    /// For each slot, which group hashes to it, counted from 1.
    slots: Vec<u16>,
    groups: Vec<Group>,
}

struct Group {
    /// Three bytes in lower case, as [`folded`] makes them.
    bytes: u32,
    rules: Vec<Rule>,
    /// The next group in the same slot, counted from 1.
    next: u16,
}

static ANCHORS: LazyLock<Anchors> = LazyLock::new(Anchors::build);

impl Anchors {
    pub(in crate::platform::redact) fn get() -> &'static Self {
        &ANCHORS
    }

    /// A name may be that of a secret: all such names hold an anchor.
    pub(in crate::platform::redact) fn may_name_secret(&self, name: &str) -> bool {
        self.next(name.as_bytes(), 0).is_some()
    }

    /// The first anchor that begins at `from` or later, and what may be there.
    pub(in crate::platform::redact) fn next(
        &self,
        text: &[u8],
        from: usize,
    ) -> Option<(usize, &[Rule])> {
        let slots: &[u16; SLOTS] = self.slots.as_slice().try_into().ok()?;
        let at_three = |three: u32| {
            let slot = slots[slot(three)];
            (slot != 0).then(|| self.rules(slot, three)).flatten()
        };
        let mut at = from;
        // Four places at a time, of which one branch tells that there is nothing: eight bytes hold them all.
        while let Some(eight) = text.get(at..).and_then(|rest| rest.first_chunk()) {
            let eight = u64::from_le_bytes(*eight) | FOLD;
            let threes = [0, 8, 16, 24].map(|bits| three_at(eight, bits));
            let found = threes.map(|three| slots[slot(three)]);
            if found != [0; 4] {
                for (place, three) in threes.into_iter().enumerate() {
                    if let Some(rules) = at_three(three) {
                        return Some((at + place, rules));
                    }
                }
            }
            at += threes.len();
        }
        while let Some([first, second, third]) = text.get(at..).and_then(|rest| rest.first_chunk())
        {
            if let Some(rules) = at_three(folded([*first, *second, *third])) {
                return Some((at, rules));
            }
            at += 1;
        }
        None
    }

    fn rules(&self, slot: u16, bytes: u32) -> Option<&[Rule]> {
        let mut next = slot;
        while let Some(at) = usize::from(next).checked_sub(1) {
            let group = &self.groups[at];
            if group.bytes == bytes {
                return Some(&group.rules);
            }
            next = group.next;
        }
        None
    }

    fn build() -> Self {
        let mut anchors = Self {
            slots: vec![0; SLOTS],
            groups: Vec::new(),
        };
        for form in FORMS {
            anchors.add_form(form);
        }
        for name in NAMES {
            anchors.add(*name, Rule::Name);
        }
        for host in WEBHOOKS {
            anchors.add(host.as_bytes(), Rule::Webhook(host));
        }
        anchors.add(b"bea", Rule::Scheme);
        anchors.add(b"bas", Rule::Scheme);
        anchors.add(b"eyJ", Rule::Jwt);
        anchors.add(b"-be", Rule::PemBegin);
        anchors.add(b"-en", Rule::PemEnd);
        anchors.add(b"://", Rule::Userinfo);
        anchors.add(b":AA", Rule::Telegram);
        anchors.add(b"-u ", Rule::CurlUser);
        anchors.add(b"-us", Rule::Mailchimp);
        anchors.add(b"_mm", Rule::Maxmind);
        for digit in b'0'..=b'9' {
            anchors.add(&[digit, b'Q', b'~'], Rule::Azure);
            for next in b'0'..=b'9' {
                anchors.add(&[digit, next, b'|'], Rule::Facebook);
            }
        }
        for program in PROGRAMS.iter().chain(MORE_PROGRAMS) {
            anchors.add(&program.anchor, Rule::Program(program));
        }
        for (_, anchor, _) in PRINTERS {
            anchors.add(*anchor, Rule::Printed);
        }
        for signs in REDIRECTIONS {
            anchors.add(*signs, Rule::Redirected);
        }
        for word in MANIFESTS {
            anchors.add(*word, Rule::Manifest);
        }
        for vendor in VENDORS {
            anchors.add(&vendor.anchor, Rule::Vendor(vendor));
        }
        for escape in ESCAPES {
            anchors.add(*escape, Rule::Written);
        }
        for port in PORTS {
            anchors.add(*port, Rule::Pgpass);
        }
        anchors
    }

    /// A prefix of two bytes is an anchor with each of the hexadecimal digits that may follow it.
    fn add_form(&mut self, form: &'static Form) {
        match form.prefix.as_bytes() {
            [first, second] => {
                for digit in b"0123456789abcdef" {
                    self.add(&[*first, *second, *digit], Rule::Prefix(form));
                }
            }
            prefix => self.add(prefix, Rule::Prefix(form)),
        }
    }

    /// The first three bytes of `text` are an anchor for a rule.
    fn add(&mut self, text: &[u8], rule: Rule) {
        let bytes = folded([text[0], text[1], text[2]]);
        if let Some(group) = self.groups.iter_mut().find(|group| group.bytes == bytes) {
            group.rules.push(rule);
            return;
        }
        let slot = slot(bytes);
        self.groups.push(Group {
            bytes,
            rules: vec![rule],
            next: self.slots[slot],
        });
        // There are some hundreds.
        self.slots[slot] = u16::try_from(self.groups.len()).unwrap_or(0);
    }
}

/// The bit in which capitals and small letters differ, in each of eight bytes.
const FOLD: u64 = 0x2020_2020_2020_2020;

fn folded(bytes: [u8; 3]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) | 0x0020_2020
}

/// Three of eight folded bytes, after so many bits.
fn three_at(eight: u64, bits: u32) -> u32 {
    u32::try_from(eight >> bits & 0x00ff_ffff).unwrap_or_default()
}

/// Fibonacci hashing: the upper thirteen bits of a product.
fn slot(bytes: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1) >> 19) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_anchor_is_found_wherever_it_stands() {
        let anchors = Anchors::get();
        assert!(anchors.groups.len() < 1000);
        for group in &anchors.groups {
            let bytes = group.bytes.to_le_bytes();
            for before in 0..6 {
                let mut text = vec![b'.'; before];
                text.extend_from_slice(&bytes[..3]);
                let (at, rules) = anchors.next(&text, 0).unwrap();
                assert_eq!((at, rules.len()), (before, group.rules.len()), "{bytes:?}");
            }
        }
        assert!(anchors.next(b"zz zz zz zz", 0).is_none());
    }
}
