//! What changed beside the exception.

use evidence::Cite;
use lake::{Difference, Lake};

use crate::Exception;

/// What changed between exports of the same settings, and what should have and did not.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// Every difference, by file and place.
    pub differences: Vec<Explained>,
    /// What the exception should have changed, and the newest export does not show.
    pub missing: Vec<Missing>,
}

/// One difference of two exports of the same settings, and whether an exception explains it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What differs.
    pub difference: Difference,
    /// By which step of the exception, as written, or by what the system does by itself; `None` if by neither: it is unrelated.
    pub by: Option<String>,
    /// Whether an unrelated one lets mail through or takes a protection away, as far as the guard can tell.
    pub weakens: bool,
    /// Who changed it and when, in a sentence; `None` if no record says.
    pub changed: Option<String>,
    /// The records of that.
    pub cites: Vec<Cite>,
}

/// A step of the exception that the exports do not show as done.
#[derive(Clone, Debug)]
pub struct Missing {
    /// The step, as written.
    pub step: String,
    /// What is not as it should be, in a sentence.
    pub statement: String,
    /// What the newest export shows instead.
    pub cites: Vec<Cite>,
}

impl Compared {
    /// The differences that nothing explains.
    pub fn unrelated(&self) -> impl Iterator<Item = &Explained> {
        self.differences.iter().filter(|one| one.by.is_none())
    }
}

/// Every difference between exports of the same settings, explained by an exception or not, and what the exception did not change.
pub fn unrelated(lake: &Lake, exception: Option<&Exception>) -> Compared {
    let _ = (lake, exception);
    Compared::default()
}
