//! Several messages beside each other: as data, and as sections to be drawn.

use std::collections::BTreeMap;

use findings::several::{Decider, Member, Shared, Whose};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::assemble::{Answered, cites, fate, message, standing};
use crate::document::{Cite, Fate, Layer, Message, Report, Standing};
use crate::sheet::{Block, Row, Section, Tone};
use crate::text::{counted, cut};
use crate::view;

/// What was asked for, how many messages fit, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Several {
    /// What the messages have in common, such as `from billing@supplier.example`.
    pub asked: String,
    /// How many messages fit.
    pub found: u64,
    /// How many of them were followed, each to its own answer.
    pub followed: u64,
    /// How many were not followed, because there are too many: the earliest ones.
    pub not_followed: u64,
    /// How many of those followed do not count: they name the sender in their From only.
    pub not_counted: u64,
    /// How many messages count.
    pub messages: u64,
    /// How many copies they have.
    pub copies: u64,
    /// What became of these copies, the commonest first.
    pub fates: Vec<FateCount>,
    /// The first instant of the messages that count.
    pub first: Option<Timestamp>,
    /// Their last.
    pub last: Option<Timestamp>,
    /// Which of `messages` the rest of the report tells in full, counted from 0.
    pub in_full: u64,
}

/// How many copies met one fate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FateCount {
    /// The fate.
    pub fate: Fate,
    /// How many copies.
    pub copies: u64,
}

/// One of several messages, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FollowedMessage {
    /// Who and what it is.
    pub message: Message,
    /// When a record speaks of it first, else its own date.
    pub at: Option<Timestamp>,
    /// What became of its copies.
    pub copies: Vec<FollowedCopy>,
    /// The cause of the first copy that has one; null if none is shown.
    pub cause: Option<FollowedCause>,
    /// Whether fate and cause of every copy are shown.
    pub shown: bool,
    /// Why it does not count; null if it does.
    pub not_counted: Option<String>,
    /// What is open about its sender, though it counts; null if nothing is.
    pub caution: Option<String>,
    /// How to follow it alone; null if its id cannot be copied safely.
    pub command: Option<String>,
}

/// What became of a copy of one of several messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FollowedCopy {
    /// For whom it is; empty text if no record names the recipient.
    pub envelope_recipient: String,
    /// What became of it.
    pub fate: Fate,
    /// The layer whose doing explains that.
    pub changed_layer: Option<Layer>,
    /// Why, in one sentence.
    pub because: String,
    /// The cause; null if it is not shown, or if the copy is simply in the inbox.
    pub cause: Option<FollowedCause>,
    /// Whether fate and cause are shown.
    pub shown: bool,
}

/// The cause of a copy's fate, with what decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FollowedCause {
    /// `family/specific`.
    pub id: String,
    /// Proved or likely.
    pub standing: Standing,
    /// The layer.
    pub layer: Layer,
    /// The product whose record decides.
    pub system: String,
    /// The policy, rule or entry that decided, as the records name it.
    pub policy: Option<String>,
    /// The kind of policy that decided, where the records do not name which one.
    pub policy_kind: Option<String>,
    /// The words of the reply that decided, without what differs from copy to copy.
    pub reply: Option<String>,
    /// The claim.
    pub statement: String,
    /// The records that carry it.
    pub cites: Vec<Cite>,
}

/// A cause that copies of at least two messages share: one id, one system, one policy, rule, entry or reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharedCause {
    /// The cause as the first of them has it; its standing is the weakest of all.
    pub cause: FollowedCause,
    /// How many messages share it.
    pub messages: u64,
    /// How many copies.
    pub copies: u64,
    /// Which.
    pub of: Vec<SharedCopy>,
    /// The instant of the first of them.
    pub first: Option<Timestamp>,
    /// The instant of the last.
    pub last: Option<Timestamp>,
    /// The last copy that was delivered before the first of them.
    pub delivered_before: Option<Timestamp>,
    /// The first copy that was delivered after the last of them.
    pub delivered_after: Option<Timestamp>,
    /// How many copies were delivered between the first and the last.
    pub delivered_between: u64,
}

