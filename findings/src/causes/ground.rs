//! What a cause is found on: the copy, the stay that decided its fate, and the reason that a record itself names.

use layers::{Explained, Stay};

use super::stated;
use crate::{Claim, Scene};

/// What records say about one copy, read once for all causes.
pub struct Ground<'a> {
    /// The copy.
    pub(super) copy: &'a Explained<'a>,
    /// The stay that decided its fate.
    pub(super) stay: &'a Stay<'a>,
    /// All that was supplied.
    pub(super) scene: &'a Scene<'a>,
    stated: Option<Claim>,
}

impl<'a> Ground<'a> {
    /// Reads what decided a copy's fate; `None` if nothing did.
    pub(super) fn of(copy: &'a Explained<'a>, scene: &'a Scene<'a>) -> Option<Ground<'a>> {
        let stay = copy.decided()?;
        Some(Ground { copy, stay, scene, stated: stated::of(copy, stay) })
    }

    /// The claim, if a record names this cause as the reason.
    pub(super) fn stated(&self, id: &str) -> Option<Claim> {
        self.stated.clone().filter(|claim| claim.id == id)
    }

    /// Whether a record names any reason.
    pub(super) fn is_stated(&self) -> bool {
        self.stated.is_some()
    }
}
