//! A secret that somebody shows to come in.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{GeneralPurpose, general_purpose::NO_PAD};
use sha2::{Digest, Sha256};

const TEXT: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD);

/// 256 random bits. Only who makes it sees its text; what is kept is the hash, so a look into the memory or a file lets nobody in.
pub struct Secret {
    text: String,
    hash: [u8; 32],
}

impl Secret {
    /// A new one.
    ///
    /// # Panics
    /// If the machine gives no random bits: nobody is let in by a secret that can be guessed.
    pub fn random() -> Secret {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the machine gives random bits");
        let text = TEXT.encode(bytes);
        Secret { hash: hash(&text), text }
    }

    /// As it is shown.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a text is this one. Hashes are compared, so how long that takes tells nothing about the text.
    pub fn is(&self, text: &str) -> bool {
        self.hash == hash(text)
    }
}

/// A text that nobody guesses, to name something that only its owner is to ask for.
pub fn secret_text() -> String {
    Secret::random().text
}

/// What is kept of a secret.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets() {
        let (one, other) = (Secret::random(), Secret::random());
        assert_eq!(one.text().len(), 43);
        assert!(one.is(one.text()));
        for wrong in ["", other.text(), &one.text()[1..], &one.text().to_lowercase()] {
            assert!(!one.is(wrong), "{wrong}");
        }
    }
}
