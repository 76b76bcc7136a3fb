//! What can be said of a change.

use std::fmt;
use std::ops::Range;

/// What broke a signature, body and header apart: each is proved or not for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The body; `None` if its hash holds.
    pub body: Option<Cause>,
    /// The signed header fields; `None` if they hold, or could not be checked.
    pub header: Option<Cause>,
}

/// Whether it could be shown what was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// With these changes undone it holds: that is the proof.
    Proved(Vec<Change>),
    /// Nothing that was tried makes it hold.
    NotProved {
        /// What looks like a cause. Not proved.
        hints: Vec<Hint>,
        /// How far the search went.
        search: Search,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (texts, between): (Vec<String>, &str) = match self {
            Cause::Proved(changes) => (changes.iter().map(Change::to_string).collect(), "; "),
            Cause::NotProved { hints, search } => {
                write!(f, "not shown ({search})")?;
                if !hints.is_empty() {
                    f.write_str("; not proved, but seen: ")?;
                }
                (hints.iter().map(Hint::to_string).collect(), "; ")
            }
        };
        f.write_str(&texts.join(between))
    }
}

/// How far a search went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// All that is known was tried.
    Complete {
        /// How many bytes were hashed.
        hashed_bytes: u64,
    },
    /// The budget ended it.
    BudgetEnded {
        /// How many bytes were hashed.
        hashed_bytes: u64,
    },
}

impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Search::Complete { hashed_bytes } => write!(f, "all known changes were tried, {hashed_bytes} bytes hashed"),
            Search::BudgetEnded { hashed_bytes } => {
                write!(f, "the search ended at its budget, {hashed_bytes} bytes hashed; some changes were not tried")
            }
        }
    }
}

/// A service that rewrites links so that the first address can be read from the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LinkService {
    /// Microsoft Safe Links.
    SafeLinks,
    /// Proofpoint URL Defense, version 2.
    UrlDefense2,
    /// Proofpoint URL Defense, version 3.
    UrlDefense3,
}

impl fmt::Display for LinkService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkService::SafeLinks => "Microsoft Safe Links",
            LinkService::UrlDefense2 => "Proofpoint URL Defense v2",
            LinkService::UrlDefense3 => "Proofpoint URL Defense v3",
        })
    }
}

/// A change that was proved. Places are bytes of the message as it is; texts are cut at 300 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Text was appended at the end of the body.
    Appended {
        /// Its place.
        place: Range<usize>,
        /// What it says.
        text: String,
    },
    /// Text was inserted into the body.
    Inserted {
        /// Its place; of a part in base64 the place of its whole text.
        place: Range<usize>,
        /// What it says.
        text: String,
    },
    /// Only white space of the body differs, such as `relaxed` ignores: `c=` with a relaxed body would have passed.
    BodyWhiteSpace,
    /// The signature separator `-- ` lost its space.
    SeparatorSpace {
        /// How many lines.
        lines: usize,
    },
    /// Line ends of the body were changed: a CR without LF, or one too many.
    LineEnds,
    /// `From ` at the start of lines became `>From `.
    FromEscaped {
        /// How many lines.
        lines: usize,
    },
    /// `>From ` at the start of lines became `From `.
    FromUnescaped {
        /// How many lines.
        lines: usize,
    },
    /// Dots at the start of lines were doubled, and not made single again.
    DotsStuffed {
        /// How many lines.
        lines: usize,
    },
    /// Double dots at the start of lines were made single.
    DotsLost {
        /// How many lines.
        lines: usize,
    },
    /// Parts were encoded anew.
    Recoded {
        /// How many parts.
        parts: usize,
        /// The Content-Transfer-Encoding that was signed.
        signed: String,
        /// The one that they have now.
        now: String,
    },
    /// Links were rewritten.
    LinksRewritten {
        /// By what.
        service: LinkService,
        /// How many.
        links: usize,
        /// The first as it was.
        first: String,
    },
    /// `l=` is not the length of the body that was signed; without it the hash holds.
    WrongLength {
        /// `l=`.
        says: u64,
        /// The length of the canonical body.
        body_bytes: u64,
    },
    /// Text was put into a header field, such as `[EXTERNAL]` into the subject.
    FieldTagged {
        /// The name of the field.
        field: String,
        /// Its place.
        place: Range<usize>,
        /// The text that was put in.
        text: String,
    },
    /// A header field was replaced, and its former value stands in another.
    FieldReplaced {
        /// The name of the field.
        field: String,
        /// Its place.
        place: Range<usize>,
        /// The name of the field that holds the former value.
        held_by: String,
        /// The former value.
        former: String,
    },
    /// A header field was added after signing, although `h=` names it once more than it occurred.
    FieldAdded {
        /// The name of the field.
        field: String,
        /// Its place.
        place: Range<usize>,
    },
    /// Only white space or folding of a header field differs.
    FieldWhiteSpace {
        /// The name of the field.
        field: String,
        /// Its place.
        place: Range<usize>,
        /// Whether a relaxed header would have passed.
        relaxed: Relaxed,
    },
    /// White space or folding of several header fields differs, such as `relaxed` ignores.
    HeaderWhiteSpace,
}

