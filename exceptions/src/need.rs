//! What a sample needs: what stopped which copies of a message, and by what that message can be told from others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use evidence::{Address, Cite, Product, VerdictKind};
use findings::{Answer, Finding, Scene};
use jiff::Timestamp;

/// What stopped some copies of one message, and by what the message is known.
///
/// One a product and reason; copies that nothing stopped need nothing.
#[derive(Clone, Debug)]
pub struct Need {
    /// Whose doing it was.
    pub product: Product,
    /// What the filter concluded; `None` if it was no filter's conclusion.
    pub verdict: Option<VerdictKind>,
    /// The id of the cause, such as `content-verdict/spam`; empty if none is shown.
    pub cause: String,
    /// Whether the cause is shown: proved or likely.
    pub is_shown: bool,
    /// The cause in a sentence.
    pub because: String,
    /// Its records.
    pub cites: Vec<Cite>,
    /// Exports that would settle it.
    pub ask_for: Vec<&'static str>,
    /// The policy, rule or entry that acted, where it is named.
    pub policy: Option<String>,
    /// Recipients of the copies that were stopped.
    pub envelope_recipients: BTreeSet<Address>,
    /// Which of them are kept back in a quarantine now, with the id by which the system releases them.
    pub held: Vec<Held>,
    /// RFC 5322 From.
    pub header_from: Option<Address>,
    /// RFC 5321 MAIL FROM.
    pub envelope_sender: Option<Address>,
    /// The address that handed the message to our side; `None` if it is not shown.
    pub client: Option<IpAddr>,
    /// Whether another service stands in front, so that `client` is its address.
    pub is_behind_a_gateway: bool,
    /// Domains of signatures that our side says passed.
    pub signed_by: BTreeSet<String>,
    /// Whether our side says that DMARC passed; `None` if it says nothing.
    pub dmarc_passed: Option<bool>,
    /// Message-ID.
    pub message_id: Option<String>,
    /// Subject.
    pub subject: Option<String>,
    /// Links that the message carries.
    pub urls: BTreeSet<String>,
    /// SHA-256 of its attachments, lower case.
    pub attachments: BTreeSet<String>,
    /// When our side met it.
    pub at: Option<Timestamp>,
}

/// A copy that is kept back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its recipient.
    pub envelope_recipient: Address,
    /// The id by which the system releases it, as its list writes it; `None` if no record names it.
    pub id: Option<String>,
    /// The record.
    pub cite: Cite,
}

impl Need {
    /// What the followed message needs; empty if nothing stopped it.
    pub fn of(scene: &Scene<'_>, answers: &[Answer], findings: &[Finding]) -> Vec<Need> {
        let _ = (scene, answers, findings);
        Vec::new()
    }
}
