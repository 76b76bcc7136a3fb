//! Texts that were pasted into a form and are asked about, so that a short address stands for them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};

/// How many bytes of pasted texts are kept; the oldest goes first.
const MAX_BYTES: usize = 32 << 20;

/// Pasted texts by their fingerprints. Nothing of them is on the disk: after a new start they are pasted again.
#[derive(Default)]
pub struct Pasted(Mutex<VecDeque<(String, Arc<str>)>>);

impl Pasted {
    /// Keeps a text; gives its fingerprint.
    pub fn keep(&self, text: &str) -> String {
        let fingerprint: String = Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != fingerprint);
        kept.push_back((fingerprint.clone(), text.into()));
        let mut bytes: usize = kept.iter().map(|(_, text)| text.len()).sum();
        while bytes > MAX_BYTES && kept.len() > 1 {
            bytes -= kept.pop_front().map_or(0, |(_, text)| text.len());
        }
        fingerprint
    }

    /// The text of a fingerprint; `None` if it is not kept any more.
    pub fn text(&self, fingerprint: &str) -> Option<Arc<str>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == fingerprint).map(|(_, text)| Arc::clone(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let pasted = Pasted::default();
        let first = pasted.keep("first");
        let large = "x".repeat(MAX_BYTES - 3);
        assert_eq!(pasted.text(&first).as_deref(), Some("first"));
        let second = pasted.keep(&large);
        assert_eq!(pasted.text(&first), None);
        assert_eq!(pasted.text(&second).map(|text| text.len()), Some(MAX_BYTES - 3));
        assert_eq!(pasted.keep("first"), first);
    }
}
