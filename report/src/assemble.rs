//! Puts what was found into the contract's document.

use std::collections::BTreeSet;

use evidence::{Fact, Folder, Layer, Observation, Product, VerdictKind, Zone};
use findings::Found;
use jiff::{SignedDuration, Timestamp};
use lake::{Lake, Supplied};
use layers::Explained;
use trace::Trace;

use crate::document::{self, ReplyExplained};
use crate::picture::Picture;
use crate::sample::SampleHeaders;
use crate::{several, stated, timeline};

/// All that an answer rests on.
#[derive(Clone, Copy)]
pub struct Answered<'a> {
    /// What was supplied and stated.
    pub lake: &'a Lake,
    /// The way of the message.
    pub trace: &'a Trace,
    /// What the stages did, copy by copy.
    pub copies: &'a [Explained<'a>],
    /// What was found.
    pub found: &'a Found,
    /// Messages of other samples that were supplied and are not followed.
    pub others: &'a [sources::Candidate],
    /// Names of hosts or domains that the user calls ours.
    pub trusted: &'a [String],
}

/// Makes the report. `sha256` gives the hash of a file, if it is known.
pub fn assemble(answered: &Answered<'_>, sha256: impl Fn(&str) -> Option<String>) -> document::Report {
    let Answered { lake, trace, copies, found, others, trusted } = *answered;
    let answers = copies.iter().zip(&found.answers);
    let snapshots = lake.snapshots();
    document::Report {
        schema: document::SCHEMA.to_owned(),
        message: message(trace),
        copies: answers.map(|(copy, answer)| copy_of(copy, answer, found)).collect(),
        findings: found.findings.iter().map(finding).collect(),
        next_steps: found.next_steps.iter().map(|step| next_step(step, trace)).collect(),
        checked: found.checked.iter().map(checked).collect(),
        evidence: lake.supplied().iter().map(|file| evidence_file(file, &snapshots, &sha256)).collect(),
        assumptions: assumptions(lake, others),
        exports: exports(found, trace),
        samples: samples(lake, trusted),
        ..document::Report::default()
    }
}

/// What was found in the rows of all files, if no message is followed.
#[derive(Clone, Copy)]
pub struct Surveyed<'a> {
    /// What was supplied, and what is stated around messages.
    pub lake: &'a Lake,
    /// What was found.
    pub findings: &'a [findings::Finding],
    /// What to do next.
    pub next_steps: &'a [findings::NextStep],
    /// Why no message is followed, in one sentence.
    pub because: &'a str,
}

/// Makes the report of evidence in which no message is singled out: symptoms, and no copies.
pub fn surveyed(surveyed: &Surveyed<'_>, sha256: impl Fn(&str) -> Option<String>) -> document::Report {
    let Surveyed { lake, findings, next_steps, because } = *surveyed;
    let (trace, snapshots) = (Trace::default(), lake.snapshots());
    document::Report {
        schema: document::SCHEMA.to_owned(),
        findings: findings.iter().map(finding).collect(),
        next_steps: next_steps.iter().map(|step| next_step(step, &trace)).collect(),
        evidence: lake.supplied().iter().map(|file| evidence_file(file, &snapshots, &sha256)).collect(),
        assumptions: std::iter::once(because.to_owned()).chain(assumptions(lake, &[])).collect(),
        exports: exports_of(findings.iter().flat_map(|finding| finding.ask_for.iter().copied()), &trace),
        ..document::Report::default()
    }
}

fn samples(lake: &Lake, trusted: &[String]) -> Vec<SampleHeaders> {
    let of = |sample: Vec<&lake::Entry>| {
        let observations: Vec<&Observation> = sample.iter().map(|entry| &entry.observation).collect();
        SampleHeaders::of(&observations, trusted)
    };
    trace::samples(lake).into_iter().map(of).filter(|sample| !sample.is_empty()).collect()
}

