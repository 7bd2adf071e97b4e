//! Keys as people write them: 32 bytes in base64, the form of a Fernet key.

use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE};
use base64::{Engine, alphabet};
use zeroize::Zeroizing;

use crate::platform::secret::SecretString;
use crate::vault::envelope::{DataKey, KEY_BYTES, NoRandomness};

/// With or without padding: both are handed out as keys by the tools that people use.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// The fewest distinct bytes among 32 random ones; fewer happen once in 10⁹ keys.
const MIN_DISTINCT: usize = 20;

/// A text is no key. Says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not 32 bytes in base64")]
pub struct NotAKey;

/// Reads a key: 32 bytes in standard or URL-safe base64, with or without padding, with space around
/// it.
pub fn parse(text: &str) -> Result<DataKey, NotAKey> {
    let text = text.trim();
    let decoded = URL.decode(text).or_else(|_| STANDARD.decode(text));
    let decoded = Zeroizing::new(decoded.map_err(|_| NotAKey)?);
    let bytes = <[u8; KEY_BYTES]>::try_from(decoded.as_slice()).map_err(|_| NotAKey)?;
    Ok(DataKey::from_bytes(bytes))
}

/// A new key, in the form that every reader of Fernet keys takes.
pub fn generate() -> Result<SecretString, NoRandomness> {
    let key = DataKey::random()?;
    Ok(SecretString::from(URL_SAFE.encode(key.expose())))
}

/// A sign that a key was not made by chance; none when there is no such sign.
pub fn weakness(key: &DataKey) -> Option<&'static str> {
    let bytes = key.expose();
    let step = |pair: &[u8]| pair[1].wrapping_sub(pair[0]);
    if bytes.windows(2).all(|pair| step(pair) == step(&bytes[..2])) {
        return Some("is a sequence, not a random key");
    }
    if bytes
        .iter()
        .all(|byte| byte.is_ascii_graphic() || *byte == b' ')
    {
        return Some("is text in base64, not a random key");
    }
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    if seen.iter().filter(|seen| **seen).count() < MIN_DISTINCT {
        return Some("repeats too few different bytes to be random");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::secret::ExposeSecret;

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        let bytes = [0xfb; KEY_BYTES];
        for text in [
            "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s=",
            "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=",
            "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s",
            " +/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=\n",
        ] {
            assert_eq!(parse(text).unwrap().expose(), &bytes, "{text:?}");
        }
        let short = "-_v7".repeat(10);
        for text in ["", "key", &short, &"ab".repeat(32)] {
            assert_eq!(parse(text).unwrap_err(), NotAKey, "{text:?}");
        }
    }

    #[test]
    fn what_is_generated_is_read_and_strong() {
        for _ in 0..1000 {
            let text = generate().unwrap();
            assert_eq!(text.expose_secret().len(), 44);
            assert_eq!(weakness(&parse(text.expose_secret()).unwrap()), None);
        }
    }

    #[test]
    fn keys_that_nobody_rolled_dice_for_are_weak() {
        let weak: [[u8; KEY_BYTES]; 5] = [
            [0; KEY_BYTES],
            std::array::from_fn(|i| u8::try_from(i).unwrap()),
            std::array::from_fn(|i| 255 - u8::try_from(i).unwrap()),
            *b"correct horse battery staple 123",
            std::array::from_fn(|i| [7, 200, 3][i % 3]),
        ];
        for bytes in weak {
            assert!(weakness(&DataKey::from_bytes(bytes)).is_some(), "{bytes:?}");
        }
    }
}
