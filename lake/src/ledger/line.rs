//! One statement about one copy, in short.

use evidence::{
    Access, Action, ActorKind, AuthMethod, AuthResult, DsnAction, Fact, Folder, NextHop, Observation, Outcome, Place,
    QuarantineState, ReleaseStep, Reply, Scope, TraceStatus, UNMOVED, VerdictKind,
};
use jiff::Timestamp;

use super::names::{Name, Names};

/// What one record states about one copy, in short: for questions about many messages.
#[derive(Clone, Debug)]
pub struct Line {
    /// When, as the record says.
    pub at: Option<Timestamp>,
    /// Number of the file, see [`super::Ledger::file`].
    pub(super) file: u32,
    /// The record's bytes in the file.
    pub(super) start: u64,
    pub(super) len: u32,
    pub(super) place: Place,
    /// The record's words, where its bytes do not say them.
    pub(super) record: Option<Name>,
    /// How often the evidence states it, word for word, see [`crate::Entry::copies`].
    pub copies: u32,
    /// What is stated.
    pub what: What,
    /// Who says so, such as `postfix/mx1` ([`evidence::System::id`]).
    pub speaker: Option<Name>,
    /// Message-ID, without brackets.
    pub message_id: Option<Name>,
    /// The id by which the speaker knows the message, as people write it.
    pub id: Option<Name>,
    /// Envelope sender.
    pub envelope_sender: Option<Name>,
    /// Address of the From field.
    pub header_from: Option<Name>,
    /// Envelope recipient; `None` if the record names none.
    pub envelope_recipient: Option<Name>,
    /// Which way the message goes, where the record says so.
    pub direction: Option<Access>,
    /// The other server: who delivered it on arrival, who it was handed to else; name and address. For an authentication
    /// result the domain that it is about.
    pub peer: Option<Name>,
    /// The other server's address alone.
    pub peer_ip: Option<Name>,
    /// The policy, rule or list that is named.
    pub policy: Option<Name>,
    /// Connector or route.
    pub connector: Option<Name>,
    /// Who did it, where the record names somebody.
    pub by: Option<Name>,
    /// What kind of actor that was, where the record says so.
    pub by_kind: ActorKind,
    /// Whether the record also says that the copy still lies where this line puts it.
    pub is_unmoved: bool,
    /// RFC 5321 reply code.
    pub reply_code: Option<u16>,
    /// RFC 3463 enhanced status code.
    pub enhanced_status_code: Option<Name>,
    /// The words of the reply, verdict, status or release, of what chose the folder, or of a remark about no message; the first 200
    /// characters.
    pub said: Option<Name>,
    /// What makes two lines the same statement.
    pub(super) sameness: u64,
}

/// What a line states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A system took the message at its door, refused it, or put it off.
    Arrival(Outcome),
    /// A filter concluded something and did something.
    Verdict(VerdictKind, Action),
    /// The copy is, or is no longer, kept back.
    Quarantine(QuarantineState),
    /// A step of letting go.
    Release(ReleaseStep),
    /// An attempt to hand on.
    Handover(Outcome, NextHop),
    /// A mailbox store took it; the folder, where named.
    Stored(Option<Folder>),
    /// A summary word.
    Status(TraceStatus),
    /// A delivery status notification.
    Dsn(DsnAction),
    /// Thrown away.
    Discarded,
    /// Given up.
    Expired,
    /// Moved or removed after delivery.
    PostDelivery(Action, Option<Folder>),
    /// An authentication result that is not a pass.
    Authentication(AuthMethod, AuthResult),
    /// A record about the message that states none of these.
    Noted,
}

/// How a copy fared, as one line has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fared {
    /// It went on: delivered, stored, handed to another server.
    Through,
    /// It was held, refused, thrown away, or put into junk.
    Blocked,
    /// It was put off.
    PutOff,
    /// It was delivered, and taken away afterwards.
    TakenAway,
}

impl Line {
    /// Which record states it: two lines of one record have the same file and place. Says nothing else, and is not for showing.
    pub fn record_key(&self) -> (u32, u64) {
        (self.file, self.start)
    }

    /// How the copy fared; `None` for a line that only tells of it.
    pub fn fared(&self) -> Option<Fared> {
        match &self.what {
            What::Arrival(Outcome::Refused) | What::Handover(Outcome::Refused, _) => Some(Fared::Blocked),
            What::Arrival(Outcome::Deferred) | What::Handover(Outcome::Deferred, _) => Some(Fared::PutOff),
            What::Handover(Outcome::Accepted, NextHop::MailServer | NextHop::MailboxStore | NextHop::NotSaid) => {
                Some(Fared::Through)
            }
            What::Arrival(_) | What::Handover(..) | What::Noted | What::Authentication(..) | What::Release(_) => None,
            What::Verdict(_, action) => blocked_by(action),
            What::Quarantine(QuarantineState::Held) => Some(Fared::Blocked),
            What::Quarantine(_) => None,
            What::Stored(Some(Folder::Junk | Folder::Quarantine)) => Some(Fared::Blocked),
            What::Stored(_) => Some(Fared::Through),
            What::Status(status) => by_status(status),
            What::Dsn(DsnAction::Failed) => Some(Fared::Blocked),
            What::Dsn(DsnAction::Delayed) => Some(Fared::PutOff),
            What::Dsn(DsnAction::Delivered) => Some(Fared::Through),
            What::Dsn(_) => None,
            What::Discarded | What::Expired => Some(Fared::Blocked),
            What::PostDelivery(..) => Some(Fared::TakenAway),
        }
    }
}

