//! Rows that show how something is set up: the parts that all vendors' settings share.

use evidence::{Address, Condition, ConditionOn, Effect, Fact, Setting, SettingClass, Tier};

use super::Facts;
use super::row::Row;

/// Under which folded names a kind of setting writes what all settings have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettingNames {
    /// Its name.
    pub(crate) name: &'static [&'static str],
    /// The vendor's lasting id.
    pub(crate) id: &'static [&'static str],
    /// For a rule: the policy that it gives its scope.
    pub(crate) policy: &'static [&'static str],
    /// Whether it acts: a yes or no, or `Enabled` and `Disabled`.
    pub(crate) enabled: &'static [&'static str],
    /// Its place in the order.
    pub(crate) priority: &'static [&'static str],
    /// Whose mailbox it belongs to.
    pub(crate) mailbox: &'static [&'static str],
    /// When it was made.
    pub(crate) created: &'static [&'static str],
    /// When it was last changed.
    pub(crate) changed: &'static [&'static str],
    /// By whom.
    pub(crate) changed_by: &'static [&'static str],
    /// When it begins to act.
    pub(crate) starts: &'static [&'static str],
    /// When it stops to act.
    pub(crate) expires: &'static [&'static str],
    /// When it last matched.
    pub(crate) last_used: &'static [&'static str],
    /// Conditions, and what each looks at.
    pub(crate) conditions: &'static [(&'static str, ConditionOn)],
    /// Exceptions, and what each looks at.
    pub(crate) exceptions: &'static [(&'static str, ConditionOn)],
}

impl SettingNames {
    /// No names at all, to be filled in.
    pub(crate) const NONE: SettingNames = SettingNames {
        name: &[],
        id: &[],
        policy: &[],
        enabled: &[],
        priority: &[],
        mailbox: &[],
        created: &[],
        changed: &[],
        changed_by: &[],
        starts: &[],
        expires: &[],
        last_used: &[],
        conditions: &[],
        exceptions: &[],
    };

    /// Every name whose value is not repeated among the properties.
    fn used(&self) -> Vec<&'static str> {
        let lists = [self.name, self.id, self.policy, self.priority, self.mailbox];
        let on = self.conditions.iter().chain(self.exceptions).map(|(name, _)| *name);
        lists.into_iter().flatten().copied().chain(on).collect()
    }
}

/// What a row says of something that is set up.
pub(crate) fn setting(row: &Row, class: SettingClass, names: &SettingNames, facts: &Facts<'_>) -> Setting {
    let text = |names: &[&str]| row.text(names).map(str::to_owned);
    let instant = |names: &[&str]| row.text(names).and_then(|said| facts.instant(said));
    Setting {
        class,
        name: text(names.name).or_else(|| text(names.id)).unwrap_or_default(),
        id: text(names.id),
        policy: text(names.policy),
        effect: effect(row, names.enabled),
        tier: Tier::Custom,
        priority: row.text(names.priority).and_then(|said| said.parse().ok()),
        conditions: conditions(row, names.conditions),
        exceptions: conditions(row, names.exceptions),
        entry: None,
        mailbox: row.text(names.mailbox).map(Address::new),
        created: instant(names.created),
        changed: instant(names.changed),
        changed_by: text(names.changed_by),
        starts: instant(names.starts),
        expires: instant(names.expires),
        last_used: instant(names.last_used),
        properties: row.others(&names.used()),
    }
}

impl Facts<'_> {
    /// States a setting; the value under one of these names is marked.
    pub(crate) fn say_setting(&mut self, setting: Setting, mark: &[&str]) {
        self.when = self.snapshot();
        self.say_by(mark, Fact::Setting(setting));
    }
}

/// Whether it acts, by a yes or no or one of the vendors' words.
fn effect(row: &Row, names: &[&str]) -> Effect {
    match row.flag(names) {
        Some(true) => Effect::Acts,
        Some(false) => Effect::Off,
        None => match row.text(names).map(str::to_ascii_lowercase).as_deref() {
            Some("enabled" | "on" | "enforce" | "enforced" | "active") => Effect::Acts,
            Some("disabled" | "off" | "inactive") => Effect::Off,
            Some(word) if word.contains("report") || word.contains("audit") || word.contains("test") => {
                Effect::ReportOnly
            }
            _ => Effect::NotSaid,
        },
    }
}

/// The conditions among a row's fields that hold a value.
pub(crate) fn conditions(row: &Row, names: &[(&'static str, ConditionOn)]) -> Vec<Condition> {
    let of = |(name, on): &(&'static str, ConditionOn)| {
        let values: Vec<String> = row.list(&[name]).into_iter().map(str::to_owned).collect();
        let name = row.written(name).unwrap_or(name).to_owned();
        (!values.is_empty()).then(|| Condition { on: on.clone(), name, values })
    };
    names.iter().filter_map(of).collect()
}