/// Who and what the followed message is.
pub fn message(trace: &Trace) -> document::Message {
    let facts = &trace.message;
    document::Message {
        message_id: facts.message_id.clone(),
        network_message_ids: facts.network_message_ids.iter().cloned().collect(),
        envelope_sender: facts.envelope_sender.as_ref().map(|sender| sender.as_str().to_owned()),
        header_from: facts.header_from.as_ref().map(|from| from.as_str().to_owned()),
        envelope_recipients: facts.envelope_recipients.iter().map(|to| to.as_str().to_owned()).collect(),
        subject: facts.subject.clone(),
        sent_at: facts.sent_at.as_ref().map(|when| when.at),
        sample: facts.sample.as_ref().map(ToString::to_string),
    }
}

fn copy_of(copy: &Explained<'_>, answer: &findings::Answer, found: &Found) -> document::MessageCopy {
    document::MessageCopy {
        envelope_recipient: copy.copy.envelope_recipient.as_str().to_owned(),
        fate: fate(copy.fate),
        changed_layer: answer.changed_layer.map(document::Layer::from),
        layers: answer.stages.iter().map(|stage| layer_state(stage, copy)).collect(),
        timeline: events_of(copy),
        because: Some(answer.because.clone()),
        families: answer.families.iter().map(family).collect(),
        replies: findings::status::of_copy(copy).into_iter().map(ReplyExplained::from).collect(),
        cause: findings::several::cause_of(copy, answer, found).as_ref().map(several::cause),
        identifiers: stated::identifiers(copy),
        stated: stated::parts(copy),
        releases: stated::releases(copy),
    }
}

fn family(weighed: &findings::Weighed) -> document::Family {
    document::Family {
        family: weighed.family.to_owned(),
        standing: standing(weighed.standing),
        statement: weighed.statement.clone(),
        cites: cites(&weighed.cites),
        ask_for: weighed.ask_for.iter().map(ToString::to_string).collect(),
    }
}

/// A stage; the one system that speaks in it stands in a field of its own instead of in front of the sentence.
fn layer_state(stage: &layers::Stage, copy: &Explained<'_>) -> document::LayerState {
    let speakers: BTreeSet<String> = copy
        .copy
        .stations
        .iter()
        .flat_map(|station| &station.events)
        .filter(|event| stage.cites.iter().any(|cite| cite.order() == event.observation.cite.order()))
        .map(|event| event.observation.speaker.to_string())
        .collect();
    let only = speakers.first().filter(|_| speakers.len() == 1);
    let told = only.and_then(|system| Some((system, stage.summary.strip_prefix(system.as_str())?.strip_prefix(": ")?)));
    document::LayerState {
        layer: stage.layer.into(),
        state: state(stage.state),
        summary: told.map_or_else(|| stage.summary.clone(), |(_, summary)| summary.to_owned()),
        cites: cites(&stage.cites),
        system: told.map(|(system, _)| system.clone()),
    }
}

/// What happened to a copy, by time; statements without an instant stand in the layers instead.
///
/// Of one instant the Received fields come first, the oldest before all, then the stations in the order of the way, then what became of notices;
/// what one log tells stands in the order of its lines.
fn events_of(copy: &Explained<'_>) -> Vec<document::Event> {
    let hops = hops(copy).into_iter().map(|event| (event, false));
    let stations = copy.copy.stations.iter().flat_map(|station| &station.events).map(|event| (event, false));
    let notices = copy.copy.notices.iter().map(|event| (event, true));
    let mut all: Vec<(&trace::Event, bool)> = hops.chain(stations).chain(notices).collect();
    all.sort_by_key(|(event, _)| event.at());
    let all = timeline::by_lines(all, |(event, _)| {
        let cite = &event.observation.cite;
        timeline::is_written_in_order(event.source).then_some((event.at()?, cite.file.to_string(), cite.bytes.start))
    });
    let mut events: Vec<document::Event> = all
        .into_iter()
        .filter(|(event, _)| !matches!(event.fact(), Fact::Identity(_)))
        .filter_map(|(event, notice)| {
            let when = event.observation.when.as_ref()?;
            let summary = layers::of_event(event);
            Some(document::Event {
                at: when.at,
                system: event.observation.speaker.to_string(),
                layer: layer_of(&event.observation).into(),
                summary: if notice { format!("the notice: {summary}") } else { summary },
                cites: vec![document::Cite::from(&event.observation.cite)],
                assumed: match &when.zone {
                    Zone::Stated => None,
                    Zone::Assumed(how) => Some(how.clone()),
                },
            })
        })
        .collect();
    events.dedup_by(|a, b| a.at == b.at && a.summary == b.summary && a.cites == b.cites);
    events
}

