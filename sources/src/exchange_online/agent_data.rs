//! What the agents of Exchange Online leave behind: the XML of a trace detail and the `custom_data` of a report.

use std::sync::LazyLock;

use evidence::{Action, PolicyRef, Scope, Verdict, VerdictKind};
use quick_xml::events::Event;

use crate::codes::{self, Codes};

/// Codes of agents: spam filter verdicts, dispositions, rule actions.
pub(crate) static AGENT_CODES: LazyLock<Codes> =
    LazyLock::new(|| Codes::of(include_str!("extended_report/codes.toml")));

/// The properties of a trace detail's `Data`: `<root><MEP Name="ClientIP" String="192.0.2.1"/>...</root>`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meps(Vec<(String, String)>);

impl Meps {
    /// Reads as many properties as are well-formed; text that is no XML has none.
    pub(crate) fn of(data: &str) -> Meps {
        let mut found = Vec::new();
        if !data.trim_start().starts_with('<') {
            return Meps(found);
        }
        let mut reader = quick_xml::Reader::from_str(data);
        while let Ok(event) = reader.read_event() {
            let element = match &event {
                Event::Eof => break,
                Event::Start(element) | Event::Empty(element) => element,
                _ => continue,
            };
            let attributes: Vec<(String, String)> = element
                .attributes()
                .with_checks(false) // the check for doubled names takes quadratic time
                .flatten()
                .map(|attribute| {
                    let value: &str = attribute.value.as_ref();
                    let value = quick_xml::escape::unescape(value).map_or(value.to_owned(), |text| text.into_owned());
                    (attribute.key.as_ref().to_string(), value)
                })
                .collect();
            let name = attributes.iter().find(|(key, _)| key.eq_ignore_ascii_case("Name"));
            let value = attributes.iter().find(|(key, _)| !key.eq_ignore_ascii_case("Name"));
            if let (Some((_, name)), Some((_, value))) = (name, value) {
                found.push((name.clone(), value.clone()));
            }
        }
        Meps(found)
    }

    /// The value of a property, if it is there and not blank.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .find(|value| !value.is_empty())
    }
}

/// One agent's entry of `custom_data`: `S:TRA=ETR|ruleId=...|mode=Enforce`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgentEntry<'t> {
    /// The agent, such as `TRA`, or the name of a lone value, such as `tlsversion`.
    pub(crate) agent: &'t str,
    /// What it reports, such as `ETR`; the value of a lone name.
    pub(crate) part: &'t str,
    /// Keys and values; a key may stand several times.
    pub(crate) pairs: Vec<(&'t str, &'t str)>,
    /// The entry as written.
    pub(crate) said: &'t str,
}

impl<'t> AgentEntry<'t> {
    /// The first value of a key that is not blank.
    pub(crate) fn get(&self, key: &str) -> Option<&'t str> {
        self.pairs
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.trim())
            .find(|value| !value.is_empty())
    }

    fn is(&self, agent: &str, part: &str) -> bool {
        self.agent.eq_ignore_ascii_case(agent) && self.part.eq_ignore_ascii_case(part)
    }
}

/// Splits `S:AGENT=part|key=value;S:AGENT2=...` at `;S:` outside single quotes.
pub(crate) fn agent_entries(custom_data: &str) -> Vec<AgentEntry<'_>> {
    entry_texts(custom_data).into_iter().filter_map(entry).collect()
}

