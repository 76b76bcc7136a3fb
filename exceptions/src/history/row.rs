//! What one record states about a message, as far as conditions look at it.

use evidence::{
    Address, AuthMethod, AuthResult, Authentication, Carried, CopyKey, Fact, Identifier, Observation, Peer,
};
use jiff::Timestamp;

use super::Judged;
use super::judged::{Fate, judged};
use super::sets::hash;
use super::terms::dim;

/// What one record states about a message.
pub(super) struct Row<'a> {
    /// RFC 5321 MAIL FROM.
    pub(super) envelope_sender: Option<&'a Address>,
    /// RFC 5322 From.
    pub(super) header_from: Option<&'a Address>,
    /// RFC 5321 RCPT TO, all that are named.
    pub(super) envelope_recipients: &'a [Address],
    /// The address that handed it over.
    pub(super) client: Option<&'a str>,
    /// The name of that address.
    pub(super) host: Option<&'a str>,
    /// Subject.
    pub(super) subject: Option<&'a str>,
    /// Links.
    pub(super) urls: Vec<&'a str>,
    /// SHA-256 of attachments.
    pub(super) attachments: Vec<&'a str>,
    /// Domains of signatures that passed.
    pub(super) signed_by: Vec<&'a str>,
    /// Results of DMARC.
    pub(super) dmarc: Vec<&'a str>,
    /// Ids.
    pub(super) ids: &'a [Identifier],
    /// What of it is stated, beside what is found out from the fields above.
    pub(super) stated: u16,
    /// The worst judgement.
    pub(super) judged: Judged,
    /// What became of it.
    pub(super) fate: Fate,
    /// When.
    pub(super) at: Option<Timestamp>,
}

impl<'a> Row<'a> {
    /// What the observations of one record about the same copies state.
    pub(super) fn of(observations: &'a [Observation], about: &'a CopyKey) -> Row<'a> {
        let mut row = Row {
            envelope_sender: None,
            header_from: None,
            envelope_recipients: &about.envelope_recipients,
            client: None,
            host: None,
            subject: None,
            urls: Vec::new(),
            attachments: Vec::new(),
            signed_by: Vec::new(),
            dmarc: Vec::new(),
            ids: &about.ids,
            stated: 0,
            judged: Judged::NotSaid,
            fate: Fate::default(),
            at: None,
        };
        for one in observations.iter().filter(|one| one.fact.is_of_a_message()) {
            row.at = row.at.or(one.when.as_ref().map(|when| when.at));
            row.judged = row.judged.min(judged(&one.fact));
            row.fate = row.fate.and(Fate::of(&one.fact));
            row.take(&one.fact);
        }
        row.stated |= row.shown();
        row
    }

    fn take(&mut self, fact: &'a Fact) {
        match fact {
            Fact::Identity(identity) => {
                self.envelope_sender = self.envelope_sender.or(identity.envelope_sender.as_ref());
                self.header_from = self.header_from.or(identity.header_from.as_ref());
                self.subject = self.subject.or(identity.subject.as_deref());
            }
            Fact::Arrival(arrival) => self.came_from(arrival.client.as_ref()),
            Fact::Status(status) => self.came_from(status.from.as_ref()),
            Fact::Authentication(auth) if auth.arc_instance.is_none() => self.authenticated(auth),
            Fact::Carried(Carried::Url { url, .. }) => self.urls.push(url),
            // One link of perhaps several: it does not tell that another is missing.
            Fact::Click(click) => self.urls.push(&click.url),
            Fact::Carried(Carried::Attachment { sha256: Some(sha256), .. }) => self.attachments.push(sha256),
            _ => {}
        }
        if matches!(fact, Fact::Carried(Carried::Url { .. })) {
            self.stated |= dim::URL;
        }
    }

    /// A hop within one machine is no sending address.
    fn came_from(&mut self, peer: Option<&'a Peer>) {
        if let Some(peer) = peer.filter(|peer| !peer.is_loopback()) {
            self.client = self.client.or(peer.ip.as_deref());
            self.host = self.host.or(peer.name.as_deref());
        }
    }

    fn authenticated(&mut self, auth: &'a Authentication) {
        match (auth.method, &auth.result, auth.domain.as_deref()) {
            (AuthMethod::Dmarc, result, _) => self.dmarc.push(result.word()),
            (AuthMethod::Dkim, AuthResult::Pass, Some(domain)) => self.signed_by.push(domain),
            // Signed, and not said by whom.
            (AuthMethod::Dkim, AuthResult::Pass, None) => {}
            (AuthMethod::Dkim, ..) => self.stated |= dim::SIGNED,
            _ => {}
        }
    }

    fn shown(&self) -> u16 {
        let bit = |is_there: bool, bit: u16| if is_there { bit } else { 0 };
        bit(self.envelope_sender.is_some(), dim::ENVELOPE)
            | bit(self.header_from.is_some(), dim::HEADER)
            | bit(self.client.is_some(), dim::CLIENT)
            | bit(self.host.is_some(), dim::HOST)
            | bit(!self.signed_by.is_empty(), dim::SIGNED)
            | bit(!self.dmarc.is_empty(), dim::DMARC)
            | bit(!self.envelope_recipients.is_empty(), dim::RECIPIENT)
            | bit(self.subject.is_some(), dim::SUBJECT)
            | bit(!self.attachments.is_empty(), dim::ATTACHMENT)
            | bit(!self.ids.is_empty(), dim::MESSAGE)
    }

    /// What the message looks like, for rows without any id; `None` if nobody is named.
    pub(super) fn looks(&self) -> Option<u64> {
        let names_somebody =
            self.envelope_sender.or(self.header_from).is_some() || !self.envelope_recipients.is_empty();
        let looks = (self.envelope_sender, self.header_from, self.envelope_recipients, self.subject, self.at);
        names_somebody.then(|| hash(&looks))
    }
}

/// The ids of a row, as hashes; 0 for none.
///
/// An id that names one message within its system decides: the network message id before any other. The Message-ID is
/// the sender's choice and may repeat: [`super::join`] uses it together with the sender, and only for rows without a network message id.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ids {
    /// The strongest; odd for a network message id, even for others.
    pub(super) strong: u64,
    /// Another id of the same message by the same system.
    pub(super) other: u64,
    /// The Message-ID.
    pub(super) message_id: u64,
}

/// Whether a key is that of a network message id.
pub(super) fn is_network_id(key: u64) -> bool {
    key & 1 == 1
}

impl Ids {
    /// Those of a record.
    pub(super) fn of(ids: &[Identifier]) -> Ids {
        let mut found = Ids::default();
        let mut best = 0;
        for id in ids {
            let (rank, key) = match id {
                Identifier::MessageId(text) => {
                    found.message_id = hash(text.as_str()) & !1 | 2;
                    continue;
                }
                Identifier::NetworkMessageId(text) => (5, hash(text.as_str()) | 1),
                Identifier::Acode(text) => (4, hash(&(4_u8, text)) & !1 | 2),
                Identifier::QueueId { host, id } => (3, hash(&(3_u8, host, id)) & !1 | 2),
                Identifier::MailId(text) => (2, hash(&(2_u8, text)) & !1 | 2),
                Identifier::ProcessingId(text) => (1, hash(&(1_u8, text)) & !1 | 2),
            };
            if rank > best {
                (best, found.other, found.strong) = (rank, found.strong, key);
            } else if key != found.strong {
                found.other = key;
            }
        }
        found
    }
}
