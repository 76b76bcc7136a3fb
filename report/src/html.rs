//! The report as one HTML file: no script, nothing fetched, printable, dark and light.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::document::{Cite, EvidenceFile, Layer, MessageCopy, NextStep, Report, State};
use crate::guided::Symptoms;
use crate::sheet::{Sheet, html_section, sheet_html};
use crate::text::{cut, cut_address, number, push_visible, visible};
use crate::view::{self, Entry, Group, Piece, Record, View};

/// Columns of a subject or address in a heading; longer ones are cut there.
const HEADING_COLUMNS: usize = 120;

/// The style sheet of every HTML face.
pub const STYLE: &str = include_str!("style.css");

/// Writes a report as one self-contained HTML file. Everything that a record says is escaped, and the page forbids
/// itself scripts and fetching.
///
/// Anchors stay the same for the same report: `#finding-<id>`, `#copy-<number>`, `#copy-<number>-<layer>`,
/// `#record-<number>`.
pub fn html(report: &Report) -> String {
    drawn(report, None)
}

/// Writes what is known of symptoms, and what the records show of them, as one self-contained HTML file.
pub fn symptoms(guided: &Symptoms) -> String {
    match &guided.report {
        Some(report) => drawn(report, Some(guided)),
        None => sheet_html(&Sheet { title: guided.title(), sections: guided.sections() }),
    }
}

fn drawn(report: &Report, guided: Option<&Symptoms>) -> String {
    let view = View::of(report);
    let subject = report.message.subject.as_deref().map_or("One message".to_owned(), visible);
    let is_alone = guided.is_some() || crate::symptoms::are_alone(report);
    let title = match (&report.several, guided) {
        (_, Some(guided)) => visible(&guided.title()),
        (Some(several), None) => visible(&crate::several::title(several)),
        (None, None) if is_alone => crate::symptoms::ALONE.to_owned(),
        (None, None) => subject.clone(),
    };
    let body = html! {
        @if is_alone { a.skip href="#symptoms" { "To the symptoms" } } @else { a.skip href="#findings" { "To the findings" } }
        header {
            @if is_alone { (alone(report, &title)) }
            @else if report.several.is_some() { h1 { (cut(&title, HEADING_COLUMNS)) } }
            @else { (message(report, &subject)) }
        }
        main {
            @for one in crate::several::sections(report) { (html_section(&one)) }
            @if let Some(told) = crate::several::in_full(report) { (section("in-full", &visible(&told), facts(report, &subject, ""))) }
            @if !is_alone {
                (section("way", "The way", lanes(report, &view)))
            }
            @if !is_alone || view::no_findings(report).is_none() {
                (section("findings", "Findings", findings(&view, report)))
            }
            @if let Some(symptoms) = crate::symptoms::section(report, &view, is_alone) { (html_section(&symptoms)) }
            @for one in guided.map(Symptoms::sections).unwrap_or_default() { (html_section(&one)) }
            @if let Some(replies) = crate::reply::section(report, &view) { (html_section(&replies)) }
            @if !report.next_steps.is_empty() || !report.checked.is_empty() { (section("next", "Next steps", html! { (next_steps(report)) (checked(&view, report)) })) }
            @if !report.exports.is_empty() {
                (section("not-shown", "Not shown, and what to fetch for it", exports(report)))
            }
            @if let Some(one) = crate::families::section(&view) { (html_section(&one)) }
            @if !is_alone {
                (section("timeline", "Timeline (UTC)", timeline(&view)))
                (section("layers", "Each copy, layer by layer", copies(&view, report)))
            }
            @for one in crate::sample::sections(&report.samples) { (html_section(&one)) }
            (section("records", "Records", records(&view)))
            (section("evidence", "Evidence", evidence(report)))
        }
    };
    page(&title, &body)
}

/// A page around a body, which is made of escaped text only: it forbids itself scripts and fetching.
pub(crate) fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="referrer" content="no-referrer";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "throughline: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
    .into_string()
}

pub(crate) fn section(id: &str, title: &str, content: Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby=(format!("{id}-title")) {
            h2 id=(format!("{id}-title")) { (title) }
            (content)
        }
    }
}

fn message(report: &Report, title: &str) -> Markup {
    let heading = cut(title, HEADING_COLUMNS);
    html! {
        h1 { (heading) }
        (facts(report, title, &heading))
    }
}

