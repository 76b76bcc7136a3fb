//! Whether the evidence would show what it does not show.
//!
//! An export shows the absence of something only if it was read, spans the instant (and the time after which the service
//! shows it), is not suspected to be cut, and was not searched for another recipient or sender, or taken in another tenant.

use std::collections::BTreeSet;

use evidence::{Address, Fact, SourceId};
use jiff::{SignedDuration, Timestamp};
use lake::Lake;
use trace::Copy;

/// Whether a supplied export of a kind would show something about a copy at an instant.
pub fn would_show(lake: &Lake, copy: &Copy, source: SourceId, at: Timestamp) -> bool {
    let recipients: BTreeSet<Address> =
        copy.aliases.iter().chain([&copy.envelope_recipient]).filter(|address| !address.is_null()).cloned().collect();
    lake.would_show_copy(source, at, &recipients, &senders(copy))
}

/// How long a log has to go on before it shows that nothing came after an instant.
const GOES_ON: SignedDuration = SignedDuration::from_mins(30);

/// Whether a supplied log of a kind shows what came after an instant: it covers that, and goes on long enough after it.
pub fn would_show_after(lake: &Lake, copy: &Copy, source: SourceId, at: Timestamp) -> bool {
    let later = at.checked_add(GOES_ON).unwrap_or(at);
    let is_one_stretch = || lake.covers_until(source, at).is_some_and(|until| until >= later);
    would_show(lake, copy, source, at) && would_show(lake, copy, source, later) && is_one_stretch()
}

/// Every address that some record names as the sender.
fn senders(copy: &Copy) -> BTreeSet<Address> {
    let events = copy.stations.iter().flat_map(|station| &station.events).chain(&copy.beside);
    let identities = events.filter_map(|event| match event.fact() {
        Fact::Identity(identity) => Some(identity),
        _ => None,
    });
    let named = identities.flat_map(|identity| [&identity.envelope_sender, &identity.header_from]);
    named.flatten().filter(|address| !address.is_null()).cloned().collect()
}
