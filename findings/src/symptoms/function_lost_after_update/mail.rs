//! Mail that went through until an instant, and is refused since for a reason of the way: a switched-off function.

use std::collections::{BTreeSet, HashMap};

use evidence::{Cite, Setting, SettingClass, SourceId, VerdictKind};
use jiff::Timestamp;
use lake::{Fared, Line, Name, What};

use super::super::altered::{Altered, minute};
use super::super::refusal::Refusal;
use super::super::{Stated, Survey};
use super::{Lost, Row};
use crate::Standing;

/// What a function is known by when it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    /// A reply names it.
    Reply(Refusal),
    /// A filter stops the attachments.
    Attachment,
    /// A filter takes the sender for forged.
    Spoof,
}

/// Whose mail it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Flow<'a> {
    /// Of one sender, to the own domain or to outside.
    Sender(Name, bool),
    /// For one recipient: mail that is forwarded.
    Recipient(Name),
    /// Of one domain, to itself or to outside, by one system to one server: where each sender writes but once.
    Domain(&'a str, bool, Option<Name>, Option<Name>),
}

/// How one copy of a flow fared.
#[derive(Clone, Copy)]
struct Use {
    at: Timestamp,
    line: u32,
    fared: Fared,
    kind: Option<Kind>,
}

/// A flow that turned from good to bad.
struct Turn<'u> {
    kind: Kind,
    good: Vec<&'u Use>,
    bad: Vec<&'u Use>,
    senders: BTreeSet<String>,
}

/// Functions of mail that were lost, the first one first.
pub(super) fn all(survey: &Survey<'_>, altered: &[Altered]) -> Vec<Lost> {
    let flows = flows(survey);
    let mut turns: HashMap<(Kind, Option<Name>), Turn<'_>> = HashMap::new();
    let is_domain = |flow: &Flow<'_>| matches!(flow, Flow::Domain(..));
    let mut turned: Vec<_> = flows.iter().filter_map(|(flow, uses)| Some((flow, turn(uses)?))).collect();
    turned.sort_by_key(|(flow, _)| is_domain(flow));
    for (flow, (kind, good, bad)) in turned {
        let speaker = bad.first().and_then(|used| survey.lines().get(used.line as usize)).and_then(|line| line.speaker);
        // Where senders themselves tell, their domain adds nothing.
        if is_domain(flow) && turns.contains_key(&(kind, speaker)) {
            continue;
        }
        let entry = turns.entry((kind, speaker)).or_insert_with(|| Turn {
            kind,
            good: Vec::new(),
            bad: Vec::new(),
            senders: BTreeSet::new(),
        });
        entry.good.extend(good);
        entry.bad.extend(bad);
        entry.senders.insert(match flow {
            Flow::Sender(name, _) | Flow::Recipient(name) => survey.text(Some(*name)).to_owned(),
            Flow::Domain(domain, ..) => (*domain).to_owned(),
        });
    }
    let mut found: Vec<Lost> = turns.into_values().filter_map(|turn| lost(survey, turn, altered)).collect();
    found.sort_by(|a, b| (a.standing, a.bad_from, &a.statement).cmp(&(b.standing, b.bad_from, &b.statement)));
    found
}

