//! A ciphertext that was crafted for two keys: plain GCM opens it under both, the vault under one.
//!
//! GCM's tag is linear in the ciphertext, so for any two keys one block can be solved for such that
//! both give the same tag (Dodis, Grubbs, Ristenpart, Woodage, CRYPTO 2018, "Fast Message Franking").

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use hkdf::Hkdf;
use navi::vault::envelope;
use navi::vault::envelope::{DataKey, Unsealable};
use sha2::Sha256;

/// Multiplication in the field of GHASH, whose first bit is the coefficient of x⁰.
fn times(a: u128, mut b: u128) -> u128 {
    let mut product = 0;
    for bit in (0..128).rev() {
        if a >> bit & 1 == 1 {
            product ^= b;
        }
        let carry = b & 1;
        b >>= 1;
        if carry == 1 {
            b ^= 0xe1 << 120;
        }
    }
    product
}

/// The inverse, by Fermat: a to the power of 2¹²⁸ − 2.
fn inverse(a: u128) -> u128 {
    let mut result = 1 << 127;
    let mut power = a;
    for _ in 1..128 {
        power = times(power, power);
        result = times(result, power);
    }
    result
}

fn encrypted(key: &[u8; 32], block: [u8; 16]) -> u128 {
    let mut block = Array::from(block);
    Aes256::new(&Array::from(*key)).encrypt_block(&mut block);
    u128::from_be_bytes(block.into())
}

fn padded(bytes: &[u8]) -> Vec<u128> {
    let blocks = bytes.chunks(16).map(|chunk| {
        let mut block = [0; 16];
        block[..chunk.len()].copy_from_slice(chunk);
        u128::from_be_bytes(block)
    });
    blocks.collect()
}

/// The tag of a ciphertext under a key, with the nonce of zeroes that the envelope uses.
fn tag(key: &[u8; 32], aad: &[u8], text: &[u8]) -> u128 {
    let hash_key = encrypted(key, [0; 16]);
    let mut blocks = padded(aad);
    blocks.extend(padded(text));
    let bits = |bytes: &[u8]| u128::try_from(bytes.len() * 8).unwrap();
    blocks.push(bits(aad) << 64 | bits(text));
    let hash = blocks
        .into_iter()
        .fold(0, |hash, block| times(hash ^ block, hash_key));
    let mut counter = [0; 16];
    counter[15] = 1;
    hash ^ encrypted(key, counter)
}

/// A ciphertext with its tag that both keys take.
fn for_both(one: &[u8; 32], other: &[u8; 32], aad: &[u8]) -> Vec<u8> {
    let mut text = b"sixteen bytes...".to_vec();
    text.extend_from_slice(&[0; 16]);
    // The last block is multiplied by the square of the hash key, once for its place before the
    // lengths and once for that of the lengths.
    let square = |key| {
        let hash_key = encrypted(key, [0; 16]);
        times(hash_key, hash_key)
    };
    let difference = tag(one, aad, &text) ^ tag(other, aad, &text);
    let block = times(difference, inverse(square(one) ^ square(other)));
    text[16..].copy_from_slice(&block.to_be_bytes());
    let tag = tag(one, aad, &text);
    text.extend_from_slice(&tag.to_be_bytes());
    text
}

fn opens(key: &[u8; 32], aad: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    let payload = Payload { msg: text, aad };
    cipher.decrypt(&Nonce::default(), payload).ok()
}

#[test]
fn plain_gcm_opens_one_ciphertext_under_two_keys() {
    let (one, other) = ([1; 32], [2; 32]);
    let crafted = for_both(&one, &other, b"a place");
    let texts = [&one, &other].map(|key| opens(key, b"a place", &crafted).unwrap());
    assert_ne!(texts[0], texts[1]);
}

#[test]
fn the_envelope_opens_it_under_the_key_that_it_commits_to_and_no_other() {
    let (one, other) = ([1; 32], [2; 32]);
    let (place, salt) = (b"a place".as_slice(), [7; 32]);
    // The forger holds both data keys, so they can derive what the envelope derives.
    let derived = |key: &[u8; 32]| {
        let mut both = [0; 64];
        let hkdf = Hkdf::<Sha256>::new(Some(&salt), key);
        let info: &[&[u8]] = &[b"navi sealed value 2\0", place];
        hkdf.expand_multi_info(info, &mut both).unwrap();
        let cipher: [u8; 32] = both[..32].try_into().unwrap();
        let commitment: [u8; 32] = both[32..].try_into().unwrap();
        (cipher, commitment)
    };
    let ((cipher, commitment), (other_cipher, other_commitment)) = (derived(&one), derived(&other));
    let crafted = for_both(&cipher, &other_cipher, place);
    assert!(opens(&cipher, place, &crafted).is_some());
    assert!(opens(&other_cipher, place, &crafted).is_some());
    let [one, other] = [one, other].map(DataKey::from_bytes);
    for (commitment, right, wrong) in [(commitment, &one, &other), (other_commitment, &other, &one)]
    {
        let sealed = [salt.as_slice(), &commitment, &crafted].concat();
        envelope::open(right, place, &sealed).unwrap();
        let refused = envelope::open(wrong, place, &sealed).unwrap_err();
        assert_eq!(refused, Unsealable);
    }
}
