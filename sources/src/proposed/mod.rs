//! Reads a change that somebody proposes: a vendor's command, an entry as the vendor's interface takes it, lines of a map, or
//! the entry as an export would show it.
//!
//! A proposed change states the same [`Setting`]s as an export would after it was made, so that whoever judges it need not know
//! whether it is planned or there already. A way of writing changes is one folder and one line in `DIALECTS`. What cannot be read is
//! [`Unread`], never left out: a guard that overlooks half a line guards nothing.

mod exchange_online;
mod exported;
mod mimecast;
mod own;
mod self_hosted;
mod shell;

use evidence::{Act, ChangeKind, FileName, Product, Setting};

use crate::text::{Text, encoding_of};
use crate::{Clock, Input};

/// What somebody proposes to do, step by step.
#[derive(Clone, Debug, Default)]
pub struct Candidate {
    /// In the order of the text.
    pub steps: Vec<Step>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// One thing that would be done to one thing that is set up. A command that names several values is several steps.
#[derive(Clone, Debug)]
pub struct Step {
    /// The command or entry, as written.
    pub said: String,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Whose it is.
    pub product: Product,
    /// The vendor's name of what is done, such as `New-TransportRule`, or of what it is, such as `access map`.
    pub operation: String,
    /// What is done.
    pub kind: ChangeKind,
    /// To what.
    pub about: About,
    /// Names of lists whose values replace all that is there, as written: what they do not repeat is lost.
    pub replaces: Vec<String>,
}

/// What a step is about.
#[derive(Clone, Debug)]
pub enum About {
    /// Something that is set up, as it would be afterwards; of one that is altered, what the command states.
    Setting(Box<Setting>),
    /// Something that changes no setting, such as the release of one message.
    Act(Act),
}

/// A part of a candidate that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The text, as written, the first 300 characters.
    pub said: String,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What was expected there.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// A way in which changes are written.
trait Dialect: Sync {
    /// Whether a text is written in it.
    fn is_written_in(&self, text: &str) -> bool;

    /// Reads all of a text.
    fn read(&self, file: &FileName, text: &str, clock: &Clock) -> Candidate;
}

/// All ways in which changes are written; the first that fits reads the text.
const DIALECTS: &[&dyn Dialect] = &[&own::Own, &exchange_online::PowerShell, &mimecast::Request, &self_hosted::Maps];

/// The largest candidate that is read, in bytes.
pub const CANDIDATE_MAX_BYTES: usize = 4 << 20;

/// The text of a file that somebody wrote, without a byte order mark.
pub fn text(bytes: &[u8]) -> String {
    let (encoding, _) = encoding_of(bytes);
    Text::part(bytes, 0, encoding).as_str().trim_start_matches('\u{feff}').to_owned()
}

/// Reads a proposed change. An export of settings is one too: that they shall be as it shows.
pub fn read(input: &Input<'_>, clock: &Clock) -> Candidate {
    if input.bytes.len() > CANDIDATE_MAX_BYTES {
        return Candidate::unread(format!("{} bytes", input.bytes.len()));
    }
    let text = text(input.bytes);
    let text = text.as_str();
    let dialect = DIALECTS.iter().find(|dialect| dialect.is_written_in(text));
    let mut candidate = dialect.map_or_else(|| exported::read(input, clock), |one| one.read(&input.name, text, clock));
    if candidate.steps.is_empty() && candidate.unread.is_empty() {
        candidate = Candidate::unread("no change".to_owned());
    }
    candidate
}

/// What is found in a text whose commands were all read, and only show, search or connect.
const READS_ONLY: &str = "commands that change nothing";

impl Candidate {
    /// Whether it is commands that were all read and change nothing.
    pub fn changes_nothing(&self) -> bool {
        self.steps.is_empty() && !self.unread.is_empty() && self.unread.iter().all(|one| one.found == READS_ONLY)
    }

    fn unread(found: String) -> Candidate {
        let expected = "a command, an entry, lines of a map, or throughline's own form of an exception".to_owned();
        Candidate { steps: Vec::new(), unread: vec![Unread { said: String::new(), line: 1, expected, found }] }
    }
}
