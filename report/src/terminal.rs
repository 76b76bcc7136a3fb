//! The report for a terminal: text in a given width, readable without colour.

use std::ops::Range;

use anstyle::{AnsiColor, Style};

use crate::document::{Cite, EvidenceFile, Finding, Layer, MessageCopy, NextStep, Report, Standing, State};
use crate::guided::Symptoms;
use crate::sheet::{Block, Section, terminal_section};
use crate::text::{char_width, counted, cut, cut_address, cut_path, number, pad, push_visible, visible, width, wrap};
use crate::view::{self, Entry, Group, Piece, Record, View};

/// Whether escape sequences for colour are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    Never,
    /// ANSI colours, as additions: signs and words say everything.
    Always,
}

/// How to draw for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Columns; at least 40 are used.
    pub width: usize,
    /// Colour or none.
    pub color: Color,
}

pub(crate) const HEADING: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const PLAIN: Style = Style::new();
const MARK: Style = AnsiColor::Yellow.on_default().bold();

/// Below this many columns the seven stages stand one under the other.
const MIN_PICTURE_WIDTH: usize = 72;

/// Draws a report as text for a terminal. Nothing that a record says is written raw: what could move the cursor or
/// turn the reading direction is made visible.
pub fn terminal(report: &Report, terminal: Terminal) -> String {
    drawn(report, None, terminal)
}

/// Draws what is known of symptoms, and what the records show of them, as text for a terminal.
pub fn symptoms(guided: &Symptoms, terminal: Terminal) -> String {
    match &guided.report {
        Some(report) => drawn(report, Some(guided), terminal),
        None => {
            let mut page = Page::new(terminal);
            page.heading(&visible(&guided.title()));
            guided.sections().iter().for_each(|one| terminal_section(&mut page, one));
            page.out
        }
    }
}

fn drawn(report: &Report, guided: Option<&Symptoms>, terminal: Terminal) -> String {
    let view = View::of(report);
    let mut page = Page::new(terminal);
    if let Some(several) = &report.several {
        page.heading(&visible(&crate::several::title(several)));
    }
    crate::several::sections(report).iter().for_each(|one| terminal_section(&mut page, one));
    let is_alone = guided.is_some() || crate::symptoms::are_alone(report);
    if is_alone {
        let title = guided.map_or_else(|| crate::symptoms::ALONE.to_owned(), Symptoms::title);
        terminal_section(&mut page, &alone(report, visible(&title)));
    } else {
        message(&mut page, report);
        page.heading("The way");
        way(&mut page, &view);
    }
    if !is_alone || view::no_findings(report).is_none() {
        findings(&mut page, &view, report);
    }
    let guide = guided.map(Symptoms::sections).unwrap_or_default();
    crate::symptoms::section(report, &view, is_alone)
        .iter()
        .chain(&guide)
        .for_each(|one| terminal_section(&mut page, one));
    crate::reply::section(report, &view).iter().for_each(|one| terminal_section(&mut page, one));
    next_steps(&mut page, &report.next_steps);
    checked(&mut page, &view, report);
    not_shown(&mut page, report);
    crate::families::section(&view).iter().for_each(|one| terminal_section(&mut page, one));
    layers(&mut page, &view);
    timeline(&mut page, &view);
    crate::sample::sections(&report.samples).iter().for_each(|one| terminal_section(&mut page, one));
    records(&mut page, &view);
    evidence(&mut page, report);
    page.out
}

/// Lines under construction.
pub(crate) struct Page {
    pub(crate) out: String,
    pub(crate) width: usize,
    color: Color,
}

impl Page {
    pub(crate) fn new(terminal: Terminal) -> Page {
        Page { out: String::new(), width: terminal.width.max(40), color: terminal.color }
    }

    pub(crate) fn heading(&mut self, text: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        for line in wrap(text, self.width) {
            self.line(&[(&line, HEADING)]);
        }
    }

