//! Header fields of vendors: what they say in words ([`decode`](decode::decode)), and which facts of them decide.
//!
//! The words of a vendor stand in one TOML beside this file, each with its source; a vendor that states verdicts has a file of
//! its own, too. See `README.md` for how to add one.

mod barracuda;
pub(crate) mod book;
mod cisco;
pub(crate) mod decode;
mod microsoft;
mod mimecast;
mod parts;
mod proofpoint;
pub(crate) mod self_hosted;
mod sophos;

#[cfg(test)]
mod tests;

pub use book::{Weight, compauth_reason};
pub use decode::{Decoded, Written};
