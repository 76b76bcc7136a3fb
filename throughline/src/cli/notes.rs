//! `notes`: the notes of a ticket.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Clocks, Output, case::Store};

/// Options of `notes`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Notes {
    /// The case: its number, the number of its ticket, or the first digits of its name everywhere
    #[arg(value_name = "CASE", required_unless_present = "print_template")]
    pub case: Option<String>,
    /// Client whose ticket it is, if several have one of that number
    #[arg(long, value_name = "NAME", requires = "case")]
    pub client: Option<String>,
    /// Which text: the six points, the internal analysis, what the customer may read, or all three
    #[arg(long, value_enum, default_value_t = Text::All)]
    pub text: Text,
    /// Replace people, hosts, addresses, domains and ids: the same thing by the same other name everywhere
    #[arg(long)]
    pub redact: bool,
    /// Write what was replaced by what into a new file, for yourself
    #[arg(long, value_name = "FILE", requires = "redact")]
    pub redact_map: Option<PathBuf>,
    /// Write by a template of your own (docs/notes.md); .txt.j2, .md.j2 or .html.j2 says which form it has
    #[arg(long, value_name = "FILE", conflicts_with = "print_template")]
    pub template: Option<PathBuf>,
    /// Print the built-in template of --format, to make one of your own from it
    #[arg(long)]
    pub print_template: bool,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub clocks: Clocks,
    #[command(flatten)]
    pub output: Output,
}

/// Which text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Text {
    /// The six points: who, what, how far, what was looked at, why, what was done
    Facts,
    /// Internal: layer by layer, with records, what speaks against it, what is open
    Analysis,
    /// What the customer may read: plain words, no address or id beyond the ticket's own
    Customer,
    /// All three, and the records
    All,
}

const EXAMPLES: &str = "Examples:
  throughline notes 42
      All three texts as plain text, safe to paste into a ticket system.
  throughline notes INC-4711 --text customer
      What the customer may read.
  throughline notes 42 --text facts --format markdown
  throughline notes 42 --redact --redact-map ~/inc-4711-names.json --format html > notes.html
      People, hosts and addresses replaced, for somebody outside; the map stays with you.
  throughline notes --print-template --format markdown > ours.md.j2
  throughline notes 42 --template ours.md.j2
Exit status: 0 written, 1 written, but the cause is not shown. The journal gets no entry: notes only read.";