/// A copy among those of several messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharedCopy {
    /// Which of `messages`, counted from 0.
    pub message: u64,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// For whom it is.
    pub envelope_recipient: String,
}

/// A copy that shares its cause with no other message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exception {
    /// The copy.
    #[serde(flatten)]
    pub copy: SharedCopy,
    /// What became of it.
    pub fate: Fate,
    /// The id of its cause; null if it is not shown, or if it was delivered.
    pub cause: Option<String>,
    /// What parts it from the others.
    pub differs: String,
}

/// How many messages there are beside those that were followed.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// What the messages have in common.
    pub asked: String,
    /// How many were not followed.
    pub not_followed: usize,
    /// Which of those followed is told in full.
    pub in_full: usize,
}

impl FollowedMessage {
    /// One message of several; `command` follows it alone.
    pub fn of(answered: &Answered<'_>, member: &Member, command: Option<String>) -> FollowedMessage {
        let copies: Vec<FollowedCopy> = member
            .copies
            .iter()
            .map(|copy| FollowedCopy {
                envelope_recipient: copy.envelope_recipient.as_str().to_owned(),
                fate: fate(copy.fate),
                changed_layer: copy.changed_layer.map(Layer::from),
                because: copy.because.clone(),
                cause: copy.cause.as_ref().map(cause),
                shown: copy.shown,
            })
            .collect();
        FollowedMessage {
            message: message(answered.trace),
            at: member.at,
            cause: copies.iter().find_map(|copy| copy.cause.clone()),
            copies,
            shown: member.is_shown(),
            not_counted: match &member.whose {
                Whose::OnlyByFrom(envelope) => Some(format!(
                    "only its From names the sender; its envelope sender is {envelope}, and DMARC did not pass"
                )),
                Whose::Unauthenticated(envelope) => Some(format!(
                    "only its From names the sender; its envelope sender is {envelope}, and no record says how DMARC went"
                )),
                Whose::Sought | Whose::Other => None,
            },
            caution: None,
            command,
        }
    }
}

pub(crate) fn cause(cause: &findings::several::SharedCause) -> FollowedCause {
    let (policy, policy_kind, reply) = match &cause.decider {
        Decider::Policy(name) => (Some(name.clone()), None, None),
        Decider::Kind(kind) => (None, Some(kind.clone()), None),
        Decider::Reply(words) => (None, None, Some(words.clone())),
        Decider::Unnamed => (None, None, None),
    };
    FollowedCause {
        id: cause.id.clone(),
        standing: standing(cause.standing),
        layer: cause.layer.into(),
        system: cause.system.clone(),
        policy,
        policy_kind,
        reply,
        statement: cause.statement.clone(),
        cites: cites(&cause.cites),
    }
}

