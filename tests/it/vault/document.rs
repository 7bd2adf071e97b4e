//! The numbers and names of `docs/vault.md`.

use navi::vault::envelope::OVERHEAD;
use navi::vault::format::{Wrapping, header};
use navi::vault::service::Limits;

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/vault.md")).unwrap()
}

#[test]
fn the_limits_are_those_that_the_page_names() {
    let (page, limits) = (page(), Limits::default());
    for (what, value) in [
        ("age", format!("{} minutes", limits.age.as_secs() / 60)),
        ("values", format!("2^{}", limits.messages.ilog2())),
        ("bytes", format!("2^{}", limits.bytes.ilog2())),
        ("keys that seal", limits.sealing_keys.to_string()),
        ("keys that open", limits.opening_keys.to_string()),
    ] {
        let row = format!("| {what} | {value} |");
        assert!(page.contains(&row), "docs/vault.md lacks `{row}`");
    }
    assert!(limits.messages.is_power_of_two() && limits.bytes.is_power_of_two());
}

#[test]
fn the_bytes_are_those_that_the_page_draws() {
    let page = page();
    let bytes = header(Wrapping::Kms, "key", b"wrapped").unwrap();
    assert_eq!(bytes[..2], [0x02, 1]);
    assert_eq!(header(Wrapping::Development, "", b"").unwrap()[1], 2);
    assert_eq!(bytes.len(), 1 + 1 + 2 + 3 + 2 + 7);
    assert!(page.contains("0x02"), "the version");
    assert!(page.contains(&format!("{OVERHEAD} bytes longer")));
}
