//! Things that any document may name: files, links, commands, settings, tests.

use std::collections::BTreeSet;

use crate::documents::{code_spans, documents, files, read, root, table};

/// The blocks of code in a document, with their languages.
pub(crate) fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.push((kind, block.join("\n")));
        }
    }
    found
}

/// The text without its blocks of code.
fn prose(text: &str) -> String {
    let parts = text.split("```").step_by(2);
    parts.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for document in documents() {
        let text = prose(&read(&document));
        let folder = root().join(&document).parent().unwrap().to_owned();
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let path = target.split('#').next().unwrap();
            if !target.starts_with("https://") && !folder.join(path).exists() {
                broken.push(format!("{document}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// True if a word is meant as a file of this repository.
fn is_path(word: &str) -> bool {
    let known = [
        "src/",
        "tests/",
        "docs/",
        "scripts/",
        "migrations/",
        "benches/",
        "clients/",
        "examples/",
        "kubernetes/",
        "systemd/",
    ];
    known.iter().any(|folder| word.starts_with(folder)) && !word.contains(['*', '{', '<'])
}

/// True if a word is meant as a file below `src`, as `docs/life-of-a-run.md` writes them.
fn is_source(word: &str) -> bool {
    let slices = [
        "agent/",
        "approvals/",
        "auth/",
        "cli/",
        "conversations/",
        "exec/",
        "http/",
        "jobs/",
        "ledger/",
        "llm/",
        "platform/",
        "policy/",
        "retrieval/",
        "review/",
        "runs/",
        "tools/",
        "verify/",
        "workspace/",
    ];
    // The name of a protocol.
    let is_known = word == "http/protobuf";
    let begins = slices.iter().any(|slice| word.starts_with(slice));
    begins && !is_known && !word.contains(['*', '{', '<'])
}

#[test]
fn every_file_that_is_named_exists() {
    let mut missing = Vec::new();
    for document in documents() {
        let text = read(&document);
        let spans = prose(&text);
        let spans = code_spans(&spans);
        let blocks = blocks(&text);
        let shell = blocks.iter().filter(|(kind, _)| *kind == "sh");
        let words = shell.flat_map(|(_, block)| block.split_whitespace());
        for word in spans.into_iter().chain(words) {
            let word = word.split(' ').next().unwrap();
            let there = root().join(word).exists() || root().join("src").join(word).exists();
            if (is_path(word) || is_source(word)) && !there {
                missing.push(format!("{document}: {word}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Runs the program for its help.
#[expect(clippy::disallowed_methods, reason = "the program itself is tested")]
fn help(command: &[&str]) -> Option<String> {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_navi"))
        .args(command)
        .arg("--help")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    output.status.success().then_some(text)
}

/// The invocations of `navi` in a document: what follows the program's name.
fn invocations(text: &str) -> Vec<String> {
    let spans = prose(text);
    let mut lines: Vec<String> = code_spans(&spans).into_iter().map(str::to_owned).collect();
    let shell = blocks(text);
    let shell = shell.iter().filter(|(kind, _)| *kind == "sh");
    lines.extend(shell.flat_map(|(_, block)| block.lines().map(str::to_owned)));
    let mut found = Vec::new();
    for line in lines {
        for program in ["navi ", "scripts/run.sh ", "cargo run -- "] {
            if let Some((before, after)) = line.split_once(program)
                && (before.is_empty() || before.ends_with("$("))
                && !after.trim_start().starts_with('#')
            {
                found.push(after.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_command_and_flag_that_is_named_exists() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for document in documents() {
        for line in invocations(&read(&document)) {
            let words = line.split(['#', '|', '>', '`', '"', ')']).next().unwrap();
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let plain = |word: &&str| word.chars().all(is_plain);
            let words: Vec<_> = words.split_whitespace().take_while(plain).collect();
            let verbs = words.iter().take_while(|word| !word.starts_with('-'));
            let verbs: Vec<_> = verbs.copied().take(2).collect();
            let at = format!("{document}: navi {line}");
            seen += 1;
            let text = help(&verbs).or_else(|| help(&verbs[..verbs.len().min(1)]));
            let Some(text) = text.filter(|_| !verbs.is_empty() || !words.is_empty()) else {
                wrong.push(at);
                continue;
            };
            let flags = words.iter().filter(|word| word.starts_with("--"));
            for flag in flags.filter(|flag| !text.contains(*flag)) {
                wrong.push(format!("{at}: no {flag}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(seen > 8, "{seen} commands");
}

/// True if the settings say that a file may hold this one.
fn has_file(settings: &str, name: &str) -> bool {
    settings.contains(&format!("`{name}_FILE` names a file that holds it"))
}

#[test]
fn every_setting_that_is_named_exists() {
    let mut known = read(".env.example");
    // Settings of the service that this one replaces, which are looked for and refused.
    let refused = read("src/config/environment.rs");
    let refused = refused.split('"').skip(1).step_by(2);
    known.extend(refused.map(|name| format!("{name}=\n")));
    let mut unknown = BTreeSet::new();
    for document in documents() {
        let text = prose(&read(&document));
        for span in code_spans(&text) {
            let name = span.split('=').next().unwrap();
            let setting = ["NAVI_", "AEP_", "JWT_", "LOG_"];
            let setting = setting.iter().any(|start| name.starts_with(start))
                || name.ends_with("_API_KEY")
                || name.ends_with("_BASE_URL")
                || name == "DATABASE_URL";
            // Of secrets alone; which they are is tested where they are read.
            let name = name
                .strip_suffix("_FILE")
                .filter(|secret| has_file(&known, secret))
                .unwrap_or(name);
            let capitals = name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if setting && capitals && !known.contains(&format!("{name}=")) {
                unknown.insert(format!("{document}: {name}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn every_metric_that_is_named_exists() {
    let declared = read("src/platform/metrics.rs");
    let mut unknown = BTreeSet::new();
    for document in documents() {
        let text = prose(&read(&document));
        for span in code_spans(&text) {
            let name = span.split('{').next().unwrap();
            let metric = ["aep_", "navi_", "http_request"];
            let metric = metric.iter().any(|start| name.starts_with(start)) && !name.contains('*');
            if metric && !declared.contains(&format!("{name}: ")) {
                unknown.insert(format!("{document}: {name}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// All code in which tests stand.
fn code() -> String {
    let mut code = String::new();
    for folder in ["src", "tests", "benches"] {
        for file in files(folder, ".rs") {
            code.push_str(&read(&file));
        }
    }
    code
}

/// True if a word is meant as the name of a test.
fn is_test(word: &str) -> bool {
    word.chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Those of the proofs that name no test, no command and no file.
pub(crate) fn missing_proofs(proofs: &[&str]) -> Vec<String> {
    let code = code();
    let is_there = |proof: &&&str| {
        if is_test(proof) {
            code.contains(&format!("fn {proof}("))
        } else {
            let file = proof.split(' ').next().unwrap();
            proof.starts_with("navi ") || root().join(file).exists()
        }
    };
    let missing = proofs.iter().filter(|proof| !is_there(proof));
    missing.map(|proof| (*proof).to_owned()).collect()
}

#[test]
fn every_proof_that_the_status_names_exists() {
    let status = read("docs/IMPLEMENTATION_STATUS.md");
    let rows: Vec<_> = status
        .split("\n## ")
        .filter(|part| part.contains("| promise | proof |"))
        .flat_map(|part| table(part, "| promise | proof |"))
        .collect();
    let silent: Vec<_> = rows
        .iter()
        .filter(|row| code_spans(&row[1]).is_empty())
        .collect();
    let proofs: Vec<_> = rows.iter().flat_map(|row| code_spans(&row[1])).collect();
    let missing = missing_proofs(&proofs);
    assert!(rows.len() > 30, "{} promises", rows.len());
    assert!(silent.is_empty(), "no proof: {silent:#?}");
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_threat_has_a_defence_and_tests_that_exist() {
    let code = code();
    let heading = "| threat | defence | test |";
    let mut missing = Vec::new();
    for (document, least) in [
        ("docs/security.md", 25),
        ("docs/policy.md", 10),
        ("docs/audit.md", 15),
    ] {
        let text = read(document);
        let parts = text.split("\n## ").filter(|part| part.contains(heading));
        let rows: Vec<_> = parts.flat_map(|part| table(part, heading)).collect();
        assert!(rows.len() >= least, "{document}: {} threats", rows.len());
        for row in rows {
            let [threat, defence, proof] = row.as_slice() else {
                missing.push(format!("{document}: {row:?}"));
                continue;
            };
            let tests = code_spans(proof);
            let there = |proof: &&str| is_test(proof) && code.contains(&format!("fn {proof}("));
            if defence.is_empty() || tests.is_empty() || !tests.iter().all(there) {
                missing.push(format!("{document}: {threat}: {proof}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