/// The uses of every flow in which something was refused for a reason of the way.
fn flows<'a>(survey: &Survey<'a>) -> HashMap<Flow<'a>, Vec<Use>> {
    let mut refusals: HashMap<(Option<Name>, Option<Name>), Option<Refusal>> = HashMap::new();
    let mut failing: Vec<(u32, Kind)> = Vec::new();
    for (number, line) in (0_u32..).zip(survey.lines()) {
        let kind = match (&line.what, line.fared()) {
            (What::Verdict(VerdictKind::Attachment | VerdictKind::Malware, _), Some(Fared::Blocked)) => {
                Some(Kind::Attachment)
            }
            (What::Verdict(VerdictKind::Spoof | VerdictKind::Authentication(_), _), Some(Fared::Blocked)) => {
                Some(Kind::Spoof)
            }
            (What::Verdict(..), _) => None,
            (_, Some(Fared::Blocked | Fared::PutOff)) => refusals
                .entry((line.enhanced_status_code, line.said))
                .or_insert_with(|| Refusal::of(survey.text(line.enhanced_status_code), survey.text(line.said)))
                .filter(|refusal| is_of_a_function(*refusal))
                .map(Kind::Reply),
            _ => None,
        };
        failing.extend(kind.map(|kind| (number, kind)));
    }
    let mut flows: HashMap<Flow<'a>, Vec<Use>> = HashMap::new();
    if failing.is_empty() {
        return flows;
    }
    let kinds: HashMap<u32, Kind> = failing.iter().copied().collect();
    for (number, _) in &failing {
        for flow in kinds.get(number).map(|kind| flows_of(survey, *number, kind)).into_iter().flatten().flatten() {
            flows.entry(flow).or_default();
        }
    }
    for (number, line) in (0_u32..).zip(survey.lines()) {
        let (Some(at), Some(fared)) = (line.at, line.fared()) else { continue };
        let kind = kinds.get(&number).copied();
        if kind.is_none() && fared != Fared::Through {
            continue;
        }
        let own = match kind {
            Some(kind) => {
                let [first, second] = flows_of(survey, number, &kind);
                [first, second, None]
            }
            None => [flow_by_sender(survey, number), flow_by_recipient(survey, number), flow_by_domain(survey, number)],
        };
        for flow in own.into_iter().flatten() {
            if let Some(uses) = flows.get_mut(&flow) {
                uses.push(Use { at, line: number, fared, kind });
            }
        }
    }
    flows
}

/// The flows that a refusal belongs to: forwarded mail keeps its sender, so that the recipient tells.
fn flows_of<'a>(survey: &Survey<'a>, number: u32, kind: &Kind) -> [Option<Flow<'a>>; 2] {
    match kind {
        Kind::Reply(Refusal::Forwarding) => [flow_by_recipient(survey, number), None],
        Kind::Reply(Refusal::DirectSend | Refusal::Connector | Refusal::Login) => {
            [flow_by_sender(survey, number), flow_by_domain(survey, number)]
        }
        _ => [flow_by_sender(survey, number), None],
    }
}

fn flow_by_sender<'a>(survey: &Survey<'a>, number: u32) -> Option<Flow<'a>> {
    let line = survey.lines().get(number as usize)?;
    let sender = line.envelope_sender.or(line.header_from)?;
    let domain = |name: Name| survey.text(Some(name)).rsplit_once('@').map(|(_, domain)| domain);
    let is_own = line.envelope_recipient.is_some_and(|recipient| domain(recipient) == domain(sender));
    Some(Flow::Sender(sender, is_own))
}

fn flow_by_recipient<'a>(survey: &Survey<'a>, number: u32) -> Option<Flow<'a>> {
    survey.lines().get(number as usize)?.envelope_recipient.map(Flow::Recipient)
}

fn flow_by_domain<'a>(survey: &Survey<'a>, number: u32) -> Option<Flow<'a>> {
    let line = survey.lines().get(number as usize)?;
    let Flow::Sender(sender, is_own) = flow_by_sender(survey, number)? else { return None };
    let (_, domain) = survey.text(Some(sender)).rsplit_once('@')?;
    matches!(line.what, What::Handover(..)).then_some(Flow::Domain(domain, is_own, line.speaker, line.peer))
}

/// Whether a refusal tells of a function that can be switched off.
fn is_of_a_function(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::DirectSend | Refusal::Connector | Refusal::Forwarding | Refusal::Login | Refusal::Tls)
}

/// Where a flow turned: what went through before, and what was refused after, with nothing through in between.
fn turn(uses: &[Use]) -> Option<(Kind, Vec<&Use>, Vec<&Use>)> {
    let first_bad = uses.iter().position(|used| used.kind.is_some())?;
    let kind = uses.get(first_bad)?.kind?;
    let (before, after) = uses.split_at(first_bad);
    let good: Vec<&Use> = before.iter().filter(|used| used.fared == Fared::Through).collect();
    let last_bad = after.iter().rposition(|used| used.kind == Some(kind))?;
    let (during, _) = after.split_at(last_bad + 1);
    let bad: Vec<&Use> = during.iter().filter(|used| used.kind == Some(kind)).collect();
    // What comes and goes was not lost.
    let is_whole = during.iter().all(|used| used.fared != Fared::Through);
    // A copy that was let through by an earlier server and refused by the next one did not work before.
    let first = bad.first()?;
    let is_turn = good.last().is_some_and(|used| used.at < first.at);
    (is_turn && is_whole).then_some((kind, good, bad))
}

