//! What a sample needs: what stopped which copies of a message, and by what that message can be told from others.

use std::collections::BTreeSet;
use std::net::IpAddr;

use evidence::{
    Address, AuthMethod, AuthResult, Carried, Cite, ConditionOn, Effect, Fact, Folder, Identifier, Layer, ListWord,
    Peer, PolicyRef, Product, QuarantineState, Setting, SettingClass, VerdictKind,
};
use findings::{Answer, Finding, Kind, Scene, Standing};
use jiff::Timestamp;
use layers::{End, Explained, Fate, Stay};
use trace::{Event, Phase};

use crate::Value;

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
    /// The address that handed the message to our side; `None` if it is not shown, or `client_is_disputed`.
    pub client: Option<IpAddr>,
    /// Whether records of the system that took it name several addresses as the one that handed it over: which one did is not shown.
    pub client_is_disputed: bool,
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

/// Order and scope of policies that stand in the way beside the cause: each is mended for itself.
const ORDERS: &[&str] = &[
    "policy-scope-or-order/rule-order",
    "policy-scope-or-order/preset-overrides-custom",
    "policy-scope-or-order/policy-scope",
];

/// What lies behind a failed authentication, what tells most about the mending first.
const BEHIND: &[&str] = &[
    "authentication-alignment/spf-of-the-gateway",
    "authentication-alignment/dkim-body-changed",
    "authentication-alignment/dkim-key-missing",
    "authentication-alignment/dkim-unaligned",
    "authentication-alignment/spf-unaligned",
];

impl Need {
    /// What the followed message needs; empty if nothing stopped it.
    ///
    /// A message of which the evidence does not show how it fared needs something too: evidence. Its need is not shown.
    pub fn of(scene: &Scene<'_>, answers: &[Answer], findings: &[Finding]) -> Vec<Need> {
        let mut needs: Vec<Need> = Vec::new();
        let message = Known::of(scene);
        for (copy, answer) in scene.copies.iter().zip(answers) {
            if copy.fate == Fate::Delivered {
                continue;
            }
            let own = Own { copy, answer, findings };
            let cause = own.cause();
            for order in own.orders() {
                add(&mut needs, own.need(Some(order), &message));
            }
            let mut need = own.need(cause, &message);
            need.see_connectors(scene);
            need.see_entry(scene);
            add(&mut needs, need);
        }
        if scene.copies.is_empty() {
            needs.push(message.of_nobody(findings));
        }
        needs
    }
}

/// What a failed check of the sender is laid to where the address that was checked is that of our own gateway.
const OF_THE_GATEWAY: &str = "authentication-alignment/spf-of-the-gateway";

impl Need {
    /// Takes the address that was checked for our own gateway's if one of our connectors names it and does not look behind it: then the sender's
    /// address was never checked.
    fn see_connectors(&mut self, scene: &Scene<'_>) {
        let (Some(client), Product::ExchangeOnline) = (self.client, &self.product) else { return };
        let connector = scene.lake.surroundings().iter().find(|entry| match &entry.observation.fact {
            Fact::Setting(setting) => takes_for_the_sender(setting, client),
            _ => false,
        });
        let Some(connector) = connector else { return };
        self.is_behind_a_gateway = true;
        if BY_ADDRESS.contains(&self.cause.as_str()) {
            self.cause = OF_THE_GATEWAY.to_owned();
            self.because = format!(
                "{}; the address that was checked, {client}, is that of our own connector, which does not look behind it",
                self.because
            );
            extend(&mut self.cites, [connector.observation.cite.clone()]);
        }
    }
}

/// What a message is laid to that an entry of the organisation's own stopped.
const BLOCK_ENTRY: &str = "policy-scope-or-order/block-entry";

impl Need {
    /// Takes the entry by name from the list that was supplied, if just one there blocks this sender.
    fn see_entry(&mut self, scene: &Scene<'_>) {
        if self.cause != BLOCK_ENTRY || self.product != Product::ExchangeOnline {
            return;
        }
        let entries = scene.lake.surroundings().iter().filter_map(|entry| match &entry.observation.fact {
            Fact::Setting(setting) if self.is_blocked_by(setting) => Some((setting.entry.as_ref()?, entry)),
            _ => None,
        });
        let entries: Vec<_> = entries.collect();
        let Some((first, entry)) = entries.first().filter(|(first, _)| entries.iter().all(|(one, _)| one == first))
        else {
            return;
        };
        self.policy = Some(first.value.clone());
        extend(&mut self.cites, [entry.observation.cite.clone()]);
    }