/// The Received fields of each sample, the oldest first: that is the lowest.
fn hops<'a>(copy: &'a Explained<'_>) -> Vec<&'a trace::Event> {
    let hop = |event: &'a trace::Event| match event.fact() {
        Fact::Hop(hop) => Some((hop.index, event)),
        _ => None,
    };
    let mut hops: Vec<(u32, &trace::Event)> = copy.copy.beside.iter().filter_map(hop).collect();
    hops.sort_by(|(one, event), (other, beside)| {
        (&event.observation.cite.file, other).cmp(&(&beside.observation.cite.file, one))
    });
    hops.into_iter().map(|(_, event)| event).collect()
}

/// The layer that a fact belongs to on the timeline.
fn layer_of(observation: &Observation) -> Layer {
    match &observation.fact {
        Fact::Identity(_) | Fact::Hop(_) | Fact::Arrival(_) => Layer::Arrival,
        Fact::Authentication(_) => Layer::Authentication,
        Fact::Verdict(verdict) if matches!(verdict.kind, VerdictKind::Authentication(_)) => Layer::Authentication,
        Fact::Verdict(_) => Layer::Verdict,
        Fact::Quarantine(_) => Layer::Quarantine,
        Fact::Release(_) => Layer::Release,
        Fact::Stored(stored) if matches!(stored.folder, None | Some(Folder::Inbox)) => Layer::Delivery,
        Fact::Stored(_) | Fact::PostDelivery { .. } => Layer::Mailbox,
        Fact::Discarded { .. } if observation.speaker.product == Product::Dovecot => Layer::Mailbox,
        Fact::Discarded { .. } => Layer::Verdict,
        _ => Layer::Delivery,
    }
}

pub(crate) fn standing(standing: findings::Standing) -> document::Standing {
    match standing {
        findings::Standing::Proved => document::Standing::Proved,
        findings::Standing::Likely => document::Standing::Likely,
        findings::Standing::Refuted => document::Standing::Refuted,
        findings::Standing::NotShown => document::Standing::NotShown,
    }
}

fn finding(finding: &findings::Finding) -> document::Finding {
    let is_shown = matches!(finding.standing, findings::Standing::Proved | findings::Standing::Likely);
    let page = is_shown.then(|| findings::page_of(&finding.id)).flatten();
    let told = finding.told.as_deref();
    let specific = told.filter(|_| is_shown).and_then(|told| told.specific);
    let of_symptom = specific.and_then(|specific| findings::symptoms::cause(&finding.id, specific));
    document::Finding {
        id: finding.id.clone(),
        kind: match finding.kind {
            findings::Kind::Cause => document::FindingKind::Cause,
            findings::Kind::Symptom => document::FindingKind::Symptom,
            findings::Kind::Gap => document::FindingKind::Gap,
            findings::Kind::Risk => document::FindingKind::Risk,
        },
        standing: standing(finding.standing),
        layer: finding.layer.into(),
        envelope_recipient: finding.envelope_recipient.as_ref().map(|to| to.as_str().to_owned()),
        statement: finding.statement.clone(),
        cites: cites(&finding.cites),
        ask_for: finding.ask_for.iter().map(|source| (*source).to_owned()).collect(),
        owner: page.map(|page| page.owner.clone()).or(of_symptom.map(|cause| cause.owner.clone())),
        narrow_fix: page.map(|page| page.fix.clone()).or(of_symptom.map(|cause| cause.fix.clone())),
        specific: told.and_then(|told| told.specific).map(str::to_owned),
        told_apart: told.map(|told| told.apart.iter().map(told_apart).collect()).unwrap_or_default(),
        rollback: of_symptom.map(|cause| cause.rollback.clone()),
        verify: of_symptom.map(|cause| cause.verify.clone()),
        picture: told.and_then(|told| told.picture.as_ref()).map(Picture::from),
    }
}

