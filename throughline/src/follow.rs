//! `follow`: from what the user named to the printed answer.

use std::collections::HashMap;

use evidence::{Address, Identifier, Observation};
use findings::Scene;
use intake::{Evidence, Limits};
use lake::Lake;
use report::{Answered, EvidenceFile, Fate, FindingKind, Report, Standing};
use sources::{Candidate, Clock, Input, Message, NoProgress, Progress, Query, Readings, Unclear, Wanted};

use crate::cli::{Follow, Format};
use crate::failure::Failure;
use crate::own::{Named, Subject};
use crate::watch::Watch;
use crate::{excerpt, output, own, times};

/// Follows one message and prints the answer; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &Follow) -> Result<u8, Failure> {
    let clock = times::clock(&options.clocks, options.at.as_deref())?;
    let message = message(options, &clock)?;
    let evidence = intake::open(&options.paths, Limits::default());
    let inputs: Vec<Input<'_>> =
        evidence.files.iter().map(|file| Input { name: file.name.clone(), bytes: &file.bytes }).collect();
    let watch = Watch::start(inputs.iter().map(|input| input.bytes.len() as u64).sum());
    let (readings, hashes) = std::thread::scope(|scope| {
        let hashes = scope.spawn(|| hashes(&evidence, options));
        (sources::read_all(&inputs, message, &clock, &watch), hashes.join())
    });
    watch.finish();
    if watch.is_cancelled() {
        return Err(Failure::Stopped);
    }
    require_readable(&inputs, &evidence)?;
    let readings = readings.map_err(|unclear| which_message(unclear, &inputs, &evidence, &clock))?;
    let mut report =
        answer(readings, options, &inputs, &hashes.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    report.evidence.extend(refused(&evidence));
    excerpt::add(&mut report, &inputs);
    output::print(&shown(&report, options)?)?;
    Ok(status(&report))
}