/// The heading where no message is followed.
fn alone(report: &Report, title: &str) -> Markup {
    html! {
        h1 { (cut(title, HEADING_COLUMNS)) }
        dl { @for (name, value) in crate::symptoms::alone(report) { dt { (name) } dd { (value) } } }
    }
}

/// Who and what the message is; its subject too, unless the heading above says it whole.
fn facts(report: &Report, title: &str, heading: &str) -> Markup {
    let message = &report.message;
    let not_stated = || "not stated".to_owned();
    html! {
        dl {
            @if heading != title { dt { "Subject" } dd { (title) } }
            dt { "From" } dd { (message.header_from.as_deref().map_or_else(not_stated, visible)) }
            dt { "Envelope sender" }
            dd {
                @match message.envelope_sender.as_deref() {
                    Some("") => { "<> (null sender: a notice)" }
                    other => { (other.map_or_else(not_stated, visible)) }
                }
            }
            dt { "For" } dd { (listed(&message.envelope_recipients)) }
            dt { "Message-ID" } dd { code { (message.message_id.as_deref().map_or_else(not_stated, visible)) } }
            @if !message.network_message_ids.is_empty() {
                dt { "Network ids" } dd { (listed(&message.network_message_ids)) }
            }
            @if let Some(at) = message.sent_at { dt { "Date" } dd { (view::instant(at)) " (" (view::clock_of_date(message)) ")" } }
            dt { "Sample" }
            dd { (message.sample.as_deref().map_or("none; selected by options".to_owned(), visible)) }
        }
    }
}

/// A few names, the rest folded away.
fn listed(names: &[String]) -> Markup {
    const SHOWN: usize = 4;
    let text = |names: &[String]| names.iter().map(|name| visible(name)).collect::<Vec<_>>().join(", ");
    html! {
        @if names.is_empty() { "none named" }
        (text(&names[..names.len().min(SHOWN)]))
        @if names.len() > SHOWN {
            details { summary { (names.len() - SHOWN) " more" } (text(&names[SHOWN..])) }
        }
    }
}

fn lanes(report: &Report, view: &View<'_>) -> Markup {
    html! {
        @if view.groups.is_empty() { p { "No copy of this message was found in the evidence." } }
        @else {
            table.lanes {
                caption { "Seven stages from left to right; copies with the same states are drawn once." }
                thead { tr { @for layer in Layer::ALL { th scope="col" { (layer.word()) } } } }
                tbody { @for group in &view.groups { (lane(report, group)) } }
            }
        }
    }
}

fn lane(report: &Report, group: &Group<'_>) -> Markup {
    let copy = group.first;
    let states = Layer::ALL.map(|layer| view::state(copy, layer));
    let number = copy_number(report, copy);
    html! {
        tr {
            th scope="rowgroup" colspan="7" {
                (cut_address(&visible(view::recipient(copy)), HEADING_COLUMNS))
                @if !group.others.is_empty() { span.soft { " (+" (group.others.len()) " more)" } }
                " → " (copy.fate.word())
            }
        }
        tr {
            @for (at, layer) in Layer::ALL.into_iter().enumerate() {
                @let later = states[at + 1..].iter().any(|state| view::was_reached(*state));
                td.decided[copy.changed_layer == Some(layer)] data-label=(layer.word()) {
                    span.sign.way[later] aria-hidden="true" {
                        span class=(class(states[at])) { (view::sign(states[at])) }
                    }
                    a.state.(class(states[at])) href=(format!("#copy-{number}-{}", layer.word())) {
                        (states[at].word())
                    }
                }
            }
        }
        tr.why { td colspan="7" { (visible(&view::because(copy))) } }
    }
}

fn findings(view: &View<'_>, report: &Report) -> Markup {
    html! {
        @if let Some(none) = view::no_findings(report) { p { (none) } }
        @for (at, finding) in view::other_findings(report) {
            article.card.(finding.standing.word().replace(' ', "-")) id=(view::anchor(&report.findings, at)) {
                h3 {
                    span.tag { (finding.standing.word()) }
                    span.tag { (finding.kind.word()) }
                    code { (visible(&finding.id)) }
                }
                p.soft { (visible(&view::scope(finding))) }
                p { (visible(&finding.statement)) (cites(view, &finding.cites)) }
                @if !finding.ask_for.is_empty() {
                    p { "Would be settled by: " (finding.ask_for.iter().map(|one| visible(one)).collect::<Vec<_>>().join(", ")) }
                }
                @if let Some(owner) = &finding.owner { p.soft { "Owner: " (visible(owner)) } }
            }
        }
    }
}

