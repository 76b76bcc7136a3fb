//! Exports of Exchange Online Protection and Defender for Office 365.
//!
//! All share one way of reading ([`crate::table`]): a row is found, matched with the followed message, and handed to the
//! kind's own folder, which says what the row states.

mod agent_data;
pub(crate) mod allow_block_list;
pub(crate) mod audit_log;
pub(crate) mod connection_filter;
pub(crate) mod connectors;
pub(crate) mod enhanced_summary;
pub(crate) mod extended_report;
pub(crate) mod inbox_rules;
pub(crate) mod junk_configuration;
pub(crate) mod mail_flow_report;
pub(crate) mod mailboxes;
pub(crate) mod message_trace;
pub(crate) mod message_trace_detail;
mod object;
pub(crate) mod organisation;
pub(crate) mod quarantine;
mod refusal;
mod reply;
pub(crate) mod threat_policies;
pub(crate) mod transport_rules;

#[cfg(test)]
mod spellings;
#[cfg(test)]
mod tests;

/// Where Exchange Online keeps what it holds back.
pub(crate) const STORE: &str = "Exchange Online quarantine";