    /// Whether an entry blocks the sender; a pair of sender and infrastructure blocks what was judged a forgery, and nothing else.
    fn is_blocked_by(&self, setting: &Setting) -> bool {
        let names =
            |sender: &Address, text: &str| Value::Address(sender.clone()).is_within(&Value::party(text, Value::Domain));
        let is_named = match (&setting.class, self.verdict == Some(VerdictKind::Spoof)) {
            (SettingClass::SpoofEntry, true) => {
                let users = setting
                    .conditions
                    .iter()
                    .filter(|one| matches!(one.on, ConditionOn::Sender | ConditionOn::SenderDomain));
                let mut users = users.flat_map(|one| &one.values);
                users.any(|user| self.header_from.as_ref().is_some_and(|from| names(from, user)))
            }
            (SettingClass::ListEntry | SettingClass::SenderPolicy, false) => {
                let value = setting.entry.as_ref().map_or("", |entry| entry.value.as_str());
                self.header_from.iter().chain(&self.envelope_sender).any(|sender| names(sender, value))
            }
            _ => false,
        };
        let is_there = setting.created.as_ref().zip(self.at).is_none_or(|(made, at)| made.at <= at)
            && setting.expires.as_ref().zip(self.at).is_none_or(|(end, at)| end.at > at);
        let is_block = setting.entry.as_ref().is_some_and(|entry| entry.says == ListWord::Block);
        is_named && is_block && is_there && setting.effect != Effect::Off
    }
}

impl Need {
    /// Leaves the address out that handed the message over, as records of one system name several.
    fn see_dispute(&mut self, dispute: Dispute<'_>) {
        let Dispute { judged: (judged, check), taken: (taken, arrival) } = dispute;
        self.client = None;
        self.client_is_disputed = true;
        self.because = format!(
            "{}; the records disagree about the address that sent it: SPF was checked for {judged}, another record says that it came from {taken}. \
             Which of them sent it is not shown, so nothing is proposed that rests on it",
            self.because
        );
        extend(&mut self.cites, [check.observation.cite.clone(), arrival.observation.cite.clone()]);
    }
}

/// Causes that follow when the address of a gateway is checked instead of the sender's.
const BY_ADDRESS: &[&str] = &[
    "authentication-alignment/spf-fail",
    "authentication-alignment/dmarc-fail",
    "authentication-alignment/spf-unaligned",
];

/// Whether an inbound connector names this address, and takes it for the sender's (Microsoft, Enhanced filtering for connectors, read
/// 2026-08-20).
fn takes_for_the_sender(setting: &Setting, client: IpAddr) -> bool {
    let holds = |values: &[String]| {
        let own = Value::Network(client, client);
        values.iter().filter_map(|value| Value::network(value)).any(|network| own.is_within(&network))
    };
    let looks_behind = setting.properties.iter().any(|property| {
        let is_yes = || property.values.iter().any(|value| value.eq_ignore_ascii_case("true"));
        property.name.eq_ignore_ascii_case("EFSkipLastIP") && is_yes()
            || property.name.eq_ignore_ascii_case("EFSkipIPs") && holds(&property.values)
    });
    setting.class == SettingClass::InboundConnector
        && !matches!(setting.effect, Effect::Off | Effect::ReportOnly)
        && setting.conditions.iter().any(|one| one.on == ConditionOn::SourceAddress && holds(&one.values))
        && !looks_behind
}