fn blocked_by(action: &Action) -> Option<Fared> {
    match action {
        Action::Junked | Action::Quarantined | Action::Rejected | Action::Discarded | Action::Bounced => {
            Some(Fared::Blocked)
        }
        Action::Deferred => Some(Fared::PutOff),
        _ => None,
    }
}

fn by_status(status: &TraceStatus) -> Option<Fared> {
    match status {
        TraceStatus::Delivered => Some(Fared::Through),
        TraceStatus::Failed
        | TraceStatus::FilteredAsSpam
        | TraceStatus::Quarantined
        | TraceStatus::Held
        | TraceStatus::Rejected
        | TraceStatus::Bounced => Some(Fared::Blocked),
        TraceStatus::Pending => Some(Fared::PutOff),
        _ => None,
    }
}

/// How many characters of a reply or verdict are kept.
const SAID_CHARS: usize = 200;

/// The lines of one record; its observations share a cite.
pub(super) fn lines(record: &[Observation], names: &mut Names, keeps_words: bool, put: &mut impl FnMut(Line)) {
    let Some(first) = record.first() else { return };
    let mut plain = Line {
        at: None,
        file: 0,
        start: first.cite.bytes.start,
        len: u32::try_from(first.cite.bytes.end - first.cite.bytes.start).unwrap_or(u32::MAX),
        place: first.cite.place,
        record: if keeps_words { names.of(&first.cite.said) } else { None },
        copies: 1,
        what: What::Noted,
        speaker: None,
        message_id: None,
        id: None,
        envelope_sender: None,
        header_from: None,
        envelope_recipient: None,
        direction: None,
        peer: None,
        peer_ip: None,
        policy: None,
        connector: None,
        by: None,
        by_kind: ActorKind::NotSaid,
        is_unmoved: false,
        reply_code: None,
        enhanced_status_code: None,
        said: None,
        sameness: 0,
    };
    for one in record {
        plain.is_unmoved |= matches!(&one.fact, Fact::Note { said } if said.starts_with(UNMOVED));
        if let Fact::Identity(identity) = &one.fact {
            let name = |names: &mut Names, address: &Option<evidence::Address>| {
                address.as_ref().and_then(|address| names.of(address.as_str()))
            };
            plain.envelope_sender = plain.envelope_sender.or(name(names, &identity.envelope_sender));
            plain.header_from = plain.header_from.or(name(names, &identity.header_from));
            plain.direction = plain.direction.or(identity.direction);
        }
    }
    let mut is_any = false;
    for one in record {
        let Some(what) = what(&one.fact) else { continue };
        is_any = true;
        tell(one, what, &plain, names, put);
    }
    if !is_any {
        tell(first, What::Noted, &plain, names, put);
    }
}

/// One line a recipient.
fn tell(one: &Observation, what: What, plain: &Line, names: &mut Names, put: &mut impl FnMut(Line)) {
    let mut line = Line { at: one.when.as_ref().map(|when| when.at), what, ..plain.clone() };
    line.record = if plain.record.is_some() { names.of(&one.cite.said) } else { None };
    line.speaker = names.of(&one.speaker.id());
    line.message_id = one.about.message_id().and_then(|id| names.of(id));
    line.id = one.about.ids.iter().find(|id| id.is_strong()).and_then(|id| names.of(&id.to_string()));
    details(&one.fact, &mut line, names);
    if let Fact::Note { said: words } = &one.fact
        && one.about.ids.is_empty()
        && one.about.envelope_recipients.is_empty()
    {
        // What is about no message is about the system itself.
        line.said = said(words, names);
    }
    if one.about.envelope_recipients.is_empty() {
        put(same(line, &one.cite.said, names));
        return;
    }
    for recipient in &one.about.envelope_recipients {
        let line = Line { envelope_recipient: names.of(recipient.as_str()), ..line.clone() };
        put(same(line, &one.cite.said, names));
    }
}

fn same(line: Line, said: &str, names: &Names) -> Line {
    use std::hash::{BuildHasher, Hash, Hasher};
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    let text = |name: Option<Name>| name.map(|name| names.text(name));
    // A field of one message may read like that of another.
    (line.at, said, text(line.envelope_recipient), text(line.message_id), text(line.id), text(line.said))
        .hash(&mut hasher);
    std::mem::discriminant(&line.what).hash(&mut hasher);
    Line { sameness: hasher.finish(), ..line }
}

