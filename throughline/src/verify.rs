//! `verify`: whether a change held, judged by what came after it.

use std::collections::BTreeSet;

use ::case::{
    Answer, CheckAnswer, Deed, Entry, MessageCounts, Purpose, VERIFICATION_SCHEMA, VerificationReport, VerifiedCase,
    VerifiedChange, VerifiedMessage, VerifiedRefresh,
};
use checks::verification::{self, Change, Check, Counts, Guard, Later, Looked, Message, Refresh, Scene, Verified};
use evidence::Address;
use exceptions::Approval;
use jiff::Timestamp;
use lake::Lake;
use report::{Answered, Cite, Export, StripMark, StripTone};
use sources::{Clock, Input, ReadError, Sought, SoughtSender, proposed};

use crate::case::desk::{Desk, Worked};
use crate::case::evidence::{take, usable};
use crate::cli::verify::Verify;
use crate::cli::{Follow, Output};
use crate::failure::Failure;
use crate::follow::{Asked, addresses, with_answer};
use crate::several::{self, Meant};
use crate::supply::{Hashed, Supply};
use crate::{excerpt, output, survey, times};

/// How many later messages are followed at most, the latest ones.
const MAX_FOLLOWED: usize = 300;

/// Adds evidence, judges whether the change of a case held, journals the answer, and prints it; gives the exit status: 0 held, 5 came
/// back, 6 cannot tell.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &Verify) -> Result<u8, Failure> {
    let mut desk = Desk::open(&options.store, &options.clocks)?;
    let clock = times::clock(&options.clocks, None)?;
    let due = options.due.as_deref().map(|due| times::instant("--due", due, &clock.zone)).transpose()?;
    let mut worked = desk.named(&options.named)?;
    let mut refused = Vec::new();
    if !options.paths.is_empty() {
        usable(&desk, &options.paths)?;
        refused = take(&mut desk, &mut worked, &options.paths, Purpose::Verification, &options.output)?.refused;
    }
    let supply = worked.supply(&[Purpose::Ticket, Purpose::Verification]);
    let mut document = look(&desk, &worked, &supply, &refused, &options.output)?;
    document.assumptions.extend(refused);
    document.due = due.or(document.due);
    let draft = desk.draft(Deed::Verified { verification: document.verification(), due: document.due });
    desk.append(&mut worked, vec![draft])?;
    output::print(&output::page(&document, &document.sheet(), &options.output)?)?;
    Ok(document.answer.exit())
}

/// Judges whether the change of a case held, by the files of `supply`, and journals nothing. `refused` is what was named as evidence of
/// the time after the change and could not be had, a sentence each.
///
/// # Errors
/// [`Failure`] if nothing can be read, or if the user stopped it.
pub fn look(
    desk: &Desk,
    worked: &Worked,
    supply: &Supply,
    refused: &[String],
    output: &Output,
) -> Result<VerificationReport, Failure> {
    let options = desk.follow(&worked.case, output);
    let today = desk.today(&options);
    let clock = times::clock(&today, options.at.as_deref())?;
    let inputs = supply.inputs();
    if !inputs.is_empty() {
        supply.require_readable(&inputs)?;
    }
    let recorded = recorded(worked, &clock);
    let originals = originals(worked, &options, &clock)?;
    let party = Party::of(worked, &options, &originals);
    let since = recorded.iter().map(|change| change.made_at).min();
    let (others, not_followed) = others(&options, &party, since, supply, &inputs, &clock)?;
    let (small, too_large) = survey::small(&inputs);
    let ledger = survey::read(&small, &clock)?;
    let newest = || ledger.around().supplied().iter().filter_map(|file| file.coverage.to).max();
    let now = times::now(&today).or_else(newest);
    let hashes = supply.hashes(Hashed::Small);
    let samples = samples(&inputs, |file| hashes.get(file).cloned());
    let after = worked.batches(Purpose::Verification);
    let is_after = |file: &str| after.iter().any(|batch| file.starts_with(batch.as_str()));
    let looks = Looks::of(&worked.journal, desk.now());
    let mut unread = refused.to_vec();
    unread.extend(unread_exports(ledger.around(), supply, is_after));
    unread.extend(looks.without_records(ledger.around()));
    let verified = verification::verify(&Scene {
        originals: &originals,
        senders: &party.senders,
        recipients: &party.recipients,
        others: &others,
        not_followed,
        recorded: &recorded,
        ledger: &ledger,
        is_after: &is_after,
        approvals: &approvals(worked, &clock),
        samples_sha256: &samples,
        now,
        looked: looks.held,
        is_since: &|file| is_in(&looks.added_since_held, file),
        unread: &unread,
    });
    let mut assumptions: Vec<String> = survey::not_looked_at(&too_large).chain(survey::left_out(&ledger)).collect();
    if originals.is_empty() {
        assumptions.push("The evidence of the ticket shows no message of it: its cause is not known.".to_owned());
    }
    let mut document = document(worked, &party, &originals, &verified, now, desk.now());
    document.assumptions = assumptions;
    document.due = looks.due(&verified, document.due);
    document.evidence = evidence_of(ledger.around(), supply, |file| hashes.get(file).cloned());
    document.draw(before(&originals, verified.changes.first()));
    excerpt::add(&inputs, |visit| document.each_cite(visit));
    Ok(document)
}

