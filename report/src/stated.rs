//! What the records state of one copy besides its way: by which ids it went, who sent it to whom, who released it, and whose mail it is.

use evidence::{Access, Address, Fact, Identifier, Observation, ReleaseStep, System};
use jiff::Timestamp;
use layers::Explained;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::Cite;

/// An id that a system gave a copy, or its message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CopyIdentifier {
    /// What sort of id it is.
    pub kind: IdentifierKind,
    /// The id itself.
    pub id: String,
    /// Host and instance within which it counts; null if it counts everywhere in the system.
    pub host: Option<String>,
    /// The product whose record states it.
    pub system: String,
    /// The instant of the first record that states it.
    pub at: Option<Timestamp>,
    /// That record.
    pub cites: Vec<Cite>,
}

/// A sort of id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierKind {
    /// RFC 5322 Message-ID.
    MessageId,
    /// Exchange Online's network message id.
    NetworkMessageId,
    /// The queue id of a mail server, or its transaction's.
    QueueId,
    /// Mimecast's transaction id (aCode; aggregateId without its suffix).
    Acode,
    /// Mimecast's id of a processing run.
    ProcessingId,
    /// The id of a scanned mail at amavis.
    MailId,
    /// The id by which a quarantine releases it.
    HoldId,
}

/// Something that a record says about who and what a copy is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatedPart {
    /// What is said.
    pub part: Part,
    /// The value.
    pub value: String,
    /// The product whose record says so.
    pub system: String,
    /// The first record that says so.
    pub cites: Vec<Cite>,
}

/// What is said about a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// RFC 5321 MAIL FROM; empty text for the null sender.
    EnvelopeSender,
    /// RFC 5322 From.
    HeaderFrom,
    /// RFC 5321 RCPT TO.
    EnvelopeRecipient,
    /// RFC 5322 To or Cc: what the reader sees.
    HeaderTo,
    /// The subject.
    Subject,
    /// The Date field: the sender's clock.
    SentAt,
    /// `inbound`, `outbound` or `internal`, as the record says.
    Direction,
    /// The address of the client that brought it to a system of ours.
    Client,
}

/// A step on the way out of a quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CopyRelease {
    /// `requested`, `approved`, `denied`, `released`, `failed` or `expired`.
    pub step: String,
    /// Who did it; null if the record does not say.
    pub by: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
    /// The product whose record says so.
    pub system: String,
    /// The record.
    pub cites: Vec<Cite>,
}

/// The ids of a copy, each once, in the order in which records state them.
pub(crate) fn identifiers(copy: &Explained<'_>) -> Vec<CopyIdentifier> {
    let mut found: Vec<CopyIdentifier> = Vec::new();
    for observation in observations(copy) {
        let hold = match &observation.fact {
            Fact::Quarantine(quarantine) => quarantine.id.clone(),
            _ => None,
        };
        let ids = observation.about.ids.iter().map(of_id);
        for (kind, id, host) in ids.chain(hold.map(|id| (IdentifierKind::HoldId, id, None))) {
            if found.iter().all(|known| (known.kind, &known.id, &known.host) != (kind, &id, &host)) {
                let (system, cites) = told_by(observation);
                found.push(CopyIdentifier { kind, id, host, system, at: at(observation), cites });
            }
        }
    }
    found
}

fn of_id(id: &Identifier) -> (IdentifierKind, String, Option<String>) {
    let host = match id {
        Identifier::QueueId { host, .. } => Some(host.clone()),
        _ => None,
    };
    let kind = match id {
        Identifier::MessageId(_) => IdentifierKind::MessageId,
        Identifier::NetworkMessageId(_) => IdentifierKind::NetworkMessageId,
        Identifier::QueueId { .. } => IdentifierKind::QueueId,
        Identifier::Acode(_) => IdentifierKind::Acode,
        Identifier::ProcessingId(_) => IdentifierKind::ProcessingId,
        Identifier::MailId(_) => IdentifierKind::MailId,
    };
    (kind, id.text().to_owned(), host)
}

