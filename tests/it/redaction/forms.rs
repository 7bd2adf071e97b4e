//! Every form of a secret, wherever it stands, however it is broken, and in whatever pieces it comes.

use navi::platform::redact::gate::Gate;
use navi::platform::redact::json::redact_json;
use navi::platform::redact::text::redact_text;
use proptest::prelude::*;

use crate::redaction::corpus::{body, left_over, planted};

const FORMS: &str = include_str!("forms.txt");
const NAMED: &str = include_str!("named.txt");
const PLAIN: &str = include_str!("plain.txt");

/// Characters and sequences that can stand in a text unseen.
const UNSEEN: &[&str] = &[
    "\u{1b}[0m",
    "\u{1b}[1;31m",
    "\u{9b}2m",
    "\u{1b}]0;t\u{7}",
    "\r",
    "\u{8}",
    "\u{7f}",
    "\u{200b}",
    "\u{200c}",
    "\u{200d}",
    "\u{200e}",
    "\u{200f}",
    "\u{2060}",
    "\u{feff}",
    "\u{ad}",
    "\u{202e}",
    "\u{2066}",
    "\u{61c}",
    "\u{34f}",
    "\u{3164}",
    "\u{fe0f}",
    "\u{e0041}",
];

/// The samples of a file, each with what must not come out of it.
fn samples(file: &str, seed: usize) -> Vec<(String, Vec<String>)> {
    let lines = file.lines().filter(|line| !line.starts_with("# "));
    let numbered = lines.enumerate();
    numbered
        .map(|(number, line)| planted(seed + number, line))
        .collect()
}

/// A text as it is shown when it comes in pieces of these lengths.
fn streamed(text: &str, cuts: &[usize]) -> String {
    let (mut gate, mut shown) = (Gate::default(), String::new());
    let mut rest = text;
    for cut in cuts.iter().cycle() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary((*cut).max(4)));
        gate.push(piece);
        shown.push_str(&gate.take());
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    shown + &gate.finish()
}

/// The text without what stands for secrets in it, which names their kind.
fn without_marks(clean: &str) -> String {
    let mut pieces = clean.split("[redacted");
    let first = pieces.next().unwrap().to_owned();
    let rest = pieces.map(|piece| piece.split_once(']').map_or(piece, |(_, rest)| rest));
    first + &rest.collect::<Vec<_>>().join("\u{1}")
}

/// The faults in the redaction of a text.
fn faults(text: &str, secrets: &[String]) -> Vec<String> {
    let clean = redact_text(text).into_owned();
    let mut faults = Vec::new();
    for secret in secrets {
        if let Some(piece) = left_over(&without_marks(&clean), secret) {
            faults.push(format!("{text:?}\n    still has {piece:?}: {clean:?}"));
        }
    }
    let twice = redact_text(&clean);
    if twice != clean {
        faults.push(format!(
            "{text:?}\n    twice is not once: {clean:?} became {twice:?}"
        ));
    }
    let mut value = serde_json::json!({ "data": [text] });
    redact_json(&mut value);
    if value["data"][0].as_str() != Some(&clean) {
        faults.push(format!("{text:?}\n    is not the same in JSON: {value}"));
    }
    faults
}

