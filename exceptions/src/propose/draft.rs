//! A proposal before it is judged: only what is narrow, and fits the sample, becomes one.

use findings::{Command, fill};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sources::{Clock, Input, proposed};

use super::{Proposal, Way};
use crate::{Exception, Fit, Need, World, check};

/// How long an exception may last.
const LASTS: SignedDuration = SignedDuration::from_hours(30 * 24);

/// When an exception that is made now has to end: the beginning of a day, at most 30 days on; `None` if nobody says when now is.
pub(crate) fn end_of(world: &World<'_>) -> Option<Timestamp> {
    let end = world.now?.checked_add(LASTS).ok()?;
    let day = end.to_zoned(TimeZone::UTC).start_of_day().ok()?;
    Some(day.timestamp())
}

/// A value as one word of PowerShell; `None` if no quoting makes it harmless.
pub(crate) fn word(value: &str) -> Option<String> {
    fill::quoted(value, fill::Shell::PowerShell)
}

/// Values as a list of PowerShell.
pub(crate) fn words<'v>(values: impl IntoIterator<Item = &'v str>) -> Option<String> {
    let words: Option<Vec<String>> = values.into_iter().map(word).collect();
    words.filter(|words| !words.is_empty()).map(|words| words.join(","))
}

/// A PowerShell command whose values are quoted already.
pub(crate) fn powershell(text: String) -> Command {
    Command { text, shell: fill::Shell::PowerShell.id() }
}

/// A proposal before it is judged.
pub(crate) struct Draft {
    /// What is judged: commands, or the entry as an export would show it.
    pub(crate) text: String,
    pub(crate) what: String,
    pub(crate) because: String,
    pub(crate) doing: Way,
    pub(crate) undoing: Way,
    pub(crate) works: Way,
    pub(crate) holds: Way,
}

impl Draft {
    /// The proposal, if the guard calls it narrow and it lets the sample through.
    pub(crate) fn judged(self, need: &Need, world: &World<'_>) -> Option<Proposal> {
        let clock = Clock {
            zone: TimeZone::UTC,
            zone_label: "UTC".to_owned(),
            reference: world.now.or(need.at).unwrap_or(Timestamp::UNIX_EPOCH),
        };
        let candidate = proposed::read(&Input { name: "proposal".into(), bytes: self.text.as_bytes() }, &clock);
        let exception = Exception::narrow(check(&candidate, world)).ok()?;
        let grants = exception.checked().steps.iter().flat_map(|step| &step.grants);
        let is_for_the_sample = grants.into_iter().all(|grant| !matches!(need.fits(&grant.scope), Fit::No(_)));
        is_for_the_sample.then(|| Proposal {
            what: self.what,
            because: self.because,
            cites: need.cites.clone(),
            doing: self.doing,
            undoing: self.undoing,
            works: self.works,
            holds: self.holds,
            radius: None,
            exception,
        })
    }
}

/// A link without its scheme.
pub(crate) fn without_scheme(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}
