//! Answers of the DNS that somebody saved.

pub(crate) mod answers;