/// Who and what a copy is, each value once with the first record that says so.
pub(crate) fn parts(copy: &Explained<'_>) -> Vec<StatedPart> {
    let mut found: Vec<StatedPart> = Vec::new();
    for observation in observations(copy) {
        for (part, value) in parts_of(observation, copy) {
            if found.iter().all(|known| (known.part, &known.value) != (part, &value)) {
                let (system, cites) = told_by(observation);
                found.push(StatedPart { part, value, system, cites });
            }
        }
    }
    found.sort_by_key(|part| part.part);
    found
}

fn parts_of(observation: &Observation, copy: &Explained<'_>) -> Vec<(Part, String)> {
    let text = |address: &Address| address.as_str().to_owned();
    let recipient = &copy.copy.envelope_recipient;
    let is_own = |to: &&Address| *to == recipient || copy.copy.aliases.contains(to);
    let mut parts = Vec::new();
    parts.extend(
        observation.about.envelope_recipients.iter().filter(is_own).map(|to| (Part::EnvelopeRecipient, text(to))),
    );
    match &observation.fact {
        Fact::Identity(identity) => {
            parts.extend(identity.envelope_sender.iter().map(|from| (Part::EnvelopeSender, text(from))));
            parts.extend(identity.header_from.iter().map(|from| (Part::HeaderFrom, text(from))));
            parts.extend(identity.header_to.iter().filter(is_own).map(|to| (Part::HeaderTo, text(to))));
            parts.extend(identity.subject.iter().map(|subject| (Part::Subject, subject.clone())));
            parts.extend(identity.sent_at.iter().map(|when| (Part::SentAt, when.at.to_string())));
            parts.extend(identity.direction.map(|way| (Part::Direction, direction(way).to_owned())));
        }
        Fact::Hop(hop) => {
            let named = hop.envelope_recipient.iter().filter(is_own);
            parts.extend(named.map(|to| (Part::EnvelopeRecipient, text(to))));
        }
        Fact::Arrival(arrival) => {
            let client = arrival.client.as_ref().filter(|client| !client.is_loopback());
            parts.extend(client.and_then(|client| client.ip.clone()).map(|ip| (Part::Client, ip)));
        }
        _ => {}
    }
    parts
}

fn direction(way: Access) -> &'static str {
    match way {
        Access::Inbound => "inbound",
        Access::Outbound => "outbound",
        Access::Internal => "internal",
    }
}

/// Who released a copy, and how far that got, in the order of the way.
pub(crate) fn releases(copy: &Explained<'_>) -> Vec<CopyRelease> {
    let of = |observation: &Observation| {
        let Fact::Release(release) = &observation.fact else { return None };
        let (system, cites) = told_by(observation);
        Some(CopyRelease {
            step: step(release.step).to_owned(),
            by: release.by.clone(),
            at: at(observation),
            system,
            cites,
        })
    };
    let mut found: Vec<CopyRelease> = Vec::new();
    for release in observations(copy).filter_map(of) {
        let same = |known: &CopyRelease| {
            (&known.step, &known.by, known.at, &known.system)
                == (&release.step, &release.by, release.at, &release.system)
        };
        if !found.iter().any(same) {
            found.push(release);
        }
    }
    found
}

fn step(step: ReleaseStep) -> &'static str {
    match step {
        ReleaseStep::Requested => "requested",
        ReleaseStep::Approved => "approved",
        ReleaseStep::Denied => "denied",
        ReleaseStep::Released => "released",
        ReleaseStep::Failed => "failed",
        ReleaseStep::Expired => "expired",
    }
}

/// All that is said on the way of a copy, then what its sample says beside.
fn observations<'c>(copy: &'c Explained<'_>) -> impl Iterator<Item = &'c Observation> {
    let stations = copy.copy.stations.iter().flat_map(|station| &station.events);
    stations.chain(&copy.copy.beside).map(|event| &event.observation)
}

fn at(observation: &Observation) -> Option<Timestamp> {
    observation.when.as_ref().map(|when| when.at)
}

fn told_by(observation: &Observation) -> (String, Vec<Cite>) {
    let product = System::of(observation.speaker.product.clone());
    (product.to_string(), vec![Cite::from(&observation.cite)])
}
