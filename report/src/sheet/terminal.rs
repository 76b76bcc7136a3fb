//! Sections as text for a terminal.

use anstyle::{AnsiColor, Style};

use super::{Bar, Block, Cell, Claim, Pairs, Row, Section, Sheet, Tone, picture, reference};
use crate::terminal::{FAINT, HEADING, PLAIN, Page, Terminal, standing_style};
use crate::text::{cut, pad, visible, width, wrap};

/// Below this many columns lengths are told in words only.
const MIN_BAR_WIDTH: usize = 72;
/// Columns of the longest bar.
const BAR_COLUMNS: usize = 16;

/// Draws a page as text for a terminal.
pub fn sheet(sheet: &Sheet, terminal: Terminal) -> String {
    let mut page = Page::new(terminal);
    for one in &sheet.sections {
        section(&mut page, one);
    }
    page.out
}

/// Draws one section.
pub(crate) fn section(page: &mut Page, section: &Section) {
    page.heading(&section.title);
    blocks(page, &section.blocks);
}

fn blocks(page: &mut Page, blocks: &[Block]) {
    for (at, block) in blocks.iter().enumerate() {
        if at > 0 && matches!(block, Block::Claim(_) | Block::Heading(_)) {
            page.line(&[]);
        }
        match block {
            Block::Heading(text) => page.block_of(&[("  ", PLAIN)], 2, &visible(text)),
            Block::Text(tone, text) => page.block("  ", style(*tone), &visible(text)),
            Block::Facts(list) => facts(page, list),
            Block::Rows(list) => list.iter().for_each(|one| row(page, one)),
            Block::Bars(list) => bars(page, list),
            Block::Pairs(two) => pairs(page, two),
            Block::Commands(lines) => lines.iter().for_each(|line| page.verbatim("    $ ", &visible(line))),
            Block::Claim(one) => claim(page, one),
            Block::Picture(one) => picture::terminal(page, one),
        }
    }
}

fn claim(page: &mut Page, claim: &Claim) {
    let lead = format!("  {:<9}  ", claim.standing.word());
    let indent = " ".repeat(width(&lead));
    let about = if claim.about.is_empty() { String::new() } else { format!(" ({})", visible(&claim.about)) };
    page.block(&lead, standing_style(claim.standing), &format!("{}{about}", visible(&claim.id)));
    page.block(&indent, PLAIN, &visible(&claim.title));
    page.block(&indent, PLAIN, &format!("{}{}", visible(&claim.statement), reference::text(&claim.records)));
    blocks(page, &claim.blocks);
}

/// Names of facts take at least this many columns, so that neighbouring blocks stand in line, and at most [`MAX_FACT`].
const MIN_FACT: usize = 16;
const MAX_FACT: usize = 24;

fn facts(page: &mut Page, facts: &[(String, String)]) {
    let longest = facts.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let column = longest.clamp(MIN_FACT, MAX_FACT);
    for (name, value) in facts {
        page.block(&format!("  {} ", pad(name, column)), FAINT, &visible(value));
    }
}

fn row(page: &mut Page, row: &Row) {
    let lead = if row.lead.is_empty() { String::new() } else { format!("{}  ", visible(&row.lead)) };
    let sign = format!("  {} ", row.tone.sign());
    let text = format!("{}{}", visible(&row.text), reference::text(&row.records));
    if width(&sign) + width(&lead) < page.width {
        page.block_of(&[(&sign, style(row.tone)), (&lead, HEADING)], 4, &text);
    } else {
        page.block(&sign, style(row.tone), &lead);
        page.block("    ", PLAIN, &text);
    }
    for note in &row.notes {
        page.block("      ", PLAIN, &visible(note));
    }
    for (seen, then) in &row.branches {
        page.block("      · ", FAINT, &visible(&format!("{seen} → {then}")));
    }
    if let Some(raw) = &row.raw {
        page.block("      │ ", FAINT, &visible(raw));
    }
    if let Some(command) = &row.command {
        page.verbatim("      $ ", command);
    }
}

/// Columns of the names in front of two things beside each other.
const PAIR_LABEL: usize = 15;
/// Columns of one of the two at most.
const MAX_PAIR: usize = 26;

