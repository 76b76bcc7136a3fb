//! Rows that show how something is set up: the parts that all vendors' settings share.

use std::collections::BTreeSet;

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
    /// How the names of exceptions begin, where they are the twins of conditions; what follows is the name of the condition that they except from.
    pub(crate) exception_prefix: Option<&'static str>,
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
        exception_prefix: None,
    };

    /// Every name whose value is not repeated among the properties; conditions and exceptions as they were found.
    fn used<'r>(&self, found: &'r [Found<'r>]) -> Vec<&'r str> {
        let lists = [self.name, self.id, self.policy, self.priority, self.mailbox];
        // What only tells of its past is no property: two exports that differ in it show the same setting.
        let past = [self.created, self.changed, self.changed_by, self.last_used];
        lists.into_iter().chain(past).flatten().copied().chain(found.iter().map(|(name, _)| *name)).collect()
    }
}

/// What a row says of something that is set up.
pub(crate) fn setting(row: &Row, class: SettingClass, names: &SettingNames, facts: &Facts<'_>) -> Setting {
    let text = |names: &[&str]| row.text(names).map(str::to_owned);
    let instant = |names: &[&str]| row.text(names).and_then(|said| facts.instant(said));
    let conditions = found(row, names.conditions);
    let exceptions = exceptions(row, names);
    let all: Vec<Found<'_>> = conditions.iter().chain(&exceptions).cloned().collect();
    let properties = row.others(&names.used(&all));
    let typed = |found: Vec<Found<'_>>| found.into_iter().map(|(_, condition)| condition).collect();
    Setting {
        class,
        name: text(names.name).or_else(|| text(names.id)).unwrap_or_default(),
        id: text(names.id),
        policy: text(names.policy),
        effect: effect(row, names.enabled),
        tier: Tier::Custom,
        priority: row.text(names.priority).and_then(|said| said.parse().ok()),
        conditions: typed(conditions),
        exceptions: typed(exceptions),
        entry: None,
        mailbox: row.text(names.mailbox).map(Address::new),
        created: instant(names.created),
        changed: instant(names.changed),
        changed_by: text(names.changed_by),
        starts: instant(names.starts),
        expires: instant(names.expires),
        last_used: instant(names.last_used),
        properties,
    }
}

/// A setting of which only its class and its name are known.
pub(crate) fn bare(class: SettingClass, name: String) -> Setting {
    Setting {
        class,
        name,
        id: None,
        policy: None,
        effect: Effect::NotSaid,
        tier: Tier::Custom,
        priority: None,
        conditions: Vec::new(),
        exceptions: Vec::new(),
        entry: None,
        mailbox: None,
        created: None,
        changed: None,
        changed_by: None,
        starts: None,
        expires: None,
        last_used: None,
        properties: Vec::new(),
    }
}

impl Facts<'_> {
    /// States a setting; the value under one of these names is marked.
    pub(crate) fn say_setting(&mut self, setting: Setting, mark: &[&str]) {
        self.when = self.snapshot();
        self.say_by(mark, Fact::Setting(Box::new(setting)));
    }

    /// States a setting that is one value of a list; that value is marked.
    pub(crate) fn say_listed(&mut self, setting: Setting, name: &str, value: &str) {
        self.when = self.snapshot();
        let cite = self.row.cite_value(self.file, name, value);
        self.push(cite, Fact::Setting(Box::new(setting)));
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

/// A condition and the folded name under which it stands.
type Found<'r> = (&'r str, Condition);

