//! Signatures of the Standard Webhooks specification (<https://www.standardwebhooks.com>). Pure.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::vault::envelope::NoRandomness;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// A new key.
pub fn new_key() -> Result<Zeroizing<Vec<u8>>, NoRandomness> {
    let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
    aws_lc_rs::rand::fill(&mut key).map_err(|_| NoRandomness)?;
    Ok(key)
}

/// A key as its receiver stores it.
pub fn shown(key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

/// The value of the header `webhook-signature`.
pub fn sign(key: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_signed_as_it_says() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = sign(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_new_key_is_32_bytes_and_no_other() {
        let (one, other) = (new_key().unwrap(), new_key().unwrap());
        assert_eq!(one.len(), KEY_BYTES);
        assert_ne!(one, other);
        assert!(shown(&one).starts_with("whsec_"));
    }
}
