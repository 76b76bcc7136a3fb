//! Hashing within a budget.

use aws_lc_rs::digest::{self, Context};

use super::SEARCH_BUDGET_BYTES;
use super::changes::Search;
use crate::dkim::canon::{BodyForm, hash_of};
use crate::dkim::signature::HashKind;

/// The budget of one search.
pub(super) struct Budget {
    hashed: u64,
    ended: bool,
    left_out: bool,
}

impl Budget {
    pub fn new() -> Budget {
        Budget { hashed: 0, ended: false, left_out: false }
    }

    /// Notes that something was not tried for its size; what is small goes on.
    pub fn leave_out(&mut self) {
        self.left_out = true;
    }

    /// Takes `bytes` of the budget, and says whether they were left.
    pub fn take(&mut self, bytes: usize) -> bool {
        // Each hash costs a block or two more than its text.
        let bytes = bytes as u64 + 128;
        if self.ended || self.hashed + bytes > SEARCH_BUDGET_BYTES {
            self.ended = true;
            return false;
        }
        self.hashed += bytes;
        true
    }

    /// Whether nothing more may be tried.
    pub fn is_over(&self) -> bool {
        self.ended
    }

    pub fn search(&self) -> Search {
        match self.ended || self.left_out {
            true => Search::BudgetEnded { hashed_bytes: self.hashed },
            false => Search::Complete { hashed_bytes: self.hashed },
        }
    }
}

/// The hash that a body must have.
pub(super) struct Target<'t> {
    pub form: BodyForm,
    pub hash: &'t [u8],
}

/// Text to leave out of a canonical body: from the first to before the second.
pub(super) type Cut = (usize, usize);

impl Target<'_> {
    /// Whether a body, not canonical yet, has the hash.
    pub fn met_by(&self, body: &[u8], budget: &mut Budget) -> bool {
        budget.take(body.len()) && hash_of(self.form, body).digest.as_ref() == self.hash
    }

    fn context(&self) -> Context {
        Context::new(match self.form.hash {
            HashKind::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            HashKind::Sha256 => &digest::SHA256,
        })
    }

    /// The longest beginning of a canonical body, by whole lines, that has the hash; not the body itself.
    pub fn beginning(&self, text: &[u8], budget: &mut Budget) -> Option<usize> {
        if self.form.limit.is_some() {
            return None;
        }
        let empty: &[u8] = if self.form.canon == crate::dkim::Canon::Simple { b"\r\n" } else { b"" };
        let mut found = None;
        let mut hash = self.context();
        hash.update(empty);
        if hash.finish().as_ref() == self.hash {
            found = Some(0);
        }
        let mut hash = self.context();
        let mut at = 0;
        for end in memchr::memchr_iter(b'\n', text) {
            let line = &text[at..=end];
            if !budget.take(line.len()) {
                break;
            }
            hash.update(line);
            at = end + 1;
            // Blank lines at the end are no part of a canonical body.
            if line != b"\r\n" && at < text.len() && hash.clone().finish().as_ref() == self.hash {
                found = Some(at);
            }
        }
        found
    }

    /// The first of `cuts` without which a canonical body has the hash. All cuts begin at one of few places, whose hashes
    /// are computed in one go.
    pub fn without_one(&self, text: &[u8], cuts: &[Cut], budget: &mut Budget) -> Option<Cut> {
        let mut starts: Vec<usize> = cuts.iter().map(|cut| self.joined(text, *cut).0).collect();
        starts.sort_unstable();
        starts.dedup();
        if cuts.is_empty() || !budget.take(starts.last().copied().unwrap_or(0)) {
            return None;
        }
        let mut begun: Vec<Context> = Vec::with_capacity(starts.len());
        let mut hash = self.context();
        let mut at = 0;
        for start in &starts {
            hash.update(&text[at..self.limited(*start).max(at)]);
            at = self.limited(*start).max(at);
            begun.push(hash.clone());
        }
        for cut in cuts {
            let (start, end) = self.joined(text, *cut);
            let Ok(place) = starts.binary_search(&start) else { continue };
            let rest = self.rest(start, &text[end..]);
            if !budget.take(rest.len()) {
                return None;
            }
            let mut hash = begun[place].clone();
            hash.update(rest);
            if hash.finish().as_ref() == self.hash {
                return Some(*cut);
            }
        }
        None
    }

    /// Whether a canonical body has the hash without two cuts, the first before the second.
    pub fn without_two(&self, text: &[u8], first: Cut, second: Cut, budget: &mut Budget) -> bool {
        let (a, b) = (self.joined(text, first), self.joined(text, second));
        if a.1 > b.0 || self.form.limit.is_some() || !budget.take(text.len()) {
            return false;
        }
        let mut hash = self.context();
        hash.update(&text[..a.0]);
        hash.update(&text[a.1..b.0]);
        hash.update(&text[b.1..]);
        hash.finish().as_ref() == self.hash
    }

    /// A cut such that what remains is canonical: under `relaxed` no two spaces meet, and none meets a line end.
    fn joined(&self, text: &[u8], (start, end): Cut) -> Cut {
        if self.form.canon == crate::dkim::Canon::Simple || start == 0 || text[start - 1] != b' ' {
            return (start, end);
        }
        match text.get(end) {
            Some(b' ') => (start, end + 1),
            Some(b'\r') | None => (start - 1, end),
            Some(_) => (start, end),
        }
    }

    fn limited(&self, length: usize) -> usize {
        self.form.limit.map_or(length, |limit| length.min(usize::try_from(limit).unwrap_or(usize::MAX)))
    }

    /// What is hashed of `rest` after `before` bytes.
    fn rest<'r>(&self, before: usize, rest: &'r [u8]) -> &'r [u8] {
        let left = self.limited(usize::MAX).saturating_sub(before);
        &rest[..rest.len().min(left)]
    }
}
