//! Alerts: one that is told in parts, and several for one event.
//!
//! An alert's own id decides. Records with one id are one alert, whatever their number; the feed carries its parts and its changes. Alerts
//! with ids of their own for one message are two integrations that each watch the same mail, or one whose runs overlap; two policies of one
//! service that both have something to say are two true alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use evidence::{Alert, Cite, Layer};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{counted, first_few, plain, told};
use crate::Standing;
use crate::symptoms::picture::{Count, Counts};
use crate::symptoms::{Apart, Picture, Sign, Stated, Survey};

/// From how many records of one id an alert counts as told in parts: a notice and the entity that it names are two, and every alert has them.
const PARTS_MIN: usize = 3;
/// Within what time alerts for one message can be about one event; a later one may have found something new.
const ONE_EVENT: SignedDuration = SignedDuration::from_hours(24);
/// How many things a sentence names.
const NAMED_MAX: usize = 3;

/// Words for the state of an alert, in the spellings of the interfaces and the portals.
#[derive(Deserialize)]
struct Words {
    state: Vec<Word>,
}

#[derive(Deserialize)]
struct Word {
    value: String,
    means: String,
}

static WORDS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let words = toml::from_str::<Words>(include_str!("states.toml")).map(|words| words.state).unwrap_or_default();
    words.into_iter().map(|word| (plain(&word.value), word.means)).collect()
});

/// A state in our word, so that `newAlert`, `New` and `Active` agree; one that no page lists stays as it is.
fn state(said: &str) -> String {
    let plain = plain(said);
    WORDS.get(&plain).cloned().unwrap_or(plain)
}

/// One alert: all records with its id.
struct Raised<'a> {
    id: &'a str,
    /// One a record.
    parts: Vec<Stated<'a, Alert>>,
    /// Messages that its records name.
    messages: BTreeSet<String>,
}

impl<'a> Raised<'a> {
    fn first(&self) -> &'a Alert {
        self.parts[0].fact
    }

    fn at(&self) -> Option<Timestamp> {
        self.parts.iter().filter_map(Stated::at).min()
    }

    fn by(&self) -> Option<&'a str> {
        self.parts.iter().find_map(|part| part.fact.raised_by.as_deref())
    }

    fn rule(&self) -> Option<&'a str> {
        self.parts.iter().find_map(|part| part.fact.rule.as_deref())
    }

    fn states(&self) -> BTreeSet<String> {
        self.parts.iter().filter_map(|part| part.fact.status.as_deref()).map(state).collect()
    }

    fn severities(&self) -> BTreeSet<String> {
        self.parts.iter().filter_map(|part| part.fact.severity.as_deref()).map(plain).collect()
    }

    fn cites(&self) -> impl Iterator<Item = Cite> {
        self.parts.iter().map(Stated::cite)
    }

    /// Whether the feed that has most of its records has enough of them.
    fn is_in_parts(&self) -> bool {
        let mut by_feed: BTreeMap<&str, Vec<&Stated<'_, Alert>>> = BTreeMap::new();
        for part in &self.parts {
            by_feed.entry(part.source()).or_default().push(part);
        }
        by_feed.values().any(|parts| {
            let states: BTreeSet<String> =
                parts.iter().filter_map(|part| part.fact.status.as_deref()).map(state).collect();
            parts.len() >= PARTS_MIN || states.len() > 1
        })
    }
}

/// What alerts show.
pub(super) fn find(survey: &Survey<'_>) -> Vec<Sign> {
    let raised = raised(survey);
    let mut found = Vec::new();
    found.extend(in_parts(&raised));
    found.extend(several(&raised));
    found
}

/// All alerts, by id.
fn raised<'a>(survey: &Survey<'a>) -> Vec<Raised<'a>> {
    let mut by_id: BTreeMap<&'a str, Raised<'a>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for part in survey.alerts() {
        let id = part.fact.id.as_str();
        if id.is_empty() {
            continue;
        }
        let one = by_id.entry(id).or_insert_with(|| Raised { id, parts: Vec::new(), messages: BTreeSet::new() });
        let about = &part.entry.observation.about;
        let strong = about.ids.iter().find(|id| id.is_strong()).or(about.ids.first());
        one.messages.extend(strong.map(ToString::to_string));
        let cite = &part.entry.observation.cite;
        // An alert that names several messages states itself about each of them.
        if seen.insert((cite.file.clone(), cite.bytes.start)) {
            one.parts.push(part);
        }
    }
    by_id.into_values().collect()
}

