//! (a) The workflow works for the user: a later message of the same sender, recipient and kind lies in the inbox.

use std::collections::BTreeSet;

use evidence::{Address, Cite, Product, SourceId};
use jiff::Timestamp;
use layers::Fate;
use layers::exports::logs_of;

use super::over::Lives;
use super::{Change, Check, CopyFared, Lies, Message, Scene, shown};

/// The id of the check.
const ID: &str = "workflow";

/// One later message, for one recipient of the case.
#[derive(Clone, Debug)]
pub struct Later {
    /// The message.
    pub message: Message,
    /// For whom.
    pub envelope_recipient: Address,
    /// When the first of our records speaks of it.
    pub at: Timestamp,
    /// What it counts for.
    pub counts: Counts,
    /// Why, in a sentence without a full stop.
    pub because: String,
    /// The records.
    pub cites: Vec<Cite>,
}

/// What a later message counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// It came into the inbox.
    Good,
    /// It was stopped for the reason for which those of the ticket were.
    StoppedAgain,
    /// It was stopped for another reason, or for one that is not shown.
    Stopped,
    /// It came before the change was sure to act.
    TooEarly,
    /// It came through after the change was over.
    TooLate,
    /// It is a message of the ticket, sent or let go once more.
    Resend,
    /// It is of another kind: another From, another way, or not surely of the sender.
    OtherKind,
    /// The evidence does not show where it came to lie.
    NotShown,
}

impl Later {
    /// The copy that is meant.
    pub(super) fn copy(&self) -> Option<&CopyFared> {
        self.message.copies_for(&self.envelope_recipient).next()
    }

    /// Whether it speaks against the change.
    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.counts, Counts::StoppedAgain | Counts::Stopped)
    }

    /// Whether it was stopped as those of the ticket were, or came into the inbox.
    pub(super) fn is_good(&self) -> bool {
        self.counts == Counts::Good
    }
}

/// Every later message for each recipient of the case, by time.
pub(super) fn later(scene: &Scene<'_>, changes: &[Change], acts_at: Timestamp) -> Vec<Later> {
    let made_at = changes.iter().map(|change| change.made_at).max().unwrap_or(acts_at);
    let lives = Lives::of(scene, changes);
    let mut all: Vec<Later> = Vec::new();
    for message in scene.others {
        let Some(at) = message.at.filter(|at| *at >= made_at) else { continue };
        for recipient in scene.recipients {
            for copy in message.copies_for(recipient) {
                let (counts, because) = match (counts(scene, message, copy, at, acts_at), lives.over_at(at)) {
                    ((Counts::Good, _), Some(over)) => {
                        (Counts::TooLate, format!("it came through when the change was over: {over}"))
                    }
                    (counted, _) => counted,
                };
                let cites = match (&copy.lies, counts) {
                    (Lies::Inbox(cite) | Lies::Delivered(cite), Counts::Good) => {
                        std::iter::once(cite).chain(&copy.delivered).cloned().collect()
                    }
                    _ => copy.let_go.iter().chain(&copy.cites).take(4).cloned().collect(),
                };
                let envelope_recipient = recipient.clone();
                all.push(Later { message: message.clone(), envelope_recipient, at, counts, because, cites });
            }
        }
    }
    all.sort_by(|a, b| {
        let key = |one: &Later| (one.at, one.message.message_id.clone(), one.envelope_recipient.clone());
        key(a).cmp(&key(b))
    });
    all
}

fn counts(
    scene: &Scene<'_>,
    message: &Message,
    copy: &CopyFared,
    at: Timestamp,
    acts_at: Timestamp,
) -> (Counts, String) {
    if scene.originals.iter().any(|original| is_resend(original, message)) {
        return (Counts::Resend, "it is a message of the ticket, sent or let go once more".to_owned());
    }
    if let Some(because) = other_kind(scene, message, copy, at) {
        return (Counts::OtherKind, because);
    }
    if at < acts_at {
        return (Counts::TooEarly, format!("it came before {}, when the change is sure to act", shown(acts_at)));
    }
    fared(scene, copy)
}

/// Whether a message is one of the ticket: by an id, or by the Date and subject that its author wrote.
fn is_resend(original: &Message, message: &Message) -> bool {
    let is_dated_alike = original.sent_at.is_some() && original.sent_at == message.sent_at;
    let is_titled_alike = original.subject.is_some() && original.subject == message.subject;
    !original.ids.is_disjoint(&message.ids) || is_dated_alike && is_titled_alike
}

