//! Mimecast Email Security (Cloud Gateway): logs and answers of its API.
//!
//! Each kind is a folder. What they share stands here: code tables, values as Mimecast spells them, the reading of rows,
//! and the spam processing detail that three of them carry.

mod codes;
mod console;
mod detail;
mod look;
mod rows;
mod tables;
mod values;

pub(crate) mod audit_events;
pub(crate) mod connectors;
pub(crate) mod dlp;
pub mod held_queue;
pub(crate) mod hold_summary;
pub(crate) mod managed_senders;
pub(crate) mod managed_urls;
pub mod message_finder;
pub mod message_info;
pub(crate) mod policies;
pub(crate) mod rejection_log;
pub mod release_log;
pub mod siem;
pub(crate) mod ttp_attachment;
pub(crate) mod ttp_impersonation;
pub(crate) mod ttp_url;

#[cfg(test)]
mod tests;

/// How the store of held messages is named in every statement.
const HELD_QUEUE: &str = "Mimecast held queue";