fn told_apart(apart: &findings::symptoms::Apart) -> document::ToldApart {
    document::ToldApart {
        specific: apart.specific.to_owned(),
        standing: standing(apart.standing),
        because: apart.because.clone(),
        cites: cites(&apart.cites),
    }
}

/// A step; where it has no way of its own, that of the export which it fetches.
fn next_step(step: &findings::NextStep, trace: &Trace) -> document::NextStep {
    let has_way = step.command.is_some() || step.place.is_some();
    let export = step.fetches.filter(|_| !has_way).and_then(sources::source).map(|source| source.export());
    let (of_export, clicks) = export.map_or((None, None), |export| ways(export, &message(trace)));
    document::NextStep {
        tier: step.tier,
        step: step.step.clone(),
        because: step.because.clone(),
        command: step.command.as_ref().map(|command| command.text.clone()).or(of_export),
        shell: step.command.as_ref().map(|command| command.shell.to_owned()),
        r#where: step.place.clone().or(clicks),
        layer: step.layer.map(document::Layer::from),
        fetches: step.fetches.map(str::to_owned),
        check: step.check.map(str::to_owned),
    }
}

fn checked(checked: &findings::Checked) -> document::Checked {
    document::Checked {
        check: checked.check.to_owned(),
        layer: checked.layer.into(),
        envelope_recipients: checked.envelope_recipients.iter().map(|to| to.as_str().to_owned()).collect(),
        said: checked.said.clone(),
        cites: cites(&checked.cites),
    }
}

/// How to get every export that a finding asks for, with the ticket's values filled in.
fn exports(found: &Found, trace: &Trace) -> Vec<document::Export> {
    exports_of(found.findings.iter().flat_map(|finding| finding.ask_for.iter().copied()), trace)
}

/// How to get some exports, each once.
pub(crate) fn exports_of<'s>(asked: impl Iterator<Item = &'s str>, trace: &Trace) -> Vec<document::Export> {
    let (asked, message): (BTreeSet<&str>, _) = (asked.collect(), message(trace));
    asked.into_iter().filter_map(|source| export(source, &message)).collect()
}

/// How to get an export for a message; `None` if there is no such kind.
pub fn export(source: &str, message: &document::Message) -> Option<document::Export> {
    let source = sources::source(source)?;
    let (command, clicks) = ways(source.export(), message);
    Some(document::Export { source: source.id().to_owned(), title: source.title().to_owned(), command, clicks })
}

/// The command and the click path of an export. A command with a place that cannot be filled is none to be copied: it is told in words.
fn ways(export: sources::Export, message: &document::Message) -> (Option<String>, Option<String>) {
    let clicks = export.clicks.map(|clicks| in_words(filled(clicks, message)));
    let Some(command) = export.command.map(|command| filled(command, message)) else { return (None, clicks) };
    let missing: Vec<&str> =
        PLACES.iter().filter(|(place, _)| command.contains(place)).map(|(_, words)| *words).collect();
    if missing.is_empty() {
        return (Some(command), clicks);
    }
    let by_hand = format!("by command, with {} put in by hand: {}", missing.join(" and "), in_words(command));
    (None, Some(clicks.map_or(by_hand.clone(), |clicks| format!("{clicks}; or {by_hand}"))))
}

/// The places that an export's description leaves for values of the ticket, and what belongs there.
const PLACES: [(&str, &str); 6] = [
    ("{message_id}", "<Message-ID>"),
    ("{network_message_id}", "<network message id>"),
    ("{sender}", "<sender>"),
    ("{recipient}", "<recipient>"),
    ("{start}", "<start>"),
    ("{end}", "<end>"),
];

/// Says what belongs into places that are left.
fn in_words(text: String) -> String {
    let text = text.replace("<{message_id}>", "{message_id}");
    PLACES.iter().fold(text, |text, (place, words)| text.replace(place, words))
}

