//! `follow`: from what the user named to the printed answer.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};

use evidence::{Address, Identifier};
use findings::Scene;
use intake::{Evidence, Limits};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lake::Lake;
use report::{Answered, Color, EvidenceFile, Fate, FindingKind, Report, Standing, Terminal};
use sources::{Candidate, Clock, Input, Message, NoProgress, Progress, Query, Readings, Unclear, Wanted};

use crate::cli::{Follow, Format, When};
use crate::excerpt;
use crate::failure::Failure;
use crate::watch::Watch;

/// Follows one message and prints the answer; gives the exit status.
///
/// # Errors
/// [`Failure`] if there is no answer.
pub fn run(options: &Follow) -> Result<u8, Failure> {
    let clock = clock(options)?;
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
    let mut report = answer(readings, options, &hashes.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    report.evidence.extend(refused(&evidence));
    excerpt::add(&mut report, &inputs);
    print(&shown(&report, options)?)?;
    Ok(status(&report))
}

/// What was found out about the message.
fn answer(readings: Readings, options: &Follow, hashes: &HashMap<String, String>) -> Report {
    let others = readings.others.clone();
    let lake = Lake::of(readings);
    let recipients: Vec<Address> = options.recipient.iter().map(|recipient| Address::new(recipient)).collect();
    let trace = trace::follow(&lake, &recipients, &options.trust);
    let copies = layers::explain(&trace, &lake);
    let found = findings::find(&Scene { lake: &lake, trace: &trace, copies: &copies });
    let answered = Answered { lake: &lake, trace: &trace, copies: &copies, found: &found, others: &others };
    report::assemble(&answered, |file| hashes.get(file).cloned())
}

fn clock(options: &Follow) -> Result<Clock, Failure> {
    let zone = zone(&options.tz)?;
    let zone_label = if options.tz == "UTC" { "UTC (default)".to_owned() } else { format!("{} by --tz", options.tz) };
    let reference = match (&options.at, &options.now) {
        (Some(at), _) => instant("--at", at, &zone)?,
        (None, Some(now)) => middle_of_the_past_year(instant("--now", now, &zone)?),
        (None, None) => middle_of_the_past_year(Timestamp::now()),
    };
    Ok(Clock { zone, zone_label, reference })
}

/// The instant to which a date without a year is brought nearest if nothing else tells the year: the middle of the year
/// that ends now, because a log does not come from the future (a day is allowed for clocks and zones that differ).
fn middle_of_the_past_year(now: Timestamp) -> Timestamp {
    now - SignedDuration::from_hours(24 * (182 - 1))
}

fn zone(name: &str) -> Result<TimeZone, Failure> {
    jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(name).map_err(|_| Failure::Usage {
        what: "--tz".to_owned(),
        expected: "UTC, an offset or an IANA zone".to_owned(),
        found: format!("`{}`", name.escape_debug()),
        hint: "Try --tz +02:00 or --tz Europe/Berlin".to_owned(),
    })
}

/// Reads an instant with an offset, or a date or date and time in `zone`.
fn instant(option: &str, text: &str, zone: &TimeZone) -> Result<Timestamp, Failure> {
    let civil = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(zone.clone()).ok();
    text.parse::<Timestamp>().ok().or_else(|| civil().map(|zoned| zoned.timestamp())).ok_or_else(|| Failure::Usage {
        what: option.to_owned(),
        expected: "an instant".to_owned(),
        found: format!("`{}`", text.escape_debug()),
        hint: format!("Try {option} 2026-08-20T09:14Z"),
    })
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
        looks.around.insert(instant("--at", at, &clock.zone)?);
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
    Ok(match options.format {
        Format::Text => report::terminal(report, terminal(options)),
        Format::Markdown => report::markdown(report),
        Format::Html => report::html(report),
        Format::Json => json(report)?,
    })
}

/// The report as JSON; controls and direction marks are written as `\u` escapes, so that it can be looked at safely.
fn json(report: &Report) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Failure::Internal(error.to_string()))?;
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                safe.push_str(&format!("\\u{:04x}", c as u32));
            }
            _ => safe.push(c),
        }
    }
    safe.push('\n');
    Ok(safe)
}

/// Columns and colour of the place that the answer goes to.
fn terminal(options: &Follow) -> Terminal {
    let is_terminal = std::io::stdout().is_terminal();
    let wanted = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let is_plain = wanted("NO_COLOR").is_some() || wanted("TERM").is_some_and(|term| term == "dumb");
    let color = match options.color {
        When::Always => Color::Always,
        When::Auto if is_terminal && !is_plain => Color::Always,
        When::Auto | When::Never => Color::Never,
    };
    let seen = is_terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| width.0.clamp(40, 140));
    Terminal { width: usize::from(options.width.or(seen).unwrap_or(80)), color }
}

/// Writes the answer; a reader that has seen enough (`| head`) is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
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
