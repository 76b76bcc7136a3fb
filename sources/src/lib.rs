//! Turns one kind of export into observations; one folder a kind.
//!
//! A kind is one line in [`ALL`] and one folder: the reader (`mod.rs`), `README.md` for the person who fetches the
//! export, `codes.toml` with the vendor's codes where it has some, and `samples/`. A source never joins two records and
//! never knows a layer. Kinds are detected by content: columns, keys, grammar; never by file name.

mod amavis;
mod cisco;
mod codes;
mod defender;
mod dns;
mod dovecot;
mod entra;
mod error;
mod exchange_online;
mod exim;
mod find;
mod google;
mod job;
mod lines;
mod message;
mod microsoft;
pub mod mimecast;
mod one_record;
mod page;
pub mod policy;
mod postfix;
mod probe;
mod proofpoint;
pub mod proposed;
mod proxmox;
mod query;
mod read_all;
mod read_every;
mod records;
mod report;
mod rspamd;
mod setup;
mod snapshot;
mod source;
mod spamassassin;
mod table;
mod text;
mod time;

pub use error::ReadError;
pub use find::{RecordPlace, Sighted, Sightings, Sought, SoughtSender, find, sampled};
pub use message::header_sheet::{HeaderSheet, SheetField, header_sheet};
pub use message::vendor::{Decoded, Weight, Written, compauth_reason};
pub use message::{Service, ServiceRole, addresses, reply_of, service_of_host, service_of_name, service_within};
pub use one_record::{OneRecord, RecordField, one_record};
pub use query::{Clock, Input, Likeness, Message, NoProgress, Progress, Query, Wanted};
pub use read_all::{Candidate, FileReading, Readings, Unclear, read_all, recognise};
pub use read_every::{EveryRow, read_every};
pub use snapshot::instant_in_name;
pub use source::{Export, Head, MatchedBy, Reader, Recognition, Source, ZoneRule};
pub use table::Spelled;

/// Every kind of export that is read, in the order in which a tie of [`Recognition`] is decided.
pub const ALL: &[&dyn Source] = &[
    &report::dmarc_aggregate::DmarcAggregate,
    &report::tls_rpt::TlsReport,
    &report::dmarc_failure::DmarcFailure,
    &report::arf::Complaint,
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
    &exchange_online::connectors::Connectors,
    &exchange_online::allow_block_list::AllowBlockList,
    &exchange_online::threat_policies::ThreatPolicies,
    &exchange_online::connection_filter::ConnectionFilter,
    &exchange_online::inbox_rules::InboxRules,
    &exchange_online::junk_configuration::JunkConfiguration,
    &exchange_online::mailboxes::Mailboxes,
    &exchange_online::organisation::Organisation,
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
    &mimecast::rejection_log::RejectionLog,
    &mimecast::audit_events::AuditEvents,
    &mimecast::ttp_url::TtpUrl,
    &mimecast::ttp_attachment::TtpAttachment,
    &mimecast::ttp_impersonation::TtpImpersonation,
    &mimecast::dlp::Dlp,
    &mimecast::managed_senders::ManagedSenders,
    &mimecast::policies::Policies,
    &mimecast::connectors::Connectors,
    &mimecast::managed_urls::ManagedUrls,
    &mimecast::hold_summary::HoldSummary,
    &proofpoint::tap::Tap,
    &proofpoint::message_log::MessageLog,
    &proofpoint::quarantine::QuarantineSearch,
    &google::gmail_logs::GmailLogs,
    &google::activity::Activity,
    &google::email_log_search::EmailLogSearch,
    &dns::answers::Answers,
    &job::transcript::Transcript,
    &job::systemd_journal::SystemdJournal,
    &job::windows_task_history::TaskHistory,
    &probe::result::ProbeResult,
    &probe::swaks::Swaks,
    &dovecot::sieve::Sieve,
    &postfix::PostfixLog,
    &postfix::access_map::AccessMap,
    &postfix::configuration::Configuration,
    &exim::EximLog,
    &cisco::esa_log::EsaLog,
    &rspamd::log::RspamdLog,
    &rspamd::history::RspamdHistory,
    &rspamd::configuration::Configuration,
    &proxmox::tracker::ProxmoxTracker,
    &amavis::sql_log::AmavisSql,
    &amavis::configuration::Configuration,
    &spamassassin::preferences::Preferences,
];

/// The source with this id.
pub fn source(id: &str) -> Option<&'static dyn Source> {
    ALL.iter().copied().find(|source| source.id() == id)
}

#[cfg(test)]
mod tests {
    use evidence::Reading;

    use super::*;

    /// Whatever is read part by part is what is read as a whole: all samples of all kinds, and each of them many times over.
    #[test]
    fn ok_in_parts_as_a_whole() {
        let clock = Clock {
            zone: jiff::tz::TimeZone::UTC,
            zone_label: "UTC".to_owned(),
            reference: "2026-05-02T12:00:00Z".parse().expect("an instant"),
        };
        let query = Query { wanted: &Wanted::Everything, clock: &clock, progress: &NoProgress };
        let mut compared = 0;
        for source in ALL {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/").to_owned() + &source.id().replace('-', "_");
            let samples = std::fs::read_dir(folder + "/samples").into_iter().flatten().flatten();
            for sample in
                samples.map(|entry| entry.path()).filter(|path| path.extension().is_none_or(|e| e != "expected"))
            {
                let bytes = std::fs::read(&sample).expect("a sample");
                let name = sample.display().to_string();
                for bytes in [bytes.repeat(1), bytes.repeat(3)] {
                    let input = Input { name: name.as_str().into(), bytes: &bytes };
                    let (whole, mut in_parts) = (source.read(&input, &query), Reading::default());
                    let ended = source.read_in_parts(&input, &query, &mut |part| in_parts.absorb(part));
                    match whole {
                        Ok(whole) => assert_eq!(in_parts, whole, "{name}"),
                        Err(error) => assert_eq!(ended, Err(error), "{name}"),
                    }
                    compared += 1;
                }
            }
        }
        assert!(compared > 50, "{compared}");
    }
}
