//! What broke a signature: undoes what gateways and lists are known to do, one after another, until the signature holds.
//!
//! Only what makes the hash or the signature hold is stated as a [`Change`]: proof, not guess. What merely looks like a cause
//! is a [`Hint`].

mod body;
mod changes;
mod header;
mod links;
mod parts;
mod search;

pub use changes::{Broken, Cause, Change, Hint, LinkService, Relaxed, Search};

use super::canon::FieldIndex;
use super::key::KeyRecord;
use super::signature::Signature;
use crate::message::{Field, Raw};

/// How many bytes a search hashes at most for one signature, the body and the header each.
pub const SEARCH_BUDGET_BYTES: u64 = 64 << 20;

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

/// Searches for what broke a signature.
pub(super) fn explain(failed: &Failed<'_, '_>) -> Broken {
    Broken {
        body: (failed.body == State::Changed).then(|| body::explain(failed)),
        header: (failed.header == State::Changed).then(|| header::explain(failed)),
    }
}