    /// Writes one line of styled parts; spaces at its end are left out.
    pub(crate) fn line(&mut self, parts: &[(&str, Style)]) {
        let last = parts.iter().rposition(|(text, _)| !text.trim_end().is_empty());
        for (at, (text, style)) in parts.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let text = if Some(at) == last { text.trim_end() } else { text };
            if self.color == Color::Always && *style != PLAIN && !text.trim().is_empty() {
                self.out.push_str(&format!("{style}{text}{style:#}"));
            } else {
                self.out.push_str(text);
            }
        }
        self.out.push('\n');
    }

    /// Writes a lead and a wrapped text beside it.
    pub(crate) fn block(&mut self, lead: &str, lead_style: Style, text: &str) {
        let indent = width(lead);
        for (at, line) in wrap(text, self.width.saturating_sub(indent)).iter().enumerate() {
            if at == 0 {
                self.line(&[(lead, lead_style), (line, PLAIN)]);
            } else {
                self.line(&[(&" ".repeat(indent), PLAIN), (line, PLAIN)]);
            }
        }
    }

    /// Writes styled words and a text after them, wrapped with its own indent from the second line on.
    pub(crate) fn block_of(&mut self, leads: &[(&str, Style)], indent: usize, text: &str) {
        let taken: usize = leads.iter().map(|(lead, _)| width(lead)).sum();
        // A no-break filler holds the place of the leads while the words are wrapped.
        let held = format!("{}{text}", "\u{a0}".repeat(taken.saturating_sub(indent)));
        for (at, line) in wrap(&held, self.width.saturating_sub(indent)).iter().enumerate() {
            if at == 0 {
                let mut parts = leads.to_vec();
                let rest = line.trim_start_matches('\u{a0}');
                parts.push((rest, PLAIN));
                self.line(&parts);
            } else {
                self.line(&[(&" ".repeat(indent), PLAIN), (line, PLAIN)]);
            }
        }
    }

    /// Writes a text that is to be copied: never wrapped, so that it stays in one piece.
    pub(crate) fn verbatim(&mut self, lead: &str, text: &str) {
        self.line(&[(lead, FAINT), (&visible(text), PLAIN)]);
    }
}

fn message(page: &mut Page, report: &Report) {
    let message = &report.message;
    page.heading(&crate::several::in_full(report).map_or("Message".to_owned(), |told| visible(&told)));
    let mut row = |name: &str, value: &str| page.block(&format!("  {name:<12}"), FAINT, value);
    row("Subject", &message.subject.as_deref().map_or("not stated".to_owned(), visible));
    row("From", &message.header_from.as_deref().map_or("not stated".to_owned(), visible));
    match message.envelope_sender.as_deref() {
        Some("") => row("Sent by", "<> (null sender: a notice)"),
        Some(sender) => row("Sent by", &format!("{} (envelope sender)", visible(sender))),
        None => {}
    }
    row("For", &recipients(&message.envelope_recipients));
    if let Some(id) = &message.message_id {
        row("Message-ID", &format!("<{}>", visible(id)));
    }
    for id in message.network_message_ids.iter().take(5) {
        row("Network id", &visible(id));
    }
    if message.network_message_ids.len() > 5 {
        row("", &format!("(+{} more)", message.network_message_ids.len() - 5));
    }
    if let Some(at) = message.sent_at {
        row("Date", &format!("{} ({})", view::instant(at), view::clock_of_date(message)));
    }
    row("Sample", &message.sample.as_deref().map_or("none; selected by options".to_owned(), visible));
}

/// What stands on top where no message is followed.
fn alone(report: &Report, title: String) -> Section {
    Section { id: "alone", title, blocks: vec![Block::Facts(crate::symptoms::alone(report))] }
}

fn recipients(all: &[String]) -> String {
    const SHOWN: usize = 4;
    if all.is_empty() {
        return "no envelope recipient named".to_owned();
    }
    let mut text = all.iter().take(SHOWN).map(|one| cut_address(&visible(one), 60)).collect::<Vec<_>>().join(", ");
    if all.len() > SHOWN {
        text.push_str(&format!(" (+{} more)", all.len() - SHOWN));
    }
    text
}

/// The picture of the way and the sentence on each change, without a heading.
pub(crate) fn picture(view: &View<'_>, columns: usize) -> String {
    let mut page = Page { out: String::new(), width: columns, color: Color::Never };
    way(&mut page, view);
    page.out
}

/// The words of one record with the marked ones underlined.
pub(crate) fn record_lines(record: &Record<'_>, columns: usize) -> String {
    let mut page = Page { out: String::new(), width: columns, color: Color::Never };
    record_text(&mut page, record);
    page.out
}

