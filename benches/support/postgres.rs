//! A Postgres for one benchmark: the embedded one, with the durability it has in use.

use std::path::Path;

use navi::platform::embedded_postgres::server::{EmbeddedPostgres, Settings};
use tokio::runtime::Runtime;

/// Starts the cluster in a data folder, which is made when it is not there.
pub(crate) fn start(runtime: &Runtime, data: &Path) -> EmbeddedPostgres {
    let path = std::env::var_os("PATH").unwrap();
    let settings = Settings {
        data_dir: data.to_owned(),
        pg_bin: None,
        path: std::env::split_paths(&path).collect(),
    };
    runtime.block_on(EmbeddedPostgres::start(settings)).unwrap()
}