/// Alerts whose records would each be counted by whoever does not look at the id.
fn in_parts(raised: &[Raised<'_>]) -> Option<Sign> {
    let mut parted: Vec<&Raised<'_>> = raised.iter().filter(|one| one.is_in_parts()).collect();
    parted.sort_by_key(|one| (std::cmp::Reverse(one.parts.len()), one.id));
    let first = parted.first()?;
    let records: usize = parted.iter().map(|one| one.parts.len()).sum();
    let grown: Vec<String> = parted
        .iter()
        .filter(|one| one.states().len() > 1 || one.severities().len() > 1)
        .map(|one| {
            let differing: Vec<String> = [one.states(), one.severities()]
                .into_iter()
                .filter(|words| words.len() > 1)
                .map(|words| words.into_iter().collect::<Vec<_>>().join(" and "))
                .collect();
            format!("{} reads {}", one.id, differing.join("; "))
        })
        .collect();
    let conflicts = match grown.len() {
        0 => String::new(),
        _ => format!(" Its records disagree: {}.", grown[..grown.len().min(NAMED_MAX)].join(", ")),
    };
    let when = first.at().map(|at| format!(", first at {}", told(at))).unwrap_or_default();
    let statement = format!(
        "{} carry {}: {} are repeats. `{}` (id {}) alone is told in {}{when}.{conflicts}",
        counted(records, "alert record"),
        counted(parted.len(), "alert id"),
        records - parted.len(),
        first.first().title,
        first.id,
        counted(first.parts.len(), "record"),
    );
    let cites = first_few(parted.iter().take(NAMED_MAX).flat_map(|one| one.cites()));
    Some(Sign {
        specific: Some("alert-in-parts"),
        standing: Standing::Proved,
        layer: Layer::Verdict,
        envelope_recipient: None,
        statement,
        apart: vec![Apart {
            specific: "several-integrations",
            standing: Standing::Refuted,
            because: "The records carry one alert id: it is one alert, raised once.".to_owned(),
            cites: first_few(first.cites()),
        }],
        picture: Some(counts(&parted)),
        cites,
        ask_for: Vec::new(),
    })
}

/// Records of each alert: one tells it, the others repeat it.
fn counts(alerts: &[&Raised<'_>]) -> Picture {
    let row = |one: &&Raised<'_>| Count {
        name: format!("{} ({})", one.first().title, one.id),
        good: 1,
        bad: one.parts.len() as u64 - 1,
        note: one.by().map(|by| format!("raised by {by}")),
        cites: first_few(one.cites()),
    };
    Picture::Counts(Counts {
        from: alerts.iter().filter_map(|one| one.at()).min(),
        to: alerts.iter().flat_map(|one| one.parts.iter().filter_map(Stated::at)).max(),
        unit: "alert records: the alert itself, and repeats".to_owned(),
        rows: alerts.iter().take(12).map(row).collect(),
    })
}

/// How two alerts for one message are told apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Two integrations, one finding: the same title, or the same rule.
    Several,
    /// One integration and one rule, at two runs.
    Anew,
    /// Two integrations that call it by different names.
    SeveralByOtherNames,
    /// The same finding twice, and no record says who raised it.
    NotSaid,
}

fn why(one: &Raised<'_>, other: &Raised<'_>) -> Option<Why> {
    let (earlier, later) = (one.at()?.min(other.at()?), one.at()?.max(other.at()?));
    if later.duration_since(earlier) > ONE_EVENT {
        return None;
    }
    let same_title = plain(&one.first().title) == plain(&other.first().title) && !one.first().title.is_empty();
    let rules = one.rule().zip(other.rule());
    let same_rule = rules.is_some_and(|(one, other)| one.eq_ignore_ascii_case(other));
    match one.by().zip(other.by()).map(|(one, other)| plain(one) == plain(other)) {
        Some(false) if same_title || same_rule => Some(Why::Several),
        Some(false) => Some(Why::SeveralByOtherNames),
        Some(true) if same_rule || (same_title && rules.is_none()) => Some(Why::Anew),
        // Two rules of one service are two findings.
        Some(true) => None,
        None if same_title || same_rule => Some(Why::NotSaid),
        None => None,
    }
}

/// How many alerts of one message are compared with each other.
const COMPARED_MAX: usize = 64;