impl Report {
    /// Adds what several messages have in common to the report on one of them.
    ///
    /// `members` are the same messages in the same order.
    pub fn among(
        mut self,
        mut messages: Vec<FollowedMessage>,
        members: &[Member],
        shared: &Shared,
        counts: Counts,
    ) -> Report {
        for at in findings::several::counted(members) {
            messages[at].caution = messages[at].not_counted.take();
        }
        let counted: Vec<&FollowedMessage> = messages.iter().filter(|one| one.not_counted.is_none()).collect();
        let mut fates: BTreeMap<Fate, u64> = BTreeMap::new();
        for copy in counted.iter().flat_map(|one| &one.copies) {
            *fates.entry(copy.fate).or_default() += 1;
        }
        let mut fates: Vec<FateCount> = fates.into_iter().map(|(fate, copies)| FateCount { fate, copies }).collect();
        fates.sort_by_key(|count| (std::cmp::Reverse(count.copies), count.fate));
        self.several = Some(Several {
            asked: counts.asked,
            found: (messages.len() + counts.not_followed) as u64,
            followed: messages.len() as u64,
            not_followed: counts.not_followed as u64,
            not_counted: (messages.len() - counted.len()) as u64,
            messages: counted.len() as u64,
            copies: counted.iter().map(|one| one.copies.len() as u64).sum(),
            fates,
            first: counted.iter().filter_map(|one| one.at).min(),
            last: counted.iter().filter_map(|one| one.at).max(),
            in_full: counts.in_full as u64,
        });
        let copy = |at: usize, copy: usize| SharedCopy {
            message: at as u64,
            message_id: messages[at].message.message_id.clone(),
            envelope_recipient: messages[at].copies[copy].envelope_recipient.clone(),
        };
        let groups = shared.groups.iter().map(|group| SharedCause {
            cause: cause(&group.cause),
            messages: group.messages as u64,
            copies: group.copies.len() as u64,
            of: group.copies.iter().map(|(at, one)| copy(*at, *one)).collect(),
            first: group.first,
            last: group.last,
            delivered_before: group.delivered_before,
            delivered_after: group.delivered_after,
            delivered_between: group.delivered_between as u64,
        });
        self.shared = groups.collect();
        let exceptions = shared.exceptions.iter().map(|(at, one, differs)| Exception {
            copy: copy(*at, *one),
            fate: messages[*at].copies[*one].fate,
            cause: messages[*at].copies[*one].cause.as_ref().map(|cause| cause.id.clone()),
            differs: differs.clone(),
        });
        self.exceptions = exceptions.collect();
        self.messages = messages;
        self
    }
}

/// How many exceptions, and how many messages, a page shows one by one; the JSON holds all.
const ROWS_SHOWN: usize = 60;
/// How many recipients of copies that fared alike are named.
const RECIPIENTS_SHOWN: usize = 3;
/// How many records of a cause are named.
const PLACES_SHOWN: usize = 4;
/// Columns of a subject in a row.
const SUBJECT_COLUMNS: usize = 60;

/// The heading of a report on several messages.
pub(crate) fn title(several: &Several) -> String {
    format!("{} {}", counted(several.messages, "message"), several.asked)
}

/// What stands above the one message that is told in full; nothing for a report on one message.
pub(crate) fn sections(report: &Report) -> Vec<Section> {
    let Some(several) = &report.several else { return Vec::new() };
    let mut sections =
        vec![Section { id: "several", title: "What they share".to_owned(), blocks: summary(report, several) }];
    if !report.exceptions.is_empty() {
        let rows = report.exceptions.iter().take(ROWS_SHOWN).map(|one| exception(report, one)).collect();
        let mut blocks = vec![Block::Rows(rows)];
        blocks.extend(more(report.exceptions.len()));
        let title = if report.shared.is_empty() { "One by one (UTC)" } else { "Exceptions (UTC)" };
        sections.push(Section { id: "exceptions", title: title.to_owned(), blocks });
    }
    let rows = report.messages.iter().take(ROWS_SHOWN).map(row).collect();
    let mut blocks = vec![Block::Rows(rows)];
    blocks.extend(more(report.messages.len()));
    sections.push(Section { id: "messages", title: "Each message (UTC)".to_owned(), blocks });
    sections
}

/// The heading over the one message that is told in full.
pub(crate) fn in_full(report: &Report) -> Option<String> {
    let several = report.several.as_ref()?;
    let at = report.messages.get(usize::try_from(several.in_full).ok()?).and_then(|one| one.at);
    let id = match &report.message.message_id {
        Some(id) => format!("<{id}>"),
        None => format!("the one of {}", time(at)),
    };
    let why = if report.shared.is_empty() { "one of them" } else { "one of those that share the cause" };
    Some(format!("In full: {id}, {why}, {} of {}", several.in_full + 1, several.followed))
}

fn more(all: usize) -> Option<Block> {
    let left = all.checked_sub(ROWS_SHOWN).filter(|left| *left > 0)?;
    Some(Block::Text(Tone::Soft, format!("and {left} more, see the JSON report")))
}