/// Puts the message's values in the places that an export's description leaves for them; unknown ones stay as they are.
fn filled(text: &str, message: &document::Message) -> String {
    let day = SignedDuration::from_hours(24);
    let day_before = message.sent_at.and_then(|at| at.checked_sub(day).ok()).map(whole_second);
    let day_after = message.sent_at.and_then(|at| at.checked_add(day).ok()).map(whole_second);
    let sender = message.envelope_sender.clone().filter(|sender| !sender.is_empty()).or(message.header_from.clone());
    let values = [
        ("{message_id}", message.message_id.clone()),
        ("{network_message_id}", message.network_message_ids.first().cloned()),
        ("{sender}", sender),
        ("{recipient}", message.envelope_recipients.first().cloned()),
        ("{start}", day_before),
        ("{end}", day_after),
    ];
    values.into_iter().fold(text.to_owned(), |text, (place, value)| match value.filter(|value| is_plain(value)) {
        Some(value) => text.replace(place, &value),
        None => text,
    })
}

/// Whether a shell takes a value for no more than a word: the line is made to be copied, and senders choose their
/// Message-IDs. Any other value stays a placeholder.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && !value.starts_with('-')
        && value.len() <= 500
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@._-+=/:".contains(&byte))
}

fn whole_second(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).map_or_else(|_| at.to_string(), |at| at.to_string())
}

pub(crate) fn evidence_file(
    file: &Supplied,
    snapshots: &[lake::Snapshot],
    sha256: &impl Fn(&str) -> Option<String>,
) -> document::EvidenceFile {
    let mut limits = file.coverage.limits.clone();
    if file.observed > 0 {
        let cannot_show = file.source.and_then(sources::source).map_or(&[][..], |source| source.cannot_show());
        limits.extend(cannot_show.iter().map(|limit| (*limit).to_owned()));
        let mut seen = BTreeSet::new();
        limits.retain(|limit| seen.insert(limit.clone()));
    }
    limits.extend(unread(file));
    document::EvidenceFile {
        file: file.file.to_string(),
        sha256: sha256(&file.file),
        source: file.source.map(str::to_owned),
        rows: file.rows,
        observed: file.observed,
        problems: file.problems.len() as u64,
        passed_over: file.passed_over.iter().map(|heap| heap.rows).sum(),
        from: file.coverage.from,
        to: file.coverage.to,
        limits,
        error: file.error.as_ref().map(ToString::to_string),
        problem_rows: file.problems.iter().take(MAX_PROBLEMS).map(document::Problem::from).collect(),
        passed_over_reasons: file
            .passed_over
            .iter()
            .map(|heap| document::PassedOver { reason: heap.reason.to_owned(), rows: heap.rows })
            .collect(),
        snapshot: snapshots.iter().find(|taken| taken.file == file.file).map(snapshot),
    }
}

/// How many differences of two exports are shown; their number is always given.
const MAX_DIFFERENCES: usize = 200;

fn snapshot(taken: &lake::Snapshot) -> document::Snapshot {
    let when = taken.taken.as_ref();
    let order = match taken.order {
        lake::Order::ByInstant => "instant",
        lake::Order::ByWord => "word",
        lake::Order::ByContent => "content",
        lake::Order::NotShown => "not_shown",
    };
    let difference = |difference: &lake::Difference| document::SettingDifference {
        setting: difference.name.clone(),
        property: difference.property.clone(),
        before: difference.before.clone(),
        after: difference.after.clone(),
        cites: cites(&difference.cites),
    };
    document::Snapshot {
        taken: when.map(|when| when.at),
        taken_by: when.and_then(|when| match &when.zone {
            Zone::Assumed(how) => Some(how.clone()),
            Zone::Stated => None,
        }),
        earlier: taken.earlier.as_ref().map(ToString::to_string),
        order: order.to_owned(),
        different: taken.differences.len() as u64,
        differences: taken.differences.iter().take(MAX_DIFFERENCES).map(difference).collect(),
    }
}

/// What to try with a file of which rows, or all, could not be read.
fn unread(file: &Supplied) -> Option<String> {
    match file.problems.len() {
        0 if file.rows == 0 && file.error.is_none() => {
            Some("no rows: nothing was found by the search, the export was cut after its header, or its lines end in CR alone".to_owned())
        }
        0 => None,
        1 => Some("1 row could not be read: export the file again, it may be cut or edited".to_owned()),
        many => Some(format!("{many} rows could not be read: export the file again, it may be cut or edited")),
    }
}

/// How many rows that could not be read are shown of one file; their number is always given.
const MAX_PROBLEMS: usize = 20;