/// What was found out about the message.
fn answer(readings: Readings, options: &Follow, inputs: &[Input<'_>], hashes: &HashMap<String, String>) -> Report {
    let others = readings.others.clone();
    let lake = Lake::of(readings);
    let recipients: Vec<Address> = options.recipient.iter().map(|recipient| Address::new(recipient)).collect();
    let trace = trace::follow(&lake, &recipients, &options.trust);
    let copies = layers::explain(&trace, &lake);
    let found = findings::find(&Scene { lake: &lake, trace: &trace, copies: &copies });
    let answered = Answered {
        lake: &lake,
        trace: &trace,
        copies: &copies,
        found: &found,
        others: &others,
        trusted: &options.trust,
    };
    let mut report = report::assemble(&answered, |file| hashes.get(file).cloned());
    check_samples(&mut report, &lake, inputs, &options.trust);
    report
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
fn message(options: &Follow, clock: &Clock) -> Result<Message, Failure> {
    let mut message = Message::default();
    if let Some(id) = &options.message_id {
        let id = Identifier::message_id(id).ok_or_else(|| Failure::Usage {
            what: "--message-id".to_owned(),
            expected: "a Message-ID".to_owned(),
            found: "an empty one".to_owned(),
            hint: "Copy it from the headers, such as <inv-4711@supplier.example>".to_owned(),
        })?;
        message.ids.insert(id);
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

/// No file of a kind that is read: then the question which message is meant does not come up.
fn require_readable(inputs: &[Input<'_>], evidence: &Evidence) -> Result<(), Failure> {
    let mut unread = Vec::new();
    for input in inputs {
        match sources::recognise(input.bytes, &input.name) {
            Ok(_) => return Ok(()),
            Err(error) => unread.push(error.to_string()),
        }
    }
    unread.extend(evidence.refused.iter().map(ToString::to_string));
    Err(Failure::NothingReadable(unread))
}

/// Neither the options nor the evidence single out one message.
fn which_message(unclear: Unclear, inputs: &[Input<'_>], evidence: &Evidence, clock: &Clock) -> Failure {
    let (expected, found) = match unclear {
        Unclear::NoMessage => {
            let faults = faults(inputs, evidence, clock);
            if !faults.is_any_file_read {
                return Failure::NothingReadable(faults.said);
            }
            let because = if faults.said.is_empty() { "" } else { "; what could not be read:" };
            let said: String = faults.said.iter().map(|fault| format!("\n  {}", report::visible(fault))).collect();
            (
                "a sample (.eml, .msg, headers, bounce) among the files, or options that name the message",
                format!("neither{because}{said}"),
            )
        }
        Unclear::Several(first, count) => {
            let listed: Vec<String> = first.iter().map(candidate).collect();
            ("one message", format!("{count}, among them\n  {}", listed.join("\n  ")))
        }
    };
    Failure::Usage {
        what: "which message".to_owned(),
        expected: expected.to_owned(),
        found,
        hint: "Add --message-id, or two of --sender, --recipient and --subject, with --at to choose the nearest"
            .to_owned(),
    }
}

/// How many faults are told if there is no answer.
const MAX_FAULTS: usize = 10;
/// Larger files are not read again for their faults.
const FAULTS_MAX_BYTES: usize = 64 << 20;

/// What stands against the files: it may be why no message was found in them.
struct Faults {
    /// The first few, in words.
    said: Vec<String>,
    is_any_file_read: bool,
}

fn faults(inputs: &[Input<'_>], evidence: &Evidence, clock: &Clock) -> Faults {
    let query = Query { wanted: &Wanted::Everything, clock, progress: &NoProgress };
    let mut faults = Faults { said: Vec::new(), is_any_file_read: false };
    for input in inputs {
        if input.bytes.len() > FAULTS_MAX_BYTES {
            faults.is_any_file_read = true;
            continue;
        }
        match sources::recognise(input.bytes, &input.name).map(|source| (source.id(), source.read(input, &query))) {
            Err(error) | Ok((_, Err(error))) => faults.said.push(error.to_string()),
            Ok((id, Ok(reading))) => {
                faults.is_any_file_read = true;
                if reading.observations.is_empty() && reading.problems.is_empty() {
                    faults.said.push(format!("{}: read as {id}, but nothing in it names a message", input.name));
                }
                faults.said.extend(reading.problems.iter().take(MAX_FAULTS).map(fault));
            }
        }
    }
    faults.said.extend(evidence.refused.iter().map(ToString::to_string));
    faults.said.truncate(MAX_FAULTS);
    faults
}

fn fault(problem: &evidence::Problem) -> String {
    format!("{}: expected {}, found {}", problem.cite, problem.expected, problem.found)
}

fn candidate(candidate: &Candidate) -> String {
    let id = candidate.message_id.as_ref().map_or("no Message-ID".to_owned(), |id| format!("<{id}>"));
    let at = candidate.at.map_or("no time".to_owned(), |at| at.to_string());
    let sender = candidate.sender.as_ref().map_or("unknown sender".to_owned(), ToString::to_string);
    let subject = candidate.subject.as_deref().unwrap_or("no subject");
    format!("{at}  {sender}  {subject}  {id}  ({})", candidate.file).escape_debug().to_string()
}

/// SHA-256 of the files by name: of all if asked, else of those that are not large.
fn hashes(evidence: &Evidence, options: &Follow) -> HashMap<String, String> {
    let hash = |file: &intake::Opened| if options.hash_all { Some(file.sha256()) } else { file.sha256_if_small() };
    evidence.files.iter().filter_map(|file| Some((file.name.to_string(), hash(file)?))).collect()
}

/// Files that could not be opened, as rows of the evidence table.
fn refused(evidence: &Evidence) -> impl Iterator<Item = EvidenceFile> {
    evidence.refused.iter().map(|refusal| EvidenceFile {
        file: refusal.file.clone(),
        error: Some(refusal.to_string()),
        ..EvidenceFile::default()
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
