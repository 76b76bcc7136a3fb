//! What shows that live mail was moved to another way: the lines themselves, a change, two exports, or the DNS.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Cite, SettingClass};
use jiff::{SignedDuration, Timestamp};

use super::super::Survey;
use super::super::altered::{Altered, SLACK, minute};
use super::live::{Failing, Former, Live};
use super::tested::{Tested, host, list, property};

/// One record of a cutover.
pub(super) struct Cutover {
    pub(super) at: Option<Timestamp>,
    pub(super) sort: Sort,
    /// In a few words.
    pub(super) told: String,
    pub(super) cites: Vec<Cite>,
}

/// What sort of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    /// An audit record, or two exports that differ.
    Change,
    /// Two answers of the DNS that differ.
    Dns,
    /// The mail took another way before.
    Lines,
    /// A connector says when it was last changed.
    Stamp,
}

/// A change is made at most so long before the first mail fails that takes the new way.
const BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// A connector that is changed for a cutover carries mail within a day.
const STAMPED: SignedDuration = SignedDuration::from_hours(24);

/// The records that live mail was moved before a group of it failed.
pub(super) fn before(
    survey: &Survey<'_>,
    live: &Live<'_>,
    group: &Failing,
    test: Option<&Tested>,
    altered: &[Altered],
    former: Option<&Former>,
) -> Vec<Cutover> {
    let mut found: Vec<Cutover> = Vec::new();
    let edge = group.first_use.checked_sub(BEFORE).ok();
    for one in altered.iter().filter(|one| routes(one)) {
        if one.may_lie_between(edge, group.first) {
            let (told, cites) = (one.told(), one.cites.clone());
            found.push(Cutover { at: one.until, sort: Sort::Change, told, cites });
        }
    }
    found.extend(by_dns(survey, group));
    if let Some(former) = former {
        let told = format!(
            "the same mail went to {} until {} ({} copies)",
            live.words(former.way),
            minute(former.last),
            former.copies
        );
        let lines = survey.lines();
        let cites = former.lines.iter().filter_map(|line| lines.get(*line as usize)).map(|line| survey.cite(line));
        found.push(Cutover { at: Some(former.last), sort: Sort::Lines, told, cites: cites.collect() });
    }
    found.extend(by_stamp(survey, group, test));
    found.sort_by_key(|one| one.sort);
    found
}

/// Whether a change moves mail.
fn routes(one: &Altered) -> bool {
    match &one.class {
        SettingClass::InboundConnector
        | SettingClass::OutboundConnector
        | SettingClass::DeliveryRoute
        | SettingClass::AcceptedDomain => true,
        SettingClass::TransportRule => one.is_about(&["RouteMessageOutboundConnector"]),
        SettingClass::GatewayPolicy(kind) => kind.to_lowercase().contains("rout"),
        _ => false,
    }
}

/// Two answers that name other mail servers of a recipients' domain.
fn by_dns(survey: &Survey<'_>, group: &Failing) -> Option<Cutover> {
    let mut answers: BTreeMap<&str, Vec<(Option<Timestamp>, BTreeSet<String>, Cite)>> = BTreeMap::new();
    for answer in survey.dns() {
        let is_of_recipients =
            group.recipients.iter().any(|recipient| recipient.ends_with(&format!("@{}", answer.fact.name)));
        if is_of_recipients && answer.fact.record_type.eq_ignore_ascii_case("MX") && !answer.fact.data.is_empty() {
            let hosts = answer.fact.data.iter().map(|data| exchanger(data)).collect();
            answers.entry(&answer.fact.name).or_default().push((answer.at(), hosts, answer.cite()));
        }
    }
    answers.into_iter().find_map(|(name, answers)| {
        let (first, last) = (answers.first()?, answers.last()?);
        (first.1 != last.1).then(|| {
            let hosts = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
            Cutover {
                at: last.0,
                sort: Sort::Dns,
                told: format!("the MX of {name} went from {} to {}", hosts(&first.1), hosts(&last.1)),
                cites: vec![first.2.clone(), last.2.clone()],
            }
        })
    })
}

/// The host of an MX record's data, `10 mx.example.com.`.
pub(super) fn exchanger(data: &str) -> String {
    host(data.split_whitespace().last().unwrap_or_default())
}

/// The connector itself says that it was changed shortly before.
fn by_stamp(survey: &Survey<'_>, group: &Failing, test: Option<&Tested>) -> Option<Cutover> {
    let from = group.first_use.checked_sub(STAMPED).ok()?;
    let until = group.first.checked_add(SLACK).ok()?;
    survey.settings().into_iter().find_map(|setting| {
        let fact = setting.fact;
        if !matches!(fact.class, SettingClass::OutboundConnector | SettingClass::InboundConnector) {
            return None;
        }
        let smart = property(fact, "SmartHosts").map(|property| &property.values);
        let mut hosts = smart.into_iter().flatten().flat_map(|value| list(value)).map(|one| host(&one));
        let is_ours = test.is_some_and(|test| test.connector.as_deref() == Some(fact.name.as_str()))
            || hosts.any(|one| group.hosts.contains(&one))
            || fact.class == SettingClass::InboundConnector;
        let at = fact.changed.as_ref()?.at;
        (is_ours && from <= at && at <= until).then(|| Cutover {
            at: Some(at),
            sort: Sort::Stamp,
            told: format!("connector `{}` was last changed at {}", fact.name, minute(at)),
            cites: vec![setting.cite()],
        })
    })
}
