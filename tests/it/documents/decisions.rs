//! The pages of decisions: numbered without gaps, in one form, and found from both lists.

use crate::documents::{files, read};

const FOLDER: &str = "docs/decisions";
const LIST: &str = "docs/architecture.md";
const SECTIONS: [&str; 4] = ["Context", "Decision", "Dismissed and why", "Consequences"];

/// The names of the pages, in the order of their numbers.
fn pages() -> Vec<String> {
    let paths = files(FOLDER, ".md").into_iter();
    let names = paths.map(|path| path.rsplit('/').next().unwrap().to_owned());
    names.filter(|name| name != "README.md").collect()
}

/// The targets of the links of a text, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1);
    targets.map(|target| target.split([')', '#']).next().unwrap())
}

#[test]
fn pages_are_numbered_without_gaps_and_have_four_sections() {
    for (name, number) in pages().iter().zip(1..) {
        let number = format!("{number:04}");
        assert!(name.starts_with(&format!("{number}-")), "{name}: {number}");
        let text = read(&format!("{FOLDER}/{name}"));
        assert!(text.starts_with(&format!("# {number}: ")), "{name}");
        let parts: Vec<&str> = text.split("\n## ").skip(1).collect();
        let (headings, bodies): (Vec<_>, Vec<_>) = parts
            .iter()
            .map(|part| part.split_once('\n').unwrap())
            .unzip();
        assert_eq!(headings, SECTIONS, "{name}");
        let is_empty = |body: &&str| body.trim().is_empty();
        assert!(!bodies.iter().any(is_empty), "{name} has an empty section");
    }
    assert!(pages().len() >= 44, "{:?}", pages());
}

#[test]
fn the_index_lists_every_page_in_order_and_the_architecture_the_first_ones() {
    let index = read(&format!("{FOLDER}/README.md"));
    let listed: Vec<&str> = links(&index)
        .filter(|target| !target.starts_with(".."))
        .collect();
    assert_eq!(listed, pages());
    let architecture = read(LIST);
    let list = architecture.split("\n## Decisions\n").nth(1).unwrap();
    let items: Vec<&str> = list.split("\n- **").skip(1).collect();
    assert!(items.len() >= 20, "{items:?}");
    for (item, page) in items.iter().zip(pages()) {
        let first = links(item).next().unwrap_or_default();
        assert_eq!(first, format!("decisions/{page}"), "{item}");
    }
}
