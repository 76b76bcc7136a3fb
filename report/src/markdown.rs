//! The report as Markdown, for a ticket.

use crate::document::{Cite, Report};
use crate::guided::Symptoms;
use crate::sheet::{Sheet, markdown_section, sheet_markdown};
use crate::terminal::{picture, record_lines, tally};
use crate::text::{number, visible};
use crate::view::{self, View};

/// Columns of pictures and records within code blocks.
const COLUMNS: usize = 100;

/// Writes a report as Markdown (CommonMark with tables). What a record says is escaped: it forms no link, markup,
/// HTML or table cell of its own.
pub fn markdown(report: &Report) -> String {
    drawn(report, None)
}

/// Writes what is known of symptoms, and what the records show of them, as Markdown.
pub fn symptoms(guided: &Symptoms) -> String {
    match &guided.report {
        Some(report) => drawn(report, Some(guided)),
        None => sheet_markdown(&Sheet { title: guided.title(), sections: guided.sections() }),
    }
}

fn drawn(report: &Report, guided: Option<&Symptoms>) -> String {
    let view = View::of(report);
    let mut out = String::new();
    if let Some(several) = &report.several {
        out.push_str(&format!("# {}\n", escape(&crate::several::title(several))));
        crate::several::sections(report).iter().for_each(|one| markdown_section(&mut out, one));
        heading(&mut out, &crate::several::in_full(report).map_or(String::new(), |told| escape(&told)));
    }
    let is_alone = guided.is_some() || crate::symptoms::are_alone(report);
    if is_alone {
        let title = guided.map_or_else(|| crate::symptoms::ALONE.to_owned(), Symptoms::title);
        alone(&mut out, report, &title);
    } else {
        message(&mut out, report);
        heading(&mut out, "The way");
        fenced(&mut out, &picture(&view, COLUMNS));
    }
    if !is_alone || view::no_findings(report).is_none() {
        findings(&mut out, &view, report);
    }
    let guide = guided.map(Symptoms::sections).unwrap_or_default();
    crate::symptoms::section(report, &view, is_alone)
        .iter()
        .chain(&guide)
        .for_each(|one| markdown_section(&mut out, one));
    crate::reply::section(report, &view).iter().for_each(|one| markdown_section(&mut out, one));
    next_steps(&mut out, report);
    checked(&mut out, &view, report);
    not_shown(&mut out, report);
    crate::families::section(&view).iter().for_each(|one| markdown_section(&mut out, one));
    layers(&mut out, &view);
    timeline(&mut out, &view);
    crate::sample::sections(&report.samples).iter().for_each(|one| markdown_section(&mut out, one));
    records(&mut out, &view);
    evidence(&mut out, report);
    out
}

pub(crate) fn heading(out: &mut String, text: &str) {
    out.push_str(&format!("\n## {text}\n\n"));
}

fn message(out: &mut String, report: &Report) {
    let message = &report.message;
    let level = if report.several.is_some() { "###" } else { "#" };
    out.push_str(&format!("{level} {}\n\n", message.subject.as_deref().map_or("One message".to_owned(), escape)));
    let mut row = |name: &str, value: &str| out.push_str(&format!("| {name} | {value} |\n"));
    row("", "");
    row("---", "---");
    for (name, value) in [
        ("From", &message.header_from),
        ("Envelope sender", &message.envelope_sender),
        ("Message-ID", &message.message_id),
        ("Sample", &message.sample),
    ] {
        row(name, &value.as_deref().map_or("not stated".to_owned(), |value| code(value, Within::Table)));
    }
    let recipients: Vec<String> = message.envelope_recipients.iter().map(|one| code(one, Within::Table)).collect();
    row("Envelope recipients", &recipients.join(", "));
    let ids: Vec<String> = message.network_message_ids.iter().map(|id| code(id, Within::Table)).collect();
    if !ids.is_empty() {
        row("Network message ids", &ids.join(", "));
    }
    if let Some(at) = message.sent_at {
        row(&format!("Date ({})", view::clock_of_date(message)), &view::instant(at));
    }
}

/// The heading where no message is followed.
fn alone(out: &mut String, report: &Report, title: &str) {
    out.push_str(&format!("# {}\n\n", escape(title)));
    for (name, value) in crate::symptoms::alone(report) {
        out.push_str(&format!("- **{name}**: {}\n", escape(&value)));
    }
}