fn lost(survey: &Survey<'_>, turn: Turn<'_>, altered: &[Altered]) -> Option<Lost> {
    let lines = survey.lines();
    let id = |used: &&Use| lines.get(used.line as usize).and_then(|line| line.message_id.or(line.id));
    let mut bad: Vec<&Use> = turn.bad;
    bad.sort_by_key(|used| (used.at, used.line));
    let failed: BTreeSet<Option<Name>> = bad.iter().map(id).collect();
    // A message that is refused now was taken by an earlier server of ours: that is no earlier use.
    let is_own = |used: &&Use| id(used).is_none() || !failed.contains(&id(used));
    let bad_line = lines.get(bad.first()?.line as usize)?;
    let is_same_way = |used: &&Use| lines.get(used.line as usize).is_some_and(|line| is_same_way(line, bad_line));
    let mut good: Vec<&Use> = turn.good.into_iter().filter(|used| is_own(used) && is_same_way(used)).collect();
    good.sort_by_key(|used| (used.at, used.line));
    good.dedup_by_key(|used| used.line);
    bad.dedup_by_key(|used| used.line);
    let (last_good, first_bad) = (good.last()?, bad.first()?);
    if last_good.at >= first_bad.at {
        return None;
    }
    let said = survey.text(bad_line.said);
    let mut explained: Vec<(&Altered, &'static str)> = altered
        .iter()
        .filter(|one| one.may_lie_between(Some(last_good.at), first_bad.at))
        .filter_map(|one| Some((one, bears(turn.kind, one)?)))
        .collect();
    // A person's or a service's own record names more than two exports; the latest is the nearest.
    explained.sort_by_key(|(one, _)| (one.operation.is_none(), std::cmp::Reverse(one.until)));
    let what = function(turn.kind);
    let whose: Vec<&str> = turn.senders.iter().take(3).map(String::as_str).collect();
    let more = if turn.senders.len() > 3 { format!(" and {} more", turn.senders.len() - 3) } else { String::new() };
    let story = format!(
        "{what} of {}{more} went through until {} ({} copies) and is refused from {} ({} copies, {})",
        whose.join(", "),
        minute(last_good.at),
        good.len(),
        minute(first_bad.at),
        bad.len(),
        super::short_reply(said, survey.text(bad_line.enhanced_status_code))
    );
    let mut cites: Vec<Cite> = [last_good, first_bad]
        .iter()
        .filter_map(|used| lines.get(used.line as usize))
        .map(|line| survey.cite(line))
        .collect();
    let rows = vec![
        Row::new("last use that went well", Some(minute(last_good.at)), None, cites.iter().take(1).cloned().collect()),
        Row::new(
            "first use that failed",
            None,
            Some(minute(first_bad.at)),
            cites.iter().skip(1).take(1).cloned().collect(),
        ),
    ];
    let mut lost = Lost {
        specific: None,
        standing: Standing::NotShown,
        good_until: Some(last_good.at),
        bad_from: Some(first_bad.at),
        function: what.to_owned(),
        statement: String::new(),
        cites: Vec::new(),
        ask_for: Vec::new(),
        apart: Vec::new(),
        rows,
    };
    if let Some((first, specific)) = explained.first() {
        let by = match (&first.by, &first.operation) {
            (None, None) => ", and no record names who did it",
            _ => "",
        };
        lost.specific = Some(specific);
        lost.standing = Standing::Proved;
        lost.statement = format!("{story}; {}{by}", first.told());
        cites.extend(first.cites.iter().take(2).cloned());
        for (one, _) in explained.iter().take(4) {
            lost.rows.push(Row::altered(one));
        }
    } else if let Some((setting, specific, is_dated)) = stands(survey, turn.kind, last_good.at, first_bad.at) {
        lost.specific = Some(specific);
        lost.standing = if is_dated { Standing::Proved } else { Standing::Likely };
        let when = setting.fact.changed.as_ref().map(|when| format!(", last changed {}", minute(when.at)));
        lost.statement = format!(
            "{story}; `{}` stands so that it is refused{}, and who changed it is not shown",
            setting.fact.name,
            when.unwrap_or_default()
        );
        lost.ask_for = vec!["exchange-online/audit-log"];
        cites.push(setting.cite());
    } else {
        // Verdicts change with the message: without a change they tell of no lost function.
        let Kind::Reply(refusal) = turn.kind else { return None };
        lost.ask_for = asks(survey, refusal, &turn.senders)?;
        lost.statement = format!("{story}; what was changed in between is not shown");
    }
    lost.cites = cites;
    Some(lost)
}

/// Whether two lines are of one way: what fails on a way that it takes for the first time was not lost there.
fn is_same_way(good: &Line, bad: &Line) -> bool {
    // A notice names its reporter, not the system that took the earlier ones.
    let is_notice = matches!(bad.what, What::Dsn(_));
    let is_same = |one: Option<Name>, other: Option<Name>| one.is_none() || other.is_none() || one == other;
    let is_handed_on = matches!((&good.what, &bad.what), (What::Handover(..), What::Handover(..)));
    is_notice || good.speaker == bad.speaker && (!is_handed_on || is_same(good.peer, bad.peer))
}

/// The function in words.
fn function(kind: Kind) -> &'static str {
    match kind {
        Kind::Reply(Refusal::DirectSend) => "direct send",
        Kind::Reply(Refusal::Connector) => "mail over the connector",
        Kind::Reply(Refusal::Forwarding) => "forwarding",
        Kind::Reply(Refusal::Login) => "submission with a login",
        Kind::Reply(_) => "mail over this way of encryption",
        Kind::Attachment => "mail with attachments",
        Kind::Spoof => "mail",
    }
}

