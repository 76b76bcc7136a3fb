//! What every face shows, before it is drawn: groups of copies, numbered records, one timeline.

use std::collections::HashMap;
use std::iter::once;
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use crate::document::{
    Cite, Event, Finding, FindingKind, Layer, Message, MessageCopy, Report, SettingDifference, Snapshot, State,
};
use crate::sheet::Numbers;
use crate::text::{counted, cut, number};
use crate::timeline::happened;

/// A report arranged for showing.
pub(crate) struct View<'a> {
    pub(crate) groups: Vec<Group<'a>>,
    pub(crate) records: Records<'a>,
    pub(crate) timeline: Vec<Entry<'a>>,
}

/// Copies with the same states and the same fate; never empty.
pub(crate) struct Group<'a> {
    pub(crate) first: &'a MessageCopy,
    pub(crate) others: Vec<&'a MessageCopy>,
}

/// Every cited record once, numbered from 1 in the order in which the faces cite them.
pub(crate) struct Records<'a> {
    pub(crate) list: Vec<Record<'a>>,
    numbers: HashMap<(&'a str, [u64; 2]), usize>,
}

/// One cited record with all places that are cited in it.
pub(crate) struct Record<'a> {
    pub(crate) number: usize,
    pub(crate) cite: &'a Cite,
    /// The parts of the record that are shown, in its order; never empty.
    pub(crate) pieces: Vec<Piece>,
}

/// A stretch of a record with the marks in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Offset in the file.
    start: u64,
    /// The text; begins or ends with `…` where the record goes on.
    pub(crate) text: String,
    /// Byte ranges of `text`.
    pub(crate) marks: Vec<Range<usize>>,
}

/// One line of the timeline; the same event of several copies is one.
pub(crate) struct Entry<'a> {
    pub(crate) event: &'a Event,
    /// The recipients it is about; empty if all.
    pub(crate) recipients: Vec<&'a str>,
    /// Time since the entry before.
    pub(crate) gap: Option<SignedDuration>,
}

impl<'a> View<'a> {
    pub(crate) fn of(report: &'a Report) -> View<'a> {
        View { groups: groups(report), records: Records::of(report), timeline: timeline(report) }
    }
}

fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known = HashMap::new();
    for copy in &report.copies {
        let states: Vec<(Layer, State)> = copy.layers.iter().map(|layer| (layer.layer, layer.state)).collect();
        let at = *known.entry((copy.fate, copy.changed_layer, states)).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.others.push(copy),
            None => groups.push(Group { first: copy, others: Vec::new() }),
        }
    }
    groups
}