/// Adds what a copy needs to what others of the same system and reason do.
fn add(needs: &mut Vec<Need>, need: Need) {
    let is_same = |known: &&mut Need| {
        known.product == need.product
            && known.cause == need.cause
            && known.verdict == need.verdict
            && known.policy == need.policy
            && known.is_shown == need.is_shown
            && known.client_is_disputed == need.client_is_disputed
    };
    let Some(known) = needs.iter_mut().find(is_same) else {
        needs.push(need);
        return;
    };
    known.envelope_recipients.extend(need.envelope_recipients);
    for held in need.held {
        if !known.held.iter().any(|one| one.envelope_recipient == held.envelope_recipient && one.id == held.id) {
            known.held.push(held);
        }
    }
    extend(&mut known.cites, need.cites);
    for export in need.ask_for {
        if !known.ask_for.contains(&export) {
            known.ask_for.push(export);
        }
    }
    known.client = known.client.or(need.client);
    known.is_behind_a_gateway |= need.is_behind_a_gateway;
    known.signed_by.extend(need.signed_by);
    // One that failed is enough: what is let through has to be sure for all.
    known.dmarc_passed = match (known.dmarc_passed, need.dmarc_passed) {
        (Some(one), Some(other)) => Some(one && other),
        (one, other) => one.or(other),
    };
    known.at = known.at.into_iter().chain(need.at).min();
}

fn extend(cites: &mut Vec<Cite>, more: impl IntoIterator<Item = Cite>) {
    for cite in more {
        if !cites.iter().any(|known| known.order() == cite.order()) {
            cites.push(cite);
        }
    }
}

/// What the message is known by, whatever became of its copies.
struct Known {
    header_from: Option<Address>,
    envelope_sender: Option<Address>,
    message_id: Option<String>,
    subject: Option<String>,
    urls: BTreeSet<String>,
    attachments: BTreeSet<String>,
    /// As the Received fields of a sample tell: whether a gateway stands in front, and which address our mail system took it from.
    by_hops: (bool, Option<IpAddr>),
}

impl Known {
    fn of(scene: &Scene<'_>) -> Known {
        let facts = &scene.trace.message;
        let mut known = Known {
            header_from: facts.header_from.clone(),
            envelope_sender: facts.envelope_sender.clone().filter(|sender| !sender.is_null()),
            message_id: facts.message_id.clone(),
            subject: facts.subject.clone(),
            urls: BTreeSet::new(),
            attachments: BTreeSet::new(),
            by_hops: by_hops(scene),
        };
        for event in scene.trace.copies.iter().flat_map(events) {
            match event.fact() {
                Fact::Carried(Carried::Url { url, .. }) => _ = known.urls.insert(url.clone()),
                Fact::Carried(Carried::Attachment { sha256: Some(hash), .. }) => {
                    known.attachments.insert(hash.to_ascii_lowercase());
                }
                _ => {}
            }
        }
        known
    }

    /// The need of a message of which no record tells for whom it was.
    fn of_nobody(&self, findings: &[Finding]) -> Need {
        let gap = findings.iter().find(|finding| finding.kind == Kind::Gap);
        let mut need = self.blank(Product::Other("a system that no record names".to_owned()));
        need.because = gap.map_or("no record of the message was found".to_owned(), |gap| gap.statement.clone());
        need.ask_for = gap.map(|gap| gap.ask_for.clone()).unwrap_or_default();
        need
    }

    fn blank(&self, product: Product) -> Need {
        Need {
            product,
            verdict: None,
            cause: String::new(),
            is_shown: false,
            because: String::new(),
            cites: Vec::new(),
            ask_for: Vec::new(),
            policy: None,
            envelope_recipients: BTreeSet::new(),
            held: Vec::new(),
            header_from: self.header_from.clone(),
            envelope_sender: self.envelope_sender.clone(),
            client: None,
            client_is_disputed: false,
            is_behind_a_gateway: false,
            signed_by: BTreeSet::new(),
            dmarc_passed: None,
            message_id: self.message_id.clone(),
            subject: self.subject.clone(),
            urls: self.urls.clone(),
            attachments: self.attachments.clone(),
            at: None,
        }
    }
}

fn events(copy: &trace::Copy) -> impl Iterator<Item = &Event> {
    copy.stations.iter().flat_map(|station| &station.events).chain(&copy.beside)
}