fn summary(report: &Report, several: &Several) -> Vec<Block> {
    let fates: Vec<String> = several.fates.iter().map(|one| format!("{} {}", one.copies, one.fate.word())).collect();
    let fates = if fates.is_empty() { "no copy was found".to_owned() } else { fates.join(", ") };
    let mut facts = vec![("Copies".to_owned(), format!("{}: {fates}", several.copies))];
    if let (Some(first), Some(last)) = (several.first, several.last) {
        facts.push(("From, to".to_owned(), format!("{} to {}", view::instant(first), view::instant(last))));
    }
    let open = report.messages.iter().filter(|one| !one.shown && one.not_counted.is_none()).count();
    if open > 0 {
        facts.push(("Not shown".to_owned(), format!("fate or cause of {}", counted(open as u64, "message"))));
    }
    if several.not_counted > 0 {
        let text = "by the From only, of another envelope sender, and no DMARC pass is shown";
        facts.push(("Not counted".to_owned(), format!("{} {text}", counted(several.not_counted, "message"))));
    }
    let unsure = report.messages.iter().filter(|one| one.caution.is_some()).count();
    if unsure > 0 {
        let text =
            "by the From only, of another envelope sender: whether they are the sender's own no record says (DMARC)";
        facts.push(("Open".to_owned(), format!("{} {text}", counted(unsure as u64, "message"))));
    }
    if several.not_followed > 0 {
        let text = format!("the {} earliest of {}; --limit follows more", several.not_followed, several.found);
        facts.push(("Not followed".to_owned(), text));
    }
    let mut blocks = vec![Block::Facts(facts)];
    let is_all_delivered = several.copies > 0 && several.fates.iter().all(|one| one.fate == Fate::Delivered);
    match report.shared.as_slice() {
        [] if is_all_delivered && open > 0 => {
            blocks.push(Block::Text(Tone::Odd, "Every copy that was found was delivered.".to_owned()));
        }
        [] if is_all_delivered => blocks.push(Block::Text(Tone::Good, "Every copy was delivered.".to_owned())),
        [] => blocks.push(Block::Text(Tone::Odd, "No two of these messages share a cause that is shown.".to_owned())),
        groups => blocks.push(Block::Rows(groups.iter().map(|group| shared(group, several)).collect())),
    }
    blocks
}

fn shared(group: &SharedCause, several: &Several) -> Row {
    let mut notes = vec![told(&group.cause.statement, &group.cause)];
    if let (Some(first), Some(last)) = (group.first, group.last) {
        notes.push(format!("{} to {}", view::instant(first), view::instant(last)));
    }
    let before = group.delivered_before.map(|at| format!("the last before at {}", view::instant(at)));
    let between = Some(group.delivered_between).filter(|count| *count > 0).map(|count| format!("{count} in between"));
    let after = group.delivered_after.map(|at| format!("the first after at {}", view::instant(at)));
    let delivered: Vec<String> = [before, between, after].into_iter().flatten().collect();
    notes.push(match delivered.is_empty() {
        true => "delivered: none before, in between or after".to_owned(),
        false => format!("delivered: {}", delivered.join(", ")),
    });
    Row {
        tone: Tone::Bad,
        lead: format!("{} of {} share", group.messages, several.messages),
        text: format!("{}, {} ({})", decided(&group.cause), group.cause.standing.word(), copies(group.copies)),
        notes,
        ..Row::default()
    }
}

fn copies(count: u64) -> String {
    if count == 1 { "1 copy".to_owned() } else { format!("{count} copies") }
}

/// `content-verdict/spam by the policy "Inbound" (Mimecast)`.
fn decided(cause: &FollowedCause) -> String {
    let by = match (&cause.policy, &cause.reply, &cause.policy_kind) {
        (Some(policy), ..) => format!("by \"{policy}\""),
        (None, Some(reply), _) => format!("with the reply \"{reply}\""),
        (None, None, Some(kind)) => format!("by a policy that the records do not name, of the kind \"{kind}\""),
        (None, None, None) => "by something that the records do not name".to_owned(),
    };
    format!("{} {by} ({})", cause.id, cause.system)
}

