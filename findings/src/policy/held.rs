//! Whether a setting was the same when the message passed as in the export.

use evidence::Setting;
use jiff::{SignedDuration, Timestamp};
use lake::Entry;

use super::view::{View, setting, taken};

/// Whether a setting held at the message's instant.
pub(super) enum Held<'s> {
    /// It did: the export was taken before, or its last change is older than the message.
    AtTheInstant,
    /// It was changed afterwards: when, by whom, and the record of that, if there is one.
    ChangedSince(Timestamp, Option<String>, Option<&'s Entry>),
    /// The export does not say.
    NotShown(&'static str),
}

impl Held<'_> {
    /// Whether it surely held.
    pub(super) fn is_shown(&self) -> bool {
        matches!(self, Held::AtTheInstant)
    }

    /// What to add to a claim that rests on it.
    pub(super) fn words(&self, name: &str) -> Option<String> {
        match self {
            Held::AtTheInstant => None,
            Held::ChangedSince(at, by, _) => {
                let by = by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
                Some(format!(
                    "\"{name}\" was changed after the message ({at}{by}), and what it was before is not shown"
                ))
            }
            Held::NotShown(why) => Some(format!("{why} (\"{name}\")")),
        }
    }
}

/// How far the clock of a setting and that of its record of changes may lie apart.
const ONE_CHANGE: SignedDuration = SignedDuration::from_mins(5);

/// Whether an entry's setting held when the message passed.
pub(super) fn held<'s>(view: &View<'s>, entry: &'s Entry) -> Held<'s> {
    let Some(setting) = setting(entry) else { return Held::NotShown("the record shows no setting") };
    let holder = holder(view, setting);
    let (setting, entry) = holder.unwrap_or((setting, entry));
    let known_to_be_so = last_change(setting);
    let changes = view.changes(setting);
    if let Some(changed) = known_to_be_so {
        let audited = changes.iter().find(|(.., at)| at.duration_since(changed).abs() <= ONE_CHANGE);
        if changed > view.at {
            let by = audited.and_then(|(_, change, _)| change.by.name.clone()).or_else(|| setting.changed_by.clone());
            return Held::ChangedSince(changed, by, audited.map(|(entry, ..)| *entry));
        }
        let between = |at: Timestamp| changed + ONE_CHANGE < at && at <= view.at;
        return match changes.iter().any(|(.., at)| between(*at)) {
            true => {
                Held::NotShown("a record shows a change between the last one that the export knows and the message")
            }
            false => Held::AtTheInstant,
        };
    }
    let after = changes.iter().find(|(.., at)| *at > view.at);
    match taken(entry) {
        Some(taken) if taken <= view.at => match changes.iter().any(|(.., at)| taken < *at && *at <= view.at) {
            true => Held::NotShown("it was changed between the export and the message"),
            false => Held::AtTheInstant,
        },
        _ => match after {
            Some((entry, change, at)) => Held::ChangedSince(*at, change.by.name.clone(), Some(entry)),
            None => Held::NotShown("the export does not say since when this is set so"),
        },
    }
}

/// The last change that an export states; what was made and never changed is as it was made.
fn last_change(setting: &Setting) -> Option<Timestamp> {
    setting.changed.as_ref().or(setting.created.as_ref()).map(|when| when.at)
}

/// The policy that holds an entry without instants of its own.
fn holder<'s>(view: &View<'s>, inner: &Setting) -> Option<(&'s Setting, &'s Entry)> {
    let name = inner.policy.as_deref().filter(|_| inner.entry.is_some() && last_change(inner).is_none())?;
    view.settings.iter().find_map(|entry| {
        let outer = setting(entry)?;
        let holds = outer.entry.is_none()
            && outer.name == name
            && outer.tier == inner.tier
            && outer.properties.iter().any(|property| property.values.iter().any(|value| value.contains(&inner.name)));
        holds.then_some((outer, *entry))
    })
}
