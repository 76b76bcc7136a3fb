//! An instant as a record states it.

use jiff::Timestamp;

/// How the zone of an instant is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Zone {
    /// The record, or the documented rule of its kind, states the zone.
    Stated,
    /// The record is silent; the text says what was assumed, such as `UTC by --tz` or `year 2026, zone UTC by --tz`.
    Assumed(String),
}

/// An instant, how its zone is known, and the record's own spelling of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct When {
    /// The instant in UTC.
    pub at: Timestamp,
    /// How the zone is known.
    pub zone: Zone,
    /// The record's own spelling.
    pub said: String,
}
