//! Turns one kind of export into observations; one folder a kind.
//!
//! A kind is one line in [`ALL`] and one folder: the reader (`mod.rs`), `README.md` for the person who fetches the
//! export, `codes.toml` with the vendor's codes where it has some, and `samples/`. A source never joins two records and
//! never knows a layer. Kinds are detected by content: columns, keys, grammar; never by file name.

mod codes;
mod defender;
mod entra;
mod error;
mod exchange_online;
mod message;
mod microsoft;
pub mod mimecast;
mod postfix;
mod query;
mod read_all;
mod records;
mod snapshot;
mod source;
mod table;
mod text;
mod time;

pub use error::ReadError;
pub use query::{Clock, Input, Likeness, Message, NoProgress, Progress, Query, Wanted};
pub use read_all::{Candidate, FileReading, Readings, Unclear, read_all, recognise};
pub use source::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

/// Every kind of export that is read, in the order in which a tie of [`Recognition`] is decided.
pub const ALL: &[&dyn Source] = &[
    &message::bounce::Bounce,
    &message::msg::Msg,
    &message::eml::Eml,
    &message::headers::Headers,
    &exchange_online::extended_report::ExtendedReport,
    &exchange_online::enhanced_summary::EnhancedSummary,
    &exchange_online::message_trace_detail::MessageTraceDetail,
    &exchange_online::quarantine::QuarantineList,
    &exchange_online::message_trace::MessageTrace,
    &exchange_online::transport_rules::TransportRules,
    &exchange_online::audit_log::AuditLog,
    &defender::email_events::EmailEvents,
    &defender::email_post_delivery_events::EmailPostDeliveryEvents,
    &defender::url_click_events::UrlClickEvents,
    &defender::email_attachment_info::EmailAttachmentInfo,
    &defender::email_url_info::EmailUrlInfo,
    &defender::identity_logon_events::IdentityLogonEvents,
    &defender::alerts::Alerts,
    &entra::sign_ins::SignIns,
    &entra::audit_log::AuditLog,
    &entra::conditional_access::ConditionalAccess,
    &entra::risk_detections::RiskDetections,
    &exchange_online::mail_flow_report::MailFlowReport,
    &mimecast::siem::Siem,
    &mimecast::message_info::MessageInfo,
    &mimecast::release_log::ReleaseLog,
    &mimecast::held_queue::HeldQueue,
    &mimecast::message_finder::MessageFinder,
    &postfix::PostfixLog,
];

/// The source with this id.
pub fn source(id: &str) -> Option<&'static dyn Source> {
    ALL.iter().copied().find(|source| source.id() == id)
}