fn findings(out: &mut String, view: &View<'_>, report: &Report) {
    heading(out, "Findings");
    if let Some(none) = view::no_findings(report) {
        out.push_str(&format!("{none}\n"));
    }
    for (_, finding) in view::other_findings(report) {
        out.push_str(&format!(
            "- **{}** {} {} ({}): {}{}\n",
            finding.standing.word(),
            finding.kind.word(),
            code(&finding.id, Within::Text),
            escape(&view::scope(finding)),
            escape(&finding.statement),
            cites(view, &finding.cites),
        ));
        if !finding.ask_for.is_empty() {
            let asked: Vec<String> = finding.ask_for.iter().map(|source| code(source, Within::Text)).collect();
            out.push_str(&format!("  Would be settled by {}.\n", asked.join(", ")));
        }
        if let Some(owner) = &finding.owner {
            out.push_str(&format!("  Owner: {}\n", escape(owner)));
        }
    }
}

fn next_steps(out: &mut String, report: &Report) {
    if report.next_steps.is_empty() {
        return;
    }
    heading(out, "Next steps");
    for (at, step) in report.next_steps.iter().enumerate() {
        out.push_str(&format!("{}. **tier {}** {}\n", at + 1, step.tier, escape(&step.step)));
        let indent = " ".repeat((at + 1).to_string().len() + 2);
        if let Some(place) = &step.r#where {
            out.push_str(&format!("{indent}{}\n", escape(place)));
        }
        if let Some(command) = &step.command {
            // A code block of its own, so that it can be copied whole.
            let command = visible(command);
            let fence = "`".repeat(longest_run(&command).max(2) + 1);
            let shell = step.shell.as_deref().unwrap_or("text");
            out.push_str(&format!("\n{indent}{fence}{shell}\n{indent}{command}\n{indent}{fence}\n\n"));
        }
    }
}

/// What is no next step any more, with its records.
fn checked(out: &mut String, view: &View<'_>, report: &Report) {
    if report.checked.is_empty() {
        return;
    }
    heading(out, "Already checked");
    for checked in report.checked.iter().take(view::MAX_CHECKED) {
        out.push_str(&format!(
            "- **{}**{}: {}{}\n",
            escape(&checked.check),
            escape(&view::whose(checked, report)),
            escape(&checked.said),
            cites(view, &checked.cites),
        ));
    }
    if let Some(more) = view::more_checked(report) {
        out.push_str(&format!("- {more}\n"));
    }
}

fn not_shown(out: &mut String, report: &Report) {
    if report.exports.is_empty() {
        return;
    }
    heading(out, "Not shown, and what to fetch for it");
    for export in &report.exports {
        out.push_str(&format!("- **{}** ({})\n", escape(&export.title), code(&export.source, Within::Text)));
        if view::is_told_above(export, report) {
            out.push_str(&format!("  - {}\n", view::TOLD_ABOVE));
            continue;
        }
        if let Some(command) = &export.command {
            out.push_str(&format!("  - {}\n", code(command, Within::Text)));
        }
        if let Some(clicks) = &export.clicks {
            out.push_str(&format!("  - {}\n", escape(clicks)));
        }
    }
}

fn layers(out: &mut String, view: &View<'_>) {
    for group in &view.groups {
        let more = if group.others.is_empty() { String::new() } else { format!(" (+{} more)", group.others.len()) };
        heading(out, &format!("Layers: {}{more}", code(view::recipient(group.first), Within::Text)));
        out.push_str("| layer | state | system | what it did | records |\n|---|---|---|---|---|\n");
        for layer in &group.first.layers {
            out.push_str(&format!(
                "| {} | {} {} | {} | {} |{} |\n",
                layer.layer.word(),
                view::sign(layer.state),
                layer.state.word(),
                layer.system.as_deref().map_or(String::new(), escape),
                escape(&layer.summary),
                cites(view, &layer.cites),
            ));
        }
        if !group.others.is_empty() {
            let names: Vec<String> =
                group.others.iter().map(|copy| code(view::recipient(copy), Within::Text)).collect();
            out.push_str(&format!("\nThe same states for {}.\n", names.join(", ")));
        }
    }
}

