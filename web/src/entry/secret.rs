//! A secret that somebody shows to come in.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use sha2::{Digest, Sha256};

const TEXT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD);

/// A text of 256 random bits. Only who makes it sees it; what is kept is its [`hash`], so a look into the memory or a file lets nobody in.
///
/// # Panics
/// If the machine gives no random bits: nobody is let in by a secret that can be guessed.
pub fn secret() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the machine gives random bits");
    TEXT.encode(bytes)
}

/// What is kept of a secret. Hashes are compared, so how long that takes tells nothing about the text.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets() {
        let (one, other) = (secret(), secret());
        assert_eq!(one.len(), 43);
        for wrong in ["", &other, &one[1..], &one.to_lowercase()] {
            assert_ne!(hash(&one), hash(wrong), "{wrong}");
        }
    }
}