fn pairs(page: &mut Page, two: &Pairs) {
    let column = (page.width.saturating_sub(2 + PAIR_LABEL + 3) / 2).min(MAX_PAIR);
    let head = |text: &str| pad(&cut(&visible(text), column), column + 3);
    let blank = " ".repeat(2 + PAIR_LABEL);
    page.line(&[(&blank, PLAIN), (&head(&two.left), FAINT), (&head(&two.right), FAINT)]);
    for line in &two.lines {
        let (left, right) = (cell(&line.left, column), cell(&line.right, column));
        for row in 0..left.len().max(right.len()) {
            let label = if row == 0 { cut(&visible(&line.label), PAIR_LABEL - 1) } else { String::new() };
            let of = |cell: &[String]| pad(cell.get(row).map_or("", String::as_str), column);
            let between = if row == 0 { format!("{}  ", line.between) } else { "   ".to_owned() };
            let marked = if line.mark.is_some() { HEADING } else { FAINT };
            page.line(&[
                ("  ", PLAIN),
                (&pad(&label, PAIR_LABEL), PLAIN),
                (&of(&left), style(line.left.tone)),
                (&between, marked),
                (&of(&right), style(line.right.tone)),
            ]);
        }
        if let Some(mark) = &line.mark {
            page.block(&format!("{blank}╰─ "), HEADING, &visible(mark));
        }
    }
}

/// A cell's sign and words, broken within the column.
fn cell(cell: &Cell, column: usize) -> Vec<String> {
    let lines = wrap(&visible(&cell.text), column.saturating_sub(2));
    let lead = |at: usize| if at == 0 { cell.sign } else { ' ' };
    lines.iter().enumerate().map(|(at, line)| format!("{} {line}", lead(at))).collect()
}

fn bars(page: &mut Page, list: &[Bar]) {
    let value = list.iter().map(|bar| width(&bar.value)).max().unwrap_or(0).min(24);
    let drawn = page.width >= MIN_BAR_WIDTH && list.iter().any(|bar| bar.share_permille.is_some());
    let tail = value + if drawn { BAR_COLUMNS + 7 } else { 0 };
    let longest = list.iter().map(|bar| width(&bar.label)).max().unwrap_or(0);
    let label = longest.min(page.width.saturating_sub(6 + tail));
    for one in list {
        if let Some(group) = &one.group {
            page.line(&[("  ", PLAIN), (&visible(group), FAINT)]);
        }
        let name = pad(&cut_ends(&visible(&one.label), label), label);
        let length = format!("{:>value$}", cut(&one.value, value));
        let picture = match one.share_permille.filter(|_| drawn) {
            Some(share) => format!("  {} {:>4}", pad(&drawn_bar(share), BAR_COLUMNS), percent(share)),
            None => String::new(),
        };
        page.line(&[
            ("    ", PLAIN),
            (&name, PLAIN),
            ("  ", PLAIN),
            (&length, style(one.tone)),
            (&picture, style(one.tone)),
        ]);
        for note in &one.notes {
            page.block("      ", FAINT, &visible(note));
        }
    }
}

/// Cuts `one → other` to `columns` so that both ends stay readable; other text at its end.
fn cut_ends(text: &str, columns: usize) -> String {
    const ARROW: &str = " → ";
    match text.split_once(ARROW) {
        Some((one, other)) if width(text) > columns => {
            let room = columns.saturating_sub(width(ARROW));
            let first = width(one).min((room / 2).max(room.saturating_sub(width(other))));
            format!("{}{ARROW}{}", cut(one, first), cut(other, room.saturating_sub(first)))
        }
        _ => cut(text, columns),
    }
}

/// A bar in eighths of a column; anything more than nothing shows.
fn drawn_bar(share_permille: u32) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share_permille.min(1000) as usize * BAR_COLUMNS * 8).div_ceil(1000);
    format!("{}{}", "█".repeat(eighths / 8), PARTS[eighths % 8])
}

/// `83 %`, `<1 %`.
pub(crate) fn percent(share_permille: u32) -> String {
    match share_permille {
        0 => "0 %".to_owned(),
        1..10 => "<1 %".to_owned(),
        share => format!("{} %", (share + 5) / 10),
    }
}

pub(crate) fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => PLAIN,
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Warn => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default().bold(),
        Tone::Odd => AnsiColor::Magenta.on_default(),
        Tone::Soft => FAINT,
    }
}
