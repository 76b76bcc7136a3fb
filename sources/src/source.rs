//! The contract of a source.

use evidence::{Reading, SourceId, Unit};

use crate::table::Spelled;
use crate::{Input, Query, ReadError};

/// The first part of a file, decoded, for recognising its kind.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Up to 64 KiB of text from the start, decoded from UTF-8 or UTF-16, without a byte order mark; cut at a line end
    /// where there is one. For a binary file this is empty.
    pub text: &'a str,
    /// The first bytes as they are.
    pub bytes: &'a [u8],
    /// Size of the whole file.
    pub size_bytes: u64,
}

/// How well a file fits a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// The grammar is that of this kind and of no other.
    Certain,
    /// Fits, but a more specific kind goes before.
    Fits,
    /// Looks like this kind, but something that it needs is missing.
    Near {
        /// What is missing, such as ``column `Status` ``.
        missing: String,
    },
    /// Something else.
    No,
}

/// Where the zone of a kind's instants comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneRule {
    /// Every record states it, or the vendor documents it.
    Stated,
    /// Records are silent about zone or year: [`crate::Clock`] decides. Such files are read after all others, because
    /// these give the reference instant.
    Unstated,
}

/// By what the rows of a kind are matched with the followed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchedBy {
    /// By an id of the message.
    Ids,
    /// By an id, or by sender, recipient, subject and time, because rows carry no id that others know.
    IdsOrLooks,
    /// By nothing: rows show what stands around all messages (settings, sign-ins, totals); they are read once.
    Nothing,
}

/// How a person gets an export. `{message_id}`, `{sender}`, `{recipient}`, `{start}` and `{end}` stand for the values
/// of the ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// The command line, if there is one.
    pub command: Option<&'static str>,
    /// The click path, if there is one.
    pub clicks: Option<&'static str>,
}

/// One kind of export.
pub trait Source: Reader {
    /// Stable id, such as `exchange-online/message-trace`.
    fn id(&self) -> SourceId;

    /// What it is, in a few words, such as `Exchange Online message trace`.
    fn title(&self) -> &'static str;

    /// What one row stands for.
    fn unit(&self) -> Unit;

    /// Where instants get their zone from.
    fn zone(&self) -> ZoneRule;

    /// By what rows are matched with the followed message.
    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Ids
    }

    /// How long after an instant the service may not yet show it: an export that ends sooner says nothing about it.
    fn lag(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::ZERO
    }

    /// Whether its rows stand in the order in which the system wrote them, so that of two of one instant the upper one came first.
    fn is_written_in_order(&self) -> bool {
        false
    }

    /// How to get it.
    fn export(&self) -> Export;

    /// What it can never show, in sentences; printed with every answer that rests on it.
    fn cannot_show(&self) -> &'static [&'static str];

    /// The page for people: the folder's README.md.
    fn page(&self) -> &'static str;

    /// How well a file fits this kind.
    fn recognise(&self, head: &Head<'_>) -> Recognition;
}

/// How files of a kind are read.
///
/// Kinds whose rows the table engine reads implement its trait instead, and get this one.
pub trait Reader: Sync {
    /// Reads a file of this kind.
    ///
    /// Every row ends in exactly one heap of the [`Reading`]. With [`crate::Wanted::Message`] rows of other messages
    /// are counted as passed over under the reason `other message`, unparsed where possible.
    ///
    /// # Errors
    /// [`ReadError`] if there is nothing to read at all. A torn row is a problem of the reading, not an error.
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError>;

    /// Reads every row of a file of this kind and hands each part on as soon as it is read, in the order of the file:
    /// for questions about many messages, in memory that does not grow with the file.
    ///
    /// The readings together are what [`Reader::read`] gives with [`crate::Wanted::Everything`]; the last one holds what
    /// there is to say of the whole file. A kind that does not override this is read as a whole.
    ///
    /// # Errors
    /// [`ReadError`] if there is nothing to read at all.
    fn read_in_parts(
        &self,
        input: &Input<'_>,
        query: &Query<'_>,
        take: &mut dyn FnMut(Reading),
    ) -> Result<(), ReadError> {
        take(self.read(input, query)?);
        Ok(())
    }

    /// How a file of this kind spells its rows, as far as their values have names.
    fn spelled(&self, input: &Input<'_>) -> Spelled {
        Spelled::in_text(input)
    }
}
