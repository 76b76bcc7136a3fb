//! Candidates for an exception, narrow to wide: how many messages each would have let through, and how those were judged.

use maud::{Markup, html};

use super::super::Tone;
use super::super::terminal::style;
use crate::exceptions::{JudgedAs, MeasuredScope};
use crate::markdown::escape;
use crate::picture::{Breadth, BreadthRow, BroughtUp};
use crate::terminal::{FAINT, PLAIN, Page};
use crate::text::{counted, number, visible, width};

/// With fewer columns left for them, the bars are not drawn: the numbers say all.
const MIN_BAR_COLUMNS: usize = 12;
/// Columns of the longest bar.
const MAX_BAR_COLUMNS: usize = 48;

const NOTHING: &str = "No candidate was measured.";

const ALL: [JudgedAs; 8] = [
    JudgedAs::Malware,
    JudgedAs::Phish,
    JudgedAs::Spoof,
    JudgedAs::Spam,
    JudgedAs::Bulk,
    JudgedAs::Rule,
    JudgedAs::Clean,
    JudgedAs::NotSaid,
];

impl JudgedAs {
    /// What a column of a bar is drawn with: it tells the judgement without colours.
    fn letter(self) -> char {
        match self {
            JudgedAs::Malware => 'M',
            JudgedAs::Phish => 'P',
            JudgedAs::Spoof => 'F',
            JudgedAs::Spam => 'S',
            JudgedAs::Bulk => 'B',
            JudgedAs::Rule => 'R',
            JudgedAs::Clean => '░',
            JudgedAs::NotSaid => '·',
        }
    }

    fn legend(self) -> &'static str {
        match self {
            JudgedAs::Spoof => "forged (spoof)",
            JudgedAs::Rule => "own rule",
            other => other.words(),
        }
    }

    fn tone(self) -> Tone {
        match self {
            JudgedAs::Malware | JudgedAs::Phish | JudgedAs::Spoof => Tone::Bad,
            JudgedAs::Spam | JudgedAs::Bulk | JudgedAs::Rule => Tone::Warn,
            JudgedAs::Clean => Tone::Good,
            JudgedAs::NotSaid => Tone::Soft,
        }
    }

    /// The class of the style sheet.
    fn class(self) -> &'static str {
        match self {
            JudgedAs::Malware => "malware",
            JudgedAs::Phish => "phish",
            JudgedAs::Spoof => "spoof",
            JudgedAs::Spam => "spam",
            JudgedAs::Bulk => "bulk",
            JudgedAs::Rule => "rule",
            JudgedAs::Clean => "clean",
            JudgedAs::NotSaid => "not-said",
        }
    }
}

/// How often each judgement stands in a row; what no count says is not said.
fn judged(scope: &MeasuredScope) -> Vec<(JudgedAs, u64)> {
    let told: u64 = scope.judged.iter().fold(0, |sum, one| sum.saturating_add(one.messages));
    let mut all: Vec<(JudgedAs, u64)> = Vec::new();
    for one in ALL {
        let own: u64 = scope.judged.iter().filter(|count| count.judged == one).map(|count| count.messages).sum();
        let rest = if one == JudgedAs::NotSaid { scope.messages.saturating_sub(told) } else { 0 };
        if own + rest > 0 {
            all.push((one, own + rest));
        }
    }
    all
}

/// How long a bar is, of so many parts for the longest: by the logarithm, for radii differ by powers of ten; something more than nothing
/// shows.
fn length(messages: u64, most: u64, parts: usize) -> usize {
    if messages == 0 {
        return 0;
    }
    // One message is one step, ten are two.
    let steps = |count: u64| 1.0 + (count as f64).log10();
    let share = steps(messages) / steps(most.max(messages));
    ((share * parts as f64).round() as usize).clamp(1, parts.max(1))
}

/// How the length of a bar is divided among judgements: by their share, each that is there at least one part; the largest gives what the
/// small ones need.
fn divided(counts: &[(JudgedAs, u64)], length: usize) -> Vec<(JudgedAs, usize)> {
    let all: u128 = counts.iter().map(|(_, count)| u128::from(*count)).sum::<u128>().max(1);
    let part = |count: u64| {
        let share = (u128::from(count) * length as u128 + all / 2) / all;
        usize::try_from(share).unwrap_or(length).max(1)
    };
    let mut parts: Vec<(JudgedAs, usize)> = counts.iter().map(|(one, count)| (*one, part(*count))).collect();
    loop {
        let sum: usize = parts.iter().map(|(_, part)| part).sum();
        let Some((_, largest)) = parts.iter_mut().max_by_key(|(_, part)| *part) else { return parts };
        match sum.cmp(&length) {
            std::cmp::Ordering::Less => *largest += length - sum,
            // More judgements than parts: each stays with one.
            std::cmp::Ordering::Greater if *largest > 1 => *largest -= (sum - length).min(*largest - 1),
            _ => return parts,
        }
    }
}

