//! `follow`: from what the user named to the printed answer.

use std::collections::HashMap;

use evidence::{Address, Identifier, Observation};
use findings::Scene;
use findings::symptoms::{self, Followed, Survey};
use jiff::Timestamp;
use lake::{Lake, Ledger};
use report::{Answered, Fate, FindingKind, Report, Standing};
use sources::{Clock, Input, Message, Readings};

use crate::cli::{Follow, Format};
use crate::failure::Failure;
use crate::own::{Named, Subject};
use crate::several::Meant;
use crate::supply::{Hashed, Supply};
use crate::{excerpt, output, own, several, survey, times};

/// Follows one message and prints the answer; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &Follow) -> Result<u8, Failure> {
    let (report, status) = report(options, &Supply::open(&options.paths))?;
    output::print(&shown(&report, options)?)?;
    Ok(status)
}

/// Follows one message through what was supplied; gives the answer and the exit status.
///
/// Symptoms are looked for in all files beside it. If no message is singled out, they are the answer, or that there are none in what
/// stands around messages.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn report(options: &Follow, supply: &Supply) -> Result<(Report, u8), Failure> {
    let clock = times::clock(&options.clocks, options.at.as_deref())?;
    let inputs = supply.inputs();
    let (looked_over, too_large) = survey::small(&inputs);
    let ledger = survey::read(&looked_over, &clock)?;
    let (mut report, status) = match followed(options, supply, &inputs, &clock, &ledger) {
        Err(unclear @ Failure::WhichMessage { .. }) => {
            let why = unclear.to_string();
            // The messages that could be meant are listed below the first line.
            let why = why.lines().next().unwrap_or_default().trim_end_matches(", among them");
            let hashes = supply.hashes(Hashed::by(options.hash_all));
            let report = survey::alone(&ledger, times::now(&options.clocks), &hashes, why);
            let Some(report) = report else { return Err(unclear) };
            let status = survey::status(&report);
            (report, status)
        }
        done => done?,
    };
    report.assumptions.extend(survey::not_looked_at(&too_large).chain(survey::left_out(&ledger)));
    report.evidence.extend(supply.refused());
    excerpt::add(&inputs, |visit| report.each_cite(visit));
    Ok((report, status))
}

fn followed(
    options: &Follow,
    supply: &Supply,
    inputs: &[Input<'_>],
    clock: &Clock,
    ledger: &Ledger<'_>,
) -> Result<(Report, u8), Failure> {
    let message = match several::meant(options, supply, inputs, clock)? {
        Meant::One(message) => message,
        Meant::Several(chosen) => {
            let report = several::answer(chosen, options, supply, inputs, clock, ledger)?;
            let status = status(&report).max(u8::from(!are_all_shown(&report)));
            return Ok((report, status));
        }
    };
    let (readings, hashes) = std::thread::scope(|scope| {
        let hashes = scope.spawn(|| supply.hashes(Hashed::by(options.hash_all)));
        (supply.read(inputs, message, clock), hashes.join())
    });
    let hashes = hashes.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let report = answer(readings?, options, inputs, &hashes, ledger);
    let status = status(&report);
    Ok((report, status))
}

/// Whether every one of several messages was followed, and fate and cause of all their copies are shown.
fn are_all_shown(report: &Report) -> bool {
    report.several.as_ref().is_none_or(|several| several.not_followed == 0)
        && report.messages.iter().filter(|one| one.not_counted.is_none()).all(|one| one.shown)
}

/// What was found out about the message, as the report.
pub fn answer(
    readings: Readings,
    options: &Follow,
    inputs: &[Input<'_>],
    hashes: &HashMap<String, String>,
    ledger: &Ledger<'_>,
) -> Report {
    let recipients = addresses(&options.recipient);
    let now = times::now(&options.clocks);
    let asked = Asked { recipients: &recipients, trusted: &options.trust, now };
    with_answer(readings, asked, |answered| {
        let scene = Scene { lake: answered.lake, trace: answered.trace, copies: answered.copies, now };
        let followed = Followed { scene: &scene, answers: &answered.found.answers };
        let symptoms = symptoms::find(&Survey::of(ledger, Some(followed), now));
        let found = answered.found.clone().with_symptoms(symptoms);
        let mut report = report::assemble(&Answered { found: &found, ..*answered }, |file| hashes.get(file).cloned());
        check_samples(&mut report, answered.lake, inputs, &options.trust);
        report
    })
}

/// What the user asks beside the message itself.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The copies that are meant; all, if none is named.
    pub recipients: &'a [Address],
    /// Names of hosts or domains that the user calls ours.
    pub trusted: &'a [String],
    /// The instant that the user calls now.
    pub now: Option<Timestamp>,
}

/// Follows the message of some readings and hands over all that was found out about it.
pub fn with_answer<R>(readings: Readings, asked: Asked<'_>, take: impl FnOnce(&Answered<'_>) -> R) -> R {
    let others = readings.others.clone();
    let lake = Lake::of(readings);
    let trace = trace::follow(&lake, asked.recipients, asked.trusted);
    let copies = layers::explain(&trace, &lake);
    let found = findings::find(&Scene { lake: &lake, trace: &trace, copies: &copies, now: asked.now });
    take(&Answered {
        lake: &lake,
        trace: &trace,
        copies: &copies,
        found: &found,
        others: &others,
        trusted: asked.trusted,
    })
}