/// Whether the Received fields of a sample name a gateway in front of our mail system, and from which address that took the message.
fn by_hops(scene: &Scene<'_>) -> (bool, Option<IpAddr>) {
    for sample in trace::samples(scene.lake) {
        let observations: Vec<&evidence::Observation> = sample.iter().map(|entry| &entry.observation).collect();
        let hops = trace::hops(&observations, &[]);
        let own = hops.legs.iter().rev().find(|leg| matches!(leg.phase, Phase::OurSystem | Phase::Mailbox));
        let Some(own) = own else { continue };
        let client = own.hop.from.as_ref().and_then(ip_of);
        return (hops.legs.iter().any(|leg| leg.phase == Phase::Gateway), client);
    }
    (false, None)
}

/// The address of a peer that is another machine.
fn ip_of(peer: &Peer) -> Option<IpAddr> {
    if peer.is_loopback() { None } else { address(peer.ip.as_deref()?) }
}

fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches(['[', ']']);
    text.strip_prefix("IPv6:").unwrap_or(text).parse().ok().filter(|ip: &IpAddr| !ip.is_loopback())
}

/// A copy that was not delivered, with what was found about it.
struct Own<'a> {
    copy: &'a Explained<'a>,
    answer: &'a Answer,
    findings: &'a [Finding],
}

impl<'a> Own<'a> {
    /// The findings about this copy.
    fn own(&self) -> impl Iterator<Item = &'a Finding> + '_ {
        let recipient = &self.copy.copy.envelope_recipient;
        self.findings.iter().filter(move |finding| {
            finding.envelope_recipient.as_ref().map_or(recipient.is_null(), |about| about == recipient)
        })
    }

    fn shown(&self) -> impl Iterator<Item = &'a Finding> + '_ {
        self.own().filter(|finding| matches!(finding.standing, Standing::Proved | Standing::Likely))
    }