/// A sentence about a cause, and where its records stand.
fn told(sentence: &str, cause: &FollowedCause) -> String {
    let places: Vec<String> = cause.cites.iter().take(PLACES_SHOWN).map(Cite::place).collect();
    let more = cause.cites.len().saturating_sub(PLACES_SHOWN);
    let more = if more > 0 { format!(" (+{more} more)") } else { String::new() };
    format!("{sentence} [{}{more}]", places.join(", "))
}

fn exception(report: &Report, one: &Exception) -> Row {
    let message = usize::try_from(one.copy.message).ok().and_then(|at| report.messages.get(at));
    let cause = message.and_then(|message| {
        let own = message.copies.iter().filter(|copy| copy.envelope_recipient == one.copy.envelope_recipient);
        own.filter(|copy| copy.fate == one.fate).find_map(|copy| copy.cause.as_ref())
    });
    let recipient =
        if one.copy.envelope_recipient.is_empty() { "recipient not named" } else { &one.copy.envelope_recipient };
    Row {
        tone: tone(one.fate, message.is_some_and(|message| message.shown)),
        lead: time(message.and_then(|message| message.at)),
        text: format!("{recipient} → {}", one.fate.word()),
        notes: vec![cause.map_or_else(|| one.differs.clone(), |cause| told(&one.differs, cause))],
        ..Row::default()
    }
}

fn row(one: &FollowedMessage) -> Row {
    let mut alike: Vec<(String, Vec<&str>)> = Vec::new();
    for copy in &one.copies {
        let layer = copy.changed_layer.map_or(String::new(), |layer| format!(" at {}", layer.word()));
        let cause = match (&copy.cause, copy.fate) {
            (Some(cause), _) => format!(", {}", cause.id),
            (None, Fate::Delivered) => String::new(),
            (None, _) => ", cause not shown".to_owned(),
        };
        let how = format!("{}{layer}{cause}", copy.fate.word());
        let recipient =
            if copy.envelope_recipient.is_empty() { "recipient not named" } else { &copy.envelope_recipient };
        match alike.iter_mut().find(|(known, _)| *known == how) {
            Some((_, recipients)) => recipients.push(recipient),
            None => alike.push((how, vec![recipient])),
        }
    }
    let told: Vec<String> = alike
        .iter()
        .map(|(how, recipients)| {
            let more = recipients.len().saturating_sub(RECIPIENTS_SHOWN);
            let more = if more > 0 { format!(" (+{more} more)") } else { String::new() };
            format!("{}{more} → {how}", recipients[..recipients.len().min(RECIPIENTS_SHOWN)].join(", "))
        })
        .collect();
    let text = if told.is_empty() { "no copy was found".to_owned() } else { told.join("; ") };
    let subject = one.message.subject.as_ref().map(|subject| format!("subject: {}", cut(subject, SUBJECT_COLUMNS)));
    let worst = one.copies.iter().map(|copy| copy.fate).max_by_key(|fate| *fate != Fate::Delivered);
    Row {
        tone: match (&one.not_counted, worst) {
            (Some(_), _) | (None, None) => Tone::Odd,
            (None, Some(fate)) => tone(fate, one.shown),
        },
        lead: time(one.at),
        text,
        notes: one
            .not_counted
            .iter()
            .map(|why| format!("not counted: {why}"))
            .chain(one.caution.clone())
            .chain(subject)
            .collect(),
        command: one.command.clone(),
        ..Row::default()
    }
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or("time not stated".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn tone(fate: Fate, shown: bool) -> Tone {
    match fate {
        Fate::Delivered => Tone::Good,
        _ if !shown => Tone::Odd,
        Fate::Junked | Fate::Filed | Fate::Forwarded | Fate::ReleasePending | Fate::Deferred => Tone::Warn,
        _ => Tone::Bad,
    }
}