#[track_caller]
fn assert_none(faults: &[String], of: usize) {
    assert!(
        faults.is_empty(),
        "{} of {of}:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn every_form_is_recognised_wherever_it_stands() {
    let mut wrong = Vec::new();
    let forms = samples(FORMS, 1000);
    assert!(forms.len() > 170, "{} forms", forms.len());
    for (token, _) in &forms {
        for text in [
            token.clone(),
            format!("use {token}, please"),
            format!("{token}."),
            format!("the line\n+{token}\n-{token}\n"),
            format!("+{token}"),
            format!("-{token}"),
            format!("key={token}"),
            format!("{{\"a\":\"{token}\"}}"),
            format!("('{token}')"),
            format!("[{token}]({token})"),
            format!("a\\n{token}\\nb"),
            format!("https://a.example/{token}/b"),
            format!("x%3D{token}%26y"),
            format!("\u{1b}[31m{token}\u{1b}[0m"),
            format!("ä{token}ä"),
        ] {
            // A token that ends with a dash or a dot may go on with one; its pieces are what counts.
            wrong.extend(faults(&text, std::slice::from_ref(token)));
        }
    }
    assert_none(&wrong, forms.len());
}

#[test]
fn a_token_after_a_digit_or_a_sign_is_one() {
    // A prefix that is also a word, or a piece of base64, has to begin where a word does.
    let strict = ["key-", "pubkey-", "secret_", "EAA", "ico-", "cio"];
    let mut wrong = Vec::new();
    let forms = samples(FORMS, 2000);
    for (token, _) in &forms {
        if strict.iter().any(|prefix| token.starts_with(prefix)) || token.contains(":AA") {
            continue;
        }
        for before in [
            "7",
            "1 - 4",
            "x-",
            "x_",
            "--",
            "__",
            "2026-01-02T03:04:05",
            "#",
        ] {
            wrong.extend(faults(
                &format!("{before}{token}"),
                std::slice::from_ref(token),
            ));
        }
    }
    assert_none(&wrong, forms.len());
}

#[test]
fn what_stands_around_a_secret_gives_it_away() {
    let named = samples(NAMED, 3000);
    assert!(named.len() > 110, "{} lines", named.len());
    let mut wrong = Vec::new();
    for (text, secrets) in &named {
        assert!(!secrets.is_empty(), "{text} plants nothing");
        for text in [
            text.clone(),
            format!("{text}\n"),
            format!("first line\n{text}\nlast line"),
        ] {
            wrong.extend(faults(&text, secrets));
        }
    }
    assert_none(&wrong, named.len());
}

#[test]
fn what_holds_no_secret_is_left_alone() {
    let lines = PLAIN.lines().filter(|line| !line.starts_with("# "));
    let touched: Vec<String> = lines
        .map(|line| line.replace('⏎', "\n"))
        .filter(|text| redact_text(text) != *text || streamed(text, &[5]) != *text)
        .map(|text| format!("{text:?} became {:?}", redact_text(&text)))
        .collect();
    assert_none(&touched, PLAIN.lines().count());
}

#[test]
fn long_blobs_are_left_alone() {
    const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for seed in 0..20 {
        let blob = body(&format!("blob {seed}"), 20_000, BASE64);
        let zeros = "A".repeat(400);
        let image = format!("data:image/png;base64,{blob}{zeros}EAAA{zeros}{blob}==");
        assert!(redact_text(&image) == image, "blob {seed}");
        let hashes = (0..400).map(|line| body(&format!("{seed} {line}"), 64, "0123456789abcdef"));
        let hashes = hashes.collect::<Vec<_>>().join("  a file\n");
        assert!(redact_text(&hashes) == hashes, "hashes {seed}");
    }
}

#[test]
fn nothing_unseen_hides_a_secret() {
    let mut wrong = Vec::new();
    let forms = samples(FORMS, 4000);
    for (number, (token, _)) in forms.iter().enumerate() {
        for (place, unseen) in UNSEEN.iter().enumerate() {
            let signs: Vec<char> = token.chars().collect();
            let at = 1 + (number * 7 + place * 5) % (signs.len() - 1);
            let (head, tail): (String, String) =
                (signs[..at].iter().collect(), signs[at..].iter().collect());
            let broken = format!("use {head}{unseen}{tail} now");
            let halves = [head, tail].into_iter().filter(|half| half.len() > 4);
            wrong.extend(faults(&broken, &halves.collect::<Vec<_>>()));
            // Between any two characters.
            let each: String = signs
                .iter()
                .flat_map(|sign| [sign.to_string(), (*unseen).to_owned()])
                .collect();
            let clean = without_marks(&redact_text(&each)).replace(unseen, "");
            if let Some(piece) = left_over(&clean, token) {
                wrong.push(format!("{each:?} still has {piece:?}"));
            }
        }
        // As a program that writes in bold on a printer does.
        let bold: String = token
            .chars()
            .flat_map(|sign| [sign, '\u{8}', sign])
            .collect();
        let clean = redact_text(&bold);
        if !clean.contains("[redacted") || clean.len() > 60 {
            wrong.push(format!("{bold:?} became {clean:?}"));
        }
    }
    for named in [
        "pass\u{200b}word=hunter2x",
        "\"api\u{1b}[1mKey\u{1b}[0m\": \"hunter2x\"",
        "mysql -\u{2060}phunter2x",
    ] {
        let clean = redact_text(named);
        if clean.contains("hunter2x") {
            wrong.push(format!("{named:?} became {clean:?}"));
        }
    }
    assert_none(&wrong, forms.len());
}

#[test]
fn in_pieces_every_form_is_shown_as_it_is_as_a_whole() {
    let mut wrong = Vec::new();
    let forms = samples(FORMS, 5000).into_iter();
    let lines = forms.map(|(token, _)| (format!("Here is {token} for you.\nDone."), vec![token]));
    let named = samples(NAMED, 6000).into_iter();
    let named = named.map(|(text, secrets)| (format!("Look:\n{text}\nDone."), secrets));
    for (text, secrets) in lines.chain(named) {
        let whole = redact_text(&text);
        // A token that is known only by its end may have been shown in part.
        let known_by_end = ["terraform", "maxmind", "azure"];
        if known_by_end
            .iter()
            .any(|kind| whole.contains(&format!("[redacted:{kind}")))
        {
            let shown = streamed(&text, &[4]);
            assert!(shown.contains("[redacted:"), "{text:?} became {shown:?}");
            continue;
        }
        for cuts in [&[4][..], &[7], &[4, 19], &[31]] {
            let shown = streamed(&text, cuts);
            for secret in &secrets {
                if let Some(piece) = left_over(&without_marks(&shown), secret) {
                    wrong.push(format!(
                        "{text:?} at {cuts:?}\n    still has {piece:?}: {shown:?}"
                    ));
                }
            }
            if shown != whole {
                wrong.push(format!(
                    "{text:?} at {cuts:?}\n    {shown:?} is not {whole:?}"
                ));
            }
        }
    }
    assert_none(&wrong, 300);
}

proptest! {
    #[test]
    fn broken_and_in_pieces_no_secret_comes_out(
        number in 0_usize..10_000,
        unseen in prop::sample::select(UNSEEN),
        places in prop::collection::vec(1_usize..60, 1..4),
        cuts in prop::collection::vec(4_usize..40, 1..8),
    ) {
        let forms = samples(FORMS, 7000);
        let (token, _) = &forms[number % forms.len()];
        let mut broken = String::new();
        for (at, sign) in token.chars().enumerate() {
            if at > 0 && places.contains(&at) {
                broken.push_str(unseen);
            }
            broken.push(sign);
        }
        let text = format!("I found {broken} in it.\nThat is all.");
        let whole = redact_text(&text);
        let longest = token.split(|sign: char| !sign.is_ascii_alphanumeric()).max_by_key(|part| part.len());
        let is_whole = ["atlasv1", "_mmk", "4Q~"].iter().any(|sign| token.contains(sign));
        let streamed = if is_whole { whole.clone().into_owned() } else { streamed(&text, &cuts) };
        for shown in [whole.clone().into_owned(), streamed] {
            for piece in longest.unwrap().as_bytes().chunks_exact(10) {
                let piece = std::str::from_utf8(piece).unwrap();
                prop_assert!(!shown.contains(piece), "{:?} became {:?}", text, shown);
            }
        }
        prop_assert_eq!(redact_text(&whole), whole.as_ref());
    }

    #[test]
    fn redacting_twice_is_redacting_once(
        parts in prop::collection::vec(
            prop_oneof![
                "\\PC{0,8}",
                prop::sample::select(vec![
                    "password", "token", "=", ": ", ":\n  ", "|\n  ", "\"", "'", "\n", "- ", "mysql -p", "curl -u a:",
                    "machine h login u password ", "db:5432:x:y:", "\u{200b}", "\u{1b}[1m", "\u{8}", "\r", "hunter2x",
                    "name: ", "value: ", "-", "htpasswd -nb a ", "[redacted]", ", ", "</password>", "<password>",
                ]).prop_map(str::to_owned),
            ],
            0..16,
        ),
    ) {
        let once = redact_text(&parts.concat()).into_owned();
        let twice = redact_text(&once).into_owned();
        prop_assert_eq!(redact_text(&twice).into_owned(), twice);
    }
}