    /// The cause of its fate, if one is shown.
    fn cause(&self) -> Option<&'a Finding> {
        let is_it = |finding: &&Finding| finding.kind == Kind::Cause && finding.statement == self.answer.because;
        self.shown().find(is_it).filter(|_| self.answer.shown)
    }

    /// What the order and scope of policies had to do with it.
    fn orders(&self) -> impl Iterator<Item = &'a Finding> + '_ {
        let is_it = |finding: &&Finding| ORDERS.contains(&finding.id.as_str()) && finding.kind == Kind::Risk;
        self.shown().filter(is_it).filter(|_| self.cause().is_some())
    }

    /// What lies behind a failed authentication: it tells who has to mend what.
    fn behind(&self, cause: &Finding) -> Option<&'a Finding> {
        let is_about_the_sender = cause.id.starts_with("authentication-alignment/") || cause.id.ends_with("/spoof");
        let behind = || BEHIND.iter().find_map(|id| self.shown().find(|finding| finding.id == *id));
        behind().filter(|_| is_about_the_sender).filter(|behind| behind.id != cause.id)
    }

    fn need(&self, cause: Option<&Finding>, message: &Known) -> Need {
        let behind = cause.and_then(|cause| self.behind(cause));
        let verdict = self.verdict(cause);
        let side = Side::of(self.copy);
        let mut need = message.blank(self.doer(cause));
        need.verdict = verdict.and_then(|(class, nearest)| weightier(class, nearest));
        need.cause = behind.or(cause).map(|finding| finding.id.clone()).unwrap_or_default();
        need.is_shown = cause.is_some();
        need.because = match (cause, behind) {
            (Some(cause), Some(behind)) => format!("{}; {}", cause.statement, behind.statement),
            (Some(cause), None) => cause.statement.clone(),
            (None, _) => self.answer.because.clone(),
        };
        extend(&mut need.cites, cause.into_iter().chain(behind).flat_map(|finding| finding.cites.clone()));
        let open = self.own().filter(|finding| matches!(finding.kind, Kind::Cause | Kind::Gap) && cause.is_none());
        for export in cause.into_iter().chain(behind).chain(open).flat_map(|finding| &finding.ask_for) {
            if !need.ask_for.contains(export) {
                need.ask_for.push(export);
            }
        }
        need.policy = cause.and_then(|cause| self.policy(cause));
        need.envelope_recipients =
            Some(self.copy.copy.envelope_recipient.clone()).filter(|to| !to.is_null()).into_iter().collect();
        need.held = self.held().into_iter().collect();
        need.is_behind_a_gateway = side.is_behind_a_gateway || message.by_hops.0;
        need.client = side.client.or(message.by_hops.1);
        if let Some(dispute) = side.dispute.filter(|_| !need.is_behind_a_gateway) {
            need.see_dispute(dispute);
        }
        need.signed_by = side.signed_by;
        need.dmarc_passed = side.dmarc_passed;
        need.at = self.copy.decided().and_then(Stay::start);
        need
    }

    /// Whose doing it was: the filter whose verdict explains it, the system that refused it, or the one at which it stopped.
    fn doer(&self, cause: Option<&Finding>) -> Product {
        let Some(stay) = self.copy.decided() else {
            return Product::Other("a system that no record names".to_owned());
        };
        if let Some((verdict, _)) = self.verdict(cause) {
            return verdict.observation.speaker.product.clone();
        }
        let refuser = match stay.end {
            _ if self.is_own_doing(cause) => None,
            End::HandoverRefused(event) | End::Deferred(event) | End::GaveUp(event, _) => refuser(event),
            End::Failed(event) => refuser(event),
            _ => stay.dsns.iter().find_map(|event| refuser(event)),
        };
        refuser.unwrap_or_else(|| stay.station.system.product.clone())
    }

    /// The filter's verdict that explains it: the class, then the record that names the reason nearest. One that only marked what a
    /// later server refused for another reason explains nothing.
    fn verdict(&self, cause: Option<&Finding>) -> Option<(&'a Event, &'a Event)> {
        let families = ["content-verdict/", "authentication-alignment/", "policy-scope-or-order/"];
        let is_a_filters = |cause: &Finding| families.iter().any(|family| cause.id.starts_with(family));
        let may = cause.is_none_or(is_a_filters) || self.held().is_some();
        findings::verdict_of(self.copy).filter(|_| may)
    }

    /// Whether the cause lies at the system itself, whatever the next one said.
    fn is_own_doing(&self, cause: Option<&Finding>) -> bool {
        cause.is_some_and(|cause| cause.layer == Layer::Mailbox)
    }

    /// The policy, rule or entry that the cause's records name.
    fn policy(&self, cause: &Finding) -> Option<String> {
        let stay = self.copy.decided()?;
        let own = ENTRIES_AND_RULES.iter().find(|(id, _)| *id == cause.id).map(|(_, kind)| kind);
        let by_own = || {
            let same = stay.adverse_verdicts().filter(|event| kind_of(event) == own);
            same.filter_map(|event| policy_of(event.fact())).find_map(named)
        };
        // What kept the message back because of an entry is a policy, and not the entry.
        if matches!(own, Some(VerdictKind::BlockEntry | VerdictKind::UserBlock)) {
            return by_own();
        }
        if let Some(rule) = own.and_then(|_| by_own()) {
            return Some(rule);
        }
        let places: Vec<_> = cause.cites.iter().map(Cite::order).collect();
        let is_cited = |event: &&&Event| places.contains(&event.observation.cite.order());
        let cited = stay.station.events.iter().filter(|event| is_cited(&event));
        let cited = cited.filter_map(|event| policy_of(event.fact())).find_map(named);
        let acted = || {
            let (class, nearest) = self.verdict(Some(cause))?;
            [nearest, class].into_iter().filter_map(|event| policy_of(event.fact())).find_map(named)
        };
        let of_kind = || {
            let acted = kind_of(self.verdict(Some(cause))?.1)?;
            let same = stay.adverse_verdicts().filter(|event| kind_of(event) == Some(acted));
            same.filter_map(|event| policy_of(event.fact())).find_map(named)
        };
        let beside = || stay.holds.iter().filter_map(|event| policy_of(event.fact())).find_map(named);
        cited.or_else(acted).or_else(of_kind).or_else(beside)
    }

    /// The copy's place in a quarantine, if it is there now.
    fn held(&self) -> Option<Held> {
        let stay = self.copy.decided()?;
        let is_kept = matches!(
            stay.end,
            End::Held(_)
                | End::HeldAgain(..)
                | End::ReleaseRequested(_)
                | End::ReleaseDenied(_)
                | End::ReleasedForOthers(_)
                | End::ReleaseFailed(_)
        );
        let is_kept = is_kept && matches!(self.copy.fate, Fate::Quarantined | Fate::ReleasePending);
        // What a purge took out of the mailbox lies in the quarantine too.
        let is_purged = matches!(stay.end, End::Removed(event) if is_in_quarantine(event.fact()));
        let holds = stay.station.events.iter().filter(|event| is_in_quarantine(event.fact()));
        let with_id = |event: &&Event| matches!(event.fact(), Fact::Quarantine(kept) if kept.id.is_some());
        let hold = holds.clone().rfind(with_id).or_else(|| holds.clone().next_back());
        let hold = hold.filter(|_| is_kept || is_purged)?;
        let stated = match hold.fact() {
            Fact::Quarantine(kept) => kept.id.clone(),
            _ => None,
        };
        let id = stated.or_else(|| queue_id(stay, hold));
        let envelope_recipient = self.copy.copy.envelope_recipient.clone();
        Some(Held { envelope_recipient, id, cite: hold.observation.cite.clone() })
            .filter(|held| !held.envelope_recipient.is_null())
    }
}

