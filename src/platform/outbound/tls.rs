//! TLS of outbound connections, which all clients of a process share.

use std::sync::{Arc, LazyLock};

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_platform_verifier::BuilderVerifierExt;

/// The settings of TLS 1.2 and 1.3 with the root certificates of the machine, for HTTP/2 and 1.1.
///
/// The certificates are read once in a process, because there are many and parsing them is slow. Who
/// asks meanwhile waits.
pub fn config() -> Result<ClientConfig, rustls::Error> {
    static SHARED: LazyLock<Result<ClientConfig, rustls::Error>> = LazyLock::new(read);
    SHARED.clone()
}

fn read() -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
