//! What is to be looked at, in the order of the mission; when a check is open, and by which record it is done.
//!
//! The words and the vendors' commands are data (`checklist.toml`); the rules stand here. A check is open if its layer is not
//! shown for a copy whose fate rests on it; it is done if a record shows the layer; else it does not bear on the ticket.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use evidence::{Address, Cite, Fact, Layer, NextHop, Outcome, Product, SourceId, System, TraceStatus};
use lake::Entry;
use layers::{End, Explained, Fate, Stage, State};
use serde::Deserialize;
use trace::Event;

use super::fill::Shell;
use crate::{Answer, Finding, Kind, Scene, Standing};

/// One check: what is looked at, by which tier, and about which layer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// Which.
    pub id: CheckId,
    /// 1 or 2.
    pub tier: u8,
    /// The layer that it shows.
    #[serde(deserialize_with = "layer")]
    pub layer: Layer,
    /// What is said to the person who does it.
    pub step: String,
    /// What was looked at, once it is done.
    pub done: String,
}

/// The checks, in the order in which they are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckId {
    /// The quarantine of the system at which the copy was last seen.
    Quarantine,
    /// Junk and the other folders of the mailbox.
    Junk,
    /// The recipient's address, its aliases and groups.
    Address,
    /// The message itself, its headers, or the bounce.
    Headers,
    /// Any record at all of the message.
    Trace,
    /// Policy hits and verdicts.
    Policy,
    /// Authentication and alignment.
    Alignment,
    /// Connectors and routes.
    Connectors,
    /// The record of the release.
    Release,
    /// The next system's own record.
    Downstream,
    /// Rules, forwarding and junk settings of the mailbox.
    Mailbox,
    /// Who changed what, and did what.
    Audit,
    /// No check but a deed: how one message is let go for one recipient.
    LetGo,
    /// No check but a deed: how a wrong verdict is reported to the vendor.
    Report,
    /// No check but a deed: where rules, policies and entries are looked at.
    Settings,
}

impl CheckId {
    /// The check that shows a layer.
    pub(crate) fn of_layer(layer: Layer) -> CheckId {
        match layer {
            Layer::Arrival => CheckId::Trace,
            Layer::Authentication => CheckId::Alignment,
            Layer::Verdict => CheckId::Policy,
            Layer::Quarantine => CheckId::Quarantine,
            Layer::Release => CheckId::Release,
            Layer::Delivery => CheckId::Downstream,
            Layer::Mailbox => CheckId::Mailbox,
        }
    }
}

/// How a check is done in one system.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct How {
    /// The check.
    pub check: CheckId,
    /// The system's id, or `any`.
    pub system: String,
    /// The export that this gives.
    pub fetches: Option<String>,
    /// By whose rules the command is quoted.
    pub shell: Option<Shell>,
    /// The command.
    pub command: Option<String>,
    /// The click path, or where the command is run.
    #[serde(rename = "where")]
    pub place: Option<String>,
    /// Who says so, and the day it was read.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever keeps the table"))]
    pub source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checklist {
    pub check: Vec<Check>,
    pub how: Vec<How>,
}

pub(crate) static CHECKLIST: LazyLock<Checklist> = LazyLock::new(|| {
    toml::from_str(include_str!("checklist.toml")).unwrap_or(Checklist { check: Vec::new(), how: Vec::new() })
});

fn layer<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Layer, D::Error> {
    let said = String::deserialize(from)?;
    let known = |layer: &Layer| layer.id() == said;
    Layer::ALL.into_iter().find(known).ok_or_else(|| serde::de::Error::custom(format!("no layer is called {said}")))
}