/// Causes that are the doing of one entry or rule, with the verdict by which a record names that one.
const ENTRIES_AND_RULES: &[(&str, VerdictKind)] = &[
    (BLOCK_ENTRY, VerdictKind::BlockEntry),
    ("policy-scope-or-order/user-block-list", VerdictKind::UserBlock),
    ("policy-scope-or-order/transport-rule", VerdictKind::TransportRule),
    ("policy-scope-or-order/data-loss-rule", VerdictKind::DataLoss),
];

/// Whether a fact says that a copy lies in a quarantine.
fn is_in_quarantine(fact: &Fact) -> bool {
    match fact {
        Fact::Quarantine(kept) => kept.state == QuarantineState::Held,
        Fact::PostDelivery { folder, .. } => *folder == Some(Folder::Quarantine),
        _ => false,
    }
}

/// The id under which a server of the operator's own keeps a copy back: that of the record of the hold.
fn queue_id(stay: &Stay<'_>, hold: &Event) -> Option<String> {
    let ids = || hold.observation.about.ids.iter();
    let mail_id = || {
        ids().chain(&stay.station.ids).find_map(|id| match id {
            Identifier::MailId(id) => Some(id.clone()),
            _ => None,
        })
    };
    let queue_id = || {
        ids().find_map(|id| match id {
            Identifier::QueueId { id, .. } => Some(id.clone()),
            _ => None,
        })
    };
    match hold.observation.speaker.product {
        Product::Amavis => mail_id(),
        Product::Postfix | Product::Exim => queue_id(),
        _ => None,
    }
}

/// The verdict on which policies act: the class if nothing reaches past it (and no entry of ours made it that), else what the record
/// that names the reason nearest says.
fn weightier(class: &Event, nearest: &Event) -> Option<VerdictKind> {
    let is_final = |kind: &&VerdictKind| matches!(kind, VerdictKind::HighConfidencePhish | VerdictKind::Malware);
    let is_ours = |kind: &VerdictKind| matches!(kind, VerdictKind::BlockEntry | VerdictKind::UserBlock);
    let nearest = kind_of(nearest);
    let class = kind_of(class).filter(is_final).filter(|_| !nearest.is_some_and(is_ours));
    class.or(nearest).cloned()
}

fn kind_of(event: &Event) -> Option<&VerdictKind> {
    match event.fact() {
        Fact::Verdict(verdict) => Some(&verdict.kind),
        _ => None,
    }
}

fn policy_of(fact: &Fact) -> Option<&PolicyRef> {
    match fact {
        Fact::Verdict(verdict) => verdict.policy.as_ref(),
        Fact::Quarantine(kept) => kept.policy.as_ref(),
        _ => None,
    }
}

fn named(policy: &PolicyRef) -> Option<String> {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    said(&policy.name).or_else(|| said(&policy.id))
}

/// The system that refused, where another one did.
fn refuser(event: &Event) -> Option<Product> {
    let (peer, said) = match event.fact() {
        Fact::Handover(handover) if handover.spoken_by_next_hop => {
            (handover.to.as_ref(), handover.reply.as_ref().map_or("", |reply| reply.text.as_str()))
        }
        Fact::Dsn(dsn) => (dsn.remote.as_ref(), dsn.reply.text.as_str()),
        _ => return None,
    };
    let name = || peer.filter(|peer| !peer.is_loopback())?.name.clone().map(Product::Other);
    layers::is_vendor_cloud(peer, said).or_else(name)
}