/// Why a message is of another kind; `None` if nothing that the records show says so.
fn other_kind(scene: &Scene<'_>, message: &Message, copy: &CopyFared, at: Timestamp) -> Option<String> {
    if !message.is_of_sender {
        return Some("no record shows that it is of the sender: only its From says so".to_owned());
    }
    let froms: BTreeSet<&Address> = scene.originals.iter().filter_map(|one| one.header_from.as_ref()).collect();
    if let Some(from) = message.header_from.as_ref().filter(|from| !froms.is_empty() && !froms.contains(from)) {
        return Some(format!("its From is {from}"));
    }
    let envelopes: BTreeSet<&str> =
        scene.originals.iter().filter_map(|one| one.envelope_sender.as_ref()?.domain()).collect();
    let envelope = message.envelope_sender.as_ref().and_then(Address::domain);
    if let Some(envelope) = envelope.filter(|domain| !envelopes.is_empty() && !envelopes.contains(domain)) {
        return Some(format!("its envelope sender is of {envelope}"));
    }
    let way = products(copy);
    let missed = carriers(scene).into_iter().find(|product| {
        let covers = |log: &&SourceId| scene.ledger.around().covers_until(log, at).is_some();
        !way.contains(product) && logs_of(product).iter().any(|log| covers(&log))
    })?;
    let name = evidence::System::of(missed);
    Some(format!("it took another way: the log of {name} covers the moment and has nothing of it"))
}

/// The systems that carried a copy, filters that only look at it left out.
pub(super) fn products(copy: &CopyFared) -> BTreeSet<Product> {
    let all = copy.way.iter().map(|stop| stop.system.product.clone());
    all.filter(is_carrier).collect()
}

fn is_carrier(product: &Product) -> bool {
    !matches!(product, Product::Rspamd | Product::Amavis | Product::Dovecot | Product::Entra | Product::Other(_))
}

/// The systems that carried the messages of the ticket, as far as their own records show.
pub(super) fn carriers(scene: &Scene<'_>) -> BTreeSet<Product> {
    let copies = scene.originals.iter().flat_map(|message| &message.copies);
    let stops = copies.flat_map(|copy| &copy.way).filter(|stop| !stop.cites.is_empty());
    stops.map(|stop| stop.system.product.clone()).filter(is_carrier).collect()
}

fn fared(scene: &Scene<'_>, copy: &CopyFared) -> (Counts, String) {
    let is_same = copy.cause.as_ref().is_some_and(|cause| causes(scene).contains(cause.id.as_str()));
    let stopped = if is_same { Counts::StoppedAgain } else { Counts::Stopped };
    match (copy.fate, &copy.lies) {
        (Fate::Delivered, _) if copy.let_go.is_some() => {
            (stopped, "it was kept back and came only because somebody let it go".to_owned())
        }
        (Fate::Delivered, Lies::Inbox(_)) => (Counts::Good, "it lies in the inbox".to_owned()),
        (Fate::Delivered, Lies::Delivered(_)) if was_about_folders(scene) => {
            let because = "it was delivered, and no record names the folder, on which the trouble of the ticket turns";
            (Counts::NotShown, because.to_owned())
        }
        (Fate::Delivered, Lies::Delivered(_)) => {
            (Counts::Good, "the mailbox system delivered it, and no record says that it was moved".to_owned())
        }
        (Fate::Delivered, Lies::NotSaid) => {
            (Counts::NotShown, "only a server on the way says that it handed it on: that is no mailbox".to_owned())
        }
        (Fate::Deferred, _) if !is_same => (Counts::NotShown, "it is still under way".to_owned()),
        (Fate::Unknown, _) => (Counts::NotShown, format!("it is not shown what became of it: {}", copy.because)),
        _ => (stopped, copy.because.clone()),
    }
}

/// The causes of the ticket.
fn causes<'s>(scene: &'s Scene<'_>) -> BTreeSet<&'s str> {
    let copies = scene.originals.iter().flat_map(|message| &message.copies);
    copies.filter_map(|copy| copy.cause.as_ref()).map(|cause| cause.id.as_str()).collect()
}

/// Whether the mail of the ticket reached the mailbox and lay in the wrong place: a word that does not name the folder shows nothing then.
fn was_about_folders(scene: &Scene<'_>) -> bool {
    let mut copies = scene.originals.iter().flat_map(|message| &message.copies);
    copies.any(|copy| {
        let is_misplaced =
            matches!(copy.fate, Fate::Junked | Fate::Filed | Fate::Forwarded | Fate::RemovedAfterDelivery);
        is_misplaced && copy.recipients.iter().any(|one| scene.recipients.contains(one))
    })
}