impl<'a> Records<'a> {
    fn of(report: &'a Report) -> Records<'a> {
        let mut records = Records { list: Vec::new(), numbers: HashMap::new() };
        // A symptom's records stand together, each of them once.
        let findings = report.findings.iter().flat_map(|finding| {
            let apart = finding.told_apart.iter().flat_map(|one| &one.cites);
            let pictured = finding.picture.iter().flat_map(crate::sheet::shown_cites);
            finding.cites.iter().chain(pictured).chain(apart)
        });
        let checked = report.checked.iter().flat_map(|checked| &checked.cites);
        let layers = report.copies.iter().flat_map(|copy| &copy.layers).flat_map(|layer| &layer.cites);
        let events = report.copies.iter().flat_map(|copy| &copy.timeline).flat_map(|event| &event.cites);
        let replies = report.copies.iter().flat_map(|copy| &copy.replies).flat_map(|reply| &reply.cites);
        for cite in findings.chain(layers).chain(events).chain(replies).chain(checked) {
            records.add(cite);
        }
        for record in &mut records.list {
            record.pieces = joined(std::mem::take(&mut record.pieces), record.cite);
        }
        records
    }

    fn add(&mut self, cite: &'a Cite) {
        let next = self.list.len();
        let at = *self.numbers.entry((&cite.file, cite.bytes)).or_insert(next);
        if at == next {
            self.list.push(Record { number: next + 1, cite, pieces: Vec::new() });
        }
        let pieces = &mut self.list[at].pieces;
        pieces.extend(piece(cite).filter(|piece| !pieces.contains(piece)));
    }

    /// The same numbers for a section that outlives the view.
    pub(crate) fn owned(&self) -> Numbers {
        Numbers::of(self.numbers.iter().map(|((file, bytes), at)| (((*file).to_owned(), *bytes), at + 1)))
    }

    /// The numbers of some cites, ascending, each once.
    pub(crate) fn numbers(&self, cites: &[Cite]) -> Vec<usize> {
        let mut numbers: Vec<usize> = cites
            .iter()
            .filter_map(|cite| self.numbers.get(&(cite.file.as_str(), cite.bytes)))
            .map(|at| at + 1)
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// The stretch of the record that shows a cite's mark; `None` if there is no mark or nothing shows it.
fn piece(cite: &Cite) -> Option<Piece> {
    let place = cite.mark?;
    if let Some(excerpt) = &cite.excerpt {
        let before = excerpt.before.trim_start_matches('…').len() as u64;
        let mark = excerpt.before.len()..excerpt.before.len() + excerpt.marked.len();
        let text = format!("{}{}{}", excerpt.before, excerpt.marked, excerpt.after);
        return Some(Piece { start: place[0].saturating_sub(before), text, marks: once(mark).collect() });
    }
    // Without an excerpt only text that takes one byte in the file for one byte here can be placed.
    let start = usize::try_from(place[0].checked_sub(cite.bytes[0])?).ok()?;
    let end = usize::try_from(place[1].checked_sub(cite.bytes[0])?).ok()?;
    let is_cut = cite.said.chars().count() == evidence::SAID_MAX_CHARS;
    let is_placed = is_cut || cite.bytes[1].checked_sub(cite.bytes[0])? == cite.said.len() as u64;
    let is_text = cite.said.get(start..end).is_some_and(|text| !text.is_empty());
    (is_placed && is_text).then(|| Piece { start: cite.bytes[0], text: said(cite), marks: once(start..end).collect() })
}

/// The record's words, with `…` where they are cut.
fn said(cite: &Cite) -> String {
    let is_cut = cite.said.chars().count() == evidence::SAID_MAX_CHARS;
    format!("{}{}", cite.said, if is_cut { "…" } else { "" })
}

/// Pieces in the order of the record, those that overlap as one. A record without a mark shows its first words, and a
/// short one all of them.
fn joined(mut pieces: Vec<Piece>, cite: &Cite) -> Vec<Piece> {
    let whole = Piece { start: cite.bytes[0], text: said(cite), marks: Vec::new() };
    if pieces.is_empty() || !whole.text.ends_with('…') {
        pieces.push(whole);
    }
    pieces.sort_by_key(|piece| piece.start);
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match joined.last_mut().and_then(|last| last.join(&piece).then_some(())) {
            Some(()) => {}
            None => joined.push(piece),
        }
    }
    // Where bytes are not characters (UTF-16) the first words may stand beside the marks in vain.
    if joined.len() > 1 {
        joined.retain(|piece| !piece.marks.is_empty());
    }
    joined
}

impl Piece {
    /// Takes in a piece that starts within this one, if both say the same where they overlap; whether it did.
    fn join(&mut self, next: &Piece) -> bool {
        let own = self.text.strip_suffix('…').unwrap_or(&self.text);
        let lead = own.len() - own.trim_start_matches('…').len();
        let next_lead = next.text.len() - next.text.trim_start_matches('…').len();
        let Ok(offset) = usize::try_from(next.start - self.start) else { return false };
        let (Some(own_rest), Some(next_text)) = (own.get(lead + offset..), next.text.get(next_lead..)) else {
            return false;
        };
        let next_bare = next_text.strip_suffix('…').unwrap_or(next_text);
        let marks = next.marks.iter().filter_map(|mark| {
            let start = mark.start.checked_sub(next_lead)?;
            Some(start + offset + lead..mark.end.checked_sub(next_lead)? + offset + lead)
        });
        if own_rest.starts_with(next_bare) {
            self.marks.extend(marks);
        } else if next_bare.starts_with(own_rest) {
            self.marks.extend(marks);
            self.text = format!("{}{next_text}", &own[..lead + offset]);
        } else {
            return false;
        }
        true
    }
}

fn timeline(report: &Report) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for one in happened(report, 1..=report.copies.len()) {
        let mut recipients: Vec<&str> = Vec::new();
        if one.places.len() < report.copies.len() {
            recipients.extend(one.places.iter().map(|place| report.copies[place - 1].envelope_recipient.as_str()));
            recipients.dedup();
        }
        let gap = entries.last().map(|before| one.event.at.duration_since(before.event.at));
        entries.push(Entry { event: one.event, recipients, gap });
    }
    entries
}

/// The layer state of a copy by layer.
pub(crate) fn state(copy: &MessageCopy, layer: Layer) -> State {
    copy.layers.iter().find(|state| state.layer == layer).map_or(State::NotSupplied, |state| state.state)
}

/// The sign of a state.
pub fn sign(state: State) -> char {
    match state {
        State::Passed => '✓',
        State::Changed => '◆',
        State::Stopped => '✗',
        State::Pending => '…',
        State::NotReached => '·',
        State::Absent => '∅',
        State::NotSupplied => '?',
        State::Conflict => '≠',
    }
}

/// Whether the way certainly came to a layer with this state.
pub(crate) fn was_reached(state: State) -> bool {
    matches!(state, State::Passed | State::Changed | State::Stopped | State::Pending | State::Conflict)
}

/// Which layer changed the copy's fate, and why, in one sentence.
pub fn because(copy: &MessageCopy) -> String {
    let why = copy.because.as_deref().unwrap_or("");
    match (copy.changed_layer, why.is_empty()) {
        (Some(layer), false) => format!("Changed at {}: {why}", layer.word()),
        (Some(layer), true) => format!("Changed at {}.", layer.word()),
        (None, false) => why.to_owned(),
        (None, true) if copy.fate == crate::Fate::Delivered => "No layer changed its fate.".to_owned(),
        (None, true) => "Which layer changed its fate is not shown.".to_owned(),
    }
}

/// The recipient of a copy for people.
pub fn recipient(copy: &MessageCopy) -> &str {
    if copy.envelope_recipient.is_empty() { "recipient not named" } else { &copy.envelope_recipient }
}

/// Whether a next step already says how an export is fetched: it is not told twice.
pub(crate) fn is_told_above(export: &crate::document::Export, report: &Report) -> bool {
    report
        .next_steps
        .iter()
        .any(|step| step.fetches.as_ref() == Some(&export.source) && (step.command.is_some() || step.r#where.is_some()))
}

/// Said instead.
pub(crate) const TOLD_ABOVE: &str = "how: see the next steps";

/// How many checks that are done are shown; the JSON holds all.
pub(crate) const MAX_CHECKED: usize = 24;

/// What stands for the checks that are not shown.
pub(crate) fn more_checked(report: &Report) -> Option<String> {
    let more = report.checked.len().checked_sub(MAX_CHECKED).filter(|more| *more > 0)?;
    Some(format!("and {more} more, for other copies"))
}

/// For whose copies a check is done, if not for all.
pub(crate) fn whose(checked: &crate::document::Checked, report: &Report) -> String {
    match checked.envelope_recipients.as_slice() {
        [] => String::new(),
        all if all.len() == report.copies.len() => String::new(),
        [one] => format!(" for {one}"),
        [first, rest @ ..] => format!(" for {first} and {} more", rest.len()),
    }
}

/// The findings that are no symptom, with their places: symptoms have a section of their own.
pub(crate) fn other_findings(report: &Report) -> impl Iterator<Item = (usize, &Finding)> {
    report.findings.iter().enumerate().filter(|(_, finding)| finding.kind != FindingKind::Symptom)
}

/// Said instead of findings where there are none; `None` if there are some, or if symptoms alone are the answer.
pub(crate) fn no_findings(report: &Report) -> Option<&'static str> {
    match (other_findings(report).next(), report.findings.is_empty()) {
        (Some(_), _) => None,
        (None, true) => Some("None: no cause, symptom, gap or risk follows from this evidence."),
        (None, false) => Some("None but the symptoms: no cause, gap or risk follows from this evidence."),
    }
}

/// The anchor of each finding: `finding-` and the id, letters and digits only; a number behind it from the second of the same id on.
pub fn anchors(findings: &[Finding]) -> Vec<String> {
    let slug = |id: &str| -> String {
        id.chars().take(80).map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
    };
    let mut met: HashMap<String, usize> = HashMap::new();
    let anchor = |finding: &Finding| {
        let own = slug(&finding.id);
        let count = met.entry(own.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { format!("finding-{own}") } else { format!("finding-{own}-{count}") }
    };
    findings.iter().map(anchor).collect()
}

/// The anchor of one of them.
pub(crate) fn anchor(findings: &[Finding], at: usize) -> String {
    anchors(&findings[..=at]).pop().unwrap_or_default()
}

/// What a finding is about, such as `delivery, ana@example.com`.
pub fn scope(finding: &Finding) -> String {
    match &finding.envelope_recipient {
        Some(recipient) => format!("{}, {recipient}", finding.layer.word()),
        None if finding.kind == FindingKind::Symptom => finding.layer.word().to_owned(),
        None => format!("{}, all copies", finding.layer.word()),
    }
}

/// Whose clock the message's date follows: its author's if a sample was there to read it from, else that of the record
/// which speaks of it first.
pub(crate) fn clock_of_date(message: &Message) -> &'static str {
    if message.sample.is_some() { "the sender's clock" } else { "first record" }
}

/// An instant for people: `2026-08-20 09:14:03 UTC`, with milliseconds where there are any.
pub fn instant(at: Timestamp) -> String {
    format!("{} {} UTC", day(at), clock(at))
}

/// The day of an instant in UTC.
pub(crate) fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// The time of day of an instant in UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    if at.subsec_millisecond() == 0 {
        at.strftime("%H:%M:%S").to_string()
    } else {
        at.strftime("%H:%M:%S.%3f").to_string()
    }
}

