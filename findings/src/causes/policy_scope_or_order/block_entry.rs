//! An entry of the organisation blocks the sender, the address or the domain.
//!
//! What it is: Somebody entered the sender, a domain, an address range or a pair in a list that refuses or holds; often
//! years ago, often wider than was meant.
//!
//! What proves it: the record in which the filter names the list or the entry as its reason, with what it did; the
//! entry's own export shows who made it and when.
//!
//! What looks alike: the user's own list (`user-block-list`); a public reputation list (`connection-filter`); an unknown
//! recipient that is refused with the same words; an entry that was made after the message.
//!
//! Narrow fix: take out or narrow the one entry that matched; add no allow beside it.
//!
//! Owner: who made the entry, else who runs the list.

use evidence::VerdictKind;

use crate::causes::Stated;

/// `policy-scope-or-order/block-entry`
pub(super) const CAUSE: Stated = Stated {
    id: "policy-scope-or-order/block-entry",
    page: include_str!("block_entry.rs"),
    stated_as: &[VerdictKind::BlockEntry],
};
