//! The six points: whom it is about, what is wrong, how far it goes, what was looked at, why, and what was done.

use report::{Comparison, EvidenceFile, Fate, FindingKind, LayerState, Report, Standing, State};

use super::document::{Claim, Known, Point};
use super::gather::{Gathered, Looked, answer, counted, fate_cites, instant, is_troubled, main_copy, whose};
use crate::journal::{Answer, Deed, Verification};

/// How many copies, files and checks are named one by one.
const MAX_NAMED: usize = 40;
/// Of how many copies it is told why.
const MAX_TOLD: usize = 8;

/// The six points, in order; each says so if nothing is known.
pub(super) fn facts(gathered: &mut Gathered<'_>) -> Vec<Point> {
    let point =
        |id: &str, title: &str, claims: Vec<Claim>| Point { id: id.to_owned(), title: title.to_owned(), claims };
    vec![
        point("affected", "Affected", affected(gathered)),
        point("symptom", "Symptom, error and time", symptom(gathered)),
        point("scope", "Scope and working comparison", scope(gathered)),
        point("checked", "Looked at", checked(gathered)),
        point("cause", "Root cause", cause(gathered)),
        point("fix", "Fix and verification", fix(gathered)),
    ]
}

/// What stands in for a report: why there is none.
pub(super) fn no_report(evidence: Looked<'_>, label: &str) -> Option<Claim> {
    match evidence {
        Looked::Answered(_) => None,
        Looked::NotSupplied => Some(Claim::new(label, Known::NotSupplied, "no evidence was added to the ticket")),
        Looked::Unreadable(why) => {
            Some(Claim::new(label, Known::Unchecked, format!("the evidence could not be followed: {why}")))
        }
    }
}

fn affected(gathered: &mut Gathered<'_>) -> Vec<Claim> {
    let about = &gathered.sources.case.about;
    let client = Some(&about.client).filter(|client| !client.is_empty());
    let mut claims = Vec::new();
    for (label, value) in [
        ("customer", client),
        ("site", about.site.as_ref()),
        ("user", about.user.as_ref()),
        ("device", about.device.as_ref()),
        ("ticket", about.ticket.as_ref()),
    ] {
        claims.push(match value {
            Some(value) => Claim::new(label, Known::Said, value).noted(gathered.entry(1)),
            None => Claim::new(label, Known::NotSaid, format!("the ticket names no {label}")),
        });
    }
    let Some(report) = gathered.report() else {
        claims.extend(no_report(gathered.sources.evidence, "mailbox"));
        return claims;
    };
    for copy in report.copies.iter().filter(|copy| is_troubled(copy)).take(MAX_NAMED) {
        let records = gathered.records(fate_cites(copy));
        let text = format!("{}: {}", whose(copy), copy.fate.word());
        claims.push(Claim::new("mailbox", shown(copy.fate), text).by(records));
    }
    claims.extend(more(report, "mailbox", MAX_NAMED));
    claims
}

/// How a fate is known that records carry.
fn shown(fate: Fate) -> Known {
    if fate == Fate::Unknown { Known::NotShown } else { Known::Recorded }
}

/// How many copies are not named one by one.
fn more(report: &Report, label: &str, named: usize) -> Option<Claim> {
    let troubled = report.copies.iter().filter(|copy| is_troubled(copy)).count();
    let more = troubled.checked_sub(named).filter(|more| *more > 0)?;
    Some(Claim::new(label, Known::Looked, format!("and {more} more, see the report")))
}

fn symptom(gathered: &mut Gathered<'_>) -> Vec<Claim> {
    let words_of_reporter = gathered.sources.case.about.words.as_ref();
    let mut claims = vec![match words_of_reporter {
        Some(said) => Claim::new("reported", Known::Said, said).noted(gathered.entry(1)),
        None => Claim::new("reported", Known::NotSaid, "the ticket holds no words of the reporter"),
    }];
    let Some(report) = gathered.report() else {
        claims.extend(no_report(gathered.sources.evidence, "error"));
        return claims;
    };
    identifiers(gathered, report, &mut claims);
    for copy in report.copies.iter().filter(|copy| is_troubled(copy)).take(MAX_TOLD) {
        let records = gathered.records(fate_cites(copy));
        let because = copy.because.as_deref().unwrap_or("no record says why");
        let text = format!("{} for {}: {because}", copy.fate.word(), whose(copy));
        claims.push(Claim::new("what became of it", shown(copy.fate), text).by(records));
    }
    claims.extend(more(report, "what became of it", MAX_TOLD));
    if report.copies.is_empty() {
        claims.push(Claim::new("what became of it", Known::NotShown, "no record speaks of the message"));
    }
    claims.push(error(gathered, report));
    claims.push(time(gathered, report));
    claims
}