/// Whether an alteration switches the function off, and which cause that is.
fn bears(kind: Kind, one: &Altered) -> Option<&'static str> {
    let wizard = || is_wizard(one);
    let connector = || match wizard() {
        true => "connector-reset-by-wizard",
        false => "direct-send-or-relay-switched-off",
    };
    match (kind, &one.class) {
        (Kind::Reply(Refusal::DirectSend), SettingClass::Organisation) if one.is_about(&["RejectDirectSend"]) => {
            is(one, "true").then_some("direct-send-or-relay-switched-off")
        }
        (Kind::Reply(Refusal::DirectSend | Refusal::Connector), SettingClass::InboundConnector) => {
            let is_mark = one.is_about(&[
                "SenderIPAddresses",
                "SenderDomains",
                "TlsSenderCertificateName",
                "RestrictDomainsToIPAddresses",
                "RestrictDomainsToCertificate",
                "ConnectorType",
                "ConnectorSource",
            ]);
            (is_mark || one.takes_away()).then(connector)
        }
        (Kind::Reply(Refusal::Connector), SettingClass::AcceptedDomain) => {
            one.takes_away().then_some("direct-send-or-relay-switched-off")
        }
        (Kind::Reply(Refusal::Forwarding), SettingClass::OutboundSpam) => {
            one.is_about(&["AutoForwardingMode"]).then_some("default-changed")
        }
        (Kind::Reply(Refusal::Forwarding), SettingClass::RemoteDomain) => {
            (one.is_about(&["AutoForwardEnabled"]) && is(one, "false")).then_some("default-changed")
        }
        (Kind::Reply(Refusal::Login), _) => login(one).then_some("app-or-protocol-retired"),
        (Kind::Reply(Refusal::Tls), SettingClass::InboundConnector | SettingClass::OutboundConnector) => {
            one.is_about(&["RequireTls", "TlsSettings", "TlsDomain", "TlsSenderCertificateName"]).then(connector)
        }
        (Kind::Attachment, SettingClass::AntiMalware) => {
            one.is_about(&["FileTypes", "EnableFileFilter", "FileTypeAction"]).then_some("default-changed")
        }
        (Kind::Attachment, SettingClass::AttachmentProtection) => {
            one.is_about(&["Action", "Enable", "Enabled", "effect"]).then_some("default-changed")
        }
        (Kind::Spoof, SettingClass::InboundConnector) => {
            let is_mark = one.is_about(&[
                "EFSkipLastIP",
                "EFSkipIPs",
                "EFUsers",
                "TreatMessagesAsInternal",
                "CloudServicesMailEnabled",
                "TlsSenderCertificateName",
            ]);
            (is_mark || one.takes_away()).then_some("connector-reset-by-wizard")
        }
        _ => None,
    }
}