/// Two records of one system that name different addresses as the one that handed the message over.
struct Dispute<'a> {
    /// The address that was judged, and the result of its check.
    judged: (IpAddr, &'a Event),
    /// The address from which the message came by the system's own record of the arrival.
    taken: (IpAddr, &'a Event),
}

/// What our side saw of who sent it.
struct Side<'a> {
    client: Option<IpAddr>,
    /// What speaks against `client`.
    dispute: Option<Dispute<'a>>,
    is_behind_a_gateway: bool,
    signed_by: BTreeSet<String>,
    dmarc_passed: Option<bool>,
}

impl<'a> Side<'a> {
    /// As the system that decided saw it, with the others on the same machine path.
    fn of(copy: &'a Explained<'a>) -> Side<'a> {
        let decided = copy.decided().map(|stay| &stay.station.system.product);
        let is_beside =
            |stay: &&Stay<'_>| decided.is_none_or(|product| are_one_path(product, &stay.station.system.product));
        let own = || copy.stays.iter().filter(is_beside);
        let is_first = copy.stays.first().is_none_or(|first| is_beside(&first));
        let mut side = Side {
            client: own().find_map(client_of).map(|(client, _)| client),
            dispute: own().find_map(dispute),
            is_behind_a_gateway: !is_first,
            signed_by: BTreeSet::new(),
            dmarc_passed: None,
        };
        side.weigh(own());
        side
    }

    fn weigh<'s>(&mut self, stays: impl Iterator<Item = &'s Stay<'s>>) {
        for event in stays.flat_map(|stay| &stay.authentications) {
            let Fact::Authentication(result) = event.fact() else { continue };
            if result.arc_instance.is_some() {
                continue;
            }
            match (result.method, &result.result) {
                (AuthMethod::Dkim, AuthResult::Pass) => {
                    self.signed_by.extend(result.domain.as_ref().map(|domain| domain.to_lowercase()));
                }
                (AuthMethod::Dmarc, AuthResult::Pass) => _ = self.dmarc_passed.get_or_insert(true),
                (AuthMethod::Dmarc, AuthResult::Fail) => self.dmarc_passed = Some(false),
                (AuthMethod::Spf, _) => {
                    self.client = self.client.or_else(|| address(result.client.as_deref()?));
                }
                _ => {}
            }
        }
    }
}

/// Whether two systems are one, or parts of one mail path of the operator's own.
fn are_one_path(one: &Product, other: &Product) -> bool {
    let is_own = |product: &Product| {
        matches!(product, Product::Postfix | Product::Amavis | Product::Rspamd | Product::Dovecot | Product::Exim)
    };
    one == other || is_own(one) && is_own(other)
}

/// The address from which a system took the message, as its own records state it, with the record.
fn client_of<'a>(stay: &Stay<'a>) -> Option<(IpAddr, &'a Event)> {
    let arrived = stay.arrivals.iter().find_map(|event| match event.fact() {
        Fact::Arrival(arrival) => Some((ip_of(arrival.client.as_ref()?)?, *event)),
        _ => None,
    });
    let by_word = || {
        stay.words.iter().find_map(|event| match event.fact() {
            Fact::Status(status) => Some((ip_of(status.from.as_ref()?)?, *event)),
            _ => None,
        })
    };
    arrived.or_else(by_word)
}

/// What a system's check of the sender and its record of the arrival say, if they name different addresses.
fn dispute<'a>(stay: &Stay<'a>) -> Option<Dispute<'a>> {
    let taken = client_of(stay)?;
    let mut checked = stay.authentications.iter().filter_map(|event| match event.fact() {
        Fact::Authentication(result) if result.method == AuthMethod::Spf && result.arc_instance.is_none() => {
            Some((address(result.client.as_deref()?)?, *event))
        }
        _ => None,
    });
    let judged = checked.next().filter(|(judged, _)| *judged != taken.0)?;
    checked.all(|(other, _)| other != taken.0).then_some(Dispute { judged, taken })
}
