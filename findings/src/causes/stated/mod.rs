//! The reason as a record itself names it: a filter's verdict, or the words of the server that refused.

pub(crate) mod reply;
pub(crate) mod verdict;
pub(crate) mod words;

use layers::{Explained, Stay};

use crate::Claim;

/// The reason that a record names; a store that carries a filter's mark out first, then filters, then refusing servers.
pub(super) fn of(copy: &Explained<'_>, stay: &Stay<'_>) -> Option<Claim> {
    verdict::carried_out(copy, stay).or_else(|| verdict::by_filter(stay)).or_else(|| reply::by_refuser(copy, stay))
}
