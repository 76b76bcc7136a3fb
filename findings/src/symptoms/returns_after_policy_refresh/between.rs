//! What lies between the last copy that came through and the first that was stopped again.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use evidence::{ActorKind, Alteration, Change, ChangeKind, Cite, Done, ListWord, Setting, SettingClass};
use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::super::{Stated, Survey};
use super::cycle::Cycle;
use super::minute;
use crate::Standing;

/// All changes and settings that mail depends on, by time.
pub(super) struct Between<'a> {
    changes: Vec<Stated<'a, Change>>,
    settings: Vec<Stated<'a, Setting>>,
    /// Acts that renew what policies rest on, with what they are.
    renewals: Vec<(Timestamp, &'static str, String, Cite)>,
}

/// Something that may have brought the symptom back, or the remediation itself.
pub(super) struct Refresh {
    pub(super) at: Timestamp,
    /// The cause as the guide names it; `None` if the record does not say who did it.
    pub(super) specific: Option<&'static str>,
    /// How it hangs together with the mail.
    tie: Tie,
    /// In a few words, with the time.
    pub(super) told: String,
    pub(super) cite: Cite,
    pub(super) cites: Vec<Cite>,
    /// What was changed, for runs of one kind: operation, object, actor.
    key: (String, String, String),
    /// The properties that were given a value, and the value.
    altered: Vec<(String, String)>,
}

/// How a change hangs together with the mail, the closest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    /// It undoes the remediation: the same setting, or the entry that was made for it.
    Undoes,
    /// It names the sender, the recipient, or the policy that the second stop names.
    Names,
    /// It lies between, and nothing more.
    Time,
}

/// How near a change that is tied by nothing but time has to be to the stop.
const NEAR: SignedDuration = SignedDuration::from_hours(1);
/// Runs of an automation stray so far from their time of day.
const STRAY: SignedDuration = SignedDuration::from_mins(20);
/// Clocks of mail and audit records may differ so much.
const SLACK: SignedDuration = SignedDuration::from_mins(2);

/// Acts by which policies are drawn up anew: whose membership, which configuration.
#[derive(Deserialize)]
struct Renewals {
    renewal: Vec<Renewal>,
}

#[derive(Deserialize)]
struct Renewal {
    operation: String,
    cause: String,
}

static RENEWALS: LazyLock<Vec<Renewal>> = LazyLock::new(|| {
    toml::from_str::<Renewals>(include_str!("renewals.toml")).map_or_else(|_| Vec::new(), |all| all.renewal)
});

/// The causes that a renewal may be, as constants.
const SYNC: &str = "directory-sync-changed-scope";
const RESTORED: &str = "configuration-restored";