/// Addresses as options name them.
pub fn addresses(named: &[String]) -> Vec<Address> {
    named.iter().map(|address| Address::new(address)).collect()
}

/// Puts our own check beside what each sample says; it decides nothing in the report.
fn check_samples(report: &mut Report, lake: &Lake, inputs: &[Input<'_>], trusted: &[String]) {
    let answers = own::answers(lake.surroundings().iter().map(|entry| &entry.observation));
    for sample in trace::samples(lake) {
        let observations: Vec<&Observation> = sample.iter().map(|entry| &entry.observation).collect();
        let (Some(first), Some(source)) = (observations.first(), sample.first().map(|entry| entry.source)) else {
            continue;
        };
        let Some(input) = inputs.iter().find(|input| input.name == first.cite.file) else { continue };
        let subject = Subject { bytes: input.bytes, source, observations: &observations, trusted };
        let own = own::check(&subject, &Named::default(), &answers, answers.len() as u64);
        let told = report.samples.iter_mut().find(|told| told.file == *first.cite.file);
        if let Some(told) = told.filter(|_| own.says_something()) {
            told.own = Some(own);
        }
    }
}

/// The message as the options name it; empty if a sample is to name it.
pub fn message(options: &Follow, clock: &Clock) -> Result<Message, Failure> {
    let mut message = Message::default();
    for id in &options.message_id {
        message.ids.insert(message_id("--message-id", id)?);
    }
    let looks = &mut message.likeness;
    looks.senders.extend(options.sender.iter().map(|sender| Address::new(sender)));
    looks.envelope_recipients.extend(options.recipient.iter().map(|recipient| Address::new(recipient)));
    looks.subjects.extend(options.subject.iter().cloned());
    if let Some(at) = &options.at {
        looks.around.insert(times::instant("--at", at, &clock.zone)?);
    }
    Ok(message)
}

/// A Message-ID as an option names it.
///
/// # Errors
/// [`Failure::Usage`] if it is empty.
pub fn message_id(option: &str, id: &str) -> Result<Identifier, Failure> {
    Identifier::message_id(id).ok_or_else(|| Failure::Usage {
        what: option.to_owned(),
        expected: "a Message-ID".to_owned(),
        found: "an empty one".to_owned(),
        hint: "Copy it from the headers, such as <inv-4711@supplier.example>".to_owned(),
    })
}

fn shown(report: &Report, options: &Follow) -> Result<String, Failure> {
    Ok(match options.output.format {
        Format::Text => report::terminal(report, output::terminal(&options.output)),
        Format::Markdown => report::markdown(report),
        Format::Html => report::html(report),
        Format::Json => output::json(report)?,
    })
}

/// 0 if every copy's fate is explained, 1 if a changed layer or its cause is not shown.
fn status(report: &Report) -> u8 {
    let has_cause = |recipient: &str| {
        report.findings.iter().any(|finding| {
            finding.kind == FindingKind::Cause
                && matches!(finding.standing, Standing::Proved | Standing::Likely)
                && finding.envelope_recipient.as_deref().unwrap_or("") == recipient
        })
    };
    let is_explained = |copy: &report::MessageCopy| match copy.fate {
        Fate::Delivered => true,
        Fate::Unknown => false,
        _ => copy.changed_layer.is_some() && has_cause(&copy.envelope_recipient),
    };
    u8::from(report.copies.is_empty() || !report.copies.iter().all(is_explained))
}