fn way(page: &mut Page, view: &View<'_>) {
    if view.groups.is_empty() {
        page.block("  ", PLAIN, "No copy of this message was found in the evidence.");
        return;
    }
    let stride = (page.width - 2) / Layer::ALL.len();
    let picture = page.width >= MIN_PICTURE_WIDTH;
    if picture {
        cells(page, stride, &Layer::ALL.map(|layer| (layer.word(), FAINT)));
    }
    for group in &view.groups {
        page.line(&[]);
        let fate = group.first.fate.word();
        let more = more(group);
        let room = page.width.saturating_sub(2 + width(&more) + 3 + width(fate));
        let name = cut_address(&visible(view::recipient(group.first)), room.max(12));
        page.line(&[("  ", PLAIN), (&name, HEADING), (&more, FAINT), (" → ", FAINT), (fate, HEADING)]);
        let states = Layer::ALL.map(|layer| view::state(group.first, layer));
        if picture {
            lane(page, stride, states);
            cells(page, stride, &states.map(|state| (state.word(), style(state))));
            pointer(page, stride, group.first);
        } else {
            for (layer, state) in Layer::ALL.into_iter().zip(states) {
                let name = format!("{:<15}", layer.word());
                let sign = format!("  {} ", view::sign(state));
                page.line(&[(&sign, style(state)), (&name, PLAIN), (state.word(), style(state))]);
            }
        }
        page.block("  ", PLAIN, &visible(&view::because(group.first)));
    }
    if picture {
        page.line(&[]);
        legend(page, view);
    }
}

/// What is not plain from the words alone: which states say that nothing is known, and why.
fn legend(page: &mut Page, view: &View<'_>) {
    let used = |wanted: State| {
        view.groups.iter().any(|group| Layer::ALL.iter().any(|layer| view::state(group.first, *layer) == wanted))
    };
    let told = [
        (State::NotReached, "an earlier layer ended the way"),
        (State::Absent, "looked, and nothing there"),
        (State::NotSupplied, "no export that would show it"),
        (State::Conflict, "two systems disagree"),
    ];
    for (state, means) in told.into_iter().filter(|(state, _)| used(*state)) {
        page.line(&[(&format!("  {} {}: {means}", view::sign(state), state.word()), FAINT)]);
    }
}

fn more(group: &Group<'_>) -> String {
    if group.others.is_empty() { String::new() } else { format!(" (+{} more)", group.others.len()) }
}

/// Signs, joined by a line as far as the way certainly went.
fn lane(page: &mut Page, stride: usize, states: [State; 7]) {
    let signs = states.map(|state| view::sign(state).to_string());
    let mut parts = vec![("  ".to_owned(), PLAIN)];
    for (at, state) in states.into_iter().enumerate() {
        parts.push((signs[at].clone(), style(state)));
        if at + 1 < states.len() {
            let joint = if states[at + 1..].iter().any(|later| view::was_reached(*later)) { "━" } else { "╌" };
            parts.push((format!(" {} ", joint.repeat(stride.saturating_sub(3))), FAINT));
        }
    }
    let parts: Vec<(&str, Style)> = parts.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    page.line(&parts);
}

/// One text a column, broken within the column.
fn cells(page: &mut Page, stride: usize, texts: &[(&str, Style); 7]) {
    let broken: Vec<Vec<String>> = texts.iter().map(|(text, _)| column(text, stride - 1)).collect();
    let height = broken.iter().map(Vec::len).max().unwrap_or(0);
    for row in 0..height {
        let cells: Vec<String> =
            broken.iter().map(|lines| pad(lines.get(row).map_or("", String::as_str), stride)).collect();
        let mut parts = vec![("  ", PLAIN)];
        parts.extend(cells.iter().zip(texts).map(|(cell, (_, style))| (cell.as_str(), *style)));
        page.line(&parts);
    }
}

/// Breaks a stage's or state's name into a column; the one long name has its own place for a hyphen.
fn column(text: &str, columns: usize) -> Vec<String> {
    if text == "authentication" && width(text) > columns {
        return vec!["authen-".to_owned(), "tication".to_owned()];
    }
    wrap(text, columns)
}

/// Points at the layer that changed the copy's fate.
fn pointer(page: &mut Page, stride: usize, copy: &MessageCopy) {
    let Some(layer) = copy.changed_layer else { return };
    let at = 2 + stride * Layer::ALL.iter().position(|one| *one == layer).unwrap_or(0);
    let label = "changed its fate";
    let text = if at + 3 + label.len() < page.width {
        format!("{}╰─ {label}", " ".repeat(at))
    } else {
        format!("{}{label} ─╯", " ".repeat(at.saturating_sub(label.len() + 2)))
    };
    page.line(&[(&text, MARK)]);
}

