//! Which exports show what a system did: its own log, its list of held mail, its record of releases.

use evidence::{Product, SourceId};

/// The exports of one product, the most telling first.
struct Exports {
    /// What it did with each message: arrival, verdict, hand-over.
    logs: &'static [SourceId],
    /// What it holds, and why.
    holds: &'static [SourceId],
    /// What it let go.
    releases: &'static [SourceId],
}

/// A mail server that writes all of it into one log.
const fn one_log(log: &'static [SourceId]) -> Exports {
    Exports { logs: log, holds: log, releases: log }
}

const EXCHANGE_ONLINE: Exports = Exports {
    logs: &["exchange-online/message-trace", "exchange-online/message-trace-detail"],
    holds: &["exchange-online/quarantine", "exchange-online/message-trace-detail"],
    releases: &["exchange-online/quarantine"],
};
const MIMECAST: Exports = Exports {
    logs: &["mimecast/siem"],
    holds: &["mimecast/held-queue", "mimecast/siem"],
    releases: &["mimecast/release-log"],
};
const PROOFPOINT: Exports = Exports {
    logs: &["proofpoint/message-log"],
    holds: &["proofpoint/quarantine", "proofpoint/message-log"],
    releases: &["proofpoint/quarantine"],
};
const GOOGLE: Exports = Exports {
    logs: &["google/email-log-search", "google/gmail-logs"],
    holds: &["google/gmail-logs", "google/email-log-search"],
    releases: &["google/gmail-logs"],
};
const PROXMOX: Exports = Exports {
    logs: &["proxmox/tracker", "postfix/log"],
    holds: &["proxmox/tracker", "postfix/log"],
    releases: &["proxmox/tracker", "postfix/log"],
};
const CISCO: Exports = one_log(&["cisco/esa-log"]);
const EXIM: Exports = one_log(&["exim/log"]);
const POSTFIX: Exports = one_log(&["postfix/log"]);
const RSPAMD: Exports =
    Exports { logs: &["rspamd/log", "postfix/log"], holds: &["postfix/log", "rspamd/log"], releases: &["postfix/log"] };

fn of(product: &Product) -> Option<&'static Exports> {
    Some(match product {
        Product::ExchangeOnline => &EXCHANGE_ONLINE,
        Product::Mimecast => &MIMECAST,
        Product::Proofpoint => &PROOFPOINT,
        Product::GoogleWorkspace => &GOOGLE,
        Product::ProxmoxMailGateway => &PROXMOX,
        Product::CiscoSecureEmail => &CISCO,
        Product::Exim => &EXIM,
        Product::Postfix | Product::Amavis | Product::Dovecot => &POSTFIX,
        Product::Rspamd => &RSPAMD,
        Product::Entra | Product::Other(_) => return None,
    })
}

/// The logs that show what a system did with a message; empty for a system of which no export is read.
pub fn logs_of(product: &Product) -> &'static [SourceId] {
    of(product).map_or(&[], |exports| exports.logs)
}

/// The lists that show what a system holds, and why.
pub fn holds_of(product: &Product) -> &'static [SourceId] {
    of(product).map_or(&[], |exports| exports.holds)
}

/// The records that show what a system let go.
pub fn releases_of(product: &Product) -> &'static [SourceId] {
    of(product).map_or(&[], |exports| exports.releases)
}

/// What shows holds and releases by the message's own ids, where the lists name none.
pub fn by_id_of(product: &Product) -> &'static [SourceId] {
    match product {
        Product::Mimecast => &["mimecast/message-info"],
        product => releases_of(product),
    }
}

/// The exports that show what came after a system let a copy go: its own logs, and for a gateway, which keeps no mailboxes,
/// the trace of the mail service behind it.
pub fn onward_of(product: &Product) -> Vec<SourceId> {
    let behind = crate::fate::is_relay(product).then_some("exchange-online/message-trace");
    logs_of(product).iter().copied().chain(behind).collect()
}

/// Whether an export shows every hold of its time, so that one that is not in it was not made: the one log of a mail server, or a list
/// in which rows stay. Not the lists that lose a row with its release, or hold only the folders that were asked for.
pub fn shows_every_hold(source: &str) -> bool {
    source == "exchange-online/quarantine" || shows_every_step(source)
}

/// Whether an export is a system's one log of all that it and its filters did with a message: what is not there was not done. Not the
/// logs that a cloud service gives out event type by event type: of those one may have been left out.
pub fn shows_every_step(source: &str) -> bool {
    matches!(source, "postfix/log" | "exim/log" | "cisco/esa-log")
}

/// Whether an export lists what lies in a quarantine, each row with how it stands as of the export: not a log of what happened.
pub fn is_list(source: &str) -> bool {
    matches!(
        source,
        "exchange-online/quarantine"
            | "mimecast/held-queue"
            | "proofpoint/quarantine"
            | "proxmox/tracker"
            | "amavis/sql-log"
    )
}