/// Zones and years that were assumed, and samples that were left aside.
pub(crate) fn assumptions(lake: &Lake, others: &[sources::Candidate]) -> Vec<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for entry in lake.entries() {
        if let Some(Zone::Assumed(how)) = entry.observation.when.as_ref().map(|when| &when.zone) {
            found.insert(format!("{}: times read as {how}", entry.observation.cite.file));
        }
    }
    let mut found: Vec<String> = found.into_iter().collect();
    found.extend(others.iter().map(|other| {
        let id = other.message_id.as_ref().map_or("without a Message-ID".to_owned(), |id| format!("<{id}>"));
        format!(
            "{}: a sample of another message ({id}) was left aside; name it with --message-id to follow it",
            other.file
        )
    }));
    found
}

pub(crate) fn cites(cites: &[evidence::Cite]) -> Vec<document::Cite> {
    cites.iter().map(document::Cite::from).collect()
}

pub(crate) fn state(state: layers::State) -> document::State {
    match state {
        layers::State::Passed => document::State::Passed,
        layers::State::Changed => document::State::Changed,
        layers::State::Stopped => document::State::Stopped,
        layers::State::Pending => document::State::Pending,
        layers::State::NotReached => document::State::NotReached,
        layers::State::Absent => document::State::Absent,
        layers::State::NotSupplied => document::State::NotSupplied,
        layers::State::Conflict => document::State::Conflict,
    }
}

impl From<layers::Fate> for document::Fate {
    fn from(one: layers::Fate) -> document::Fate {
        fate(one)
    }
}

pub(crate) fn fate(fate: layers::Fate) -> document::Fate {
    match fate {
        layers::Fate::Delivered => document::Fate::Delivered,
        layers::Fate::Junked => document::Fate::Junked,
        layers::Fate::Filed => document::Fate::Filed,
        layers::Fate::Forwarded => document::Fate::Forwarded,
        layers::Fate::Discarded => document::Fate::Discarded,
        layers::Fate::Quarantined => document::Fate::Quarantined,
        layers::Fate::ReleasePending => document::Fate::ReleasePending,
        layers::Fate::Rejected => document::Fate::Rejected,
        layers::Fate::Bounced => document::Fate::Bounced,
        layers::Fate::Deferred => document::Fate::Deferred,
        layers::Fate::RemovedAfterDelivery => document::Fate::RemovedAfterDelivery,
        layers::Fate::Lost => document::Fate::Lost,
        layers::Fate::Unknown => document::Fate::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made to be copied has no hole; what belongs there is said in words.
    #[test]
    fn no_command_has_a_place_left() {
        let whole = document::Message {
            message_id: Some("a@x.example".to_owned()),
            envelope_sender: Some("ben@x.example".to_owned()),
            envelope_recipients: vec!["ana@example.com".to_owned()],
            sent_at: Some(Timestamp::UNIX_EPOCH),
            ..document::Message::default()
        };
        for source in sources::ALL {
            let filled = export(source.id(), &whole).unwrap();
            assert_eq!(filled.command.is_some(), source.export().command.is_some(), "{}", source.id());
            let bare = export(source.id(), &document::Message::default()).unwrap();
            assert!(bare.command.is_some() || bare.clicks.is_some(), "{}", source.id());
            for text in bare.command.iter().chain(&bare.clicks).chain(&filled.command).chain(&filled.clicks) {
                assert!(!PLACES.iter().any(|(place, _)| text.contains(place)), "{text}");
            }
        }
    }

    #[test]
    fn only_plain_values_are_filled_in() {
        for (message_id, expected) in [
            ("inv-4711@supplier.example", "get \"inv-4711@supplier.example\" ana@example.com {start}"),
            ("\"; format c: #@x.example", "get \"{message_id}\" ana@example.com {start}"),
            ("$(reboot)@x.example", "get \"{message_id}\" ana@example.com {start}"),
        ] {
            let message = document::Message {
                message_id: Some(message_id.to_owned()),
                envelope_recipients: vec!["ana@example.com".to_owned()],
                ..document::Message::default()
            };
            assert_eq!(filled("get \"{message_id}\" {recipient} {start}", &message), expected);
        }
    }
}
