//! The house in which the code lives, as rules that fail when the code leaves it.
//!
//! `house.rs` holds the rules as tables: which module may import which, which file may name what,
//! which names are retired. The picture for readers is in `docs/architecture.md`. Every test lists
//! all that it finds, and says what to do about it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod circles;
mod definitions;
mod files;
mod house;
mod imports;
mod naming;
mod planted;
mod prose;
mod small_house;
mod structure;
mod tokens;
mod tree;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::house::{HOUSE, House};
use crate::tree::Tree;

static TREE: LazyLock<Tree> = LazyLock::new(|| Tree::new(&tree::read()));

/// A rule answers with all that breaks it.
type Rule = fn(&Tree, &House) -> Vec<String>;

/// The rules about the code alone.
const RULES: &[Rule] = &[
    structure::imports,
    structure::folder_circles,
    structure::orders,
    structure::file_circles,
    naming::impls,
    files::sizes,
    files::roles,
    files::doors,
    files::words,
    naming::retired,
    naming::namesakes,
    prose::retired::texts,
];

fn check(rule: Rule) {
    report(&rule(&TREE, &HOUSE));
}

fn report(wrong: &[String]) {
    let count = wrong.len();
    assert!(wrong.is_empty(), "\n{}\n{count} in all\n", wrong.join("\n"));
}

#[test]
fn modules_import_exactly_what_their_rows_say() {
    check(structure::imports);
}

#[test]
fn the_rows_point_downwards_and_are_those_of_the_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let document = fs::read_to_string(path).unwrap();
    report(&structure::table(&document, &HOUSE));
}

#[test]
fn no_modules_and_no_folders_import_each_other() {
    check(structure::folder_circles);
}

#[test]
fn folders_keep_to_the_order_of_their_module() {
    check(structure::orders);
}

#[test]
fn no_files_import_each_other() {
    check(structure::file_circles);
}

#[test]
fn methods_stand_in_the_file_of_their_type() {
    check(naming::impls);
}

#[test]
fn files_are_short_and_folders_are_small() {
    check(files::sizes);
}

#[test]
fn a_role_imports_only_those_below_it() {
    check(files::roles);
}

#[test]
fn every_side_effect_has_one_door() {
    check(files::doors);
}

#[test]
fn no_file_says_what_no_file_may_say() {
    check(files::words);
}

#[test]
fn retired_names_stay_away() {
    check(naming::retired);
}

#[test]
fn a_type_that_others_import_has_a_name_of_its_own() {
    check(naming::namesakes);
}

#[test]
fn no_text_holds_a_retired_phrase() {
    check(prose::retired::texts);
}