/// Alerts with ids of their own for one message.
fn several(raised: &[Raised<'_>]) -> Vec<Sign> {
    let mut by_message: BTreeMap<&str, Vec<&Raised<'_>>> = BTreeMap::new();
    for one in raised {
        for message in &one.messages {
            let known = by_message.entry(message).or_default();
            if known.len() < COMPARED_MAX {
                known.push(one);
            }
        }
    }
    let mut pairs: BTreeMap<Why, BTreeMap<(&str, &str), (&Raised<'_>, &Raised<'_>, &str)>> = BTreeMap::new();
    for (message, alerts) in &by_message {
        for (at, one) in alerts.iter().enumerate() {
            for other in &alerts[at + 1..] {
                if let Some(why) = why(one, other) {
                    pairs.entry(why).or_default().entry((one.id, other.id)).or_insert((one, other, message));
                }
            }
        }
    }
    pairs.iter().filter_map(|(why, pairs)| told_of(*why, &pairs.values().copied().collect::<Vec<_>>())).collect()
}

fn told_of(why: Why, pairs: &[(&Raised<'_>, &Raised<'_>, &str)]) -> Option<Sign> {
    let (one, other, message) = *pairs.first()?;
    let (one, other) = if one.at() <= other.at() { (one, other) } else { (other, one) };
    let alerts: BTreeMap<&str, &Raised<'_>> =
        pairs.iter().flat_map(|(one, other, _)| [(one.id, *one), (other.id, *other)]).collect();
    let messages: BTreeSet<&str> = pairs.iter().map(|(_, _, message)| *message).collect();
    let who = |one: &Raised<'_>| one.by().unwrap_or("nobody named").to_owned();
    let when = |one: &Raised<'_>| one.at().map(told).unwrap_or_default();
    let head = format!(
        "{} were raised for {}: for {message} `{}` (id {}) by {} at {}, and `{}` (id {}) by {} at {}.",
        counted(alerts.len(), "alert"),
        counted(messages.len(), "message"),
        one.first().title,
        one.id,
        who(one),
        when(one),
        other.first().title,
        other.id,
        who(other),
        when(other),
    );
    let conflict = conflict(one, other);
    let (specific, standing, tail) = match why {
        Why::Several => (Some("several-integrations"), Standing::Proved, "Two integrations raised one event each."),
        Why::SeveralByOtherNames => (
            Some("several-integrations"),
            Standing::Likely,
            "Two integrations watch the same message; whether they mean the same event, their titles do not say.",
        ),
        Why::Anew => (
            Some("raised-anew"),
            Standing::Proved,
            "One rule of one integration raised the message again under a new id: its runs look back over the same time.",
        ),
        Why::NotSaid => (None, Standing::NotShown, "No record says who raised them."),
    };
    let both: Vec<&&Raised<'_>> = alerts.values().collect();
    let cites = first_few(both.iter().flat_map(|one| one.cites()));
    let mut apart = Vec::new();
    if specific.is_some() {
        apart.push(Apart {
            specific: "alert-in-parts",
            standing: Standing::Refuted,
            because: "The alerts carry ids of their own: none is a part of the other.".to_owned(),
            cites: cites.clone(),
        });
    }
    let ask_for = if why == Why::NotSaid { vec!["defender/alerts"] } else { Vec::new() };
    Some(Sign {
        specific,
        standing,
        layer: Layer::Verdict,
        envelope_recipient: None,
        statement: format!("{head} {tail}{conflict}"),
        cites,
        ask_for,
        apart,
        picture: Some(by_integration(&alerts)),
    })
}

/// What the two say differently about the same event.
fn conflict(one: &Raised<'_>, other: &Raised<'_>) -> String {
    let mut differing = Vec::new();
    let last = |one: &Raised<'_>, pick: fn(&Alert) -> Option<&str>| {
        let parts = one.parts.iter().rev();
        parts.filter_map(|part| pick(part.fact)).next().map(str::to_owned)
    };
    let states = (last(one, |alert| alert.status.as_deref()), last(other, |alert| alert.status.as_deref()));
    if let (Some(first), Some(second)) = states
        && state(&first) != state(&second)
    {
        differing.push(format!("state `{first}` against `{second}`"));
    }
    let severities = (last(one, |alert| alert.severity.as_deref()), last(other, |alert| alert.severity.as_deref()));
    if let (Some(first), Some(second)) = severities
        && plain(&first) != plain(&second)
    {
        differing.push(format!("severity `{first}` against `{second}`"));
    }
    match differing.is_empty() {
        true => String::new(),
        false => format!(" They conflict: {}.", differing.join(", ")),
    }
}

/// How many alerts each integration raised: the first of all is the event, each further one repeats it.
fn by_integration(alerts: &BTreeMap<&str, &Raised<'_>>) -> Picture {
    let mut by_who: BTreeMap<String, Vec<&Raised<'_>>> = BTreeMap::new();
    for one in alerts.values() {
        by_who.entry(one.by().unwrap_or("nobody named").to_owned()).or_default().push(one);
    }
    // Each message is one event, which the one that was quickest told.
    let mut by_time: Vec<&&Raised<'_>> = alerts.values().collect();
    by_time.sort_by_key(|one| (one.at(), one.id));
    let mut told_of: BTreeSet<&String> = BTreeSet::new();
    let mut first: BTreeSet<&str> = BTreeSet::new();
    for one in by_time {
        let new = one.messages.iter().filter(|message| told_of.insert(message)).count();
        if new > 0 {
            first.insert(one.id);
        }
    }
    let rows = by_who.iter().map(|(who, alerts)| {
        let good = alerts.iter().filter(|one| first.contains(one.id)).count();
        Count {
            name: who.clone(),
            good: good as u64,
            bad: (alerts.len() - good) as u64,
            note: None,
            cites: first_few(alerts.iter().flat_map(|one| one.cites())),
        }
    });
    Picture::Counts(Counts {
        from: alerts.values().filter_map(|one| one.at()).min(),
        to: alerts.values().filter_map(|one| one.at()).max(),
        unit: "alerts: first for the message, and repeats".to_owned(),
        rows: rows.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read() {
        for (said, expected) in [
            ("newAlert", "open"),
            ("New", "open"),
            ("Active", "open"),
            ("inProgress", "working"),
            ("In progress", "working"),
            ("Resolved", "closed"),
            ("moonlit", "moonlit"),
        ] {
            assert_eq!(state(said), expected, "{said}");
        }
    }
}