/// Whether a relaxed canonical form would have kept the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relaxed {
    /// It would have passed.
    WouldPass,
    /// It would not: white space came where there was none, or went altogether.
    WouldFail,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Appended { place, text } => {
                write!(f, "{} bytes were appended at byte {}: {text:?}", place.len(), place.start)
            }
            Change::Inserted { place, text } => {
                write!(f, "{} bytes were inserted at byte {}: {text:?}", place.len(), place.start)
            }
            Change::BodyWhiteSpace => {
                write!(
                    f,
                    "only white space of the body was changed; a signature with c=relaxed/relaxed would have passed"
                )
            }
            Change::SeparatorSpace { lines } => {
                write!(
                    f,
                    "the separator `-- ` lost its space in {}; c=relaxed/relaxed would have passed",
                    count(*lines, "line")
                )
            }
            Change::LineEnds => write!(f, "line ends of the body were changed"),
            Change::FromEscaped { lines } => {
                write!(f, "`From ` became `>From ` at the start of {}", count(*lines, "line"))
            }
            Change::FromUnescaped { lines } => {
                write!(f, "`>From ` became `From ` at the start of {}", count(*lines, "line"))
            }
            Change::DotsStuffed { lines } => write!(f, "dots were doubled at the start of {}", count(*lines, "line")),
            Change::DotsLost { lines } => write!(f, "dots were lost at the start of {}", count(*lines, "line")),
            Change::Recoded { parts, signed, now } => {
                write!(
                    f,
                    "encoded anew in {}: {} was signed, {now} arrived",
                    count(*parts, "part"),
                    if signed.is_empty() { "no stated encoding" } else { signed }
                )
            }
            Change::LinksRewritten { service, links, first } => {
                write!(f, "{service} rewrote {}; the first was {first}", count(*links, "link"))
            }
            Change::WrongLength { says, body_bytes } => {
                write!(f, "l={says} is not what was hashed: the whole body of {body_bytes} bytes has the hash")
            }
            Change::FieldTagged { field, text, .. } => write!(f, "{text:?} was put into {field}"),
            Change::FieldReplaced { field, held_by, former, .. } => {
                write!(f, "{field} was replaced; it was {former:?}, as {held_by} still holds")
            }
            Change::FieldAdded { field, place } => {
                write!(f, "{field} at byte {} was added after signing", place.start)
            }
            Change::FieldWhiteSpace { field, relaxed: Relaxed::WouldPass, .. } => {
                write!(f, "only white space or folding of {field} was changed; c=relaxed would have passed")
            }
            Change::FieldWhiteSpace { field, relaxed: Relaxed::WouldFail, .. } => {
                write!(f, "{field} was folded anew, within a word")
            }
            Change::HeaderWhiteSpace => {
                write!(f, "only white space or folding of header fields was changed; c=relaxed would have passed")
            }
        }
    }
}

/// What looks like a cause. Nothing of it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The body has rewritten links whose first address cannot be had back for certain.
    RewrittenLinks {
        /// Whose host they lead to.
        host: String,
        /// How many.
        links: usize,
    },
    /// The body ends without the closing line of its boundary: its end may be missing.
    NoClosingBoundary,
    /// The subject starts with a tag as gateways and lists put in.
    TaggedSubject {
        /// The tag.
        text: String,
    },
    /// A field names a former value of a signed field.
    FormerValue {
        /// The signed field.
        field: String,
        /// The field that says so.
        held_by: String,
    },
    /// Fields that `h=` names and that the message lacks: oversigned, or removed.
    AbsentSigned(Vec<String>),
    /// The message went through a list, which are known to change messages.
    List {
        /// The list's own id.
        id: String,
    },
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::RewrittenLinks { host, links } => write!(f, "links to {host}, which rewrites them: {links}"),
            Hint::NoClosingBoundary => write!(f, "the last boundary is not closed: the end may be missing"),
            Hint::TaggedSubject { text } => write!(f, "the subject has the tag {text:?}"),
            Hint::FormerValue { field, held_by } => write!(f, "{held_by} may hold a former {field}"),
            Hint::AbsentSigned(names) => write!(f, "signed, but absent: {} (oversigned, or removed)", names.join(", ")),
            Hint::List { id } => write!(f, "it went through the list {id}"),
        }
    }
}

/// A number with its word.
fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// A text as it is shown: decoded with loss, cut at 300 characters.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(1300)]).chars().take(evidence::SAID_MAX_CHARS).collect()
}
