//! One way of letting mail through.

use evidence::{Cite, Product};
use jiff::Timestamp;
use sources::policy::Device;

use crate::Scope;

/// One way of letting mail through, planned or there already.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Whose filter stands aside.
    pub product: Product,
    /// By which device.
    pub device: Device,
    /// How people know it: the rule's or policy's name, the entry's value.
    pub name: String,
    /// For which mail.
    pub scope: Scope,
    /// Until when.
    pub ends: Ends,
    /// Where it is set up, if it is there already.
    pub cites: Vec<Cite>,
}

/// When something ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ends {
    /// With the act: one release.
    AtOnce,
    /// At this instant.
    At(Timestamp),
    /// So many days after it was last used.
    Unused(u16),
    /// Never: the device knows an end, and nobody set one.
    Never,
    /// Never: the device knows no end, somebody has to take it back.
    DeviceHasNone,
    /// The record does not say.
    NotSaid,
}

impl Ends {
    /// Whether it surely ends no later than the other.
    pub fn is_by(self, other: Ends) -> bool {
        match (self, other) {
            (Ends::AtOnce, _) | (_, Ends::Never | Ends::DeviceHasNone) => true,
            (Ends::At(own), Ends::At(other)) => own <= other,
            (Ends::Unused(own), Ends::Unused(other)) => own <= other,
            _ => false,
        }
    }
}

impl Grant {
    /// Whether all that this lets through, the other lets through too, by the same device and as long.
    pub fn is_within(&self, other: &Grant) -> bool {
        self.is_for_no_more_than(other) && self.ends.is_by(other.ends)
    }

    /// Whether all that this lets through, the other lets through too, by the same device, however long.
    pub fn is_for_no_more_than(&self, other: &Grant) -> bool {
        self.product == other.product && self.device == other.device && self.scope.is_within(&other.scope)
    }
}