fn entry_texts(custom_data: &str) -> Vec<&str> {
    let bytes = custom_data.as_bytes();
    let (mut texts, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            // A quote opens after `=` or `|` and closes before `;`, `|` or the end; any other is an apostrophe.
            b'\'' if !quoted => quoted = at > 0 && matches!(bytes[at - 1], b'=' | b'|' | b':'),
            b'\'' => quoted = !matches!(bytes.get(at + 1), None | Some(b';' | b'|')),
            b';' if !quoted && bytes[at + 1..].starts_with(b"S:") => {
                texts.push(&custom_data[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    texts.push(&custom_data[start..]);
    texts
}

fn entry(said: &str) -> Option<AgentEntry<'_>> {
    let said = said.trim().trim_end_matches(';');
    let mut parts = said.strip_prefix("S:")?.split('|');
    let (agent, part) = parts.next()?.split_once('=')?;
    let pairs =
        parts.filter_map(|pair| pair.split_once('=')).map(|(key, value)| (key.trim(), value.trim_matches('\'')));
    Some(AgentEntry { agent: agent.trim(), part: part.trim_matches('\''), pairs: pairs.collect(), said })
}

/// What the agents of `custom_data` concluded. A rule in a test mode is [`Scope::ReportOnly`].
pub(crate) fn verdicts(entries: &[AgentEntry<'_>]) -> Vec<Verdict> {
    entries.iter().filter_map(verdict).collect()
}

fn verdict(entry: &AgentEntry<'_>) -> Option<Verdict> {
    if entry.is("SFA", "SUM") {
        return spam_filter_verdict(|key| entry.get(key), entry.said);
    }
    if entry.agent.eq_ignore_ascii_case("AMA") {
        return malware_verdict(entry);
    }
    if entry.is("TRA", "ETR") {
        return Some(rule_verdict(entry, VerdictKind::TransportRule, "ExchangeTransportRule"));
    }
    if entry.is("DPA", "DPR") {
        return Some(rule_verdict(entry, VerdictKind::DataLoss, "DataLossPreventionRule"));
    }
    None
}

/// The spam filter's conclusion out of its keys: `CAT` before `SFV` for the kind, `DI` for the action.
///
/// A setting that decided (`SFV:SKS`, `SKB`, `BLK`) goes before the class, but for malware and high-confidence phishing.
pub(crate) fn spam_filter_verdict<'t>(get: impl Fn(&str) -> Option<&'t str>, said: &str) -> Option<Verdict> {
    let code = |field: &str| get(field).and_then(|value| AGENT_CODES.means(field, value));
    let by_disposition = get("DI").and_then(|value| AGENT_CODES.means("DI kind", value));
    let stated = ["CAT", "SFV", "DI", "SCL"].iter().any(|key| get(key).is_some());
    let class = code("CAT").and_then(codes::verdict_kind);
    let path = code("SFV").and_then(codes::verdict_kind);
    let is_severe = matches!(class, Some(VerdictKind::Malware | VerdictKind::HighConfidencePhish));
    let by_setting = path.clone().filter(|kind| {
        let set = [VerdictKind::UserBlock, VerdictKind::BlockEntry, VerdictKind::TransportRule];
        !is_severe && set.contains(kind)
    });
    let kind = by_setting
        .or(class)
        .or(path)
        .or_else(|| by_disposition.and_then(codes::verdict_kind))
        .unwrap_or(VerdictKind::Unknown);
    let action = match code("DI").and_then(codes::action) {
        Some(action) => action,
        None if kind == VerdictKind::Clean => Action::None,
        None => Action::NotSaid,
    };
    stated.then(|| Verdict { kind, action, said: said.to_owned(), policy: None, scope: Scope::Enforced })
}

/// `None` for a scan that found nothing.
fn malware_verdict(entry: &AgentEntry<'_>) -> Option<Verdict> {
    let action = entry.get("action").map(|action| AGENT_CODES.means("AMA action", action).and_then(codes::action));
    let named = entry.get("name").is_some() || entry.get("sig").is_some();
    let acted = action.as_ref().is_some_and(|action| *action != Some(Action::None));
    (named || acted).then(|| Verdict {
        kind: VerdictKind::Malware,
        action: action.flatten().unwrap_or(Action::NotSaid),
        said: entry.said.to_owned(),
        policy: None,
        scope: Scope::Enforced,
    })
}

fn rule_verdict(entry: &AgentEntry<'_>, kind: VerdictKind, policy_kind: &str) -> Verdict {
    let actions = entry.pairs.iter().filter(|(key, _)| key.eq_ignore_ascii_case("action")).map(|(_, value)| *value);
    let scope = match entry.get("mode") {
        Some(mode) if !mode.eq_ignore_ascii_case("Enforce") => Scope::ReportOnly,
        _ => Scope::Enforced,
    };
    Verdict {
        kind,
        action: strongest_action(actions),
        said: entry.said.to_owned(),
        policy: entry.get("ruleId").map(|id| PolicyRef {
            kind: Some(policy_kind.to_owned()),
            name: None,
            id: Some(id.to_owned()),
        }),
        scope,
    }
}

/// Of several actions of one rule, the one that decides over the copy.
pub(crate) fn strongest_action<'t>(actions: impl Iterator<Item = &'t str>) -> Action {
    const WEAKEST_FIRST: [Action; 7] = [
        Action::None,
        Action::Tagged,
        Action::Redirected,
        Action::Junked,
        Action::Quarantined,
        Action::Rejected,
        Action::Discarded,
    ];
    actions
        .flat_map(|text| text.split([',', ';']))
        .filter_map(|word| AGENT_CODES.means("Action", word).and_then(codes::action))
        .max_by_key(|action| WEAKEST_FIRST.iter().position(|known| known == action))
        .unwrap_or(Action::NotSaid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&AGENT_CODES, |code| match code.field.as_str() {
            "CAT" | "SFV" | "DI kind" => codes::verdict_kind(&code.means).is_some(),
            "DI" | "AMA action" | "Action" => codes::action(&code.means).is_some(),
            "event_id" => super::super::extended_report::event(&code.means).is_some(),
            _ => false,
        });
    }

    #[test]
    fn ok_verdicts() {
        use Action as A;
        use VerdictKind as K;
        for (name, custom_data, expected) in [
            (
                "quarantined spam",
                "S:SFA=SUM|SFV=SPM|SFS=(1)(2)|SCL=5|DI=SQ;S:E2ELatency=1.2",
                vec![(K::Spam, A::Quarantined, Scope::Enforced)],
            ),
            ("clean", "S:SFA=SUM|SFV=NSPM|SCL=1", vec![(K::Clean, A::None, Scope::Enforced)]),
            ("a rule's SCL", "S:SFA=SUM|SFV=SKS|CAT=SPM|DI=SJ", vec![(K::TransportRule, A::Junked, Scope::Enforced)]),
            ("blocked sender", "S:SFA=SUM|SCL=9|DI=SB", vec![(K::BlockEntry, A::NotSaid, Scope::Enforced)]),
            (
                "two rules, one in test mode",
                "S:TRA=ETR|ruleId=r1|st='1/2/2026 1:02:03 AM'|action=RejectMessage|sev=1|mode=Enforce;\
                 S:TRA=ETR|ruleId=r2|action=Quarantine|mode=AuditAndNotify",
                vec![
                    (K::TransportRule, A::Rejected, Scope::Enforced),
                    (K::TransportRule, A::Quarantined, Scope::ReportOnly),
                ],
            ),
            (
                "quoted semicolon",
                "S:TRA=ETR|action='a;S:b'|ruleId=r",
                vec![(K::TransportRule, A::NotSaid, Scope::Enforced)],
            ),
            ("no virus", "S:AMA=SUM|v=0|action=|error=|atch=1", vec![]),
            (
                "virus",
                "S:AMA=EV|engine=e|v=1|sig=1|name=Eicar|file=a.zip",
                vec![(K::Malware, A::NotSaid, Scope::Enforced)],
            ),
            ("latency", "S:E2ELatency=1.9;S:MsgRecipCount=1", vec![]),
            ("open quote", "S:TRA=ETR|action='", vec![(K::TransportRule, A::NotSaid, Scope::Enforced)]),
        ] {
            let found: Vec<_> = verdicts(&agent_entries(custom_data))
                .into_iter()
                .map(|verdict| (verdict.kind, verdict.action, verdict.scope))
                .collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn ok_meps() {
        let meps = Meps::of(r#"<root><MEP Name="ConnectorId" String="a &amp; b"/><MEP Name="N" Long="0" /></root>"#);
        assert_eq!((meps.get("connectorid"), meps.get("n"), meps.get("x")), (Some("a & b"), Some("0"), None));
        assert_eq!(Meps::of(r#"<root><MEP ... String="x" /></root>"#).get("..."), None);
        assert_eq!(Meps::of("no XML").get("x"), None);
    }
}
