//! The symptoms as a section that every face draws.

use findings::symptoms;

use crate::document::{Finding, FindingKind, Report, Standing, ToldApart};
use crate::sheet::{Block, Claim, Numbers, Pictured, Row, Section, Tone};
use crate::text::counted;
use crate::view::{self, View};

/// Which symptoms the records show, each with its cause, its picture, and what to do about it. If they show none it is said
/// where symptoms alone are looked for, else the section is left out.
pub(crate) fn section(report: &Report, view: &View<'_>, is_alone: bool) -> Option<Section> {
    let mut blocks = claims(&report.findings, &view.records.owned());
    if blocks.is_empty() && is_alone {
        let text =
            "None that was looked for shows in these records. What the records cannot show stands under the evidence.";
        blocks.push(Block::Text(Tone::Odd, text.to_owned()));
    }
    (!blocks.is_empty()).then(|| Section { id: "symptoms", title: "Symptoms".to_owned(), blocks })
}

/// The symptoms among some findings; the numbers are those of the page's records.
pub fn claims(findings: &[Finding], numbers: &Numbers) -> Vec<Block> {
    let found = findings.iter().enumerate().filter(|(_, finding)| finding.kind == FindingKind::Symptom);
    found.map(|(at, finding)| Block::Claim(claim(finding, view::anchor(findings, at), numbers))).collect()
}

/// Whether no message is followed: the symptoms are the answer.
pub(crate) fn are_alone(report: &Report) -> bool {
    report.copies.is_empty()
        && report.several.is_none()
        && report.message == crate::Message::default()
        && report.findings.iter().all(|finding| finding.kind == FindingKind::Symptom)
        && !report.evidence.is_empty()
}

/// The heading of a report without a message.
pub(crate) const ALONE: &str = "What the records show";

/// On what a report without a message rests.
pub(crate) fn alone(report: &Report) -> Vec<(String, String)> {
    let read = report.evidence.iter().filter(|file| file.source.is_some() && file.error.is_none());
    let rows: u64 = read.clone().map(|file| file.rows).sum();
    let (files, from, to) = read.fold((0_u64, None, None), |(files, from, to), file| {
        let earlier = from.into_iter().chain(file.from).min();
        (files + 1, earlier, to.into_iter().chain(file.to).max())
    });
    let mut facts = vec![
        ("Message".to_owned(), "none is singled out; what is said rests on every row".to_owned()),
        ("Read".to_owned(), format!("{} in {}", counted(rows, "row"), counted(files, "file"))),
    ];
    if let (Some(from), Some(to)) = (from, to) {
        facts.push(("From, to".to_owned(), format!("{} to {}", view::instant(from), view::instant(to))));
    }
    facts
}

fn claim(finding: &Finding, anchor: String, numbers: &Numbers) -> Claim {
    let guide = symptoms::guides().iter().find(|guide| guide.id == finding.id);
    let title = guide.map_or_else(|| finding.id.clone(), |guide| guide.title.clone());
    let mut blocks = Vec::new();
    blocks.extend(named(finding).map(|fact| Block::Facts(vec![fact])));
    if let Some(picture) = &finding.picture {
        blocks.push(Block::Picture(Pictured { picture: picture.clone(), numbers: numbers.clone() }));
    }
    if !finding.told_apart.is_empty() {
        blocks.push(Block::Text(Tone::Soft, "Other causes, told apart:".to_owned()));
        let rows = finding.told_apart.iter().map(|one| told_apart(&finding.id, one, numbers));
        blocks.push(Block::Rows(rows.collect()));
    }
    let facts = [
        ("Narrow fix", finding.narrow_fix.clone()),
        ("Take it back", finding.rollback.clone()),
        ("Verify", finding.verify.clone()),
        ("Owner", finding.owner.clone()),
        ("Would settle it", (!finding.ask_for.is_empty()).then(|| finding.ask_for.join(", "))),
        ("Page", guide.map(|guide| format!("throughline symptoms {}", guide.id))),
    ];
    let facts = facts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?)));
    blocks.push(Block::Facts(facts.collect()));
    Claim {
        anchor,
        standing: finding.standing,
        id: match &finding.specific {
            Some(specific) => format!("{}/{specific}", finding.id),
            None => finding.id.clone(),
        },
        about: view::scope(finding),
        title,
        statement: finding.statement.clone(),
        records: numbers.references(&finding.cites),
        blocks,
    }
}

/// The cause in words, if the records tell it.
fn named(finding: &Finding) -> Option<(String, String)> {
    let specific = finding.specific.as_deref();
    let title = specific.map(|specific| cause(&finding.id, specific));
    match (finding.standing, title) {
        (Standing::Refuted, _) => None,
        (Standing::NotShown, Some(title)) => Some(("Cause".to_owned(), format!("not shown; it may be: {title}"))),
        (_, Some(title)) => Some(("Cause".to_owned(), title)),
        (_, None) => Some(("Cause".to_owned(), "not told by the records".to_owned())),
    }
}

/// What the symptom's page calls a cause.
fn cause(id: &str, specific: &str) -> String {
    symptoms::cause(id, specific).map_or_else(|| specific.to_owned(), |cause| cause.title.clone())
}

fn told_apart(id: &str, one: &ToldApart, numbers: &Numbers) -> Row {
    Row {
        tone: Tone::of(one.standing),
        lead: one.specific.clone(),
        text: format!("{}: {}", one.standing.word(), one.because),
        records: numbers.references(&one.cites),
        notes: symptoms::cause(id, &one.specific).map(|cause| cause.title.clone()).into_iter().collect(),
        ..Row::default()
    }
}