/// How a check is done in a system: the system's own way, that of the systems it is made of, or the one for all.
pub(crate) fn how(check: CheckId, system: Option<&Product>) -> Option<&'static How> {
    let id = system.map(|product| System::of(product.clone()).id()).unwrap_or_default();
    let of = |id: &str| CHECKLIST.how.iter().find(|how| how.check == check && how.system == id);
    // The parts of one mail path of the operator's own write into one log and are looked at on one host.
    let beside: &[&str] = match (id.as_str(), check) {
        ("postfix" | "amavis" | "rspamd" | "exim", CheckId::Junk | CheckId::Mailbox) => &["dovecot"],
        ("amavis" | "rspamd" | "dovecot" | "proxmox-mail-gateway", _) => &["postfix"],
        _ => &[],
    };
    [id.as_str()].iter().chain(beside).chain(&["any"]).find_map(|id| of(id))
}

/// How a check stands for one copy.
pub(crate) enum Stand {
    /// To be done, in this system if it is known.
    Open(Option<Product>),
    /// Done: what it showed, and the records.
    Done(String, Vec<Cite>),
    /// It does not bear on this copy.
    Idle,
}

/// One copy with all that its checks are judged by.
pub(crate) struct Standings<'a> {
    scene: &'a Scene<'a>,
    copy: &'a Explained<'a>,
    stages: &'a [Stage],
    cause: Option<&'a Finding>,
    sample: Option<&'a Entry>,
    has_notice: bool,
    place: Option<Product>,
}

/// What the checks of every copy are judged by, read once: a message may have thousands of copies.
pub(crate) struct Shared<'a> {
    /// The first statement of the first sample that holds fields of a message.
    pub sample: Option<&'a Entry>,
    /// Whether a sample is there at all: a notice may hold no field of the message.
    has_notice: bool,
    /// The first cause that is shown of all copies, with its place among the findings.
    of_all: Option<(usize, &'a Finding)>,
    /// The first cause that is shown of each recipient's.
    of_recipient: BTreeMap<&'a Address, (usize, &'a Finding)>,
}

impl<'a> Shared<'a> {
    pub(crate) fn of(scene: &'a Scene<'a>, findings: &'a [Finding]) -> Shared<'a> {
        let samples = trace::samples(scene.lake);
        let has_notice = !samples.is_empty();
        let has_fields = |entry: &&Entry| !matches!(entry.observation.fact, Fact::Dsn(_) | Fact::Note { .. });
        let with_fields = |sample: &&Vec<&'a Entry>| sample.iter().copied().any(|entry| has_fields(&entry));
        let sample = samples.iter().find(with_fields).and_then(|sample| sample.first().copied());
        let mut shared = Shared { sample, has_notice, of_all: None, of_recipient: BTreeMap::new() };
        let is_shown = |finding: &Finding| {
            finding.kind == Kind::Cause && matches!(finding.standing, Standing::Proved | Standing::Likely)
        };
        for found in findings.iter().enumerate().filter(|(_, finding)| is_shown(finding)) {
            match &found.1.envelope_recipient {
                None => _ = shared.of_all.get_or_insert(found),
                Some(recipient) => _ = shared.of_recipient.entry(recipient).or_insert(found),
            }
        }
        shared
    }

    /// The first cause of a recipient's copy that is shown.
    fn cause(&self, recipient: &Address) -> Option<&'a Finding> {
        let own = self.of_recipient.get(recipient).copied();
        own.into_iter().chain(self.of_all).min_by_key(|(place, _)| *place).map(|(_, finding)| finding)
    }
}