const DATE: &str = "date of the message";

/// Message-ID, sender, subject and date, each with a record that holds it.
fn identifiers(gathered: &mut Gathered<'_>, report: &Report, claims: &mut Vec<Claim>) {
    let message = &report.message;
    let sent_at = message.sent_at.map(instant);
    let sender = message.header_from.as_ref().or(message.envelope_sender.as_ref()).filter(|sender| !sender.is_empty());
    let asked = &gathered.sources.case.asked;
    let asked: Vec<String> =
        asked.message_id.iter().chain(&asked.sender).chain(&asked.subject).map(|said| said.to_lowercase()).collect();
    for (label, value) in [
        ("Message-ID", message.message_id.as_ref()),
        ("sender", sender),
        ("message subject", message.subject.as_ref()),
        (DATE, sent_at.as_ref()),
    ] {
        let Some(value) = value else {
            claims.push(Claim::new(label, Known::NotShown, "no record states it"));
            continue;
        };
        let is_asked = asked.iter().any(|said| said.contains(&value.to_lowercase()));
        let told_at = message.sent_at.filter(|_| label == DATE).and_then(|at| gathered.event_at(at));
        let claim = match gathered.witness(value).or(told_at) {
            Some(cite) => Claim::new(label, Known::Recorded, value).by(gathered.records([cite])),
            None if is_asked => {
                let asked_at = gathered.asked_at();
                Claim::new(label, Known::Said, value).noted(gathered.entry(asked_at))
            }
            None => match &message.sample {
                Some(sample) => Claim::new(label, Known::Looked, format!("{value} (in the sample {sample})")),
                None => Claim::new(label, Known::Looked, format!("{value} (no cited record repeats it word by word)")),
            },
        };
        claims.push(claim);
    }
}

/// The exact error: what a server answered, else what the deciding record says.
fn error(gathered: &mut Gathered<'_>, report: &Report) -> Claim {
    let replied = main_copy(report).and_then(|copy| copy.replies.first());
    if let Some(reply) = replied {
        let code = reply.reply_code.map(|code| format!("{code} ")).unwrap_or_default();
        let status = reply.enhanced_status_code.as_deref().map(|code| format!("{code} ")).unwrap_or_default();
        let text = format!("{} answered {code}{status}", reply.from).trim_end().to_owned();
        let claim = Claim::new("error", Known::Recorded, text).by(gathered.records(&reply.cites));
        return Claim { quote: Some(reply.said.clone()), ..claim };
    }
    let decided = answer(report).and_then(|finding| finding.cites.first().map(|cite| (finding, cite)));
    if let Some((finding, cite)) = decided {
        let text = format!("no server's refusal is recorded; the deciding record of the {} says", finding.layer.word());
        return Claim::new("error", Known::Recorded, text).by(gathered.records([cite])).quoting(Some(cite));
    }
    let cite = main_copy(report).and_then(|copy| fate_cites(copy).first());
    match cite {
        Some(cite) => {
            let text = "no refusal and no verdict is recorded; the last record about it says";
            Claim::new("error", Known::Recorded, text).by(gathered.records([cite])).quoting(Some(cite))
        }
        None => Claim::new("error", Known::NotShown, "no record holds an error"),
    }
}

/// When it happened: the event of the layer that explains the fate, else the last one.
fn time(gathered: &mut Gathered<'_>, report: &Report) -> Claim {
    let Some(copy) = main_copy(report) else {
        return Claim::new("time", Known::NotShown, "no record says when");
    };
    // The event of the very record that decides, else one of its layer.
    let decided = answer(report).and_then(|finding| finding.cites.first());
    let of_record = decided.and_then(|cite| {
        let told_by = |one: &report::Cite| one.file == cite.file && one.bytes == cite.bytes;
        copy.timeline.iter().rev().find(|event| event.cites.iter().any(told_by))
    });
    let of_layer = || copy.timeline.iter().rev().find(|event| Some(event.layer) == copy.changed_layer);
    match of_record.or_else(of_layer).or_else(|| copy.timeline.last()) {
        Some(event) => {
            let assumed = event.assumed.as_deref().map(|how| format!(" (assumed: {how})")).unwrap_or_default();
            let text = format!("{}{assumed}: {}: {}", instant(event.at), event.system, event.summary);
            Claim::new("time", Known::Recorded, text).by(gathered.records(&event.cites))
        }
        None => Claim::new("time", Known::NotShown, "no record with an instant speaks of this copy"),
    }
}

