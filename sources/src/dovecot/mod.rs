//! Dovecot: the scripts by which mailboxes file, forward and reject.

pub(crate) mod sieve;