impl<'a> Standings<'a> {
    pub(crate) fn of(
        scene: &'a Scene<'a>,
        copy: &'a Explained<'a>,
        answer: &'a Answer,
        shared: &Shared<'a>,
    ) -> Standings<'a> {
        let cause = shared.cause(&copy.copy.envelope_recipient);
        let place = place_of(copy, &answer.stages, scene);
        Standings {
            scene,
            copy,
            stages: &answer.stages,
            cause,
            sample: shared.sample,
            has_notice: shared.has_notice,
            place,
        }
    }

    /// How a check stands.
    pub(crate) fn stand(&self, check: CheckId) -> Stand {
        match check {
            CheckId::Quarantine => self.quarantine(),
            CheckId::Junk => self.mailbox(CheckId::Junk),
            CheckId::Mailbox => self.mailbox(CheckId::Mailbox),
            CheckId::Address => self.address(),
            CheckId::Headers => self.headers(),
            CheckId::Trace => self.trace(),
            CheckId::Policy => self.policy(),
            CheckId::Alignment => self.alignment(),
            CheckId::Connectors => self.connectors(),
            CheckId::Release => self.release(),
            CheckId::Downstream => self.downstream(),
            CheckId::Audit => self.audit(),
            CheckId::LetGo | CheckId::Report | CheckId::Settings => Stand::Idle,
        }
    }

    fn quarantine(&self) -> Stand {
        let stage = self.stage(Layer::Quarantine);
        match stage.map(|stage| stage.state) {
            Some(State::Conflict) => Stand::Open(self.decided()),
            // What the gateway let go may be held by the system that took it.
            _ if self.is_beyond() && !self.is_outside() => match self.searched() {
                Some(list) => {
                    Stand::Done(format!("the supplied {list} covers that time and does not hold it"), Vec::new())
                }
                None => Stand::Open(self.place.clone()),
            },
            Some(State::NotSupplied) if self.copy.fate == Fate::Unknown && !self.is_outside() => {
                Stand::Open(self.place.clone())
            }
            _ => self.done(Layer::Quarantine),
        }
    }

    /// Where in the mailbox the copy lies, or what the mailbox did with it.
    fn mailbox(&self, check: CheckId) -> Stand {
        let not_shown = self.state(Layer::Mailbox) == Some(State::NotSupplied);
        let settings_supplied = check == CheckId::Mailbox && self.has("exchange-online/inbox-rules");
        let by_whom_unknown = matches!(self.copy.fate, Fate::Filed | Fate::Junked | Fate::Forwarded)
            && check == CheckId::Mailbox
            && !self.is_proved();
        let may_lie_there = matches!(self.copy.fate, Fate::Delivered | Fate::Unknown) && !self.is_outside();
        if (not_shown && may_lie_there && self.may_have_arrived() || by_whom_unknown) && !settings_supplied {
            return Stand::Open(self.place.clone());
        }
        if check == CheckId::Junk { self.done(Layer::Mailbox) } else { Stand::Idle }
    }

    fn address(&self) -> Stand {
        if let Some(event) = self.confirms_the_address() {
            let said = format!("{}: {}", event.observation.speaker, layers::of_event(event));
            return Stand::Done(said, layers::cites([event]));
        }
        // What to do about an unknown recipient stands with that cause.
        let is_open = self.copy.fate == Fate::Unknown && !self.is_outside();
        if is_open { Stand::Open(self.place.clone()) } else { Stand::Idle }
    }

    fn headers(&self) -> Stand {
        if let Some(entry) = self.sample {
            return Stand::Done(
                format!("{} was supplied", entry.observation.cite.file),
                vec![entry.observation.cite.clone()],
            );
        }
        let is_open = match self.copy.fate {
            Fate::Delivered => false,
            Fate::Unknown => true,
            // The notice is there: it holds nothing of the header that could be fetched from it.
            _ if self.has_notice => false,
            _ => !self.is_proved() || self.is_open(Layer::Authentication) && self.is_about(Layer::Authentication),
        };
        if is_open { Stand::Open(None) } else { Stand::Idle }
    }

    fn trace(&self) -> Stand {
        let has_record = self.copy.stays.iter().any(|stay| {
            let on_the_way = |event: &&Event| {
                !trace::is_sample(event.source) && !matches!(event.fact(), Fact::Identity(_) | Fact::Note { .. })
            };
            stay.station.events.iter().any(|event| on_the_way(&event))
        });
        if has_record {
            return self.done(Layer::Arrival);
        }
        if matches!(self.copy.fate, Fate::Delivered) || self.is_proved() {
            return Stand::Idle;
        }
        Stand::Open(self.place.clone())
    }

    fn policy(&self) -> Stand {
        let was_stopped = matches!(
            self.copy.fate,
            Fate::Quarantined
                | Fate::ReleasePending
                | Fate::Junked
                | Fate::Discarded
                | Fate::Rejected
                | Fate::Lost
                | Fate::RemovedAfterDelivery
        );
        let by_verdict = self.cause.is_some_and(|cause| {
            cause.id.starts_with("content-verdict/") || cause.id.starts_with("policy-scope-or-order/")
        });
        let unknown = self.cause.is_none() && was_stopped && !self.is_shown(Layer::Verdict);
        if unknown || by_verdict && !self.is_proved() {
            // A notice tells what another system decided: the one whose record is asked for.
            let asked = self.cause.and_then(|cause| cause.ask_for.iter().find_map(|source| product_of(source)));
            return Stand::Open(asked.or(self.decided()));
        }
        self.done(Layer::Verdict)
    }

    fn alignment(&self) -> Stand {
        let adverse = !matches!(self.copy.fate, Fate::Delivered | Fate::Unknown | Fate::Deferred | Fate::Forwarded);
        let conflict = self.state(Layer::Authentication) == Some(State::Conflict);
        let likely = self.is_about(Layer::Authentication) && !self.is_proved();
        if conflict || likely || adverse && self.cause.is_none() && self.is_open(Layer::Authentication) {
            return Stand::Open(None);
        }
        self.done(Layer::Authentication)
    }

    fn connectors(&self) -> Stand {
        let routing = self.cause.is_some_and(|cause| cause.id.starts_with("connector-routing/"));
        let in_the_way = matches!(self.copy.fate, Fate::Bounced | Fate::Deferred | Fate::Rejected | Fate::Lost);
        let is_open = in_the_way && (self.cause.is_none() || routing && !self.is_proved());
        if is_open && !self.has("exchange-online/connectors") && !self.has("mimecast/connectors") {
            return Stand::Open(self.decided());
        }
        Stand::Idle
    }

    fn release(&self) -> Stand {
        let Some(stage) = self.stage(Layer::Release) else { return Stand::Idle };
        let was_held = matches!(self.state(Layer::Quarantine), Some(State::Changed | State::Stopped));
        let is_missing = stage.state == State::NotSupplied || !stage.ask_for.is_empty();
        if was_held && is_missing && self.copy.fate != Fate::Delivered {
            return Stand::Open(self.held_at());
        }
        if was_held { self.done(Layer::Release) } else { Stand::Idle }
    }

    fn downstream(&self) -> Stand {
        let is_missing = matches!(self.state(Layer::Delivery), Some(State::NotSupplied | State::Absent));
        let left = self.is_beyond() || matches!(self.end(), Some(End::Released(_)));
        if is_missing && left && !self.is_outside() {
            return Stand::Open(self.place.clone());
        }
        self.done(Layer::Delivery)
    }

    /// The audit history tells who changed a policy or an entry, and who did something with the copy.
    fn audit(&self) -> Stand {
        if ["exchange-online/audit-log", "mimecast/audit-events", "google/activity"].iter().any(|log| self.has(log)) {
            return Stand::Idle;
        }
        let by_setting = self.cause.is_some_and(|cause| cause.id.starts_with("policy-scope-or-order/"));
        let by_somebody = self.cause.is_none()
            && matches!(self.copy.fate, Fate::RemovedAfterDelivery | Fate::Filed | Fate::Discarded | Fate::Forwarded);
        let gone = matches!(self.end(), Some(End::DeletedFromQuarantine(_)));
        let system = self.decided();
        let is_kept = how(CheckId::Audit, system.as_ref()).is_some();
        if is_kept && (by_setting || by_somebody || gone) { Stand::Open(system) } else { Stand::Idle }
    }

    /// The list of the next system's quarantine, if it was supplied and would show the copy.
    fn searched(&self) -> Option<SourceId> {
        let (Some(End::HandedOver(event) | End::Delivered(event)), Some(place)) = (self.end(), &self.place) else {
            return None;
        };
        let at = event.at()?;
        let lists = layers::exports::holds_of(place).iter().copied().filter(|list| layers::exports::is_list(list));
        lists.into_iter().find(|list| layers::would_show(self.scene.lake, self.copy.copy, list, at))
    }

    /// The record by which a layer is shown.
    fn done(&self, layer: Layer) -> Stand {
        match self.stage(layer) {
            Some(stage) if self.is_shown(layer) && !stage.cites.is_empty() => {
                Stand::Done(stage.summary.clone(), stage.cites.clone())
            }
            _ => Stand::Idle,
        }
    }

    fn stage(&self, layer: Layer) -> Option<&'a Stage> {
        self.stages.iter().find(|stage| stage.layer == layer)
    }

    fn state(&self, layer: Layer) -> Option<State> {
        self.stage(layer).map(|stage| stage.state)
    }

    fn is_shown(&self, layer: Layer) -> bool {
        matches!(
            self.state(layer),
            Some(State::Passed | State::Changed | State::Stopped | State::Pending | State::Absent)
        )
    }

    fn is_open(&self, layer: Layer) -> bool {
        matches!(self.state(layer), Some(State::NotSupplied | State::Conflict))
    }

    fn is_proved(&self) -> bool {
        self.cause.is_some_and(|cause| cause.standing == Standing::Proved)
    }

    fn is_about(&self, layer: Layer) -> bool {
        self.cause.is_some_and(|cause| cause.layer == layer)
    }

    fn has(&self, source: SourceId) -> bool {
        self.scene.lake.has(source)
    }

    fn end(&self) -> Option<End<'a>> {
        self.copy.decided().map(|stay| stay.end)
    }

    fn decided(&self) -> Option<Product> {
        self.copy.decided().map(|stay| stay.station.system.product.clone()).or(self.place.clone())
    }

    fn held_at(&self) -> Option<Product> {
        let held = self.copy.stays.iter().rev().find(|stay| !stay.holds.is_empty());
        held.map(|stay| stay.station.system.product.clone()).or(self.decided())
    }

    /// Whether the copy went on to a system whose own record is not there.
    fn is_beyond(&self) -> bool {
        self.copy.fate == Fate::Unknown && matches!(self.end(), Some(End::HandedOver(_) | End::Delivered(_)))
    }

    /// Whether a mailbox may hold it: nothing shows that it was kept back before.
    fn may_have_arrived(&self) -> bool {
        !matches!(self.state(Layer::Quarantine), Some(State::Stopped | State::Conflict))
            && self.state(Layer::Delivery) != Some(State::Absent)
    }

    /// Whether the copy left for somebody else's system: nothing can be looked up there.
    fn is_outside(&self) -> bool {
        self.stage(Layer::Delivery).is_some_and(|stage| stage.ask_for == ["message/bounce"])
    }

    /// A record by which a system that keeps mailboxes knows the address.
    fn confirms_the_address(&self) -> Option<&'a Event> {
        let keeps_mailboxes = |event: &Event| {
            matches!(
                event.observation.speaker.product,
                Product::ExchangeOnline | Product::GoogleWorkspace | Product::Dovecot
            )
        };
        let confirms = |event: &&'a Event| match event.fact() {
            Fact::Stored(_) | Fact::PostDelivery { .. } => true,
            Fact::Redirect(_) => true,
            Fact::Handover(handover) => {
                handover.next_hop == NextHop::MailboxStore && handover.outcome == Outcome::Accepted
            }
            Fact::Quarantine(_) => keeps_mailboxes(event),
            Fact::Status(status) => {
                keeps_mailboxes(event)
                    && matches!(
                        status.status,
                        TraceStatus::Delivered | TraceStatus::Quarantined | TraceStatus::FilteredAsSpam
                    )
            }
            _ => false,
        };
        self.copy.stays.iter().flat_map(|stay| &stay.station.events).find(confirms)
    }
}