/// Whether a way of logging in is switched off by it.
fn login(one: &Altered) -> bool {
    let switched_off = one.is_about(&["SmtpClientAuthenticationDisabled"]) && is(one, "true");
    let allowed_no_more =
        one.is_about(&["AllowBasicAuthSmtp", "AllowBasicAuthImap", "AllowBasicAuthPop", "ImapEnabled", "PopEnabled"])
            && is(one, "false");
    let barred = one.class == SettingClass::ConditionalAccess && !one.takes_away();
    switched_off || allowed_no_more || barred
}

/// The value that a property has now.
fn is(one: &Altered, value: &str) -> bool {
    one.after
        .as_deref()
        .is_some_and(|after| after.trim().eq_ignore_ascii_case(value) || after.trim() == "1" && value == "true")
}

/// Whether a wizard did it, as the record says.
fn is_wizard(one: &Altered) -> bool {
    let says = |text: &str| {
        text.to_lowercase().contains("hybridwizard") || text.to_lowercase().contains("hybrid configuration")
    };
    let who = one.by.as_ref().map(|(name, _)| name.as_str()).unwrap_or_default();
    says(who) || one.after.as_deref().is_some_and(says) || says(&one.name)
}

/// A setting that refuses what went through before, and whether it says that it was changed in between.
fn stands<'a>(
    survey: &Survey<'a>,
    kind: Kind,
    good: Timestamp,
    bad: Timestamp,
) -> Option<(Stated<'a, Setting>, &'static str, bool)> {
    let has = |setting: &Setting, name: &str, value: &str| {
        let property = setting.properties.iter().find(|one| one.name.eq_ignore_ascii_case(name));
        property.is_some_and(|one| one.values.iter().any(|own| own.eq_ignore_ascii_case(value)))
    };
    let specific = |setting: &Setting| match kind {
        Kind::Reply(Refusal::DirectSend) => {
            has(setting, "RejectDirectSend", "true").then_some("direct-send-or-relay-switched-off")
        }
        Kind::Reply(Refusal::Login) => {
            has(setting, "SmtpClientAuthenticationDisabled", "true").then_some("app-or-protocol-retired")
        }
        Kind::Reply(Refusal::Forwarding) => (has(setting, "AutoForwardingMode", "Off")
            || has(setting, "AutoForwardEnabled", "false"))
        .then_some("default-changed"),
        _ => None,
    };
    let between = |setting: &Setting| setting.changed.as_ref().is_some_and(|when| good <= when.at && when.at <= bad);
    let all = survey.settings().into_iter().filter_map(|one| {
        let fact = one.fact;
        Some((one, specific(fact)?, between(fact)))
    });
    // An export of after the loss; what says that it was changed in between goes first.
    let mut all: Vec<_> = all.filter(|(one, ..)| one.at().is_none_or(|at| at >= good)).collect();
    all.sort_by_key(|(.., is_dated)| !is_dated);
    all.into_iter().next()
}

/// What would show the change; `None` if it was supplied and shows none.
fn asks(survey: &Survey<'_>, refusal: Refusal, senders: &BTreeSet<String>) -> Option<Vec<SourceId>> {
    let wanted: &[SourceId] = match refusal {
        Refusal::DirectSend => {
            &["exchange-online/organisation", "exchange-online/connectors", "exchange-online/audit-log"]
        }
        Refusal::Connector => &["exchange-online/connectors", "exchange-online/audit-log"],
        Refusal::Forwarding => &["exchange-online/threat-policies", "exchange-online/audit-log"],
        Refusal::Login => &["exchange-online/mailboxes", "exchange-online/organisation", "exchange-online/audit-log"],
        // Certificates and encryption fail for many reasons of the other side.
        _ => return None,
    };
    let missing: Vec<SourceId> = wanted.iter().copied().filter(|source| !survey.has(source)).collect();
    (!missing.is_empty() && !senders.is_empty()).then_some(missing)
}
