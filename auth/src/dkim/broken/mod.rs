//! What broke a signature: undoes what gateways and lists are known to do, one after another, until the signature holds.
//!
//! Only what makes the hash or the signature hold is stated as a [`Change`]: proof, not guess. What merely looks like a cause
//! is a [`Hint`].

mod body;
mod changes;
mod encoded;
mod header;
mod inserted;
mod links;
mod parts;
mod places;
mod search;
mod variants;

pub use changes::{Broken, Cause, Change, Hint, LinkService, Relaxed, Search};

use super::canon::{BodyForm, FieldIndex};
use super::key::KeyRecord;
use super::signature::Signature;
use crate::message::{Field, Raw};

/// How many bytes a search hashes at most for one signature, the body and the header each.
pub const SEARCH_BUDGET_BYTES: u64 = 64 << 20;

/// How many different bodies, and how many headers, are searched for one message: a message has few real signatures.
pub const MAX_SEARCHES: usize = 6;

/// Whether a part of the message is as it was signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Holds,
    Changed,
}

/// A signature that does not hold.
pub(super) struct Failed<'f, 'a> {
    pub raw: &'f Raw<'a>,
    pub index: &'f FieldIndex,
    pub field: &'f Field<'f>,
    pub signature: &'f Signature<'f>,
    pub record: Option<&'f KeyRecord>,
    pub body: State,
    pub header: State,
}

/// The searches of one message: signatures mostly share the hash of the body, and then what was found of it.
#[derive(Default)]
pub(super) struct Searches {
    bodies: Vec<(BodyForm, Vec<u8>, Cause)>,
    headers: usize,
}

impl Searches {
    /// Searches for what broke a signature.
    pub fn explain(&mut self, failed: &Failed<'_, '_>) -> Broken {
        Broken {
            body: (failed.body == State::Changed).then(|| self.body(failed)),
            header: (failed.header == State::Changed).then(|| self.header(failed)),
        }
    }

    fn body(&mut self, failed: &Failed<'_, '_>) -> Cause {
        let (form, hash) = (failed.signature.body_form(), &failed.signature.body_hash);
        if let Some((_, _, cause)) = self.bodies.iter().find(|(known, of, _)| *known == form && of == hash) {
            return cause.clone();
        }
        if self.bodies.len() >= MAX_SEARCHES {
            return NOT_TRIED;
        }
        let cause = body::explain(failed);
        self.bodies.push((form, hash.clone(), cause.clone()));
        cause
    }

    fn header(&mut self, failed: &Failed<'_, '_>) -> Cause {
        self.headers += 1;
        if self.headers > MAX_SEARCHES { NOT_TRIED } else { header::explain(failed) }
    }
}

/// What is said of a signature for which nothing was tried.
const NOT_TRIED: Cause = Cause::NotProved { hints: Vec::new(), search: Search::BudgetEnded { hashed_bytes: 0 } };