/// What the journal tells of the looks since the newest change.
#[derive(Default)]
struct Looks {
    /// The last one at which it held.
    held: Option<Looked>,
    /// When the next one was due then.
    due: Option<Timestamp>,
    /// The batches that were added after it.
    added_since_held: Vec<String>,
    /// The batches that were added after the last look, whatever it found.
    added_since: Vec<String>,
}

impl Looks {
    fn of(journal: &[Entry], now: Timestamp) -> Looks {
        let mut looks = Looks::default();
        for entry in journal {
            match &entry.deed {
                Deed::ChangeMade { .. } => looks = Looks::default(),
                Deed::EvidenceAdded { batch, purpose: Purpose::Verification, .. } => {
                    looks.added_since_held.push(batch.clone());
                    looks.added_since.push(batch.clone());
                }
                Deed::Verified { verification, due } => {
                    looks.added_since.clear();
                    // What showed nothing new left the next look where it was: the look before it stands.
                    let is_news = looks.held.is_none() || *due != looks.due;
                    if verification.answer == Answer::Held && is_news {
                        looks.added_since_held.clear();
                        let is_due = due.is_none_or(|due| due <= now);
                        looks.held = Some(Looked { at: entry.at, is_due });
                        looks.due = *due;
                    }
                }
                _ => {}
            }
        }
        looks
    }

    /// That what was added since the last look holds no record at all, if so.
    fn without_records(&self, lake: &Lake) -> Option<String> {
        let mut added = lake.supplied().iter().filter(|file| is_in(&self.added_since, &file.file)).peekable();
        let first = added.peek()?.file.to_string();
        added.all(|file| file.rows == 0).then(|| format!("{first}, which was added, holds no record"))
    }

    /// When to look again: what shows nothing of the time since the last look does not put the next one off.
    fn due(&self, verified: &Verified, due: Option<Timestamp>) -> Option<Timestamp> {
        let newest = verified.later.iter().filter(|one| one.counts == Counts::Good).map(|one| one.at).max();
        let is_news = self.held.is_none_or(|looked| newest.is_some_and(|at| at > looked.at));
        if is_news || verified.answer != verification::Answer::Held { due } else { due.min(self.due.or(due)) }
    }
}

/// Whether a file lies in one of some batches.
fn is_in(batches: &[String], file: &str) -> bool {
    batches.iter().any(|batch| file.strip_prefix(batch.as_str()).is_some_and(|rest| rest.starts_with('/')))
}

/// Exports of the time after the change of which nothing could be read, a sentence each: what was added again under the same name, and
/// read then, is not missing. A text or a picture that stands beside them is no export.
fn unread_exports(lake: &Lake, supply: &Supply, is_after: impl Fn(&str) -> bool) -> Vec<String> {
    let last = |file: &str| file.rsplit('/').next().unwrap_or(file).to_lowercase();
    let is_read_now = |file: &str| {
        let mut read = lake.supplied().iter().filter(|one| one.error.is_none() && is_after(&one.file));
        read.any(|one| last(&one.file) == last(file))
    };
    let faults = lake.supplied().iter().filter(|one| one.error.as_ref().is_some_and(may_be_export));
    let refused = supply.refused().map(|one| one.file);
    let files = faults.map(|one| one.file.to_string()).chain(refused);
    let missing = files.filter(|file| is_after(file) && !is_read_now(file));
    missing.map(|file| format!("{file} could not be read: export it again")).collect()
}

