//! The words of the triage: which points there are, in which order, and by which kinds of export each is shown.

use std::sync::LazyLock;

use serde::Deserialize;

/// One point as the table has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointRow {
    /// Which.
    pub id: PointId,
    /// Its name for people.
    pub title: String,
    /// What is said where it is open and the report has no step of its own.
    pub ask: String,
    /// What is said where it does not bear on the ticket.
    #[serde(default)]
    pub idle: String,
    /// How the report calls what was looked at.
    #[serde(default)]
    pub checks: Vec<String>,
    /// Kinds of export that show it by themselves.
    #[serde(default)]
    pub shown_by: Vec<String>,
    /// The kind of export to ask for if the report names none.
    #[serde(default)]
    pub fetch: Option<String>,
}

/// The points, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointId {
    /// RFC 5321 MAIL FROM.
    EnvelopeSender,
    /// RFC 5321 RCPT TO.
    EnvelopeRecipient,
    /// When.
    Time,
    /// Message-ID, else the subject.
    MessageId,
    /// The message itself, its headers, or the bounce.
    Headers,
    /// The trace or log of a system.
    Trace,
    /// The quarantine of a filter.
    Quarantine,
    /// Trace and quarantine before anything was changed.
    BeforeChange,
    /// The next system's own record.
    Downstream,
    /// A delivered message to compare with.
    DeliveredSample,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    point: Vec<PointRow>,
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| toml::from_str(include_str!("points.toml")).unwrap_or(Table { point: Vec::new() }));

/// The points, in their order.
pub fn rows() -> &'static [PointRow] {
    &TABLE.point
}

impl PointRow {
    /// The kind that shows this point, of the system that a kind of export is of.
    pub fn shown_for(&self, source: &str) -> Option<&str> {
        let system = system_of(source);
        self.shown_by.iter().map(String::as_str).find(|kind| system_of(kind) == system)
    }

    /// Whether a kind of export shows this point by itself.
    pub fn is_shown_by(&self, source: &str) -> bool {
        self.shown_by.iter().any(|kind| kind == source)
    }
}

/// The system that a kind of export is of; hunting tables are of the same service as its traces.
fn system_of(source: &str) -> &str {
    match source.split_once('/').map_or(source, |(system, _)| system) {
        "defender" => "exchange-online",
        "amavis" | "dovecot" | "spamassassin" => "postfix",
        system => system,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let table: Table = toml::from_str(include_str!("points.toml")).expect("the table is read");
        let ids: Vec<PointId> = table.point.iter().map(|row| row.id).collect();
        let mut sorted = ids.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(ids, sorted, "each point once, in order");
        assert_eq!(ids.len(), 10);
        for row in &table.point {
            for kind in row.shown_by.iter().chain(&row.fetch) {
                assert!(sources::source(kind).is_some(), "{:?}: no kind is called {kind}", row.id);
            }
        }
    }

    /// A log of a system that the way of a message is read from shows the trace.
    #[test]
    fn every_log_shows_the_trace() {
        use evidence::Product::*;
        let trace = rows().iter().find(|row| row.id == PointId::Trace).expect("it is there");
        for product in [
            ExchangeOnline,
            Mimecast,
            Proofpoint,
            GoogleWorkspace,
            ProxmoxMailGateway,
            CiscoSecureEmail,
            Exim,
            Postfix,
            Rspamd,
        ] {
            for log in layers::exports::logs_of(&product) {
                assert!(trace.is_shown_by(log), "{log}");
            }
        }
        assert!(!trace.is_shown_by("mimecast/held-queue"), "a list of what is held is no trace");
    }
}