fn next_steps(report: &Report) -> Markup {
    let step = |step: &NextStep| {
        html! {
            li {
                span.tag { "tier " (step.tier) } (visible(&step.step))
                @if let Some(place) = &step.r#where { p.soft { (visible(place)) } }
                @if let Some(command) = &step.command { pre { code { (visible(command)) } } }
            }
        }
    };
    html! { ol { @for one in &report.next_steps { (step(one)) } } }
}

/// What is no next step any more, with its records.
fn checked(view: &View<'_>, report: &Report) -> Markup {
    html! {
        @if !report.checked.is_empty() {
            h3 { "Already checked" }
            ul {
                @for one in report.checked.iter().take(view::MAX_CHECKED) {
                    li { b { (visible(&one.check)) } (visible(&view::whose(one, report))) ": " (visible(&one.said)) (cites(view, &one.cites)) }
                }
                @if let Some(more) = view::more_checked(report) { li { (more) } }
            }
        }
    }
}

fn exports(report: &Report) -> Markup {
    html! {
        @for export in &report.exports {
            h3 { (visible(&export.title)) " " span.soft { (visible(&export.source)) } }
            @if view::is_told_above(export, report) { p.soft { (view::TOLD_ABOVE) } }
            @else {
                @if let Some(command) = &export.command { pre { (visible(command)) } }
                @if let Some(clicks) = &export.clicks { p { (visible(clicks)) } }
            }
        }
    }
}

fn timeline(view: &View<'_>) -> Markup {
    html! {
        @if view.timeline.is_empty() { p { "No record states an instant." } }
        @else {
            table.stack {
                thead {
                    tr {
                        th scope="col" { "time" } th scope="col" { "after" } th scope="col" { "system" }
                        th scope="col" { "what happened" } th scope="col" { "copies" }
                    }
                }
                tbody { @for entry in &view.timeline { (event(view, entry)) } }
            }
        }
    }
}

fn event(view: &View<'_>, entry: &Entry<'_>) -> Markup {
    let event = entry.event;
    html! {
        tr {
            td.when {
                time datetime=(event.at) { (view::day(event.at)) " " (view::clock(event.at)) }
                @if let Some(assumed) = &event.assumed { br; span.soft { "assumed: " (visible(assumed)) } }
            }
            td.when.soft { @if let Some(gap) = entry.gap.filter(|gap| !gap.is_zero()) { "+" (view::span(gap)) } }
            td { (visible(&event.system)) }
            td { (visible(&event.summary)) (cites(view, &event.cites)) }
            td.soft {
                @match entry.recipients.as_slice() {
                    [] => { "all" }
                    [one] => { (visible(one)) }
                    [first, rest @ ..] => { (visible(first)) " +" (rest.len()) " more" }
                }
            }
        }
    }
}

fn copies(view: &View<'_>, report: &Report) -> Markup {
    html! {
        @for copy in &report.copies {
            @let leads = view.groups.iter().any(|group| std::ptr::eq(group.first, copy));
            details id=(format!("copy-{}", copy_number(report, copy))) open[leads] {
                summary { (cut_address(&visible(view::recipient(copy)), HEADING_COLUMNS)) " → " (copy.fate.word()) }
                (copy_table(view, report, copy))
            }
        }
    }
}

fn copy_table(view: &View<'_>, report: &Report, copy: &MessageCopy) -> Markup {
    let copy_number = copy_number(report, copy);
    html! {
        table.stack {
            thead {
                tr {
                    th scope="col" { "layer" } th scope="col" { "state" } th scope="col" { "system" }
                    th scope="col" { "what it did" }
                }
            }
            tbody {
                @for layer in &copy.layers {
                    tr id=(format!("copy-{copy_number}-{}", layer.layer.word())) {
                        th scope="row" { (layer.layer.word()) }
                        td.when.(class(layer.state)) { (view::sign(layer.state)) " " (layer.state.word()) }
                        td { (layer.system.as_deref().map_or(String::new(), visible)) }
                        td { (visible(&layer.summary)) (cites(view, &layer.cites)) }
                    }
                }
            }
        }
    }
}