/// Whether a file that was not read may be an export all the same: one that is cut, or of a shape that only programs write.
fn may_be_export(error: &ReadError) -> bool {
    match error {
        ReadError::Unrecognised { nearest, found, .. } => {
            let is_structured = found.trim_start_matches(['`', ' ']).starts_with(['[', '{']);
            (nearest != "none" || is_structured) && !error.is_without_records()
        }
        ReadError::Broken { .. } => true,
        ReadError::Empty { .. } | ReadError::Encoding { .. } | ReadError::Cancelled { .. } => false,
    }
}

fn evidence_of(lake: &Lake, supply: &Supply, sha256: impl Fn(&str) -> Option<String>) -> Vec<report::EvidenceFile> {
    let mut files = report::evidence_files(lake, sha256);
    files.extend(supply.refused());
    files
}

/// The changes that the journal records.
fn recorded(worked: &Worked, clock: &Clock) -> Vec<Change> {
    let change = |deed: &Deed| {
        let Deed::ChangeMade { made_at, candidate, guard, ends, .. } = deed else { return None };
        let input = Input { name: "change".into(), bytes: candidate.as_bytes() };
        let guard = match guard.as_deref() {
            Some("narrow") => Guard::Narrow,
            Some("broad") => Guard::Broad,
            _ => Guard::NotSaid,
        };
        Some(Change::recorded(*made_at, candidate.clone(), proposed::read(&input, clock), guard, *ends))
    };
    worked.journal.iter().filter_map(|entry| change(&entry.deed)).collect()
}

/// What was approved, as the journal keeps it.
fn approvals(worked: &Worked, clock: &Clock) -> Vec<Approval> {
    let approval = |deed: &Deed| {
        let Deed::Approved { document, .. } = deed else { return None };
        Approval::recorded(&Input { name: "approval".into(), bytes: document.as_bytes() }, clock).ok()
    };
    worked.journal.iter().filter_map(|entry| approval(&entry.deed)).collect()
}