fn scope(gathered: &mut Gathered<'_>) -> Vec<Claim> {
    let Some(report) = gathered.report() else {
        return no_report(gathered.sources.evidence, "scope").into_iter().collect();
    };
    let mut claims = Vec::new();
    let troubled = report.copies.iter().filter(|copy| is_troubled(copy)).count() as u64;
    let copies = report.copies.len() as u64;
    let cites: Vec<_> = report.copies.iter().filter_map(|copy| fate_cites(copy).first()).collect();
    let records = gathered.records(cites);
    if copies > 0 {
        let verb = if troubled == 1 { "is" } else { "are" };
        let of = counted_of(copies, "copy", "copies");
        let text = format!("{troubled} of {of} of the message {verb} not shown to have reached the inbox");
        claims.push(Claim::new("copies", Known::Recorded, text).by(records));
    }
    if let Some(several) = &report.several {
        let fates = several.fates.iter().map(|one| format!("{} {}", one.copies, one.fate.word()));
        let fates: Vec<String> = fates.collect();
        let text = format!(
            "{} {}: {}; {} not followed",
            counted(several.messages, "message"),
            several.asked,
            fates.join(", "),
            several.not_followed
        );
        let cites = report.shared.iter().filter_map(|group| group.cause.cites.first());
        let records = gathered.records(cites);
        claims.push(Claim::new("messages", Known::Looked, text).by(records));
        for group in report.shared.iter().take(MAX_NAMED) {
            let text = format!("{} of them share {}", counted(group.messages, "message"), group.cause.id);
            let records = gathered.records(&group.cause.cites);
            claims.push(Claim::new("shared cause", group.cause.standing.into(), text).by(records));
        }
    }
    claims.push(working_comparison(gathered, report));
    claims
}

fn counted_of(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What works beside what does not: another copy of the message, else the delivered message that was laid beside it.
fn working_comparison(gathered: &mut Gathered<'_>, report: &Report) -> Claim {
    const LABEL: &str = "working comparison";
    if let Some((comparison, claim)) = compared(gathered) {
        let parted = match comparison.parted_at {
            Some(layer) => format!("the two part at {}: {}", layer.word(), comparison.because),
            None => comparison.because.clone(),
        };
        return Claim { text: format!("{}; {parted}", claim.text), ..claim };
    }
    let delivered = report.copies.iter().find(|copy| !is_troubled(copy) && !fate_cites(copy).is_empty());
    let has_trouble = report.copies.iter().any(is_troubled);
    if let Some(copy) = delivered.filter(|_| has_trouble) {
        let text = format!("the same message was delivered for {}", whose(copy));
        return Claim::new(LABEL, Known::Recorded, text).by(gathered.records(fate_cites(copy)));
    }
    match gathered.sources.comparison.and_then(|comparison| comparison.picked.as_ref()) {
        Some(picked) => Claim::new(LABEL, Known::Absent, first_sentence(&picked.because)),
        None => Claim::new(LABEL, Known::NotSupplied, "no delivered message to compare with is in the evidence"),
    }
}

/// What follows the first sentence is advice for a command line.
fn first_sentence(text: &str) -> String {
    text.split_inclusive(". ").next().unwrap_or(text).trim_end_matches(['.', ' ']).to_owned()
}

/// The delivered side of the comparison, if there is one with records.
fn compared<'a>(gathered: &mut Gathered<'a>) -> Option<(&'a Comparison, Claim)> {
    let comparison = gathered.sources.comparison?;
    let delivered = comparison.delivered.as_ref()?;
    let stated = comparison.layers.iter().flat_map(|layer| &layer.facts).filter_map(|fact| fact.delivered.as_ref());
    let records = gathered.records(stated.flat_map(|stated| &stated.cites));
    if records.is_empty() {
        return None;
    }
    let name = delivered.message.message_id.as_deref().unwrap_or("a message without a Message-ID");
    let whom = delivered.envelope_recipient.as_deref().unwrap_or("a recipient that no record names");
    let fate = delivered.fate.map_or("not shown", Fate::word);
    let at = delivered.at.map(|at| format!(" at {}", instant(at))).unwrap_or_default();
    let text = format!("{name} for {whom}{at} was {fate}");
    Some((comparison, Claim::new("working comparison", Known::Recorded, text).by(records)))
}