fn timeline(out: &mut String, view: &View<'_>) {
    if view.timeline.is_empty() {
        return;
    }
    heading(out, "Timeline");
    out.push_str(
        "| UTC | after | system | layer | what happened | copies | records |\n|---|---|---|---|---|---|---|\n",
    );
    for entry in &view.timeline {
        let recipients: Vec<String> = entry.recipients.iter().take(3).map(|one| code(one, Within::Table)).collect();
        let more = match entry.recipients.len() {
            0 => "all".to_owned(),
            count if count > 3 => format!(" +{} more", count - 3),
            _ => String::new(),
        };
        let assumed =
            entry.event.assumed.as_deref().map_or(String::new(), |how| format!(" (assumed: {})", escape(how)));
        out.push_str(&format!(
            "| {} {}{assumed} | {} | {} | {} | {} | {}{more} |{} |\n",
            view::day(entry.event.at),
            view::clock(entry.event.at),
            entry.gap.filter(|gap| !gap.is_zero()).map_or(String::new(), |gap| format!("+{}", view::span(gap))),
            escape(&entry.event.system),
            entry.event.layer.word(),
            escape(&entry.event.summary),
            recipients.join(", "),
            cites(view, &entry.event.cites),
        ));
    }
}

fn records(out: &mut String, view: &View<'_>) {
    if view.records.list.is_empty() {
        return;
    }
    heading(out, "Records");
    for record in &view.records.list {
        out.push_str(&format!("\\[{}\\] {}\n\n", record.number, code(&record.cite.place(), Within::Text)));
        fenced(out, &record_lines(record, COLUMNS));
        out.push('\n');
    }
}

fn evidence(out: &mut String, report: &Report) {
    heading(out, "Evidence");
    out.push_str("| file | kind | rows | from | to | sha256 | limits and problems |\n|---|---|---|---|---|---|---|\n");
    for file in &report.evidence {
        let mut notes: Vec<String> =
            file.snapshot.iter().flat_map(view::snapshot_lines).map(|line| escape(&line)).collect();
        notes.extend(file.limits.iter().chain(&file.error).map(|text| escape(text)));
        notes.extend(file.problem_rows.iter().map(|problem| {
            let text = format!("{}: expected {}, found {}", problem.cite.place(), problem.expected, problem.found);
            escape(&text)
        }));
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} |\n",
            code(&file.file, Within::Table),
            file.source.as_deref().map_or("not recognised".to_owned(), escape),
            if file.error.is_some() { number(file.rows) } else { escape(&tally(file)) },
            file.from.map_or(String::new(), view::instant),
            file.to.map_or(String::new(), view::instant),
            file.sha256.as_deref().map_or("not hashed".to_owned(), |hash| code(hash, Within::Table)),
            notes.join("<br>"),
        ));
    }
    for assumption in &report.assumptions {
        out.push_str(&format!("\nAssumed: {}\n", escape(assumption)));
    }
}

fn cites(view: &View<'_>, cites: &[Cite]) -> String {
    view.records.numbers(cites).iter().map(|number| format!(" \\[{number}\\]")).collect()
}

/// Escapes text so that Markdown shows it as it is, and nothing in it becomes a link.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '#' | '$' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out.replace("://", "\\://").replace("www.", "www\\.")
}

/// Where a code span stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    Text,
    /// A pipe ends a cell even within code, unless escaped.
    Table,
}

/// Puts text into a code span, whatever back-ticks it holds.
pub(crate) fn code(text: &str, within: Within) -> String {
    let text = visible(text);
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let text = if within == Within::Table { text.replace('|', "\\|") } else { text };
    let ticks = "`".repeat(longest_run(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// Puts lines into a code block, whatever fences they hold.
pub(crate) fn fenced(out: &mut String, lines: &str) {
    let fence = "`".repeat(longest_run(lines).max(2) + 1);
    out.push_str(&format!("{fence}text\n{lines}{fence}\n"));
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_escape() {
        for (text, expected) in [
            ("<script>", "\\<script\\>"),
            ("a | b", "a \\| b"),
            ("[x](https://bad.example)", "\\[x\\](https\\://bad.example)"),
            ("two\nlines", "two\\\\nlines"),
        ] {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn ok_code() {
        for (text, within, expected) in [
            ("plain", Within::Text, "`plain`"),
            ("a`b", Within::Text, "``a`b``"),
            ("`", Within::Text, "`` ` ``"),
            ("a|b", Within::Table, "`a\\|b`"),
            ("", Within::Text, "(empty)"),
        ] {
            assert_eq!(code(text, within), expected);
        }
    }
}