/// The conditions among a row's fields that are set.
pub(crate) fn conditions(row: &Row, names: &[(&'static str, ConditionOn)]) -> Vec<Condition> {
    found(row, names).into_iter().map(|(_, condition)| condition).collect()
}

fn found<'r>(row: &'r Row, names: &[(&'static str, ConditionOn)]) -> Vec<Found<'r>> {
    names.iter().filter_map(|(name, on)| Some((*name, condition(row, name, on.clone())?))).collect()
}

/// The exceptions of a row, whichever they are: each is the twin of a condition.
fn exceptions<'r>(row: &'r Row, names: &SettingNames) -> Vec<Found<'r>> {
    let mut exceptions = found(row, names.exceptions);
    let Some(prefix) = names.exception_prefix else { return exceptions };
    let of = |name: &'r str| {
        let twin = name.strip_prefix(prefix)?;
        let on =
            names.conditions.iter().find(|(known, _)| *known == twin).map_or(ConditionOn::Other, |(_, on)| on.clone());
        Some((name, condition(row, name, on)?))
    };
    let names: BTreeSet<&str> = row.names_with(prefix).into_iter().take(EXCEPTIONS_MAX).collect();
    exceptions.extend(names.into_iter().filter_map(of));
    exceptions
}

/// Up to how many exceptions are told from other properties: each is looked up among all names of the row.
const EXCEPTIONS_MAX: usize = 256;

/// What stands under a name, as a condition; a `False` is none.
fn condition(row: &Row, name: &str, on: ConditionOn) -> Option<Condition> {
    let values = row.list(&[name]).into_iter();
    let values: Vec<String> = match on {
        ConditionOn::Other => values.map(str::to_owned).collect(),
        _ => values.flat_map(parts).map(str::to_owned).collect(),
    };
    let is_set = match values.as_slice() {
        [] => false,
        [only] => !only.eq_ignore_ascii_case("false"),
        _ => true,
    };
    is_set.then(|| Condition { on, name: row.written(name).unwrap_or(name).to_owned(), values })
}

/// The addresses, domains or networks that one text holds: `ConvertTo-Json` joins a list below its depth with blanks, and
/// people join lists for `Export-Csv` with `;`, `,` or `|`. Anything else is one value, as written.
pub(crate) fn parts(text: &str) -> Vec<&str> {
    let by_blanks: Vec<&str> = text.split_whitespace().map(|part| part.trim_end_matches([',', ';'])).collect();
    if by_blanks.len() > 1 && by_blanks.iter().all(|part| is_plain(part)) {
        return by_blanks;
    }
    let by_marks: Vec<&str> = text.split([';', ',', '|']).map(str::trim).filter(|part| !part.is_empty()).collect();
    if by_marks.len() > 1 && by_marks.iter().all(|part| is_plain(part)) {
        return by_marks;
    }
    vec![text]
}

/// Whether a text is an address, a domain or a network and nothing else; `smtp:*;1` is a domain with its cost.
fn is_plain(part: &str) -> bool {
    let domain = part.rsplit_once(';').filter(|(_, cost)| cost.bytes().all(|byte| byte.is_ascii_digit()));
    let part = domain.map_or(part, |(domain, _)| domain);
    part.contains(['.', '@', ':']) && part.chars().all(|c| c.is_alphanumeric() || "._@:*/+=-~%'".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_parts() {
        for (text, expected) in [
            ("ann@example.com", vec!["ann@example.com"]),
            ("ann@example.com bob@example.com", vec!["ann@example.com", "bob@example.com"]),
            ("ann@example.com, bob@example.com", vec!["ann@example.com", "bob@example.com"]),
            ("example.com;example.net", vec!["example.com", "example.net"]),
            ("192.0.2.0/24|2001:db8::1", vec!["192.0.2.0/24", "2001:db8::1"]),
            ("smtp:*;1", vec!["smtp:*;1"]),
            ("smtp:example.com;1 smtp:example.net;5", vec!["smtp:example.com;1", "smtp:example.net;5"]),
            ("Ann Example", vec!["Ann Example"]),
            ("\"Ann\" [SMTP:ann@example.com]", vec!["\"Ann\" [SMTP:ann@example.com]"]),
            ("a.{2,3}.b", vec!["a.{2,3}.b"]),
        ] {
            assert_eq!(parts(text), expected, "{text}");
        }
    }
}