/// The system at which a copy was last seen, or the next one if it was handed on.
fn place_of(copy: &Explained<'_>, stages: &[Stage], scene: &Scene<'_>) -> Option<Product> {
    let decided = copy.decided().map(|stay| stay.station.system.product.clone());
    let delivery = stages.iter().find(|stage| stage.layer == Layer::Delivery);
    let asked = delivery.and_then(|stage| stage.ask_for.iter().find_map(|source| product_of(source)));
    let went_on = matches!(copy.decided().map(|stay| stay.end), Some(End::HandedOver(_) | End::Delivered(_)));
    let known = decided.filter(|product| !matches!(product, Product::Other(_)));
    if went_on && copy.fate == Fate::Unknown {
        return asked.or(known).filter(|product| is_named(product, scene));
    }
    known.or(asked)
}

/// Whether the evidence names a system: a record of its own, settings of it, or a host of its cloud that took or sent mail. What stands
/// behind a gateway is not Exchange Online because it often is.
pub(crate) fn is_named(product: &Product, scene: &Scene<'_>) -> bool {
    let is_its = |event: &Event| {
        let peer = match event.fact() {
            Fact::Handover(handover) => handover.to.as_ref(),
            Fact::Arrival(arrival) => arrival.client.as_ref(),
            Fact::Hop(hop) => hop.by.as_ref(),
            Fact::Dsn(dsn) => dsn.remote.as_ref().or(dsn.reporting.as_ref()),
            _ => None,
        };
        let said = match event.fact() {
            Fact::Handover(handover) => handover.reply.as_ref().map_or("", |reply| reply.text.as_str()),
            Fact::Dsn(dsn) => dsn.reply.text.as_str(),
            _ => "",
        };
        event.observation.speaker.product == *product || layers::is_vendor_cloud(peer, said).as_ref() == Some(product)
    };
    let of_it = |source: SourceId| product_of(source).as_ref() == Some(product);
    let supplied = || scene.lake.supplied().iter().filter_map(|file| file.source).any(of_it);
    let events = scene.trace.copies.iter().flat_map(|copy| {
        copy.stations.iter().flat_map(|station| &station.events).chain(&copy.beside).chain(&copy.notices)
    });
    supplied() || events.into_iter().any(is_its) || is_a_mail_exchanger(product, scene)
}

