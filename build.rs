//! Says what the build depends on beyond the sources.

fn main() {
    // The migrations are compiled into the binary.
    println!("cargo::rerun-if-changed=migrations");
    // `scripts/sqlx-prepare.sh` names another folder, and has every query described again.
    println!("cargo::rerun-if-env-changed=SQLX_OFFLINE_DIR");
}