/// A span for people, in its two largest units; what is less than a second more or less is rounded.
pub fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_millis().saturating_add(500).div_euclid(1000);
    match seconds {
        _ if duration.as_secs() == 0 && duration.subsec_millis() != 0 => format!("{} ms", duration.subsec_millis()),
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {:02} h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// Columns of a setting's value on a page; longer ones are cut there.
const VALUE_COLUMNS: usize = 80;

/// How many differences are shown on a page; the JSON holds more.
const DIFFERENCES_SHOWN: usize = 5;

/// What a person is told of an export of settings beside the one before it.
pub(crate) fn snapshot_lines(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(taken) = snapshot.taken {
        let how = snapshot.taken_by.as_deref().map_or(String::new(), |how| format!(" ({how})"));
        lines.push(format!("taken {}{how}", instant(taken)));
    }
    let Some(earlier) = &snapshot.earlier else { return lines };
    let known = match snapshot.order.as_str() {
        "instant" => "the later one by the instants in their names",
        "word" => "the later one by the words in their names",
        "content" => "the later one by its last change",
        _ => "which of the two came first is not shown: put the day into their names",
    };
    let count = match snapshot.different {
        0 => "nothing differs".to_owned(),
        many => counted(many, "difference"),
    };
    lines.push(format!("against {earlier}: {count} ({known})"));
    lines.extend(snapshot.differences.iter().take(DIFFERENCES_SHOWN).map(difference));
    let more = snapshot.different.saturating_sub(DIFFERENCES_SHOWN as u64);
    if more > 0 {
        lines.push(format!("and {} more, see the JSON report", number(more)));
    }
    lines
}

fn difference(found: &SettingDifference) -> String {
    let shown = |value: &Option<String>| {
        value.as_deref().map_or("nothing".to_owned(), |text| format!("`{}`", cut(text, VALUE_COLUMNS)))
    };
    match &found.property {
        Some(property) => {
            format!("`{}`: {property} was {}, is {}", found.setting, shown(&found.before), shown(&found.after))
        }
        None if found.before.is_some() => format!("`{}`: is gone", found.setting),
        None => format!("`{}`: is new", found.setting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_span() {
        for (milliseconds, expected) in [
            (0, "0 s"),
            (250, "250 ms"),
            (1_980, "2 s"),
            (1_400, "1 s"),
            (59_600, "1 min 00 s"),
            (61_000, "1 min 01 s"),
            (3_900_000, "1 h 05 min"),
            (90_000_000, "1 d 01 h"),
        ] {
            assert_eq!(span(SignedDuration::from_millis(milliseconds)), expected);
        }
    }

    fn cite(said: &str, mark: Option<[u64; 2]>, excerpt: Option<(&str, &str, &str)>) -> Cite {
        let excerpt = excerpt.map(|(before, marked, after)| crate::Excerpt {
            before: before.to_owned(),
            marked: marked.to_owned(),
            after: after.to_owned(),
        });
        let (file, said) = ("a.log".to_owned(), said.to_owned());
        Cite { file, line: Some(1), record: None, bytes: [100, 116], mark, said, excerpt }
    }

    /// The shown pieces, marks in brackets.
    fn check(name: &str, cites: &[Cite], expected: &[&str]) {
        let mut records = Records { list: Vec::new(), numbers: HashMap::new() };
        cites.iter().for_each(|cite| records.add(cite));
        let record = records.list.remove(0);
        let shown: Vec<String> = joined(record.pieces, record.cite)
            .into_iter()
            .map(|mut piece| {
                piece.marks.sort_by_key(|mark| std::cmp::Reverse(mark.start));
                for mark in piece.marks {
                    piece.text.insert(mark.end, ']');
                    piece.text.insert(mark.start, '[');
                }
                piece.text
            })
            .collect();
        assert_eq!(shown, expected, "{name}");
    }

    #[test]
    fn ok_pieces() {
        let said = "status=sent (ok)";
        let by_offset = |mark| cite(said, Some(mark), None);
        let cut = "x".repeat(300);
        let around = |mark, excerpt| cite(&cut, Some(mark), Some(excerpt));
        check("no mark", &[cite(said, None, None)], &["status=sent (ok)"]);
        check("by offset", &[by_offset([107, 111])], &["status=[sent] (ok)"]);
        check("two marks", &[by_offset([107, 111]), by_offset([113, 115])], &["status=[sent] ([ok])"]);
        check("outside", &[by_offset([90, 111]), by_offset([107, 190])], &["status=sent (ok)"]);
        check("within said", &[cite(said, Some([107, 111]), Some(("…tus=", "sent", " (…")))], &["status=[sent] (ok)"]);
        check("beyond", &[around([507, 511], ("…tus=", "sent", " (…"))], &["…tus=[sent] (…"]);
        let apart = [around([507, 511], ("…=", "sent", " (…")), around([613, 615], ("…(", "ok", ")"))];
        check("apart", &apart, &["…=[sent] (…", "…([ok])"]);
        let near = [around([507, 511], ("…us=", "sent", " (…")), around([513, 515], ("…ent (", "ok", ")"))];
        check("near", &near, &["…us=[sent] ([ok])"]);
        let apart = [around([507, 511], ("…us=", "sent", " (…")), around([513, 515], ("…xxx (", "ok", ")"))];
        check("do not agree", &apart, &["…us=[sent] (…", "…xxx ([ok])"]);
    }
}