impl<'a> Between<'a> {
    pub(super) fn of(survey: &Survey<'a>) -> Between<'a> {
        let mut changes = survey.changes();
        changes.retain(|change| change.fact.done != Done::No && bears_on_mail(change.fact) && change.at().is_some());
        let renewals = survey.acts().into_iter().filter_map(|act| {
            let known = RENEWALS.iter().find(|known| act.fact.operation.eq_ignore_ascii_case(&known.operation))?;
            let cause = [SYNC, RESTORED].into_iter().find(|cause| *cause == known.cause)?;
            Some((act.at()?, cause, act.fact.operation.clone(), act.cite()))
        });
        Between { changes, renewals: renewals.collect(), settings: survey.settings() }
    }

    /// The change that let mail through: the last one before it did that names the mail, else the last one at all near to it.
    pub(super) fn fix(&self, survey: &Survey<'_>, cycle: &Cycle<'_>) -> Option<Refresh> {
        let names = Names::of(survey, cycle);
        let within = |at: Timestamp| {
            cycle.before.at.saturating_sub(SLACK).is_ok_and(|from| from <= at) && at <= cycle.first_through.at
        };
        let due: Vec<&Stated<'a, Change>> =
            self.changes.iter().filter(|change| change.at().is_some_and(within)).collect();
        let tied = due.iter().rev().find(|change| names.are_in(change.fact));
        let tie = if tied.is_some() { Tie::Names } else { Tie::Time };
        Some(refresh(tied.or(due.last())?, tie, None))
    }

    /// What may have brought it back, the most telling first, then the nearest to the stop.
    pub(super) fn refreshes(&self, survey: &Survey<'_>, cycle: &Cycle<'_>, fix: Option<&Refresh>) -> Vec<Refresh> {
        let names = Names::of(survey, cycle);
        let until = cycle.again.at.saturating_add(SLACK).unwrap_or(cycle.again.at);
        let within = |at: Timestamp| cycle.last_through.at <= at && at <= until;
        let mut found: Vec<Refresh> =
            self.expiries(&names, fix, cycle.again.at).into_iter().filter(|one| within(one.at)).collect();
        for change in self.changes.iter().filter(|change| change.at().is_some_and(within)) {
            let is_of_another = is_policy_change(change.fact) && cycle.is_of_another_policy(survey);
            let tie = self.tie(change.fact, &names, fix).min(if is_of_another { Tie::Names } else { Tie::Time });
            let is_near = change.at().is_some_and(|at| cycle.again.at.duration_since(at) <= NEAR);
            if tie < Tie::Time || is_near {
                found.push(refresh(change, tie, self.by_whom(change, tie, cycle, survey, fix)));
            }
        }
        found.extend(self.untold(survey, &names, fix).into_iter().filter(|one| within(one.at)));
        for (at, cause, operation, cite) in self.renewals.iter().filter(|(at, ..)| within(*at)) {
            let told = format!("{operation} at {}", minute(*at));
            let moved = self.moved_by_sync(survey, cycle, *at);
            let tie = if moved.is_some() { Tie::Names } else { Tie::Time };
            let cites = std::iter::once(cite.clone()).chain(moved).collect();
            let key = (operation.clone(), String::new(), String::new());
            found.push(Refresh {
                at: *at,
                specific: Some(cause),
                tie,
                told,
                cite: cite.clone(),
                cites,
                key,
                altered: Vec::new(),
            });
        }
        found.sort_by_key(|one| (one.tie, std::cmp::Reverse(one.at)));
        found
    }

    /// A group that the recipient was taken from, or put into, near a sync.
    fn moved_by_sync(&self, survey: &Survey<'_>, cycle: &Cycle<'_>, at: Timestamp) -> Option<Cite> {
        let recipient = cycle.recipient(survey).to_lowercase();
        let is_it = |change: &&Stated<'_, Change>| {
            matches!(change.fact.class, Some(SettingClass::Group | SettingClass::User))
                && change.at().is_some_and(|one| at.duration_since(one).abs() <= NEAR)
                && says(change.fact, &recipient)
        };
        survey.changes().iter().find(is_it).map(Stated::cite)
    }

    fn tie(&self, change: &Change, names: &Names, fix: Option<&Refresh>) -> Tie {
        let object = object(change);
        let is_own = fix.is_some_and(|fix| !object.is_empty() && fix.key.1 == object);
        if is_own && (is_removed(change) || fix.is_some_and(|fix| sets_anew(&fix.altered, &altered(change)))) {
            Tie::Undoes
        } else if is_own || names.are_in(change) {
            Tie::Names
        } else {
            Tie::Time
        }
    }

