//! The narrowest change that would have let exactly this mail through, if an exception is the right cure at all.

use evidence::{Cite, SourceId};
use findings::Command;

use crate::{Exception, Need, Radius, World};

/// What is to be done about what stopped a message.
#[derive(Clone, Debug)]
pub struct Cure {
    /// What it needs.
    pub need: Need,
    /// What is to be done.
    pub done: Done,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Done {
    /// The fault is to be mended; an exception would hide it.
    Mend {
        /// What is to be done, in a sentence.
        what: String,
        /// Who can.
        owner: &'static str,
        /// Why no exception.
        because: String,
        /// Records.
        cites: Vec<Cite>,
        /// What may be done for the one message meanwhile, such as its release.
        meanwhile: Vec<Proposal>,
    },
    /// Nothing overrides this verdict; what can be done instead stands in `because`.
    Useless {
        /// Why, and what to do instead.
        because: String,
        /// The page that says so, and the day it was read.
        source: &'static str,
        /// Records.
        cites: Vec<Cite>,
        /// What may be done for the one message, such as a submission to the vendor.
        meanwhile: Vec<Proposal>,
    },
    /// An exception: the narrowest first.
    Except(Vec<Proposal>),
    /// The evidence does not show what stopped it.
    NotShown {
        /// Why.
        because: String,
        /// Exports that would show it.
        ask_for: Vec<SourceId>,
    },
}

/// One exception, ready to be made.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// What it is, in a sentence.
    pub what: String,
    /// Why this one, in a sentence.
    pub because: String,
    /// Records.
    pub cites: Vec<Cite>,
    /// What was judged: narrow by construction.
    pub exception: Exception,
    /// How to do it.
    pub doing: Way,
    /// How to undo it.
    pub undoing: Way,
    /// What shows that it works.
    pub works: Way,
    /// What shows that nothing else came in.
    pub holds: Way,
    /// What it would have let through over the history.
    pub radius: Option<Radius>,
}

/// How something is done: by a command, by clicks, or both.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// In a sentence.
    pub what: String,
    /// The command, with the ticket's values quoted in it.
    pub command: Option<Command>,
    /// The click path.
    pub clicks: Option<String>,
}

/// What is to be done about each need.
pub fn propose(needs: &[Need], world: &World<'_>) -> Vec<Cure> {
    let _ = (needs, world);
    Vec::new()
}