fn findings(page: &mut Page, view: &View<'_>, report: &Report) {
    page.heading("Findings");
    if let Some(none) = view::no_findings(report) {
        page.block("  ", PLAIN, none);
    }
    for (_, finding) in view::other_findings(report) {
        finding_block(page, view, finding);
    }
}

fn finding_block(page: &mut Page, view: &View<'_>, finding: &Finding) {
    let lead = format!("  {:<9}  ", finding.standing.word());
    let title = format!("{} {} ({})", finding.kind.word(), visible(&finding.id), visible(&view::scope(finding)));
    page.block(&lead, standing_style(finding.standing), &title);
    let indent = " ".repeat(width(&lead));
    page.block(&indent, PLAIN, &with_cites(&visible(&finding.statement), view, &finding.cites));
    if !finding.ask_for.is_empty() {
        let asked = format!("would be settled by: {}", finding.ask_for.join(", "));
        page.block(&indent, PLAIN, &visible(&asked));
    }
    if let Some(owner) = &finding.owner {
        page.block(&format!("{indent}owner: "), FAINT, &visible(owner));
    }
}

/// A text with the numbers of its records behind it.
fn with_cites(text: &str, view: &View<'_>, cites: &[Cite]) -> String {
    const SHOWN: usize = 8;
    let numbers = view.records.numbers(cites);
    let mut text = text.to_owned();
    for number in numbers.iter().take(SHOWN) {
        text.push_str(&format!(" [{number}]"));
    }
    if numbers.len() > SHOWN {
        text.push_str(&format!(" (+{} more)", numbers.len() - SHOWN));
    }
    text
}

fn next_steps(page: &mut Page, steps: &[NextStep]) {
    if steps.is_empty() {
        return;
    }
    page.heading("Next steps");
    for step in steps {
        page.block(&format!("  tier {}  ", step.tier), HEADING, &visible(&step.step));
        if let Some(place) = &step.r#where {
            page.block("          ", FAINT, &visible(place));
        }
        if let Some(command) = &step.command {
            let prompt = if step.shell.as_deref() == Some("powershell") { "PS> " } else { "$ " };
            page.verbatim(&format!("          {prompt}"), command);
        }
    }
}

/// What is no next step any more, and the records that show it: what it showed stands in the layers.
fn checked(page: &mut Page, view: &View<'_>, report: &Report) {
    if report.checked.is_empty() {
        return;
    }
    let mut done: Vec<(&str, Vec<Cite>)> = Vec::new();
    for checked in &report.checked {
        match done.iter_mut().find(|(check, _)| *check == checked.check) {
            Some((_, cites)) => cites.extend(checked.cites.iter().cloned()),
            None => done.push((&checked.check, checked.cites.clone())),
        }
    }
    let done: Vec<String> = done.iter().map(|(check, cites)| with_cites(check, view, cites)).collect();
    page.block("  already checked: ", FAINT, &visible(&done.join(", ")));
}

fn not_shown(page: &mut Page, report: &Report) {
    if report.exports.is_empty() {
        return;
    }
    page.heading("Not shown, and what to fetch for it");
    for export in &report.exports {
        page.block("  ", PLAIN, &visible(&format!("{} ({})", export.title, export.source)));
        if view::is_told_above(export, report) {
            page.block("    ", FAINT, view::TOLD_ABOVE);
            continue;
        }
        if let Some(command) = &export.command {
            page.verbatim("    $ ", command);
        }
        if let Some(clicks) = &export.clicks {
            page.block("    ", PLAIN, &visible(clicks));
        }
    }
}

fn layers(page: &mut Page, view: &View<'_>) {
    for group in &view.groups {
        page.heading(&format!(
            "Layers: {}{}",
            cut_address(&visible(view::recipient(group.first)), page.width.saturating_sub(22).min(50)),
            more(group)
        ));
        for layer in &group.first.layers {
            let lead = format!("  {} {:<15}", view::sign(layer.state), layer.layer.word());
            let system = layer.system.as_deref().map_or(String::new(), |system| format!("{system}: "));
            let text = visible(&format!("{system}{}", layer.summary));
            page.block(&lead, style(layer.state), &with_cites(&text, view, &layer.cites));
        }
        if !group.others.is_empty() {
            let names: Vec<&str> = group.others.iter().map(|copy| copy.envelope_recipient.as_str()).collect();
            page.block("  ", FAINT, &format!("The same states for {}.", listed(&names)));
        }
    }
}

fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 10;
    let mut text = names.iter().take(SHOWN).map(|name| cut_address(&visible(name), 50)).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

fn timeline(page: &mut Page, view: &View<'_>) {
    if view.timeline.is_empty() {
        return;
    }
    page.heading("Timeline (UTC)");
    let system = view.timeline.iter().map(|entry| width(&visible(&entry.event.system))).max().unwrap_or(0).min(16);
    let clock = view.timeline.iter().map(|entry| view::clock(entry.event.at).len()).max().unwrap_or(0);
    let mut day = String::new();
    for entry in &view.timeline {
        let today = view::day(entry.event.at);
        if today != day {
            page.line(&[("  ", PLAIN), (&today, FAINT)]);
            day = today;
        }
        event(page, view, entry, clock, system);
    }
    let assumed: Vec<&str> = view.timeline.iter().filter_map(|entry| entry.event.assumed.as_deref()).collect();
    if let Some(first) = assumed.first() {
        page.block("  ~ ", FAINT, &visible(&format!("the record does not state its zone or year: {first}")));
    }
}

fn event(page: &mut Page, view: &View<'_>, entry: &Entry<'_>, clock_columns: usize, system_columns: usize) {
    let gap = entry.gap.filter(|gap| !gap.is_zero()).map_or(String::new(), |gap| format!("+{}", view::span(gap)));
    let assumed = if entry.event.assumed.is_some() { '~' } else { ' ' };
    let clock = view::clock(entry.event.at);
    let system = visible(&entry.event.system);
    let (lead, system) = if page.width >= MIN_PICTURE_WIDTH {
        let system = pad(&cut(&system, system_columns), system_columns);
        (format!(" {assumed}{clock:<clock_columns$} {gap:>12}  {system}  "), String::new())
    } else {
        (format!(" {assumed}{clock}  "), format!("{system}: "))
    };
    let summary = format!("{system}{}", visible(&entry.event.summary));
    let mut text = with_cites(&summary, view, &entry.event.cites);
    if let Some(first) = entry.recipients.first() {
        let first = cut_address(&visible(first), 40);
        text.push_str(&match entry.recipients.len() {
            1 => format!(" ({first})"),
            count => format!(" ({first} +{} more)", count - 1),
        });
    }
    page.block(&lead, FAINT, &text);
}

fn records(page: &mut Page, view: &View<'_>) {
    if view.records.list.is_empty() {
        return;
    }
    page.heading("Records");
    for record in &view.records.list {
        let lead = format!("  [{}] ", record.number);
        let place = cut_path(&visible(&record.cite.place()), page.width.saturating_sub(width(&lead)));
        page.line(&[(&lead, HEADING), (&place, HEADING)]);
        record_text(page, record);
    }
}

fn record_text(page: &mut Page, record: &Record<'_>) {
    for (at, piece) in record.pieces.iter().enumerate() {
        quoted(page, piece, if at == 0 { Before::Nothing } else { Before::Piece });
    }
}

/// How many lines are shown of a record without a mark, and of one with marks.
const UNMARKED_LINES: usize = 5;
const MARKED_LINES: usize = 16;

/// What of the same record stands above a piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Another piece; its last line tells already that the record goes on.
    Piece,
}

/// Writes a record's words, the marked ones underlined; of a long one the lines with marks and those beside them.
fn quoted(page: &mut Page, piece: &Piece, before: Before) {
    let lines = marked_lines(piece.text.trim_end(), &piece.marks, page.width.saturating_sub(8));
    let is_marked = |at: usize| lines.get(at).is_some_and(|line| line.under.contains('^'));
    let is_near = |at: usize| is_marked(at) || is_marked(at + 1) || (at > 0 && is_marked(at - 1));
    let near: Vec<usize> = (0..lines.len()).filter(|at| is_near(*at)).take(MARKED_LINES).collect();
    let shown = if near.is_empty() { (0..lines.len().min(UNMARKED_LINES)).collect() } else { near };
    let mut next = 0;
    for at in shown {
        if at > next && (next > 0 || before == Before::Nothing) {
            page.line(&[("      │ …", FAINT)]);
        }
        next = at + 1;
        page.line(&[("      │ ", FAINT), (&lines[at].text, PLAIN)]);
        if is_marked(at) {
            page.line(&[("      │ ", FAINT), (&lines[at].under, MARK)]);
        }
    }
    if next < lines.len() {
        page.line(&[("      │ …", FAINT)]);
    }
}

