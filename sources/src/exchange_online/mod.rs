//! Exports of Exchange Online Protection and Defender for Office 365.
//!
//! Five kinds share one way of reading ([`table`]): a row is found, matched with the followed message, and handed to
//! the kind's own folder, which says what the row states.

mod agent_data;
pub(crate) mod audit_log;
pub(crate) mod enhanced_summary;
pub(crate) mod extended_report;
pub(crate) mod mail_flow_report;
pub(crate) mod message_trace;
pub(crate) mod message_trace_detail;
pub(crate) mod quarantine;
mod refusal;
mod reply;
pub(crate) mod transport_rules;

#[cfg(test)]
mod tests;

/// Where Exchange Online keeps what it holds back.
pub(crate) const STORE: &str = "Exchange Online quarantine";