/// The sign of a row, and what it means.
fn mark(row: &BreadthRow, marked: BroughtUp) -> (char, Tone) {
    match (row.is_proposed, row.is_on_front) {
        (true, _) if marked == BroughtUp::AskedAbout => (brought_up(marked).0, Tone::Plain),
        (true, _) => (brought_up(marked).0, Tone::Good),
        (false, true) => ('◆', Tone::Plain),
        (false, false) => (' ', Tone::Soft),
    }
}

/// The sign of a row that somebody brought up, and the word for it.
fn brought_up(marked: BroughtUp) -> (char, &'static str) {
    match marked {
        BroughtUp::Proposed => ('★', "proposed"),
        BroughtUp::AskedAbout => ('▸', "asked about"),
    }
}

fn marks(breadth: &Breadth) -> String {
    let (sign, word) = brought_up(breadth.marked);
    format!("{sign} {word}  ◆ no other covers as much of what was reported with less beside it")
}

fn possible(scope: &MeasuredScope) -> String {
    if scope.possible == 0 { String::new() } else { format!(" +{} possible", number(scope.possible)) }
}

/// `to 3 recipients from 1 sender; 2 were kept out: 1 phish, 1 spam`.
fn told(scope: &MeasuredScope) -> String {
    let mut text = format!("to {} from {}", counted(scope.recipients, "recipient"), counted(scope.senders, "sender"));
    if scope.kept_out > 0 {
        text.push_str(&format!("; {} kept out", number(scope.kept_out)));
    }
    let judged: Vec<String> =
        judged(scope).iter().map(|(one, count)| format!("{} {}", number(*count), one.words())).collect();
    if !judged.is_empty() {
        text.push_str(&format!("; {}", judged.join(", ")));
    }
    text
}

fn most(breadth: &Breadth) -> u64 {
    breadth.rows.iter().map(|row| row.scope.messages).max().unwrap_or(0)
}

fn not_drawn(breadth: &Breadth) -> Option<String> {
    (breadth.not_drawn > 0).then(|| format!("{} are not drawn", counted(breadth.not_drawn, "further candidate")))
}

/// Judgements that stand in any row.
fn legend(breadth: &Breadth) -> Vec<JudgedAs> {
    let all: Vec<(JudgedAs, u64)> = breadth.rows.iter().flat_map(|row| judged(&row.scope)).collect();
    ALL.into_iter().filter(|one| all.iter().any(|(other, _)| other == one)).collect()
}

pub(super) fn terminal(page: &mut Page, breadth: &Breadth) {
    if breadth.rows.is_empty() {
        page.block("    ", FAINT, NOTHING);
        return;
    }
    page.block("    ", FAINT, "messages that each would have let through, narrow to wide (bars: logarithm)");
    let messages: Vec<String> = breadth.rows.iter().map(|row| number(row.scope.messages)).collect();
    let columns = messages.iter().map(|text| width(text)).max().unwrap_or(1);
    let indent = 6;
    let drawn = page.width.saturating_sub(indent + columns + 2 + 18).min(MAX_BAR_COLUMNS);
    for (row, messages) in breadth.rows.iter().zip(&messages) {
        let (sign, tone) = mark(row, breadth.marked);
        page.block(&format!("    {sign} "), style(tone), &visible(&row.scope.scope));
        let lead = format!("{}{messages:>columns$}  ", " ".repeat(indent));
        let counts = judged(&row.scope);
        let bar = if drawn < MIN_BAR_COLUMNS {
            Vec::new()
        } else {
            divided(&counts, length(row.scope.messages, most(breadth), drawn))
        };
        let segments: Vec<(String, Tone)> =
            bar.iter().map(|(one, part)| (one.letter().to_string().repeat(*part), one.tone())).collect();
        let possible = possible(&row.scope);
        let mut parts = vec![(lead.as_str(), PLAIN)];
        parts.extend(segments.iter().map(|(text, tone)| (text.as_str(), style(*tone))));
        parts.push((&possible, FAINT));
        page.line(&parts);
        page.block(&" ".repeat(indent + columns + 2), FAINT, &told(&row.scope));
    }
    let legend: Vec<String> = legend(breadth).iter().map(|one| format!("{} {}", one.letter(), one.legend())).collect();
    if drawn >= MIN_BAR_COLUMNS && !legend.is_empty() {
        page.block("      ", FAINT, &legend.join("  "));
    }
    page.block("      ", FAINT, &marks(breadth));
    if let Some(more) = not_drawn(breadth) {
        page.block("      ", FAINT, &more);
    }
}

