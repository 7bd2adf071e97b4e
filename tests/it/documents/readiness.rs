//! The scorecard of `docs/NAVI_PROD_READINESS.md` says what its rows add up to.

use crate::documents::claims::missing_proofs;
use crate::documents::{code_spans, read, table};

const HEADING: &str = "| row | state | proof, or what is missing and who can supply it |";

/// The number of proved rows of a part, and of all.
fn count(rows: &[Vec<String>]) -> (usize, usize) {
    let proved = rows.iter().filter(|row| row[1] == "proved").count();
    (proved, rows.len())
}

fn line(name: &str, (proved, all): (usize, usize)) -> Vec<String> {
    let percent = proved * 100 / all;
    [
        name.to_owned(),
        proved.to_string(),
        all.to_string(),
        percent.to_string(),
    ]
    .into()
}

#[test]
fn the_scorecard_is_what_its_rows_add_up_to() {
    let page = read("docs/NAVI_PROD_READINESS.md");
    let mut lines = Vec::new();
    let mut sum = (0, 0);
    for part in page.split("\n## ").filter(|part| part.contains(HEADING)) {
        let name = part.lines().next().unwrap();
        let counted = count(&table(part, HEADING));
        lines.push(line(name, counted));
        sum = (sum.0 + counted.0, sum.1 + counted.1);
    }
    lines.push(line("**All**", sum));
    assert_eq!(table(&page, "| category | proved | of | percent |"), lines);
}

#[test]
fn a_row_of_the_scorecard_has_its_proof_or_says_who_can_supply_it() {
    let page = read("docs/NAVI_PROD_READINESS.md");
    let parts = page.split("\n## ").filter(|part| part.contains(HEADING));
    let rows: Vec<_> = parts.flat_map(|part| table(part, HEADING)).collect();
    let proved = rows.iter().filter(|row| row[1] == "proved");
    let proofs: Vec<_> = proved.flat_map(|row| code_spans(&row[2])).collect();
    assert_eq!(missing_proofs(&proofs), Vec::<String>::new());
    let mut wrong = Vec::new();
    for row in &rows {
        let is_fit = match row[1].as_str() {
            "proved" => !code_spans(&row[2]).is_empty(),
            "open" => [
                ": the project.",
                ": the operator.",
                ": the operator's team.",
                " The operator.",
            ]
            .iter()
            .any(|who| row[2].ends_with(who)),
            _ => false,
        };
        if !is_fit {
            wrong.push(row.join(" | "));
        }
    }
    assert!(rows.len() > 50, "{} rows", rows.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