fn checked(gathered: &mut Gathered<'_>) -> Vec<Claim> {
    let Some(report) = gathered.report() else {
        return no_report(gathered.sources.evidence, "logs and portals").into_iter().collect();
    };
    let mut claims: Vec<Claim> = report.evidence.iter().take(MAX_NAMED).map(file).collect();
    if let Some(more) = report.evidence.len().checked_sub(MAX_NAMED).filter(|more| *more > 0) {
        claims.push(Claim::new("export", Known::Looked, format!("and {}", counted(more as u64, "more file"))));
    }
    // What a layer says is not there was looked at as well: it is said once.
    let is_layer_told = |check: &str, said: &str| {
        let layers = main_copy(report).into_iter().flat_map(|copy| &copy.layers);
        let mut not_there = layers.filter(|layer| matches!(layer.state, State::Absent | State::NotSupplied));
        not_there.any(|layer| layer.layer.word() == check && layer.summary == said)
    };
    for check in report.checked.iter().filter(|check| !is_layer_told(&check.check, &check.said)).take(MAX_NAMED) {
        let records = gathered.records(&check.cites);
        claims.push(Claim::new(&check.check, Known::Looked, &*check.said).by(records));
    }
    if let Some(copy) = main_copy(report) {
        claims.extend(copy.layers.iter().filter_map(|layer| not_there(gathered, layer)));
    }
    for gap in report.findings.iter().filter(|finding| finding.kind == FindingKind::Gap).take(MAX_NAMED) {
        let known = if gap.ask_for.is_empty() { Known::NotShown } else { Known::NotSupplied };
        let records = gathered.records(&gap.cites);
        claims.push(Claim::new("open", known, &*gap.statement).by(records).asking(&gap.ask_for));
    }
    claims
}

/// What was read from one file.
fn file(file: &EvidenceFile) -> Claim {
    let source = file.source.as_deref().unwrap_or("not recognised");
    if let Some(error) = &file.error {
        return Claim::new("export", Known::Unchecked, format!("{}: {error}", file.file));
    }
    if file.source.is_none() {
        return Claim::new("export", Known::Unchecked, format!("{}: no kind of export that is known", file.file));
    }
    let span = match (file.from, file.to) {
        (Some(from), Some(to)) if from != to => format!(", {} to {}", instant(from), instant(to)),
        (Some(at), _) | (None, Some(at)) => format!(", {}", instant(at)),
        (None, None) => String::new(),
    };
    let problems = match file.problems {
        0 => String::new(),
        count => format!(", {} that could not be read", counted(count, "row")),
    };
    let rows = counted(file.rows, "row");
    let text = format!("{} ({source}): {rows}, {} about the message{problems}{span}", file.file, file.observed);
    Claim::new("export", Known::Looked, text)
}

/// A layer of which nothing is there, with the reason.
fn not_there(gathered: &mut Gathered<'_>, layer: &LayerState) -> Option<Claim> {
    let known = match layer.state {
        State::Absent => Known::Absent,
        State::NotSupplied => Known::NotSupplied,
        _ => return None,
    };
    let records = gathered.records(&layer.cites);
    Some(Claim::new(layer.layer.word(), known, &*layer.summary).by(records))
}

fn cause(gathered: &mut Gathered<'_>) -> Vec<Claim> {
    let Some(report) = gathered.report() else {
        return no_report(gathered.sources.evidence, "root cause").into_iter().collect();
    };
    let Some(found) = answer(report) else { return vec![no_cause(gathered, report)] };
    let records = gathered.records(&found.cites);
    let id = match &found.specific {
        Some(specific) => format!("{}/{specific}", found.id),
        None => found.id.clone(),
    };
    let label = if found.kind == FindingKind::Symptom { "known symptom" } else { "root cause" };
    let known = Known::from(found.standing);
    let claim = Claim::new(label, known, format!("{} ({id})", found.statement)).by(records.clone());
    let layer = match found.standing {
        Standing::Proved => Claim::new("layer", known, found.layer.word()),
        _ => Claim::new("most likely layer", known, found.layer.word()),
    };
    vec![claim.quoting(found.cites.first()), layer.by(records)]
}