    /// Which cause a change is: by what was changed, then by whom.
    fn by_whom(
        &self,
        change: &Stated<'a, Change>,
        tie: Tie,
        cycle: &Cycle<'_>,
        survey: &Survey<'_>,
        fix: Option<&Refresh>,
    ) -> Option<&'static str> {
        let fact = change.fact;
        let is_policy = is_policy_change(fact);
        let policy = cycle.policy(survey);
        let took_over = policy.as_ref().is_some_and(|policy| object(fact) == *policy || is_preset_of(fact, policy));
        if is_policy && tie != Tie::Undoes && cycle.is_of_another_policy(survey) {
            return Some("higher-policy-took-over");
        }
        if is_policy && tie != Tie::Undoes && took_over && fix.is_some_and(|fix| Some(&fix.key.1) != policy.as_ref()) {
            return Some("higher-policy-took-over");
        }
        if fact.class == Some(SettingClass::Preset) && tie != Tie::Undoes && policy.is_none() {
            return Some("higher-policy-took-over");
        }
        if is_removed(fact) && fact.by.kind == ActorKind::Vendor && fact.class == Some(SettingClass::ListEntry) {
            return Some("exception-expired");
        }
        match fact.by.kind {
            ActorKind::Application => Some("automation-reverts"),
            ActorKind::Vendor => Some("vendor-changed-default"),
            _ if self.next(&refresh(change, tie, None)).is_some() => Some("automation-reverts"),
            ActorKind::Person | ActorKind::Administrator => Some("somebody-else-reverts"),
            ActorKind::NotSaid => None,
        }
    }

    /// Entries and rules that ended by their own date: as an export shows them, or as the record that made them says.
    fn expiries(&self, names: &Names, fix: Option<&Refresh>, again: Timestamp) -> Vec<Refresh> {
        if self.is_alive(names, again) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for setting in &self.settings {
            let Some(expires) = setting.fact.expires.as_ref() else { continue };
            let is_of_fix = fix.is_some_and(|fix| fix.key.1 == setting.fact.name.to_lowercase());
            let is_block = setting.fact.entry.as_ref().is_some_and(|entry| entry.says == ListWord::Block);
            if is_block || !(is_of_fix || names.are_in_setting(setting.fact)) {
                continue;
            }
            found.push(Refresh {
                at: expires.at,
                specific: Some("exception-expired"),
                tie: Tie::Undoes,
                told: format!("the end of {} at {}", named(setting.fact), minute(expires.at)),
                cite: setting.cite(),
                cites: vec![setting.cite()],
                key: (String::new(), setting.fact.name.to_lowercase(), String::new()),
                altered: Vec::new(),
            });
        }
        let mut last: Option<(&Stated<'a, Change>, Timestamp)> = None;
        for change in self.changes.iter().filter(|change| !is_removed(change.fact)) {
            let Some(until) = change.fact.alterations.iter().find_map(expiry) else { continue };
            let is_fix = fix.is_some_and(|fix| fix.cite.order() == change.entry.observation.cite.order());
            if (is_fix || names.are_in(change.fact)) && change.at().is_some_and(|at| at <= again) {
                // Who sets another end later takes back the earlier one.
                last = Some((change, until));
            }
        }
        if let Some((change, until)) = last {
            found.push(Refresh {
                at: until,
                specific: Some("exception-expired"),
                tie: Tie::Undoes,
                told: format!("the end that {} set for it, {}", change.fact.operation, minute(until)),
                cite: change.cite(),
                cites: vec![change.cite()],
                key: (String::new(), object(change.fact), String::new()),
                altered: Vec::new(),
            });
        }
        // An entry of which both an export and the record that made it are there ends once.
        found.sort_by_key(|one| one.at);
        found.dedup_by(|later, earlier| {
            let is_same = later.at.duration_since(earlier.at).abs() <= SLACK;
            if is_same {
                earlier.cites.append(&mut later.cites);
            }
            is_same
        });
        found
    }

    /// Whether an export that was taken after an instant shows an allow for this mail that acts on.
    fn is_alive(&self, names: &Names, again: Timestamp) -> bool {
        self.settings.iter().any(|setting| {
            let is_allow = setting.fact.entry.as_ref().is_some_and(|entry| entry.says == ListWord::Allow);
            let is_later = setting.at().is_some_and(|taken| taken >= again);
            let acts_on = setting.fact.expires.as_ref().is_none_or(|expires| expires.at > again);
            let is_known_then = is_later || setting.fact.expires.as_ref().is_some_and(|expires| expires.at > again);
            is_allow && acts_on && is_known_then && names.are_in_setting(setting.fact)
        })
    }

    /// Settings that say when they were changed, and that no record of a change tells of: the vendor's, if the log spans it.
    fn untold(&self, survey: &Survey<'_>, names: &Names, fix: Option<&Refresh>) -> Vec<Refresh> {
        let mut found = Vec::new();
        for setting in &self.settings {
            let Some(changed) = setting.fact.changed.as_ref() else { continue };
            let name = setting.fact.name.to_lowercase();
            let is_told = self.changes.iter().any(|change| {
                object(change.fact) == name
                    && change.at().is_some_and(|at| at.duration_since(changed.at).abs() <= STRAY)
            });
            let is_own = fix.is_some_and(|fix| fix.key.1 == name);
            if is_told || !(is_own || names.policy.as_deref() == Some(name.as_str())) || !is_policy(&setting.fact.class)
            {
                continue;
            }
            let spans = survey.ledger.around().covers_until("exchange-online/audit-log", changed.at).is_some();
            let who = if spans { ", which no record of the organisation's own audit log tells of" } else { "" };
            found.push(Refresh {
                at: changed.at,
                specific: spans.then_some("vendor-changed-default"),
                tie: if is_own { Tie::Undoes } else { Tie::Names },
                told: format!("the last change of \"{}\" at {}{who}", setting.fact.name, minute(changed.at)),
                cite: setting.cite(),
                cites: vec![setting.cite()],
                key: (String::new(), name, String::new()),
                altered: Vec::new(),
            });
        }
        found.sort_by_key(|one| one.at);
        found.dedup_by(|later, earlier| later.at == earlier.at && later.key == earlier.key);
        found
    }

    /// When the same will be done again, if it was done at one time of day on two days at least.
    pub(super) fn next(&self, refresh: &Refresh) -> Option<Timestamp> {
        const DAY: SignedDuration = SignedDuration::from_hours(24);
        let runs = self.changes.iter().filter(|change| key(change.fact) == refresh.key).filter_map(Stated::at);
        let mut days: BTreeMap<i64, Timestamp> = BTreeMap::new();
        for at in runs {
            let apart = at.duration_since(refresh.at);
            let days_apart = (apart.as_secs() as f64 / DAY.as_secs() as f64).round() as i64;
            let stray = apart.checked_sub(SignedDuration::from_hours(24 * days_apart)).unwrap_or(DAY);
            if stray.abs() <= STRAY {
                days.insert(days_apart, at);
            }
        }
        // Twice may be chance; the last run and one at least the day before it.
        let (_, last) = days.last_key_value()?;
        (days.len() >= 2).then(|| last.checked_add(DAY).ok()).flatten()
    }
}

