//! How far a work is, as its page shows it.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far one work is. The one who works adds, pages read.
#[derive(Debug, Default)]
pub struct Progress {
    total_bytes: AtomicU64,
    done_bytes: AtomicU64,
}

impl Progress {
    /// So many bytes more are to be read.
    pub fn expect(&self, bytes: u64) {
        self.total_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes were read.
    pub fn advance(&self, bytes: u64) {
        self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes read, and to be read as far as that is known; a file may be read again for ids that others revealed.
    pub fn read(&self) -> (u64, u64) {
        let total = self.total_bytes.load(Ordering::Relaxed);
        (self.done_bytes.load(Ordering::Relaxed).min(total), total)
    }
}
