//! What sign-ins depend on: agents, providers of a second factor, the directory.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use evidence::SignInOutcome;
use serde::Deserialize;

use super::attempts::{Attempt, End, Field, Record};
use super::words::Kind;
use crate::symptoms::Survey;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agent {
    codes: Vec<i64>,
    name: String,
    #[allow(dead_code)]
    source: String,
}

#[derive(Debug, Default, Deserialize)]
struct Table {
    agent: Vec<Agent>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| toml::from_str(include_str!("agents.toml")).unwrap_or_default());

/// What an error code blames.
pub(in crate::symptoms) fn agent_of(code: i64) -> Option<&'static str> {
    TABLE.agent.iter().find(|agent| agent.codes.contains(&code)).map(|agent| agent.name.as_str())
}

/// All sign-ins by what they depended on, as far as the records say.
pub(in crate::symptoms) fn sign_ins<'a>(survey: &Survey<'a>) -> Field<'a> {
    let all = survey.sign_ins();
    let mut field = Field::default();
    if !all.iter().any(|one| one.fact.error_code.is_some_and(|code| agent_of(code).is_some())) {
        return field;
    }
    // A first line that asks for a further step belongs to an attempt that may have ended well.
    let well: HashSet<&str> = all
        .iter()
        .filter(|one| one.fact.outcome == SignInOutcome::Succeeded)
        .filter_map(|one| one.fact.session.as_deref())
        .collect();
    let mut known: BTreeMap<&str, &'static str> = BTreeMap::new();
    for one in &all {
        let agent = one.fact.error_code.and_then(agent_of);
        let is_over = !one.fact.session.as_deref().is_some_and(|session| well.contains(session));
        let (Some(at), Some(agent), true) = (one.at(), agent, is_over) else { continue };
        let subject = one.fact.who.as_deref().or(one.fact.who_id.as_deref()).unwrap_or("");
        known.entry(subject).or_insert(agent);
        let said = one.fact.reason.as_deref().unwrap_or("");
        let record = Record::Entry(one.entry);
        field.note(Kind::Agent, agent, Attempt { at, end: End::Silent, subject, said, record });
    }
    for one in &all {
        let (Some(at), SignInOutcome::Succeeded) = (one.at(), one.fact.outcome) else { continue };
        let subject = one.fact.who.as_deref().or(one.fact.who_id.as_deref()).unwrap_or("");
        let method = one.fact.steps.first().and_then(|step| step.split(": ").next()).filter(|step| !step.is_empty());
        let other = || match (method, one.fact.application.as_deref()) {
            (Some(method), _) => format!("sign-ins by {method}"),
            (None, Some(application)) => format!("sign-ins to {application}"),
            (None, None) => "other sign-ins".to_owned(),
        };
        // Who signs in by a session that lasts does not ask the agent.
        let is_by_it = method.is_some_and(|method| method.to_lowercase().contains("pass-through"));
        let name = match known.get(subject) {
            Some(agent) if is_by_it => (*agent).to_owned(),
            _ => other(),
        };
        let record = Record::Entry(one.entry);
        field.note(Kind::Agent, &name, Attempt { at, end: End::Answered, subject, said: "", record });
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_agents() {
        assert_eq!(agent_of(80014), Some("pass-through authentication agent"));
        assert_eq!(agent_of(50126), None);
    }
}
