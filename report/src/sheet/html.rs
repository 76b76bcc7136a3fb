//! Sections as HTML: no script, nothing fetched.

use maud::{Markup, html};

use super::reference::{self, Around, Place};
use super::terminal::percent;
use super::{Bar, Block, Cell, Claim, Pairs, Row, Section, Sheet, picture};
use crate::html::page;
use crate::text::visible;

/// Writes a page as one self-contained HTML file.
pub fn sheet(sheet: &Sheet) -> String {
    let title = visible(&sheet.title);
    let body = html! {
        header { h1 { (title) } }
        main { (sections(sheet, Around::Nothing)) }
    };
    page(&title, &body)
}

/// Writes the sections of a page as markup that stands within another page, without a heading above them.
///
/// Every anchor begins with `lead`, so that several sheets can stand on one page. `address` gives the address of a place in the evidence; a
/// place that has none is only named. Lines that are to be copied together stand in one `pre.command`.
pub fn within(sheet: &Sheet, lead: &str, address: &dyn Fn(&Place) -> Option<String>) -> Markup {
    sections(sheet, Around::Workbench { lead, address })
}

fn sections(sheet: &Sheet, around: Around<'_>) -> Markup {
    html! {
        @for (at, one) in sheet.sections.iter().enumerate() {
            (anchored(one, &anchor(&sheet.sections[..at], one), around))
        }
    }
}

/// The anchor of a section behind others: an id that is there already gets a number.
fn anchor(before: &[Section], section: &Section) -> String {
    match before.iter().filter(|other| other.id == section.id).count() {
        0 => section.id.to_owned(),
        n => format!("{}-{}", section.id, n + 1),
    }
}

/// Writes one section.
pub(crate) fn section(section: &Section) -> Markup {
    anchored(section, section.id, Around::Nothing)
}

fn anchored(section: &Section, anchor: &str, around: Around<'_>) -> Markup {
    crate::html::section(&around.anchor(anchor), &visible(&section.title), blocks(&section.blocks, around))
}

fn blocks(blocks: &[Block], around: Around<'_>) -> Markup {
    html! {
        @for block in blocks {
            @match block {
                Block::Heading(text) => h3 { (visible(text)) },
                Block::Text(tone, text) => p.(tone.class()) { (visible(text)) },
                Block::Facts(facts) => dl {
                    @for (name, value) in facts { dt { (visible(name)) } dd { (visible(value)) } }
                },
                Block::Rows(list) => (rows(list, around)),
                Block::Bars(list) => (bars(list)),
                Block::Pairs(two) => (pairs(two, around)),
                Block::Commands(lines) => (commands(lines, around)),
                Block::Claim(one) => (claim(one, around)),
                Block::Picture(one) => div.picture { (picture::html(one, around)) },
            }
        }
    }
}

/// Lines to be copied: one by one from a file, together where a button copies them.
fn commands(lines: &[String], around: Around<'_>) -> Markup {
    let shown: Vec<_> = lines.iter().map(|line| visible(line)).collect();
    match around {
        Around::Nothing => html! { @for line in shown { pre { (line) } } },
        Around::Workbench { .. } => html! { pre.command tabindex="0" { (shown.join("\n")) } },
    }
}

fn claim(claim: &Claim, around: Around<'_>) -> Markup {
    html! {
        article.card.(claim.standing.word().replace(' ', "-")) id=(around.anchor(&claim.anchor)) {
            h3 { span.tag { (claim.standing.word()) } (visible(&claim.title)) }
            p.soft { code { (visible(&claim.id)) } @if !claim.about.is_empty() { " (" (visible(&claim.about)) ")" } }
            p { (visible(&claim.statement)) (reference::markup(&claim.records, around)) }
            (blocks(&claim.blocks, around))
        }
    }
}

fn rows(list: &[Row], around: Around<'_>) -> Markup {
    html! {
        table.stack.said {
            tbody {
                @for row in list {
                    tr {
                        @if row.lead.is_empty() && matches!(around, Around::Workbench { .. }) {
                            // A heading that says nothing is one for nobody.
                            td.when.(row.tone.class()) { span aria-hidden="true" { (row.tone.sign()) } }
                        } @else {
                            th.when.(row.tone.class()) scope="row" {
                                span aria-hidden="true" { (row.tone.sign()) } " " (visible(&row.lead))
                            }
                        }
                        td {
                            (visible(&row.text)) (reference::markup(&row.records, around))
                            @for note in &row.notes { p.soft { (visible(note)) } }
                            @if !row.branches.is_empty() {
                                ul { @for (seen, then) in &row.branches { li { b { (visible(seen)) } " → " (visible(then)) } } }
                            }
                            @if let Some(raw) = &row.raw { details { summary { "as written" } pre { (visible(raw)) } } }
                            @if let Some(command) = &row.command { (commands(std::slice::from_ref(command), around)) }
                        }
                    }
                }
            }
        }
    }
}

fn bars(list: &[Bar]) -> Markup {
    html! {
        table.stack.bars {
            thead { tr { th scope="col" { "hop" } th scope="col" { "took" } th scope="col" { "share of the whole" } } }
            tbody {
                @for bar in list {
                    @if let Some(group) = &bar.group { tr { th.soft scope="rowgroup" colspan="3" { (visible(group)) } } }
                    tr {
                        td { (visible(&bar.label)) @for note in &bar.notes { p.soft { (visible(note)) } } }
                        td.when.(bar.tone.class()) { (visible(&bar.value)) }
                        td {
                            @if let Some(share) = bar.share_permille {
                                span.bar.(bar.tone.class()) aria-hidden="true"
                                    style=(format!("inline-size: {}.{}%", share / 10 * 7 / 10, share % 10)) {}
                                " " (percent(share))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn pairs(two: &Pairs, around: Around<'_>) -> Markup {
    html! {
        table.stack.pairs {
            thead { tr { th scope="col" { (around.heading("stage")) } th scope="col" { (visible(&two.left)) } th scope="col" { (around.heading("how they compare")) } th scope="col" { (visible(&two.right)) } } }
            tbody {
                @for line in &two.lines {
                    tr.decided[line.mark.is_some()] {
                        th.when scope="row" { (visible(&line.label)) }
                        td data-label=(visible(&two.left)) { (cell(&line.left)) }
                        td.when.soft { span aria-hidden="true" { (line.between) } " " (visible(&line.means)) }
                        td data-label=(visible(&two.right)) {
                            (cell(&line.right))
                            @if let Some(mark) = &line.mark { p.stopped { "← " (visible(mark)) } }
                        }
                    }
                }
            }
        }
    }
}

fn cell(cell: &Cell) -> Markup {
    html! { span.(cell.tone.class()) { span aria-hidden="true" { (cell.sign) } " " (visible(&cell.text)) } }
}