fn what(fact: &Fact) -> Option<What> {
    Some(match fact {
        Fact::Arrival(arrival) if arrival.scope == Scope::Enforced => What::Arrival(arrival.outcome),
        Fact::Verdict(verdict) if verdict.scope == Scope::Enforced => {
            What::Verdict(verdict.kind.clone(), verdict.action.clone())
        }
        Fact::Quarantine(quarantine) => What::Quarantine(quarantine.state),
        Fact::Release(release) => What::Release(release.step),
        Fact::Handover(handover) => What::Handover(handover.outcome, handover.next_hop),
        Fact::Stored(stored) => What::Stored(stored.folder.clone()),
        Fact::Status(status) => What::Status(status.status.clone()),
        Fact::Dsn(dsn) => What::Dsn(dsn.action),
        Fact::Discarded { .. } => What::Discarded,
        Fact::Expired => What::Expired,
        Fact::PostDelivery { action, folder, .. } => What::PostDelivery(action.clone(), folder.clone()),
        Fact::Authentication(auth) if auth.result != AuthResult::Pass && auth.arc_instance.is_none() => {
            What::Authentication(auth.method, auth.result.clone())
        }
        _ => return None,
    })
}

fn details(fact: &Fact, line: &mut Line, names: &mut Names) {
    match fact {
        Fact::Arrival(arrival) => {
            peer(arrival.client.as_ref(), line, names);
            line.connector = arrival.connector.as_deref().and_then(|connector| names.of(connector));
            reply(arrival.reply.as_ref(), arrival.outcome == Outcome::Accepted, line, names);
        }
        Fact::Handover(handover) => {
            peer(handover.to.as_ref(), line, names);
            line.connector = handover.connector.as_deref().and_then(|connector| names.of(connector));
            reply(handover.reply.as_ref(), handover.outcome == Outcome::Accepted, line, names);
        }
        Fact::Verdict(verdict) => {
            line.policy = verdict.policy.as_ref().and_then(|policy| policy_name(policy, names));
            line.said = said(&verdict.said, names);
        }
        Fact::Quarantine(quarantine) => {
            line.policy = quarantine.policy.as_ref().and_then(|policy| policy_name(policy, names));
            line.said = said(&quarantine.said, names);
        }
        Fact::Release(release) => {
            line.by = release.by.as_deref().and_then(|by| names.of(by));
            line.said = said(&release.said, names);
        }
        Fact::Status(status) => {
            peer(status.to.as_ref().or(status.from.as_ref()), line, names);
            line.said = said(&status.said, names);
        }
        Fact::Dsn(dsn) => {
            peer(dsn.remote.as_ref(), line, names);
            reply(Some(&dsn.reply), false, line, names);
        }
        Fact::PostDelivery { by, said: words, .. } => {
            line.by = by.as_ref().and_then(|by| by.name.as_deref()).and_then(|by| names.of(by));
            line.by_kind = by.as_ref().map(|by| by.kind).unwrap_or_default();
            line.said = said(words, names);
        }
        Fact::Stored(stored) => line.said = stored.chosen_by.as_deref().and_then(|by| said(by, names)),
        Fact::Discarded { said: words } => line.said = said(words, names),
        Fact::Authentication(auth) => {
            line.peer = auth.domain.as_deref().and_then(|domain| names.of(domain));
            line.said = said(&auth.said, names);
        }
        _ => {}
    }
}

fn peer(peer: Option<&evidence::Peer>, line: &mut Line, names: &mut Names) {
    let Some(peer) = peer else { return };
    line.peer = peer.name.as_deref().or(peer.ip.as_deref()).and_then(|name| names.of(name));
    line.peer_ip = peer.ip.as_deref().and_then(|ip| names.of(ip));
}

fn policy_name(policy: &evidence::PolicyRef, names: &mut Names) -> Option<Name> {
    names.of(policy.name.as_deref().or(policy.id.as_deref()).or(policy.kind.as_deref())?)
}

/// What was answered; of an acceptance the words tell nothing but ids.
fn reply(reply: Option<&Reply>, is_accepted: bool, line: &mut Line, names: &mut Names) {
    let Some(reply) = reply else { return };
    line.reply_code = reply.reply_code;
    line.enhanced_status_code = reply.enhanced_status_code.as_deref().and_then(|code| names.of(code));
    if !is_accepted {
        line.said = said(&reply.text, names);
    }
}

fn said(text: &str, names: &mut Names) -> Option<Name> {
    let end = text.char_indices().nth(SAID_CHARS).map_or(text.len(), |(at, _)| at);
    names.of(&text[..end])
}

impl Line {
    /// The same line with the names of another store.
    pub(super) fn renamed(mut self, new: &[Option<Name>], number: impl Fn(Name) -> usize) -> Line {
        let of = |name: Option<Name>| name.and_then(|name| new.get(number(name)).copied().flatten());
        self.record = of(self.record);
        self.speaker = of(self.speaker);
        self.message_id = of(self.message_id);
        self.id = of(self.id);
        self.envelope_sender = of(self.envelope_sender);
        self.header_from = of(self.header_from);
        self.envelope_recipient = of(self.envelope_recipient);
        self.peer = of(self.peer);
        self.peer_ip = of(self.peer_ip);
        self.policy = of(self.policy);
        self.connector = of(self.connector);
        self.by = of(self.by);
        self.enhanced_status_code = of(self.enhanced_status_code);
        self.said = of(self.said);
        self
    }
}