/// How many messages a statement names.
const NAMED: usize = 3;

/// Whether the workflow works.
pub(super) fn check(scene: &Scene<'_>, later: &[Later]) -> Check {
    let stopped: Vec<&Later> = later.iter().filter(|one| one.is_stopped()).collect();
    if let Some(first) = stopped.iter().find(|one| one.counts == Counts::StoppedAgain).or(stopped.first()) {
        return came_back(later, &stopped, first);
    }
    let without: Vec<&Address> = scene
        .recipients
        .iter()
        .filter(|recipient| !later.iter().any(|one| one.is_good() && one.envelope_recipient == **recipient))
        .collect();
    if scene.recipients.is_empty() || !without.is_empty() {
        return cannot_tell(scene, later, &without);
    }
    if scene.not_followed > 0 {
        let told = format!(
            "{} earlier messages after the change fit and were not followed: one of them may have been stopped",
            scene.not_followed
        );
        return Check::cannot_tell(ID, told, Vec::new());
    }
    let good: Vec<&Later> = later.iter().filter(|one| one.is_good()).collect();
    let cites = good.iter().flat_map(|one| one.cites.clone()).collect();
    let Some(last) = good.last() else { return cannot_tell(scene, later, &without) };
    let count = match good.len() {
        1 => "a new message came through,".to_owned(),
        many => format!("{many} new messages came through and none was stopped, the last one"),
    };
    let statement = format!(
        "{count} {} for {} at {}: {}",
        last.message.name(),
        last.envelope_recipient,
        shown(last.at),
        last.because
    );
    Check::held(ID, statement, cites)
}

fn came_back(later: &[Later], stopped: &[&Later], first: &Later) -> Check {
    let how = match first.counts {
        Counts::StoppedAgain => "was stopped again for the reason of the ticket",
        _ => "was stopped, not for a reason that is shown to be that of the ticket, but the workflow does not work",
    };
    let mut statement = format!(
        "{} for {} {how} at {}: {}",
        first.message.name(),
        first.envelope_recipient,
        shown(first.at),
        first.because
    );
    if stopped.len() > 1 {
        statement = format!("{statement}; {} later messages were stopped in all", stopped.len());
    }
    let good = later.iter().filter(|one| one.is_good()).count();
    if good > 0 {
        statement = format!("{statement}; {good} came through");
    }
    let cites = std::iter::once(first).chain(stopped.iter().copied().take(NAMED)).flat_map(|one| one.cites.clone());
    Check::came_back(ID, statement, cites.collect())
}

fn cannot_tell(scene: &Scene<'_>, later: &[Later], without: &[&Address]) -> Check {
    let for_whom: Vec<String> = without.iter().take(NAMED).map(ToString::to_string).collect();
    let own = || later.iter().filter(|one| without.contains(&&one.envelope_recipient));
    let mut asked: Vec<SourceId> = Vec::new();
    let because = if scene.recipients.is_empty() {
        "it is not shown for whom it is to work: name the recipient".to_owned()
    } else if own().next().is_none() {
        asked.extend(traces(scene));
        let since = scene.since_when();
        format!("the evidence shows no message of this sender for {} after the change{since}", for_whom.join(", "))
    } else {
        let told: Vec<String> = own()
            .take(NAMED)
            .map(|one| format!("{} at {}: {}", one.message.name(), shown(one.at), one.because))
            .collect();
        asked.extend(own().filter_map(Later::copy).flat_map(|copy| copy.ask_for.clone()));
        if was_about_folders(scene) {
            asked.extend(["exchange-online/message-trace-detail", "defender/email-events"]);
        }
        asked.extend(traces(scene));
        format!("no later message for {} shows it: {}", for_whom.join(", "), told.join("; "))
    };
    let cites = own().take(NAMED).flat_map(|one| one.cites.clone()).collect();
    Check::cannot_tell(ID, because, asked).citing(cites)
}

/// The exports that would show later messages at the mailbox.
pub(super) fn traces(scene: &Scene<'_>) -> Vec<SourceId> {
    let mut asked: Vec<SourceId> = Vec::new();
    for product in carriers(scene) {
        asked.extend(layers::exports::onward_of(&product).first());
        asked.extend(layers::exports::onward_of(&product).last());
    }
    if asked.is_empty() {
        asked.push("exchange-online/message-trace");
    }
    asked.sort_unstable();
    asked.dedup();
    asked
}
