//! Sections as HTML: no script, nothing fetched.

use maud::{Markup, html};

use super::terminal::percent;
use super::{Bar, Block, Row, Section, Sheet};
use crate::html::page;
use crate::text::visible;

/// Writes a page as one self-contained HTML file.
pub fn sheet(sheet: &Sheet) -> String {
    let title = visible(&sheet.title);
    let body = html! {
        header { h1 { (title) } }
        main { @for one in &sheet.sections { (section(one)) } }
    };
    page(&title, &body)
}

/// Writes one section.
pub(crate) fn section(section: &Section) -> Markup {
    crate::html::section(section.id, &section.title, blocks(&section.blocks))
}

fn blocks(blocks: &[Block]) -> Markup {
    html! {
        @for block in blocks {
            @match block {
                Block::Text(tone, text) => p.(tone.class()) { (visible(text)) },
                Block::Facts(facts) => dl {
                    @for (name, value) in facts { dt { (visible(name)) } dd { (visible(value)) } }
                },
                Block::Rows(list) => (rows(list)),
                Block::Bars(list) => (bars(list)),
                Block::Commands(lines) => { @for line in lines { pre { (visible(line)) } } },
            }
        }
    }
}

fn rows(list: &[Row]) -> Markup {
    html! {
        table.stack.said {
            tbody {
                @for row in list {
                    tr {
                        th.when.(row.tone.class()) scope="row" {
                            span aria-hidden="true" { (row.tone.sign()) } " " (visible(&row.lead))
                        }
                        td {
                            (visible(&row.text))
                            @for note in &row.notes { p.soft { (visible(note)) } }
                            @if let Some(raw) = &row.raw { details { summary { "as written" } pre { (visible(raw)) } } }
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
