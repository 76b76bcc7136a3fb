//! `follow`: from what the user named to the printed answer.

use std::io::{IsTerminal, Write};

use evidence::{Address, Fact, Identifier, Identity, Observation, Zone};
use intake::{Evidence, Limits, Opened, Refusal};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use report::{Color, EvidenceFile, Fate, FindingKind, PassedOver, Problem, Report, Standing, Terminal};
use sources::{Clock, FileReading, Input, Message, Progress, Readings};

use crate::cli::{Follow, Format, When};
use crate::failure::Failure;
use crate::watch::Watch;
use crate::{excerpt, exports};

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
    require_selection(&message, &inputs)?;
    let watch = Watch::start(inputs.iter().map(|input| input.bytes.len() as u64).sum());
    let readings = sources::read_all(&inputs, message, &clock, &watch);
    watch.finish();
    if watch.is_cancelled() {
        return Err(Failure::Stopped);
    }
    require_readable(&readings, &evidence.refused)?;
    let mut report = answer(&readings);
    report.evidence = evidence_table(&readings, &evidence, options);
    report.exports = exports::asked_for(&report, &readings.message);
    excerpt::add(&mut report, &inputs);
    print(&shown(&report, options)?)?;
    Ok(status(&report))
}

/// What was found out about the message.
///
/// This is the seam: everything between the readings and the report (lake, trace, layers, findings) is called here.
/// The table of evidence, the exports asked for, and the excerpts are added by [`run`].
fn answer(readings: &Readings) -> Report {
    Report { message: described(readings), assumptions: assumptions(readings), ..Report::default() }
}