impl Refresh {
    /// Whether it names the mail.
    pub(super) fn is_tied(&self) -> bool {
        self.tie < Tie::Time
    }

    /// A change that undoes the remediation, or that names the mail and came after a remediation that is shown, proves it; a change
    /// of which only the time fits is likely.
    pub(super) fn standing(&self, is_fix_shown: bool) -> Standing {
        match (self.tie, self.specific) {
            (Tie::Undoes, Some(_)) => Standing::Proved,
            (Tie::Names, Some(_)) if is_fix_shown => Standing::Proved,
            _ => Standing::Likely,
        }
    }
}

fn refresh(change: &Stated<'_, Change>, tie: Tie, specific: Option<&'static str>) -> Refresh {
    let at = change.at().unwrap_or_default();
    let fact = change.fact;
    let object = fact.object.as_deref().map(|object| format!(" of \"{object}\"")).unwrap_or_default();
    let by = fact.by.name.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    Refresh {
        at,
        specific,
        tie,
        told: format!("{}{object}{by} at {}", fact.operation, minute(at)),
        cite: change.cite(),
        cites: vec![change.cite()],
        key: key(fact),
        altered: altered(fact),
    }
}

/// Whether a property that the one gave a value gets another one.
fn sets_anew(first: &[(String, String)], then: &[(String, String)]) -> bool {
    then.iter().any(|(name, value)| first.iter().any(|(own, was)| own == name && was != value))
}

/// The properties that a change gives a value, without the one that says which object is meant.
fn altered(change: &Change) -> Vec<(String, String)> {
    let given = change.alterations.iter().filter(|one| !one.name.eq_ignore_ascii_case("Identity"));
    given.map(|one| (one.name.to_lowercase(), one.after.clone().unwrap_or_default())).collect()
}

fn key(change: &Change) -> (String, String, String) {
    (change.operation.clone(), object(change), change.by.name.clone().unwrap_or_default())
}

/// What was changed, in lower case.
fn object(change: &Change) -> String {
    change.object.as_deref().unwrap_or_default().to_lowercase()
}

/// What the mail is known by in settings.
struct Names {
    sender: String,
    domain: Option<String>,
    recipient: String,
    policy: Option<String>,
}

impl Names {
    fn of(survey: &Survey<'_>, cycle: &Cycle<'_>) -> Names {
        let sender = cycle.sender(survey).to_lowercase();
        let domain = sender.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        Names { domain, sender, recipient: cycle.recipient(survey).to_lowercase(), policy: cycle.policy(survey) }
    }

    fn are_in(&self, change: &Change) -> bool {
        let texts = [Some(self.sender.as_str()), self.domain.as_deref(), Some(self.recipient.as_str())];
        texts.into_iter().flatten().any(|text| says(change, text))
            || self.policy.as_deref().is_some_and(|policy| object(change) == policy || is_preset_of(change, policy))
    }

    fn are_in_setting(&self, setting: &Setting) -> bool {
        let is_named = |value: &str| {
            let value = value.to_lowercase();
            value.contains(&self.sender)
                || self.domain.as_deref().is_some_and(|domain| value == domain || value == format!("@{domain}"))
        };
        let entry = setting.entry.iter().map(|entry| entry.value.as_str());
        let conditions = setting.conditions.iter().flat_map(|one| one.values.iter().map(String::as_str));
        entry.chain(conditions).any(is_named)
    }
}

