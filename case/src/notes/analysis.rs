//! The internal analysis: the way of the message, what explains it, what speaks against it, what is open, what to do.

use report::{Finding, FindingKind, Likeness, NextStep, Report};

use super::document::{Claim, Known, Point};
use super::facts::no_report;
use super::gather::{Gathered, answer, instant, main_copy, whose};
use crate::journal::Deed;

/// How many claims one point has at most; the report has all of them.
const MAX_CLAIMS: usize = 60;

/// The points that hold something, in order.
pub(super) fn analysis(gathered: &mut Gathered<'_>) -> Vec<Point> {
    let mut points = Vec::new();
    let mut point = |id: &str, title: &str, mut claims: Vec<Claim>| {
        let more = claims.len().saturating_sub(MAX_CLAIMS);
        claims.truncate(MAX_CLAIMS);
        if more > 0 {
            claims.push(Claim::new("more", Known::Looked, format!("and {more} more, see the report")));
        }
        if !claims.is_empty() {
            points.push(Point { id: id.to_owned(), title: title.to_owned(), claims });
        }
    };
    match gathered.report() {
        Some(report) => {
            point("answer", "Answer", answered(gathered, report));
            point("layers", "Layer by layer", layers(gathered, report));
            point("course", "Course of events", course(gathered, report));
            point("families", "Causes that were weighed", families(gathered, report));
            point("symptoms", "Known symptoms", of_kind(gathered, report, FindingKind::Symptom));
            point("replies", "Replies explained", replies(gathered, report));
            point("comparison", "Beside a delivered message", comparison(gathered));
            point("risks", "Risks", of_kind(gathered, report, FindingKind::Risk));
            point("gaps", "What the evidence does not show", gaps(gathered, report));
            point("next", "Next steps", next(report));
            point("evidence", "What each export cannot show, and its hash", evidence(report));
            let assumed = report.assumptions.iter().map(|text| Claim::new("assumed", Known::Looked, &**text));
            point("assumptions", "Assumed", assumed.collect());
        }
        None => point("answer", "Answer", no_report(gathered.sources.evidence, "answer").into_iter().collect()),
    }
    point("noted", "Noted while working", noted(gathered));
    points
}

/// Why each copy met its fate; what mends it, and who.
fn answered(gathered: &mut Gathered<'_>, report: &Report) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for copy in &report.copies {
        let layer = copy.changed_layer.map_or("no layer is named", report::Layer::word);
        let because = copy.because.as_deref().unwrap_or("no record says why");
        let records = gathered.records(super::gather::fate_cites(copy));
        let text = format!("{}, layer: {layer}: {because}", copy.fate.word());
        claims.push(Claim::new(whose(copy), Known::Recorded, text).by(records));
    }
    claims.extend(of_kind(gathered, report, FindingKind::Cause));
    if let Some(found) = answer(report) {
        let owner = found.owner.as_deref().map(|owner| ("who mends it", owner));
        let fix = found.narrow_fix.as_deref().map(|fix| ("narrowest fix", fix));
        let rollback = found.rollback.as_deref().map(|when| ("take it back when", when));
        let verify = found.verify.as_deref().map(|how| ("shows that it held", how));
        for (label, text) in [owner, fix, rollback, verify].into_iter().flatten() {
            claims.push(Claim::new(label, Known::Open, text));
        }
    }
    claims
}

/// Findings of one kind, each with its standing, and how a symptom was told apart.
fn of_kind(gathered: &mut Gathered<'_>, report: &Report, kind: FindingKind) -> Vec<Claim> {
    let mut claims = Vec::new();
    for finding in report.findings.iter().filter(|finding| finding.kind == kind) {
        claims.push(found(gathered, finding));
        for apart in &finding.told_apart {
            let text = format!("told apart from {}: {}", apart.specific, apart.because);
            let records = gathered.records(&apart.cites);
            claims.push(Claim::new(&finding.id, apart.standing.into(), text).by(records));
        }
    }
    claims
}

fn found(gathered: &mut Gathered<'_>, finding: &Finding) -> Claim {
    let whom = finding.envelope_recipient.as_deref().map(|whom| format!(" (for {whom})")).unwrap_or_default();
    let records = gathered.records(&finding.cites);
    let text = format!("{}{whom}", finding.statement);
    Claim::new(&finding.id, finding.standing.into(), text).by(records).asking(&finding.ask_for)
}

fn layers(gathered: &mut Gathered<'_>, report: &Report) -> Vec<Claim> {
    let Some(copy) = main_copy(report) else { return Vec::new() };
    let mut claims = Vec::new();
    for layer in &copy.layers {
        let known = match layer.state {
            report::State::Absent => Known::Absent,
            report::State::NotSupplied => Known::NotSupplied,
            _ => Known::Recorded,
        };
        let system = layer.system.as_deref().map(|system| format!("{system}: ")).unwrap_or_default();
        let text = format!("{}: {system}{}", layer.state.word(), layer.summary);
        let records = gathered.records(&layer.cites);
        claims.push(Claim::new(layer.layer.word(), known, text).by(records));
    }
    claims
}