fn clock(options: &Follow) -> Result<Clock, Failure> {
    let zone = zone(&options.tz)?;
    let zone_label = if options.tz == "UTC" { "UTC (default)".to_owned() } else { format!("{} by --tz", options.tz) };
    let reference = match &options.now {
        Some(now) => instant("--now", now, &zone)?,
        None => Timestamp::now(),
    };
    Ok(Clock { zone, zone_label, reference })
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

/// Somebody must say which message: a sample, a Message-ID, or two of sender, recipient and subject.
fn require_selection(message: &Message, inputs: &[Input<'_>]) -> Result<(), Failure> {
    let looks = &message.likeness;
    let named = [looks.senders.is_empty(), looks.envelope_recipients.is_empty(), looks.subjects.is_empty()];
    let by_looks = named.iter().filter(|empty| !**empty).count() >= 2;
    if !message.ids.is_empty() || by_looks || inputs.is_empty() {
        return Ok(());
    }
    let kind = |input: &Input<'_>| sources::recognise(input.bytes, &input.name).map(|source| source.id()).ok();
    let kinds: Vec<&str> = inputs.iter().filter_map(kind).collect();
    if kinds.is_empty() || kinds.iter().any(|id| id.starts_with("message/")) {
        return Ok(());
    }
    Err(Failure::Usage {
        what: "which message".to_owned(),
        expected: "a sample (.eml, .msg, headers, bounce) among the files, or options that name the message".to_owned(),
        found: "neither".to_owned(),
        hint: "Add --message-id, or two of --sender, --recipient and --subject".to_owned(),
    })
}

fn require_readable(readings: &Readings, refused: &[Refusal]) -> Result<(), Failure> {
    if readings.files.iter().any(|file| file.reading.is_ok()) {
        return Ok(());
    }
    let unread = readings.files.iter().filter_map(|file| file.reading.as_ref().err().map(ToString::to_string));
    Err(Failure::NothingReadable(unread.chain(refused.iter().map(ToString::to_string)).collect()))
}

fn observations(readings: &Readings) -> impl Iterator<Item = &Observation> {
    readings.files.iter().filter_map(|file| file.reading.as_ref().ok()).flat_map(|reading| &reading.observations)
}

/// Who and what the message is; where records differ, the first one in the order of the files speaks.
fn described(readings: &Readings) -> report::Message {
    let identities: Vec<&Identity> = observations(readings)
        .filter_map(|observation| match &observation.fact {
            Fact::Identity(identity) => Some(identity),
            _ => None,
        })
        .collect();
    let address = |address: &Address| address.as_str().to_owned();
    let is_sample = |file: &&FileReading| file.source.is_some_and(|id| id.starts_with("message/"));
    let network_ids = readings.message.ids.iter().filter_map(|id| match id {
        Identifier::NetworkMessageId(id) => Some(id.clone()),
        _ => None,
    });
    report::Message {
        message_id: readings.message.message_ids().next().map(str::to_owned),
        network_message_ids: network_ids.collect(),
        envelope_sender: identities.iter().find_map(|identity| identity.envelope_sender.as_ref()).map(address),
        header_from: identities.iter().find_map(|identity| identity.header_from.as_ref()).map(address),
        envelope_recipients: readings.message.likeness.envelope_recipients.iter().map(address).collect(),
        subject: identities.iter().find_map(|identity| identity.subject.clone()),
        sent_at: identities.iter().find_map(|identity| identity.sent_at.as_ref()).map(|when| when.at),
        sample: readings.files.iter().find(is_sample).map(|file| file.file.to_string()),
    }
}

/// What was assumed to place records in time, once a file.
fn assumptions(readings: &Readings) -> Vec<String> {
    let mut assumed: Vec<String> = Vec::new();
    for observation in observations(readings) {
        if let Some(Zone::Assumed(how)) = observation.when.as_ref().map(|when| &when.zone) {
            let text = format!("{}: {how}", observation.cite.file);
            if !assumed.contains(&text) {
                assumed.push(text);
            }
        }
    }
    assumed
}

/// How many rows that could not be read are told one by one.
const PROBLEMS_TOLD: usize = 10;

/// Every file that was named: those that were opened in their order, then the refused ones.
fn evidence_table(readings: &Readings, evidence: &Evidence, options: &Follow) -> Vec<EvidenceFile> {
    let read = readings.files.iter().zip(&evidence.files).map(|(reading, opened)| EvidenceFile {
        sha256: if options.hash_all { Some(opened.sha256()) } else { opened.sha256_if_small() },
        ..evidence_file(reading, opened)
    });
    let refused = evidence.refused.iter().map(|refusal| EvidenceFile {
        file: refusal.file.clone(),
        error: Some(refusal.to_string()),
        ..EvidenceFile::default()
    });
    read.chain(refused).collect()
}

fn evidence_file(file: &FileReading, opened: &Opened) -> EvidenceFile {
    let about = EvidenceFile {
        file: opened.name.to_string(),
        source: file.source.map(str::to_owned),
        ..EvidenceFile::default()
    };
    let reading = match &file.reading {
        Ok(reading) => reading,
        Err(error) => return EvidenceFile { error: Some(error.to_string()), ..about },
    };
    let cannot_show = file.source.and_then(sources::source).map_or(&[][..], |source| source.cannot_show());
    EvidenceFile {
        rows: reading.rows,
        observed: reading.observed,
        problems: reading.problems.len() as u64,
        passed_over: reading.passed_over.iter().map(|heap| heap.rows).sum(),
        from: reading.coverage.from,
        to: reading.coverage.to,
        limits: reading
            .coverage
            .limits
            .iter()
            .cloned()
            .chain(cannot_show.iter().map(|text| text.to_string()))
            .collect(),
        problem_rows: reading.problems.iter().take(PROBLEMS_TOLD).map(problem).collect(),
        passed_over_reasons: reading
            .passed_over
            .iter()
            .map(|heap| PassedOver { reason: heap.reason.to_owned(), rows: heap.rows })
            .collect(),
        ..about
    }
}

fn problem(problem: &evidence::Problem) -> Problem {
    Problem { cite: (&problem.cite).into(), expected: problem.expected.clone(), found: problem.found.clone() }
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
    let is_cause = |finding: &report::Finding| {
        finding.kind == FindingKind::Cause && matches!(finding.standing, Standing::Proved | Standing::Likely)
    };
    let has_cause = report.findings.iter().any(is_cause);
    let is_explained = |copy: &report::MessageCopy| match copy.fate {
        Fate::Delivered => true,
        Fate::Unknown => false,
        _ => copy.changed_layer.is_some() && has_cause,
    };
    u8::from(report.copies.is_empty() || !report.copies.iter().all(is_explained))
}