/// Whether a change names something, as a word of its own in a value.
fn says(change: &Change, text: &str) -> bool {
    let holds = |said: &str| {
        let said = said.to_lowercase();
        said.split(|c: char| c.is_whitespace() || ",;|\"'<>()[]{}:".contains(c))
            .any(|word| word.trim_start_matches('@') == text)
    };
    let altered = change.alterations.iter().flat_map(|one| one.before.iter().chain(&one.after));
    !text.is_empty() && change.object.iter().chain(altered).any(|said| holds(said))
}

/// Whether a change of a preset is about the preset policy that a record names.
fn is_preset_of(change: &Change, policy: &str) -> bool {
    let object = object(change);
    change.class == Some(SettingClass::Preset) && !object.is_empty() && policy.starts_with(&object)
}

/// Whether a change is of a policy that gives verdicts, or of the rule that gives it its scope and rank.
fn is_policy_change(change: &Change) -> bool {
    matches!(
        change.class,
        Some(SettingClass::Preset | SettingClass::AntiSpam | SettingClass::AntiPhish | SettingClass::AntiMalware)
    )
}

fn is_removed(change: &Change) -> bool {
    matches!(change.kind, ChangeKind::Removed | ChangeKind::Disabled)
}

fn is_policy(class: &SettingClass) -> bool {
    matches!(
        class,
        SettingClass::AntiSpam
            | SettingClass::AntiPhish
            | SettingClass::AntiMalware
            | SettingClass::Preset
            | SettingClass::UrlProtection
            | SettingClass::AttachmentProtection
            | SettingClass::ConnectionFilter
            | SettingClass::GatewayPolicy(_)
    )
}

/// Whether the way of mail depends on what was changed.
fn bears_on_mail(change: &Change) -> bool {
    change.class.as_ref().is_some_and(|class| {
        is_policy(class)
            || matches!(
                class,
                SettingClass::TransportRule
                    | SettingClass::ListEntry
                    | SettingClass::UserListEntry
                    | SettingClass::SpoofEntry
                    | SettingClass::SenderPolicy
                    | SettingClass::InboundConnector
                    | SettingClass::OutboundConnector
                    | SettingClass::DeliveryRoute
                    | SettingClass::QuarantinePolicy
                    | SettingClass::MailboxRule
                    | SettingClass::JunkFilter
            )
    })
}

fn named(setting: &Setting) -> String {
    match &setting.entry {
        Some(entry) => format!("the entry for {}", entry.value),
        None => format!("\"{}\"", setting.name),
    }
}

/// The end that a change gives to what it makes.
fn expiry(one: &Alteration) -> Option<Timestamp> {
    const NAMES: [&str; 4] = ["expirationdate", "expirydate", "todate", "expires"];
    let name = one.name.to_lowercase();
    NAMES.contains(&name.as_str()).then(|| instant(one.after.as_deref()?)).flatten()
}

/// An instant as consoles and cmdlets write it; without a zone it is UTC.
fn instant(said: &str) -> Option<Timestamp> {
    let said = said.trim();
    let utc = |local: DateTime| local.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).ok();
    let by = |form: &str| DateTime::strptime(form, said).ok().and_then(utc);
    said.parse::<Timestamp>()
        .ok()
        .or_else(|| said.parse::<DateTime>().ok().and_then(utc))
        .or_else(|| by("%m/%d/%Y %I:%M:%S %p"))
        .or_else(|| by("%m/%d/%Y %H:%M:%S"))
        .or_else(|| jiff::civil::Date::strptime("%m/%d/%Y", said).ok().and_then(|date| utc(date.at(0, 0, 0, 0))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_as_it_is_written() {
        for (said, expected) in [
            ("2026-11-10T12:00:00Z", Some("2026-11-10T12:00:00Z")),
            ("2026-11-10T12:00:00", Some("2026-11-10T12:00:00Z")),
            ("11/10/2026 12:00:00 PM", Some("2026-11-10T12:00:00Z")),
            ("11/10/2026", Some("2026-11-10T00:00:00Z")),
            ("never", None),
        ] {
            assert_eq!(instant(said).map(|at| at.to_string()).as_deref(), expected, "{said}");
        }
    }
}
