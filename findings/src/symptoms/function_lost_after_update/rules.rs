//! Rules that acted on mail until an instant and no more, while the same mail goes on.

use std::collections::{BTreeMap, HashMap, HashSet};

use evidence::{Cite, SettingClass, SourceId, VerdictKind};
use jiff::Timestamp;
use lake::{Name, What};

use super::super::Survey;
use super::super::altered::{Altered, minute, short};
use super::{Lost, Row};
use crate::Standing;

/// The messages on which one rule acted, by one kind of export.
struct Acted {
    lines: Vec<u32>,
    pairs: HashSet<(Option<Name>, Option<Name>)>,
    messages: HashSet<Name>,
    source: SourceId,
}

/// Rules that are gone or switched off, and that the same mail would still need.
pub(super) fn all(survey: &Survey<'_>, altered: &[Altered]) -> Vec<Lost> {
    let gone: Vec<&Altered> =
        altered.iter().filter(|one| one.class == SettingClass::TransportRule && switches_off(one)).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let acted = acted(survey);
    let mut found: Vec<Lost> = Vec::new();
    let mut told: HashSet<String> = HashSet::new();
    for one in gone {
        let name = short(&one.name).to_lowercase();
        let Some(acted) = acted.get(&name) else { continue };
        if let Some(lost) = lost(survey, one, acted)
            && told.insert(name)
        {
            found.push(lost);
        }
    }
    found
}

/// Whether a rule does not act any more: gone, off, or only testing.
fn switches_off(one: &Altered) -> bool {
    let is_test =
        one.is_about(&["Mode"]) && one.after.as_deref().is_some_and(|after| after.to_lowercase().starts_with("audit"));
    let is_effect = one.is_about(&["effect"]) && one.after.as_deref() == Some("reports only");
    one.takes_away() || is_test || is_effect
}

fn acted(survey: &Survey<'_>) -> BTreeMap<String, Acted> {
    let mut found: BTreeMap<String, Acted> = BTreeMap::new();
    for (number, line) in (0_u32..).zip(survey.lines()) {
        let What::Verdict(VerdictKind::TransportRule, _) = line.what else { continue };
        let (Some(policy), Some(id)) = (line.policy, line.message_id.or(line.id)) else { continue };
        let entry = found.entry(survey.text(Some(policy)).to_lowercase()).or_insert_with(|| Acted {
            lines: Vec::new(),
            pairs: HashSet::new(),
            messages: HashSet::new(),
            source: survey.ledger.source(line),
        });
        entry.lines.push(number);
        entry.messages.insert(id);
        entry.pairs.insert((line.envelope_sender.or(line.header_from), line.envelope_recipient));
    }
    found
}

fn lost(survey: &Survey<'_>, one: &Altered, acted: &Acted) -> Option<Lost> {
    let lines = survey.lines();
    let last =
        acted.lines.iter().rev().find_map(|number| lines.get(*number as usize).filter(|line| line.at.is_some()))?;
    let last_at = last.at?;
    if !one.may_lie_between(Some(last_at), one.until.unwrap_or(Timestamp::MAX)) {
        return None;
    }
    // Two exports say only that it was between them: the mail itself tells from when.
    let from = one.until.filter(|_| one.operation.is_some()).unwrap_or(last_at).max(last_at);
    // The same mail, as the same kind of export shows it, without the rule.
    let mut since: HashMap<Name, u32> = HashMap::new();
    for (number, line) in (0_u32..).zip(lines) {
        let (Some(at), Some(id)) = (line.at, line.message_id.or(line.id)) else { continue };
        let pair = (line.envelope_sender.or(line.header_from), line.envelope_recipient);
        let is_need = at > from && acted.pairs.contains(&pair) && !acted.messages.contains(&id);
        if is_need && survey.ledger.source(line) == acted.source && line.fared().is_some() {
            since.entry(id).or_insert(number);
        }
    }
    let first = since.values().min().and_then(|number| lines.get(*number as usize))?;
    let bad_at = first.at?;
    let statement = format!(
        "rule `{}` acted on this mail until {} ({} messages); {}; from {} {} messages between the same people passed without it",
        short(&one.name),
        minute(last_at),
        acted.messages.len(),
        one.told(),
        minute(bad_at),
        since.len()
    );
    let mut cites: Vec<Cite> = vec![survey.cite(last)];
    cites.extend(one.cites.iter().take(2).cloned());
    cites.push(survey.cite(first));
    let rows = vec![
        Row::new(
            "messages on which it acted",
            Some(acted.messages.len().to_string()),
            Some("0".to_owned()),
            vec![survey.cite(last)],
        ),
        Row::new(
            "the same mail without it",
            Some("0".to_owned()),
            Some(since.len().to_string()),
            vec![survey.cite(first)],
        ),
        Row::altered(one),
    ];
    Some(Lost {
        specific: Some("rule-removed-or-disabled"),
        standing: Standing::Proved,
        good_until: Some(last_at),
        bad_from: Some(bad_at),
        function: format!("rule `{}`", short(&one.name)),
        statement,
        cites,
        ask_for: Vec::new(),
        apart: Vec::new(),
        rows,
    })
}