/// A line of a record and the line under it.
#[derive(Default)]
struct MarkedLine {
    text: String,
    under: String,
    columns: usize,
}

/// Breaks a record into lines of `columns`, at its own line ends and where the line is full.
fn marked_lines(text: &str, marks: &[Range<usize>], columns: usize) -> Vec<MarkedLine> {
    let mut lines = vec![MarkedLine::default()];
    let mut shown = String::new();
    for (at, c) in text.char_indices() {
        if c == '\n' {
            lines.push(MarkedLine::default());
            continue;
        }
        if c == '\r' && text[at + 1..].starts_with('\n') {
            continue;
        }
        shown.clear();
        if c == '\t' {
            shown.push(' ')
        } else {
            push_visible(&mut shown, c)
        }
        let wide: usize = shown.chars().map(char_width).sum();
        if lines.last().is_some_and(|line| line.columns + wide > columns) {
            lines.push(MarkedLine::default());
        }
        let Some(line) = lines.last_mut() else { break };
        line.text.push_str(&shown);
        let under = if marks.iter().any(|mark| mark.contains(&at)) { "^" } else { " " };
        line.under.push_str(&under.repeat(wide));
        line.columns += wide;
    }
    lines
}

fn evidence(page: &mut Page, report: &Report) {
    page.heading("Evidence");
    if report.evidence.is_empty() {
        page.block("  ", PLAIN, "No file was read.");
    }
    for file in &report.evidence {
        evidence_file(page, file);
    }
    for assumption in &report.assumptions {
        page.block("  assumed: ", FAINT, &visible(assumption));
    }
}

fn evidence_file(page: &mut Page, file: &EvidenceFile) {
    let kind = cut(&visible(file.source.as_deref().unwrap_or("not recognised")), page.width / 2);
    let room = page.width.saturating_sub(4 + width(&kind));
    page.line(&[("  ", PLAIN), (&cut_path(&visible(&file.file), room), HEADING), ("  ", PLAIN), (&kind, FAINT)]);
    if let Some(error) = &file.error {
        page.block("    ! ", style(State::Stopped), &visible(error));
    } else {
        page.block("    ", PLAIN, &visible(&tally(file)));
    }
    if let (Some(from), Some(to)) = (file.from, file.to) {
        page.block("    ", FAINT, &format!("{} to {}", view::instant(from), view::instant(to)));
    }
    for problem in &file.problem_rows {
        let text = format!("{}: expected {}, found {}", problem.cite.place(), problem.expected, problem.found);
        page.block("    ! ", style(State::Stopped), &visible(&text));
    }
    let told = file.problem_rows.len() as u64;
    if told > 0 && file.problems > told {
        page.block("    ! ", style(State::Stopped), &format!("{} more", counted(file.problems - told, "problem")));
    }
    for line in file.snapshot.iter().flat_map(view::snapshot_lines) {
        page.block("    - ", PLAIN, &visible(&line));
    }
    for limit in &file.limits {
        page.block("    - ", FAINT, &visible(limit));
    }
}

/// `12 rows: 3 observed, 1 problem, 8 passed over (8 other message)`.
pub(crate) fn tally(file: &EvidenceFile) -> String {
    let mut text = format!(
        "{}: {} observed, {}, {} passed over",
        counted(file.rows, "row"),
        number(file.observed),
        counted(file.problems, "problem"),
        number(file.passed_over)
    );
    let reasons: Vec<String> =
        file.passed_over_reasons.iter().map(|heap| format!("{} {}", number(heap.rows), heap.reason)).collect();
    if !reasons.is_empty() {
        text.push_str(&format!(" ({})", reasons.join(", ")));
    }
    text
}

fn style(state: State) -> Style {
    match state {
        State::Passed => AnsiColor::Green.on_default(),
        State::Changed => AnsiColor::Yellow.on_default(),
        State::Stopped => AnsiColor::Red.on_default().bold(),
        State::Pending => AnsiColor::Cyan.on_default(),
        State::Conflict => AnsiColor::Magenta.on_default().bold(),
        State::NotReached | State::Absent | State::NotSupplied => FAINT,
    }
}

pub(crate) fn standing_style(standing: Standing) -> Style {
    match standing {
        Standing::Proved => HEADING,
        Standing::Likely => AnsiColor::Yellow.on_default(),
        Standing::Refuted => FAINT,
        Standing::NotShown => AnsiColor::Magenta.on_default(),
    }
}