/// Whether a DNS answer that was supplied names a host of a system's cloud.
fn is_a_mail_exchanger(product: &Product, scene: &Scene<'_>) -> bool {
    let answers = scene.lake.surroundings().iter().filter_map(|entry| match &entry.observation.fact {
        Fact::Dns(answer) if answer.record_type == "MX" => Some(answer),
        _ => None,
    });
    let hosts = answers.flat_map(|answer| &answer.data);
    hosts.flat_map(|value| value.split_whitespace()).any(|host| {
        let name = host.trim_end_matches('.').to_lowercase();
        layers::is_vendor_cloud(Some(&evidence::Peer { name: Some(name), ..Default::default() }), "").as_ref()
            == Some(product)
    })
}

/// The system that a kind of export is of.
pub(crate) fn product_of(source: SourceId) -> Option<Product> {
    Some(match source.split('/').next()? {
        "exchange-online" | "defender" => Product::ExchangeOnline,
        "mimecast" => Product::Mimecast,
        "postfix" => Product::Postfix,
        "amavis" => Product::Amavis,
        "rspamd" => Product::Rspamd,
        "dovecot" => Product::Dovecot,
        "exim" => Product::Exim,
        "cisco" => Product::CiscoSecureEmail,
        "proofpoint" => Product::Proofpoint,
        "google" => Product::GoogleWorkspace,
        "proxmox" => Product::ProxmoxMailGateway,
        _ => return None,
    })
}
