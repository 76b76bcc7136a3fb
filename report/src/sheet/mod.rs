//! What `headers` and `auth` show, and the sample's and the symptoms' part of a report, before it is drawn: sections of a few
//! shapes, which every face draws in its own way.

mod html;
mod markdown;
mod picture;
mod reference;
mod terminal;

use crate::document::Standing;

pub(crate) use html::section as html_section;
pub use html::sheet as sheet_html;
pub use html::within as sheet_markup;
pub(crate) use markdown::section as markdown_section;
pub use markdown::sheet as sheet_markdown;
pub(crate) use picture::shown_cites;
pub use picture::{Pictured, within as picture_markup};
pub use reference::{Numbers, Place, Reference};
pub(crate) use terminal::section as terminal_section;
pub use terminal::sheet as sheet_terminal;

/// A page of sections.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// What it is about.
    pub title: String,
    /// Its sections, in order.
    pub sections: Vec<Section>,
}

/// A part of a page.
#[derive(Clone, Debug)]
pub struct Section {
    /// Stable anchor: lower-case letters and dashes.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// A shape in which things are shown.
#[derive(Clone, Debug)]
pub enum Block {
    /// A heading within the section.
    Heading(String),
    /// A paragraph.
    Text(Tone, String),
    /// Names and what they are.
    Facts(Vec<(String, String)>),
    /// Statements one under the other.
    Rows(Vec<Row>),
    /// Lengths one under the other.
    Bars(Vec<Bar>),
    /// Two things beside each other, line by line.
    Pairs(Pairs),
    /// Lines to be copied.
    Commands(Vec<String>),
    /// A claim, and what belongs to it.
    Claim(Claim),
    /// Something to be seen rather than read.
    Picture(Pictured),
}

/// A claim with its records, and what belongs to it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Stable anchor on the page: letters, digits and dashes.
    pub anchor: String,
    /// How well it stands.
    pub standing: Standing,
    /// Its id.
    pub id: String,
    /// What it is about, such as `delivery, ana@example.com`.
    pub about: String,
    /// What it is, for people who do not know the id.
    pub title: String,
    /// The claim.
    pub statement: String,
    /// Its records.
    pub records: Vec<Reference>,
    /// What belongs to it.
    pub blocks: Vec<Block>,
}

/// Two things beside each other.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    /// The heading of the left one.
    pub left: String,
    /// The heading of the right one.
    pub right: String,
    /// The lines.
    pub lines: Vec<PairLine>,
}

/// A line of two things beside each other.
#[derive(Clone, Debug)]
pub struct PairLine {
    /// What is compared.
    pub label: String,
    /// The left one.
    pub left: Cell,
    /// The sign between the two, such as `=`.
    pub between: char,
    /// That sign in words.
    pub means: String,
    /// The right one.
    pub right: Cell,
    /// What is pointed out under the line.
    pub mark: Option<String>,
}

/// A sign with a few words.
#[derive(Clone, Debug)]
pub struct Cell {
    /// How it is coloured.
    pub tone: Tone,
    /// Its sign.
    pub sign: char,
    /// Its words.
    pub text: String,
}

/// One statement.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// How it is coloured; its sign stands for it where there is no colour.
    pub tone: Tone,
    /// A few words in front, such as `spf=pass`.
    pub lead: String,
    /// The statement.
    pub text: String,
    /// The records that say so.
    pub records: Vec<Reference>,
    /// More about it, each a line.
    pub notes: Vec<String>,
    /// What may be seen, and what it would mean.
    pub branches: Vec<(String, String)>,
    /// The record's own words.
    pub raw: Option<String>,
    /// A line to be copied.
    pub command: Option<String>,
}

/// One length.
#[derive(Clone, Debug, Default)]
pub struct Bar {
    /// The heading of the group that begins with it.
    pub group: Option<String>,
    /// What it is the length of.
    pub label: String,
    /// The length in words.
    pub value: String,
    /// Its share of the whole in thousandths; `None` draws no bar.
    pub share_permille: Option<u32>,
    /// How it is coloured.
    pub tone: Tone,
    /// More about it, each a line.
    pub notes: Vec<String>,
}

/// How good or bad a thing is. Never the only sign of it: words say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    #[default]
    Plain,
    /// Passed, counts.
    Good,
    /// Look at it.
    Warn,
    /// Failed.
    Bad,
    /// Cannot be told.
    Odd,
    /// Beside the point.
    Soft,
}

impl Tone {
    /// The sign in front of a row.
    pub(crate) fn sign(self) -> char {
        match self {
            Tone::Plain => ' ',
            Tone::Good => '✓',
            Tone::Warn => '!',
            Tone::Bad => '✗',
            Tone::Odd => '?',
            Tone::Soft => '·',
        }
    }

    /// The class of the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Good => "passed",
            Tone::Warn => "changed",
            Tone::Bad => "stopped",
            Tone::Odd => "conflict",
            Tone::Soft => "soft",
        }
    }

    /// How good an answer with this standing is.
    pub(crate) fn of(standing: Standing) -> Tone {
        match standing {
            Standing::Proved => Tone::Good,
            Standing::Likely => Tone::Warn,
            Standing::Refuted => Tone::Soft,
            Standing::NotShown => Tone::Odd,
        }
    }
}