/// That no cause is shown, or that there is nothing to explain.
fn no_cause(gathered: &mut Gathered<'_>, report: &Report) -> Claim {
    let is_fine = !report.copies.is_empty() && report.copies.iter().all(|copy| !is_troubled(copy));
    if is_fine {
        let cites: Vec<_> = report.copies.iter().flat_map(fate_cites).collect();
        let records = gathered.records(cites);
        let text = "nothing stopped it: the records show every copy delivered, so there is no cause to name";
        return Claim::new("root cause", Known::Recorded, text).by(records);
    }
    let open = report.findings.iter().filter(|finding| finding.standing == Standing::NotShown);
    let mut ask_for: Vec<String> = open.flat_map(|finding| finding.ask_for.iter().cloned()).collect();
    ask_for.sort();
    ask_for.dedup();
    let text = "not shown: the evidence holds no record that decides it, and no layer is named";
    Claim::new("root cause", Known::NotShown, text).asking(&ask_for)
}

fn fix(gathered: &mut Gathered<'_>) -> Vec<Claim> {
    let mut claims = Vec::new();
    let (mut changed_at, mut verified_at) = (None, None);
    for entry in gathered.sources.journal {
        let told: Vec<Claim> = match &entry.deed {
            Deed::ChangeMade { made_at, candidate, guard, ends, .. } => {
                changed_at = Some(entry.seq);
                let guard =
                    guard.as_deref().map_or("the guard was not asked".to_owned(), |word| format!("guard: {word}"));
                let ends = ends.map_or("no end is known".to_owned(), |at| format!("ends {}", instant(at)));
                let text = format!("made {} by {}; {guard}; {ends}: {candidate}", instant(*made_at), entry.who);
                vec![Claim::new("change", Known::Said, text)]
            }
            Deed::Approved { by, role, ends, .. } => {
                let text = format!("by {by} ({role}), until {}", instant(*ends));
                vec![Claim::new("approval", Known::Said, text)]
            }
            Deed::Verified { verification, due } => {
                verified_at = Some(entry.seq);
                let mut told = verified(gathered, verification, entry.at);
                let again = due.map(|due| format!("to be looked at again by {}", instant(due)));
                told.extend(again.map(|text| Claim::new("second look", Known::Open, text)));
                told
            }
            Deed::Escalated { to, reasons, .. } => {
                let text = format!("to {to} at {}: {}", instant(entry.at), reasons.join("; "));
                vec![Claim::new("escalation", Known::Said, text)]
            }
            Deed::RunbookWritten { runbook, version, .. } => {
                vec![Claim::new("runbook", Known::Said, format!("{runbook}, version {version}"))]
            }
            Deed::StatusSet { status, why } => {
                let word = status.word().replace('_', " ");
                let why = if why.is_empty() { String::new() } else { format!(": {why}") };
                vec![Claim::new("status", Known::Said, format!("{word} at {}{why}", instant(entry.at)))]
            }
            _ => Vec::new(),
        };
        for claim in told {
            let entries = gathered.entry(entry.seq);
            claims.push(claim.noted(entries));
        }
    }
    if changed_at.is_none() {
        claims.insert(0, Claim::new("change", Known::Absent, "the journal records no change"));
    }
    if verified_at.is_none() {
        let text = "the journal records no verification: whether the trouble is gone is not known";
        claims.push(Claim::new("verification", Known::Absent, text));
    } else if changed_at > verified_at {
        let text = "the last change was made after the last verification: whether it holds is not known";
        claims.push(Claim::new("verification", Known::Absent, text));
    }
    claims
}

/// What a verification found, over all and check by check, as it was journaled.
fn verified(gathered: &mut Gathered<'_>, verification: &Verification, at: jiff::Timestamp) -> Vec<Claim> {
    let all: Vec<_> = verification.checks.iter().flat_map(|check| &check.cites).collect();
    let overall = format!("{} at {}", answer_word(verification.answer), instant(at));
    let mut claims =
        vec![Claim::new("verification", answer_known(verification.answer), overall).by(gathered.records(all))];
    for check in &verification.checks {
        let text = format!("{}: {}", answer_word(check.answer), check.statement);
        let records = gathered.records(&check.cites);
        let label = check.check.replace('_', " ");
        let claim = Claim::new(&label, answer_known(check.answer), text).by(records).asking(&check.ask_for);
        claims.push(claim.quoting(check.cites.first()));
    }
    claims
}

fn answer_word(answer: Answer) -> &'static str {
    match answer {
        Answer::Held => "held",
        Answer::CannotTell => "cannot tell",
        Answer::CameBack => "came back",
    }
}

fn answer_known(answer: Answer) -> Known {
    match answer {
        Answer::Held | Answer::CameBack => Known::Recorded,
        Answer::CannotTell => Known::NotShown,
    }
}