fn course(gathered: &mut Gathered<'_>, report: &Report) -> Vec<Claim> {
    let order = report::order(report);
    let mut events: Vec<_> =
        report.copies.iter().flat_map(|copy| copy.timeline.iter().map(move |event| (event, whose(copy)))).collect();
    events.sort_by_cached_key(|(event, _)| order(event));
    let mut claims: Vec<Claim> = Vec::new();
    for (event, whom) in events {
        let assumed = event.assumed.as_deref().map(|how| format!(" (assumed: {how})")).unwrap_or_default();
        let text = format!("{}: {} (for {whom}){assumed}", event.system, event.summary);
        let records = gathered.records(&event.cites);
        claims.push(Claim::new(&instant(event.at), Known::Recorded, text).by(records));
    }
    claims
}

fn families(gathered: &mut Gathered<'_>, report: &Report) -> Vec<Claim> {
    let Some(copy) = main_copy(report) else { return Vec::new() };
    let mut claims = Vec::new();
    for family in &copy.families {
        let records = gathered.records(&family.cites);
        let claim = Claim::new(&family.family, family.standing.into(), &*family.statement);
        claims.push(claim.by(records).asking(&family.ask_for));
    }
    claims
}

fn replies(gathered: &mut Gathered<'_>, report: &Report) -> Vec<Claim> {
    let mut claims = Vec::new();
    for reply in report.copies.iter().flat_map(|copy| &copy.replies) {
        let owner = reply.owner.map(|owner| format!("; mended by {}", owner.word())).unwrap_or_default();
        let text = format!("{} ({}){owner}; {}", reply.means, reply.source, reply.to_do);
        let records = gathered.records(&reply.cites);
        let claim = Claim::new(&reply.from, Known::Recorded, text).by(records);
        let claim = Claim { quote: Some(reply.said.clone()), ..claim };
        if !claims.contains(&claim) {
            claims.push(claim);
        }
    }
    claims
}

fn comparison(gathered: &mut Gathered<'_>) -> Vec<Claim> {
    let Some(comparison) = gathered.sources.comparison.filter(|comparison| comparison.delivered.is_some()) else {
        return Vec::new();
    };
    let mut claims = Vec::new();
    for layer in &comparison.layers {
        if layer.comparison == Likeness::NotCompared {
            let why = layer.why.as_deref().unwrap_or("one side's records do not show it");
            claims.push(Claim::new(layer.layer.word(), Known::Unchecked, why).asking(&layer.ask_for));
        }
        for fact in layer.facts.iter().filter(|fact| fact.comparison == Likeness::Parted) {
            let (Some(blocked), Some(delivered)) = (&fact.blocked, &fact.delivered) else { continue };
            let about = fact.about.replace('_', " ");
            let text = format!("{about}: blocked {}, delivered {}", blocked.said, delivered.said);
            let records = gathered.records(blocked.cites.iter().chain(&delivered.cites));
            claims.push(Claim::new(layer.layer.word(), Known::Recorded, text).by(records));
        }
    }
    claims
}

fn gaps(gathered: &mut Gathered<'_>, report: &Report) -> Vec<Claim> {
    let mut claims = of_kind(gathered, report, FindingKind::Gap);
    for export in &report.exports {
        let clicks = export.clicks.as_deref().unwrap_or("by the command");
        let claim = Claim::new("how to get it", Known::Open, format!("{} ({}): {clicks}", export.title, export.source));
        claims.push(Claim { command: export.command.clone(), ..claim });
    }
    claims
}

fn evidence(report: &Report) -> Vec<Claim> {
    let mut claims = Vec::new();
    for file in &report.evidence {
        let sha256 = file.sha256.as_deref().map(|hash| format!("sha256 {hash}"));
        let limits = (!file.limits.is_empty()).then(|| file.limits.join("; "));
        let told: Vec<String> = [limits, sha256].into_iter().flatten().collect();
        if !told.is_empty() {
            claims.push(Claim::new("export", Known::Looked, format!("{}: {}", file.file, told.join("; "))));
        }
    }
    claims
}

fn next(report: &Report) -> Vec<Claim> {
    let told = |step: &NextStep| {
        let place = step.r#where.as_deref().map(|place| format!(" ({place})")).unwrap_or_default();
        let claim = Claim::new(&format!("tier {}", step.tier), Known::Open, format!("{}{place}", step.step));
        Claim { command: step.command.clone(), ..claim }
    };
    report.next_steps.iter().map(told).collect()
}

/// What was noted by hand.
fn noted(gathered: &mut Gathered<'_>) -> Vec<Claim> {
    let mut claims = Vec::new();
    for entry in gathered.sources.journal {
        let Deed::Noted { text } = &entry.deed else { continue };
        let entries = gathered.entry(entry.seq);
        let text = format!("{} by {}: {text}", instant(entry.at), entry.who);
        claims.push(Claim::new("note", Known::Said, text).noted(entries));
    }
    claims
}