/// The messages of the ticket, as its own evidence shows them; none, if it singles out none.
fn originals(worked: &Worked, options: &Follow, clock: &Clock) -> Result<Vec<Message>, Failure> {
    let supply = worked.supply(&[Purpose::Ticket]);
    let inputs = supply.inputs();
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let options = &Follow { limit: MAX_FOLLOWED, ..as_asked(options) };
    let found = match several::meant(options, &supply, &inputs, clock) {
        Ok(Meant::One(message)) => supply.read(&inputs, message, clock).map(|readings| {
            let recipients = addresses(&options.recipient);
            let now = times::now(&options.clocks);
            let asked = Asked { recipients: &recipients, trusted: &options.trust, now };
            vec![with_answer(readings, asked, |answered| message_of(answered, now, &BTreeSet::new()))]
        }),
        Ok(Meant::Several(chosen)) => {
            let now = times::now(&options.clocks);
            let take = |answered: &Answered<'_>| message_of(answered, now, &BTreeSet::new());
            several::each(chosen, options, &supply, &inputs, clock, take).map(|(all, _)| all)
        }
        Err(failure) => Err(failure),
    };
    match found {
        Ok(all) => Ok(all.into_iter().filter(|message| !message.copies.is_empty()).collect()),
        Err(Failure::WhichMessage { .. } | Failure::NothingReadable(_)) => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

/// A copy of the options: they are not made to be copied whole.
fn as_asked(options: &Follow) -> Follow {
    Follow {
        paths: Vec::new(),
        message_id: options.message_id.clone(),
        sender: options.sender.clone(),
        recipient: options.recipient.clone(),
        at: options.at.clone(),
        subject: options.subject.clone(),
        trust: options.trust.clone(),
        hash_all: false,
        limit: options.limit,
        clocks: options.clocks.clone(),
        output: options.output.clone(),
    }
}

fn message_of(answered: &Answered<'_>, now: Option<Timestamp>, senders: &BTreeSet<Address>) -> Message {
    let scene = findings::Scene { lake: answered.lake, trace: answered.trace, copies: answered.copies, now };
    Message::of(&scene, answered.found, senders)
}

/// Whose mail to whom the case is about.
struct Party {
    senders: BTreeSet<Address>,
    sought: BTreeSet<SoughtSender>,
    recipients: BTreeSet<Address>,
}

impl Party {
    fn of(worked: &Worked, options: &Follow, originals: &[Message]) -> Party {
        let asked = options.sender.as_deref().map(SoughtSender::new);
        let addresses_of = |message: &Message| -> Vec<Address> {
            let envelope = message.envelope_sender.clone().filter(|sender| !sender.is_null());
            message.header_from.iter().cloned().chain(envelope).collect()
        };
        let mut senders: BTreeSet<Address> = originals.iter().flat_map(addresses_of).collect();
        if let Some(SoughtSender::Address(address)) = &asked {
            senders.insert(address.clone());
        }
        let mut sought: BTreeSet<SoughtSender> = senders.iter().cloned().map(SoughtSender::Address).collect();
        if sought.is_empty() {
            sought.extend(asked);
        }
        Party { senders, sought, recipients: recipients(worked, options, originals) }
    }
}

/// For whom it is to work: who is asked for, else whose copies of the ticket's messages were stopped, else the affected user.
fn recipients(worked: &Worked, options: &Follow, originals: &[Message]) -> BTreeSet<Address> {
    let asked: BTreeSet<Address> = addresses(&options.recipient).into_iter().collect();
    if !asked.is_empty() {
        return asked;
    }
    let copies =
        || originals.iter().flat_map(|message| &message.copies).filter(|copy| !copy.envelope_recipient.is_null());
    let user = worked.case.about.user.as_deref().filter(|user| user.contains('@')).map(Address::new);
    if let Some(user) = user.as_ref().filter(|user| copies().any(|copy| copy.recipients.contains(*user))) {
        return [user.clone()].into();
    }
    let stopped = copies().filter(|copy| copy.fate != layers::Fate::Delivered);
    let stopped: BTreeSet<Address> = stopped.map(|copy| copy.envelope_recipient.clone()).collect();
    if !stopped.is_empty() {
        return stopped;
    }
    let all: BTreeSet<Address> = copies().map(|copy| copy.envelope_recipient.clone()).collect();
    if all.is_empty() { user.into_iter().collect() } else { all }
}

/// Every message of the sender for the recipients since an instant, and how many of them were not followed.
fn others(
    options: &Follow,
    party: &Party,
    since: Option<Timestamp>,
    supply: &Supply,
    inputs: &[Input<'_>],
    clock: &Clock,
) -> Result<(Vec<Message>, usize), Failure> {
    if party.sought.is_empty() || party.recipients.is_empty() || inputs.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let recipient: Vec<String> = party.recipients.iter().map(ToString::to_string).collect();
    let of_all = Follow {
        message_id: Vec::new(),
        sender: None,
        recipient,
        at: None,
        subject: None,
        limit: MAX_FOLLOWED,
        ..as_asked(options)
    };
    let sought = Sought {
        senders: party.sought.clone(),
        envelope_recipients: party.recipients.clone(),
        subjects: BTreeSet::new(),
    };
    let chosen = several::all(sought, since, supply, inputs, clock)?;
    let now = times::now(&options.clocks);
    let take = |answered: &Answered<'_>| message_of(answered, now, &party.senders);
    several::each(chosen, &of_all, supply, inputs, clock, take)
}

/// SHA-256 of the samples among the files.
fn samples(inputs: &[Input<'_>], sha256: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let is_sample = |input: &&Input<'_>| {
        sources::recognise(input.bytes, &input.name).is_ok_and(|kind| kind.id().starts_with("message/"))
    };
    inputs.iter().filter(is_sample).filter_map(|input| sha256(&input.name)).collect()
}

/// What was found as a document.
fn document(
    worked: &Worked,
    party: &Party,
    originals: &[Message],
    verified: &Verified,
    now: Option<Timestamp>,
    today: Timestamp,
) -> VerificationReport {
    let causes: BTreeSet<String> = originals
        .iter()
        .flat_map(|message| &message.copies)
        .filter_map(|copy| copy.cause.as_ref())
        .map(|cause| cause.id.clone())
        .collect();
    let answer = answer(verified.answer);
    let ends = verified.changes.iter().filter_map(|change| change.ends).min();
    let is_recorded = worked.journal.iter().any(|entry| matches!(entry.deed, Deed::ChangeMade { .. }));
    VerificationReport {
        schema: VERIFICATION_SCHEMA.to_owned(),
        case: VerifiedCase {
            number: worked.case.number,
            uid: worked.case.uid.clone(),
            ticket: worked.case.about.ticket.clone(),
            senders: party.senders.iter().map(ToString::to_string).collect(),
            envelope_recipients: party.recipients.iter().map(ToString::to_string).collect(),
            causes: causes.into_iter().collect(),
        },
        answer,
        checks: verified.checks.iter().map(check).collect(),
        changes: verified.changes.iter().map(|one| change(one, is_recorded)).collect(),
        messages: verified.later.iter().map(message).collect(),
        refreshes: verified.refreshes.iter().map(refresh).collect(),
        // Before a change is made there is nothing to look at again.
        due: verified.changes.first().and_then(|_| verification::due(verified.answer, ends, today)),
        now,
        picture: None,
        assumptions: Vec::new(),
        exports: exports(&verified.checks),
        evidence: Vec::new(),
    }
}

fn answer(answer: verification::Answer) -> Answer {
    match answer {
        verification::Answer::Held => Answer::Held,
        verification::Answer::CannotTell => Answer::CannotTell,
        verification::Answer::CameBack => Answer::CameBack,
    }
}

fn cites(cites: &[evidence::Cite]) -> Vec<Cite> {
    cites.iter().map(Cite::from).collect()
}

fn check(check: &Check) -> CheckAnswer {
    CheckAnswer {
        check: check.id.to_owned(),
        answer: answer(check.answer),
        statement: check.statement.clone(),
        cites: cites(&check.cites),
        ask_for: check.ask_for.iter().map(ToString::to_string).collect(),
    }
}

fn change(change: &Change, recorded: bool) -> VerifiedChange {
    VerifiedChange {
        made_at: change.made_at,
        acts_at: change.acts_at(),
        what: change.said.clone(),
        ends: change.ends,
        recorded,
        cites: cites(&change.cites),
    }
}

fn refresh(refresh: &Refresh) -> VerifiedRefresh {
    VerifiedRefresh { at: refresh.at, what: refresh.told.clone(), cites: cites(&refresh.cites) }
}

fn message(later: &Later) -> VerifiedMessage {
    let message = &later.message;
    let sender = message.header_from.as_ref().or(message.envelope_sender.as_ref());
    let fate = message.copies_for(&later.envelope_recipient).next().map_or(layers::Fate::Unknown, |copy| copy.fate);
    VerifiedMessage {
        at: later.at,
        message_id: message.message_id.clone(),
        sender: sender.map(ToString::to_string),
        envelope_recipient: later.envelope_recipient.to_string(),
        counts: match later.counts {
            Counts::Good => MessageCounts::Good,
            Counts::StoppedAgain => MessageCounts::StoppedAgain,
            Counts::Stopped => MessageCounts::Stopped,
            Counts::TooEarly => MessageCounts::TooEarly,
            Counts::TooLate => MessageCounts::TooLate,
            Counts::Resend => MessageCounts::Resend,
            Counts::OtherKind => MessageCounts::OtherKind,
            Counts::NotShown => MessageCounts::NotShown,
        },
        fate: report::Fate::from(fate),
        because: later.because.clone(),
        cites: cites(&later.cites),
    }
}

/// How to get what the checks ask for, each kind once.
fn exports(checks: &[Check]) -> Vec<Export> {
    let kinds: BTreeSet<&str> = checks.iter().flat_map(|check| check.ask_for.iter().copied()).collect();
    let export = |kind: &str| {
        let source = sources::source(kind)?;
        let clicks = source.export().clicks.map(str::to_owned);
        Some(Export { source: kind.to_owned(), title: source.title().to_owned(), command: None, clicks })
    };
    kinds.into_iter().filter_map(export).collect()
}

/// The messages of the ticket, as marks of the picture.
fn before(originals: &[Message], first: Option<&Change>) -> Vec<StripMark> {
    let is_before = |at: Timestamp| first.is_none_or(|change| at < change.made_at);
    let copies = originals.iter().filter_map(|message| Some((message.at.filter(|at| is_before(*at))?, message)));
    let mark = |(at, message): (Timestamp, &Message)| {
        let stopped = message.copies.iter().find(|copy| copy.fate != layers::Fate::Delivered);
        let copy = stopped.or(message.copies.first())?;
        let tone = if stopped.is_some() { StripTone::Bad } else { StripTone::Good };
        let label = report::Fate::from(copy.fate).word().to_owned();
        Some(StripMark { at, tone, label: format!("of the ticket: {label}"), cites: cites(&copy.cites) })
    };
    copies.filter_map(mark).collect()
}
