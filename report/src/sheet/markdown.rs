//! Sections as Markdown for a ticket.

use super::terminal::percent;
use super::{Bar, Block, Claim, Pairs, Row, Section, Sheet, picture, reference};
use crate::markdown::{Within, code, escape, heading};

/// Writes a page as Markdown.
pub fn sheet(sheet: &Sheet) -> String {
    let mut out = format!("# {}\n", escape(&sheet.title));
    for one in &sheet.sections {
        section(&mut out, one);
    }
    out
}

/// Writes one section.
pub(crate) fn section(out: &mut String, section: &Section) {
    heading(out, &escape(&section.title));
    blocks(out, &section.blocks);
}

fn blocks(out: &mut String, blocks: &[Block]) {
    for block in blocks {
        match block {
            Block::Heading(text) => out.push_str(&format!("\n### {}\n\n", escape(text))),
            Block::Text(_, text) => out.push_str(&format!("{}\n\n", escape(text))),
            Block::Facts(facts) => {
                for (name, value) in facts {
                    out.push_str(&format!("- **{}**: {}\n", escape(name), escape(value)));
                }
                out.push('\n');
            }
            Block::Rows(list) => {
                list.iter().for_each(|one| row(out, one));
                out.push('\n');
            }
            Block::Bars(list) => bars(out, list),
            Block::Pairs(two) => pairs(out, two),
            Block::Commands(lines) => {
                lines.iter().for_each(|line| out.push_str(&format!("- {}\n", code(line, Within::Text))));
                out.push('\n');
            }
            Block::Claim(one) => claim(out, one),
            Block::Picture(one) => picture::markdown(out, one),
        }
    }
}

fn claim(out: &mut String, claim: &Claim) {
    let about = if claim.about.is_empty() { String::new() } else { format!(" ({})", escape(&claim.about)) };
    out.push_str(&format!(
        "### {}\n\n**{}** {}{about}: {}{}\n\n",
        escape(&claim.title),
        claim.standing.word(),
        code(&claim.id, Within::Text),
        escape(&claim.statement),
        reference::markdown(&claim.records, Within::Text),
    ));
    blocks(out, &claim.blocks);
}

fn row(out: &mut String, row: &Row) {
    let lead = if row.lead.is_empty() { String::new() } else { format!("**{}** ", escape(&row.lead)) };
    let records = reference::markdown(&row.records, Within::Text);
    out.push_str(&format!("- {} {lead}{}{records}\n", row.tone.sign(), escape(&row.text)));
    for note in &row.notes {
        out.push_str(&format!("  - {}\n", escape(note)));
    }
    for (seen, then) in &row.branches {
        out.push_str(&format!("  - **{}** → {}\n", escape(seen), escape(then)));
    }
    if let Some(raw) = &row.raw {
        out.push_str(&format!("  - {}\n", code(raw, Within::Text)));
    }
    if let Some(command) = &row.command {
        out.push_str(&format!("  - {}\n", code(command, Within::Text)));
    }
}

fn bars(out: &mut String, list: &[Bar]) {
    out.push_str("| stretch | hop | took | share | |\n|---|---|---|---|---|\n");
    let mut group = "";
    for bar in list {
        group = bar.group.as_deref().unwrap_or(group);
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            escape(group),
            escape(&bar.label),
            escape(&bar.value),
            bar.share_permille.map_or(String::new(), percent),
            escape(&bar.notes.join("; ")),
        ));
    }
    out.push('\n');
}

fn pairs(out: &mut String, two: &Pairs) {
    out.push_str(&format!("| | {} | | {} | |\n|---|---|---|---|---|\n", escape(&two.left), escape(&two.right)));
    for line in &two.lines {
        out.push_str(&format!(
            "| {} | {} {} | {} {} | {} {} | {} |\n",
            escape(&line.label),
            line.left.sign,
            escape(&line.left.text),
            line.between,
            escape(&line.means),
            line.right.sign,
            escape(&line.right.text),
            line.mark.as_ref().map_or(String::new(), |mark| format!("**← {}**", escape(mark))),
        ));
    }
    out.push('\n');
}
