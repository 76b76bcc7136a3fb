//! Pictures in every face: a file a shape, with its geometry and its three drawings.

mod aged;
mod breadth;
mod compared;
mod counts;
mod plot;
mod spread;
mod stacked;
mod strip;
mod waterfall;

use maud::Markup;

use super::Numbers;
use super::reference::{Around, Place};
use crate::document::Cite;
use crate::picture::Picture;
use crate::terminal::Page;

/// A picture, and the numbers of its records on the page.
#[derive(Clone, Debug)]
pub struct Pictured {
    /// What is seen.
    pub picture: Picture,
    /// The numbers of its records.
    pub numbers: Numbers,
}

/// The records of those parts of a picture that the faces tell one by one.
pub(crate) fn shown_cites(picture: &Picture) -> Vec<&Cite> {
    match picture {
        Picture::Waterfall(one) => one.bars.iter().flat_map(|bar| &bar.cites).collect(),
        Picture::BeforeAfter(one) => compared::shown(&one.rows).0.into_iter().flat_map(|row| &row.cites).collect(),
        Picture::EventStrip(one) => strip::listed(one).0.into_iter().flat_map(|event| event.cites).collect(),
        Picture::Counts(one) => counts::shown(&one.rows).0.iter().flat_map(|row| &row.cites).collect(),
        // Counted over many things: no part of them has a record of its own.
        Picture::Breadth(_) | Picture::StackedCounts(_) | Picture::Spread(_) | Picture::AgeRadius(_) => Vec::new(),
    }
}

/// Draws a picture for a terminal.
pub(super) fn terminal(page: &mut Page, pictured: &Pictured) {
    let numbers = &pictured.numbers;
    page.line(&[]);
    match &pictured.picture {
        Picture::Waterfall(one) => waterfall::terminal(page, one, numbers),
        Picture::BeforeAfter(one) => compared::terminal(page, one, numbers),
        Picture::EventStrip(one) => strip::terminal(page, one, numbers),
        Picture::Counts(one) => counts::terminal(page, one, numbers),
        Picture::Breadth(one) => breadth::terminal(page, one),
        Picture::StackedCounts(one) => stacked::terminal(page, one),
        Picture::Spread(one) => spread::terminal(page, one),
        Picture::AgeRadius(one) => aged::terminal(page, one),
    }
    page.line(&[]);
}

/// Writes a picture as Markdown.
pub(super) fn markdown(out: &mut String, pictured: &Pictured) {
    let numbers = &pictured.numbers;
    match &pictured.picture {
        Picture::Waterfall(one) => waterfall::markdown(out, one, numbers),
        Picture::BeforeAfter(one) => compared::markdown(out, one, numbers),
        Picture::EventStrip(one) => strip::markdown(out, one, numbers),
        Picture::Counts(one) => counts::markdown(out, one, numbers),
        Picture::Breadth(one) => breadth::markdown(out, one),
        Picture::StackedCounts(one) => stacked::markdown(out, one),
        Picture::Spread(one) => spread::markdown(out, one),
        Picture::AgeRadius(one) => aged::markdown(out, one),
    }
}

/// Draws a picture as markup that stands within another page; `address` gives the address of a place in the evidence.
pub fn within(picture: &Picture, address: &dyn Fn(&Place) -> Option<String>) -> Markup {
    html(&Pictured { picture: picture.clone(), numbers: Numbers::default() }, Around::Workbench { lead: "", address })
}

/// Draws a picture as HTML.
pub(super) fn html(pictured: &Pictured, around: Around<'_>) -> Markup {
    let numbers = &pictured.numbers;
    match &pictured.picture {
        Picture::Waterfall(one) => waterfall::html(one, numbers, around),
        Picture::BeforeAfter(one) => compared::html(one, numbers, around),
        Picture::EventStrip(one) => strip::html(one, numbers, around),
        Picture::Counts(one) => counts::html(one, numbers, around),
        Picture::Breadth(one) => breadth::html(one),
        Picture::StackedCounts(one) => stacked::html(one),
        Picture::Spread(one) => spread::html(one),
        Picture::AgeRadius(one) => aged::html(one),
    }
}
