//! The proof that a session of `ssh` is with a known host: the host's signature of the session.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RsaPublicKeyComponents, UnparsedPublicKey,
};

use crate::exec::credentials::message::{SessionBinding, Wire};

/// True if the session is with a host that has one of these keys.
pub(super) fn is_proven(binding: &SessionBinding<'_>, keys: &[Vec<u8>]) -> bool {
    keys.iter().any(|key| key == binding.host_key)
        && is_signed(binding.host_key, binding.session, binding.signature).is_some()
}

fn is_signed(key: &[u8], session: &[u8], signature: &[u8]) -> Option<()> {
    let (mut key, mut signature) = (Wire(key), Wire(signature));
    let (sort, algorithm) = (key.string()?, signature.string()?);
    let proof = signature.string()?;
    match (sort, algorithm) {
        (b"ssh-ed25519", b"ssh-ed25519") => {
            let key = UnparsedPublicKey::new(&ED25519, key.string()?);
            key.verify(session, proof).ok()
        }
        (b"ssh-rsa", b"rsa-sha2-256" | b"rsa-sha2-512") => {
            let (e, n) = (unsigned(key.string()?), unsigned(key.string()?));
            let how = if algorithm == b"rsa-sha2-256" {
                &RSA_PKCS1_2048_8192_SHA256
            } else {
                &RSA_PKCS1_2048_8192_SHA512
            };
            let key = RsaPublicKeyComponents { n, e };
            key.verify(how, session, proof).ok()
        }
        (b"ecdsa-sha2-nistp256", same) if same == sort => {
            on_curve(key, &ECDSA_P256_SHA256_FIXED, 32, session, proof)
        }
        (b"ecdsa-sha2-nistp384", same) if same == sort => {
            on_curve(key, &ECDSA_P384_SHA384_FIXED, 48, session, proof)
        }
        (b"ecdsa-sha2-nistp521", same) if same == sort => {
            on_curve(key, &ECDSA_P521_SHA512_FIXED, 66, session, proof)
        }
        _ => None,
    }
}

fn on_curve(
    mut key: Wire<'_>,
    how: &'static EcdsaVerificationAlgorithm,
    width: usize,
    session: &[u8],
    proof: &[u8],
) -> Option<()> {
    let _curve = key.string()?;
    let key = UnparsedPublicKey::new(how, key.string()?);
    let mut proof = Wire(proof);
    let mut fixed = Vec::with_capacity(2 * width);
    for _ in 0..2 {
        let number = unsigned(proof.string()?);
        fixed.resize(fixed.len() + width.checked_sub(number.len())?, 0);
        fixed.extend_from_slice(number);
    }
    key.verify(session, &fixed).ok()
}

/// A number without the zeros before it.
fn unsigned(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