/// The number of a copy in the report, from 1; the copy is one of the report's own.
fn copy_number(report: &Report, copy: &MessageCopy) -> usize {
    report.copies.iter().position(|one| std::ptr::eq(one, copy)).map_or(0, |at| at + 1)
}

fn records(view: &View<'_>) -> Markup {
    html! {
        @if view.records.list.is_empty() { p { "No record is cited." } }
        @for record in &view.records.list {
            details open id=(format!("record-{}", record.number)) {
                summary { "[" (record.number) "] " code { (visible(&record.cite.place())) } }
                (record_text(record))
            }
        }
    }
}

fn record_text(record: &Record<'_>) -> Markup {
    html! { @for piece in &record.pieces { pre { (marked(piece)) } } }
}

/// A piece's words with the marked ones in `<mark>`; marks that overlap one before are left out.
fn marked(piece: &Piece) -> Markup {
    let text = piece.text.trim_end();
    let mut marks = piece.marks.clone();
    marks.sort_by_key(|mark| mark.start);
    let mut at = 0;
    let mut parts = Vec::new();
    for mark in marks {
        if let (true, Some(before), Some(word)) = (mark.start >= at, text.get(at..mark.start), text.get(mark.clone())) {
            parts.push(html! { (lines(before)) mark { (lines(word)) } });
            at = mark.end;
        }
    }
    html! { @for part in &parts { (part) } (lines(text.get(at..).unwrap_or(""))) }
}

/// A record's text with its own line ends kept and everything else made visible.
fn lines(text: &str) -> String {
    let mut shown = String::new();
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' => shown.push('\n'),
            '\t' => shown.push(' '),
            _ => push_visible(&mut shown, c),
        }
    }
    shown
}

fn evidence(report: &Report) -> Markup {
    html! {
        @if report.evidence.is_empty() { p { "No file was read." } }
        @else {
            div.scroll {
                table.stack {
                    thead {
                        tr {
                            th scope="col" { "file" } th scope="col" { "rows" } th scope="col" { "observed" }
                            th scope="col" { "problems" } th scope="col" { "passed over" } th scope="col" { "covers" }
                        }
                    }
                    tbody { @for file in &report.evidence { (evidence_file(file)) } }
                }
            }
        }
        @for assumption in &report.assumptions { p { "Assumed: " (visible(assumption)) } }
    }
}

fn evidence_file(file: &EvidenceFile) -> Markup {
    html! {
        tr {
            th scope="row" {
                code { (visible(&file.file)) } br;
                span.soft { (file.source.as_deref().map_or("not recognised".to_owned(), visible)) }
                @if let Some(error) = &file.error { p.stopped { "✗ " (visible(error)) } }
                @for line in file.snapshot.iter().flat_map(view::snapshot_lines) { p { (visible(&line)) } }
                @for limit in &file.limits { p.soft { (visible(limit)) } }
                @for problem in &file.problem_rows {
                    p { (visible(&problem.cite.place())) ": expected " (visible(&problem.expected)) ", found " (visible(&problem.found)) }
                }
                @if let Some(hash) = &file.sha256 { details { summary { "sha256" } code { (visible(hash)) } } }
            }
            td.number data-label="rows" { (number(file.rows)) }
            td.number data-label="observed" { (number(file.observed)) }
            td.number data-label="problems" { (number(file.problems)) }
            td.number data-label="passed over" {
                (number(file.passed_over))
                @for heap in &file.passed_over_reasons { br; span.soft { (number(heap.rows)) " " (visible(&heap.reason)) } }
            }
            td {
                @if let (Some(from), Some(to)) = (file.from, file.to) { (view::instant(from)) " to " (view::instant(to)) }
            }
        }
    }
}

fn cites(view: &View<'_>, cites: &[Cite]) -> Markup {
    html! {
        @for number in view.records.numbers(cites) { " " a href=(format!("#record-{number}")) { "[" (number) "]" } }
    }
}

fn class(state: State) -> &'static str {
    match state {
        State::Passed => "passed",
        State::Changed => "changed",
        State::Stopped => "stopped",
        State::Pending => "pending",
        State::NotReached => "not-reached",
        State::Absent => "absent",
        State::NotSupplied => "not-supplied",
        State::Conflict => "conflict",
    }
}