pub(super) fn markdown(out: &mut String, breadth: &Breadth) {
    if breadth.rows.is_empty() {
        out.push_str(&format!("{NOTHING}\n\n"));
        return;
    }
    out.push_str("| | conditions | messages | possible | recipients | senders | kept out | judged |\n");
    out.push_str("|---|---|---:|---:|---:|---:|---:|---|\n");
    for row in &breadth.rows {
        let scope = &row.scope;
        let judged: Vec<String> =
            judged(scope).iter().map(|(one, count)| format!("{} {}", number(*count), one.words())).collect();
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            mark(row, breadth.marked).0,
            escape(&scope.scope),
            number(scope.messages),
            number(scope.possible),
            number(scope.recipients),
            number(scope.senders),
            number(scope.kept_out),
            judged.join(", "),
        ));
    }
    out.push_str(&format!("\n{}\n\n", marks(breadth)));
    if let Some(more) = not_drawn(breadth) {
        out.push_str(&format!("{more}\n\n"));
    }
}

/// Parts of the longest line in HTML: tenths of a percent of the cell.
const PARTS: usize = 1000;

pub(super) fn html(breadth: &Breadth) -> Markup {
    let share = |part: usize| format!("inline-size: {}.{}%", part / 10, part % 10);
    html! {
        @if breadth.rows.is_empty() { p.soft { (NOTHING) } }
        @else {
            table.stack.breadth {
                caption { "messages that each would have let through, narrow to wide (bars: logarithm)" }
                thead { tr { th scope="col" { "conditions" } th scope="col" { "messages" } th scope="col" { "how they were judged" } } }
                tbody {
                    @for row in &breadth.rows {
                        tr.proposed[row.is_proposed && breadth.marked == BroughtUp::Proposed] {
                            th scope="row" {
                                span.(mark(row, breadth.marked).1.class()) aria-hidden="true" { (mark(row, breadth.marked).0) } " "
                                @if row.is_proposed { span.tag { (brought_up(breadth.marked).1) } }
                                @else if row.is_on_front { span.tag { "front" } }
                                (visible(&row.scope.scope))
                            }
                            td.number {
                                (number(row.scope.messages))
                                @if row.scope.possible > 0 { br; span.soft { (possible(&row.scope)) } }
                            }
                            td.line {
                                div.bars aria-hidden="true" {
                                    @for (one, part) in divided(&judged(&row.scope), length(row.scope.messages, most(breadth), PARTS)) {
                                        span.bar.(one.class()) style=(share(part)) {}
                                    }
                                }
                                p.soft { (told(&row.scope)) }
                            }
                        }
                    }
                }
            }
            p.soft {
                @for one in legend(breadth) { span.swatch.(one.class()) aria-hidden="true" {} " " (one.legend()) "  " }
            }
            p.soft { (marks(breadth)) }
            @if let Some(more) = not_drawn(breadth) { p.soft { (more) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_with_the_logarithm_and_what_is_not_nothing_shows() {
        for (messages, most, expected) in [
            (0, 1000, 0),
            (1, 1000, 10),
            (10, 1000, 20),
            (100, 1000, 30),
            (1000, 1000, 40),
            (1, 1, 40),
            (1, u64::MAX, 2),
        ] {
            assert_eq!(length(messages, most, 40), expected, "{messages} of {most}");
        }
    }

    #[test]
    fn every_judgement_has_a_part_and_the_parts_add_up() {
        for (name, counts, length, expected) in [
            ("one", vec![(JudgedAs::Spam, 7)], 5, vec![5]),
            ("a rare one", vec![(JudgedAs::Malware, 1), (JudgedAs::Clean, 10_000)], 10, vec![1, 9]),
            ("a huge number", vec![(JudgedAs::Clean, u64::MAX), (JudgedAs::NotSaid, 1)], 10, vec![9, 1]),
            ("thirds", vec![(JudgedAs::Malware, 1), (JudgedAs::Spam, 1), (JudgedAs::Clean, 1)], 10, vec![3, 3, 4]),
            ("less room than judgements", vec![(JudgedAs::Malware, 1), (JudgedAs::Spam, 1)], 1, vec![1, 1]),
            ("nothing", vec![], 10, vec![]),
        ] {
            let parts: Vec<usize> = divided(&counts, length).into_iter().map(|(_, part)| part).collect();
            assert_eq!(parts, expected, "{name}");
        }
    }
}
