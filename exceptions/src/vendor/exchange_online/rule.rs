//! Transport rules: what their conditions look at, and what their actions let through.

use evidence::{Condition, ConditionOn, Effect, Setting};
use sources::policy::Device;
use sources::proposed::Step;

use super::grants::{is_command, or_not_said, other};
use super::words::{condition, flag, folded, property, values};
use crate::vendor::{Stamp, own};
use crate::{Grant, On, Scope, Term, Value};

/// How a rule treats the mail that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// The spam filter stands aside.
    StandsAside,
    /// It goes around a protection.
    GoesAround,
    /// It is kept out, or treated more strictly.
    KeepsOut,
    /// It is only marked, told of, or let on as it is.
    Marks,
    /// Nothing that is known here.
    NotKnown,
}

/// Header fields by which other parts of the service are told to stand aside begin like this.
const INTERNAL_HEADERS: &[&str] = &[
    "xmsexchangeorganization",
    "xmsexchangeatp",
    "xforefrontantispam",
    "xmicrosoftantispam",
    "authenticationresults",
    "xmsexchangecrosstenant",
    "receivedspf",
];
/// Of these, the ones that only sort mail within a mailbox.
const HARMLESS_HEADERS: &[&str] =
    &["xmsexchangeorganizationbypassclutter", "xmsexchangeorganizationbypassfocusedinbox"];
/// Actions that keep mail out or have somebody look at it.
const KEEPING_OUT: &[&str] = &[
    "quarantine",
    "deletemessage",
    "rejectmessagereasontext",
    "rejectmessageenhancedstatuscode",
    "moderatemessagebyuser",
    "moderatemessagebymanager",
    "smtprejectmessagerejecttext",
    "smtprejectmessagerejectstatuscode",
    "disconnect",
    "routemessageoutboundrequiretls",
    "applyrightsprotectiontemplate",
    "applyome",
];
/// Actions that only mark mail or tell somebody of it.
const MARKING: &[&str] = &[
    "prependsubject",
    "applyhtmldisclaimertext",
    "setauditseverity",
    "generateincidentreport",
    "generatenotification",
    "notifysender",
    "applyclassification",
    "setheadername",
    "removeheader",
    "logeventtext",
];

/// Actions that send mail, or a copy of it, to somebody else.
const SENDS_ELSEWHERE: &[&str] =
    &["RedirectMessageTo", "BlindCopyTo", "CopyTo", "AddToRecipients", "AddManagerAsRecipientType"];

/// What a rule does beside letting mail through: the actions that send it elsewhere, and those that keep it out.
pub(super) fn further_actions(rule: &Setting) -> Vec<String> {
    let lets_through = matches!(treatment(rule), Treatment::StandsAside | Treatment::GoesAround);
    let keeps_out = KEEPING_OUT.iter().filter(|_| lets_through);
    let all: Vec<String> = SENDS_ELSEWHERE.iter().chain(keeps_out).map(|name| folded(name)).collect();
    let stated = rule.properties.iter().filter(|one| all.contains(&folded(&one.name)) && is_set(rule, &one.name));
    stated.map(|one| format!("{} {}", one.name, one.values.join(", "))).collect()
}

/// What a rule does with the mail that it is for.
pub(super) fn treatment(rule: &Setting) -> Treatment {
    let has = |names: &[&str]| names.iter().any(|name| is_set(rule, name));
    let scl = property(rule, "SetSCL").map(|text| text.trim().parse::<i8>());
    match scl {
        _ if goes_around(rule).is_some() => Treatment::GoesAround,
        Some(Ok(-1)) => Treatment::StandsAside,
        Some(Ok(5..)) => Treatment::KeepsOut,
        _ if has(KEEPING_OUT) => Treatment::KeepsOut,
        // From 0 to 4 the filter judges as ever.
        Some(Ok(0..=4)) => Treatment::Marks,
        Some(_) => Treatment::NotKnown,
        None if has(MARKING) => Treatment::Marks,
        None => Treatment::NotKnown,
    }
}

fn is_set(rule: &Setting, name: &str) -> bool {
    property(rule, name).is_some_and(|said| !matches!(folded(said).as_str(), "" | "false" | "none" | "null"))
}

/// Which protection a rule's actions go around, in a clause.
pub(super) fn goes_around(rule: &Setting) -> Option<String> {
    for name in ["SetHeaderName", "RemoveHeader"] {
        let Some(header) = property(rule, name) else { continue };
        let folded_name = folded(header);
        let is_internal = INTERNAL_HEADERS.iter().any(|head| folded_name.starts_with(head));
        if is_internal && !HARMLESS_HEADERS.contains(&folded_name.as_str()) {
            let value = property(rule, "SetHeaderValue").unwrap_or_default();
            let verb = if name == "RemoveHeader" { "takes away" } else { "sets" };
            return Some(
                format!("it {verb} `{header}` {value}, by which parts of the service tell each other what to do")
                    .replace(" ,", ","),
            );
        }
    }
    let connector = property(rule, "RouteMessageOutboundConnector")?;
    Some(format!("it sends mail out through the connector \"{connector}\" instead of on to the next check"))
}

/// What a rule lets through. The exceptions of a rule that is made anew open nothing that was closed before.
pub(super) fn grants(step: &Step, rule: &Setting) -> Vec<Grant> {
    let make = |device, scope| Grant {
        product: step.product.clone(),
        device,
        name: rule.name.clone(),
        scope,
        ends: or_not_said(own::ends(rule, device), rule),
        cites: Vec::new(),
    };
    let stops = flag(rule, "StopRuleProcessing") == Some(true);
    match treatment(rule) {
        Treatment::StandsAside | Treatment::GoesAround => vec![make(Device::Rule, scope(step, rule))],
        Treatment::Marks | Treatment::NotKnown if stops => vec![make(Device::Rule, scope(step, rule))],
        Treatment::Marks => Vec::new(),
        Treatment::KeepsOut if step.kind == evidence::ChangeKind::Created && is_command(step) => Vec::new(),
        // Exceptions are alternatives: each lets mail past the rule by itself.
        Treatment::KeepsOut | Treatment::NotKnown => {
            let except = terms(rule, &rule.exceptions);
            except.into_iter().map(|term| make(Device::RuleException, Scope::of([term]))).collect()
        }
    }
}

/// Which mail a rule is for. Of a rule that is altered, a step states only a part: the rest narrows, but nobody knows by what.
fn scope(step: &Step, rule: &Setting) -> Scope {
    let mut terms: std::collections::BTreeSet<Term> = terms(rule, &rule.conditions).into_iter().collect();
    if matches!(step.kind, evidence::ChangeKind::Changed | evidence::ChangeKind::Enabled) && rule.conditions.is_empty()
    {
        terms.insert(other("mail of the rule", &rule.name));
    }
    Scope { terms, except: self::terms(rule, &rule.exceptions).into_iter().collect() }
}

/// Conditions or exceptions of a rule, each as a term; a header and the words in it are one.
fn terms(rule: &Setting, conditions: &[Condition]) -> Vec<Term> {
    let sender = match property(rule, "SenderAddressLocation").map(folded).as_deref() {
        Some("envelope") => On::EnvelopeSender,
        Some("headerorenvelope") => On::EitherSender,
        _ => On::HeaderFrom,
    };
    let mut terms = Vec::new();
    for one in conditions {
        let name = folded(&one.name);
        let name = name.strip_prefix("exceptif").unwrap_or(&name);
        match name {
            "headercontainsmessageheader" | "headermatchesmessageheader" => {}
            "headercontainswords" => terms.extend(header(conditions, one, "headercontainsmessageheader", holds)),
            "headermatchespatterns" => terms.extend(header(conditions, one, "headermatchesmessageheader", pattern)),
            _ => terms.push(condition_term(one, sender.clone())),
        }
    }
    terms
}

/// What one condition looks at, and for which values.
pub(super) fn condition_term(one: &Condition, sender: On) -> Term {
    let name = folded(&one.name);
    let name = name.strip_prefix("exceptif").unwrap_or(&name);
    let all = |on: On, value: fn(&str) -> Value| Term::new(on, one.values.iter().map(|text| value(text.trim())));
    match name {
        "from" => all(sender, mailbox),
        "frommemberof" => all(On::SenderGroup, this_name),
        "senderdomainis" => all(sender, |text| Value::party(text, Value::DomainAndBelow)),
        "fromaddresscontainswords" => all(sender, holds),
        "fromaddressmatchespatterns" => all(sender, pattern),
        "senderipranges" => all(On::Client, own::network),
        "sentto" | "recipient" => all(On::Recipient, mailbox),
        "senttomemberof" => all(On::RecipientGroup, this_name),
        "recipientdomainis" => all(On::Recipient, |text| Value::party(text, Value::Domain)),
        "recipientaddresscontainswords" => all(On::Recipient, holds),
        "recipientaddressmatchespatterns" => all(On::Recipient, pattern),
        "subjectcontainswords" => all(On::Subject, holds),
        "subjectmatchespatterns" => all(On::Subject, pattern),
        _ => match one.on {
            // The To and Cc fields say nothing of who gets the copy.
            ConditionOn::Recipient if name.starts_with("anyof") => all(On::Header("To".to_owned()), mailbox),
            _ => all(On::Other(one.name.clone()), this_name),
        },
    }
}

/// A mailbox by its address, else by the name that the directory knows it by.
fn mailbox(text: &str) -> Value {
    if text.contains(['@', '*']) || text.is_empty() { Value::party(text, Value::Domain) } else { this_name(text) }
}

fn this_name(text: &str) -> Value {
    Value::Name(text.to_owned())
}

fn holds(text: &str) -> Value {
    Value::Holds(text.to_owned())
}

/// A pattern: one that spells out a whole address, or all of a domain, is as good as that; nobody follows the others.
fn pattern(text: &str) -> Value {
    let whole = text.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    let plain = whole.and_then(literal);
    match plain {
        Some(plain) if plain.contains('@') => Value::party(&plain, Value::Domain),
        _ => match text.strip_suffix('$').and_then(|rest| literal(rest.trim_start_matches(".*"))) {
            Some(domain) if domain.starts_with('@') => Value::party(&domain, Value::Domain),
            _ => Value::Pattern(text.to_owned()),
        },
    }
}

/// The text that a pattern stands for, if it stands for one only.
fn literal(pattern: &str) -> Option<String> {
    let mut plain = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next().filter(|next| !next.is_alphanumeric())?),
            c if c.is_alphanumeric() || "@-_+=% ".contains(c) => plain.push(c),
            _ => return None,
        }
    }
    Some(plain)
}

/// A header field and what it has to hold; our own system's results of authentication say who sends.
fn header(conditions: &[Condition], words: &Condition, of: &str, value: fn(&str) -> Value) -> Vec<Term> {
    let found = condition(conditions, of).or_else(|| condition(conditions, &format!("exceptif{of}")));
    let name =
        found.and_then(|condition| condition.values.first()).map_or("", String::as_str).trim().trim_end_matches(':');
    let is_pattern = of.contains("matches");
    if name.eq_ignore_ascii_case("Authentication-Results") {
        let proofs: Vec<Option<Term>> = words.values.iter().map(|text| proof(text, is_pattern)).collect();
        let all: Option<Vec<Term>> = proofs.into_iter().collect();
        // Any one of the words is enough: what all of them prove is proved.
        if let Some(all) = all
            && let Some(first) = all.first()
            && all.iter().all(|term| term.on == first.on)
        {
            return vec![Term::new(first.on.clone(), all.iter().flat_map(|term| term.values.clone()))];
        }
    }
    vec![Term::new(On::Header(name.to_owned()), words.values.iter().map(|text| value(text)))]
}

/// What words of a result of authentication prove about who sends; `None` if nothing.
fn proof(words: &str, is_pattern: bool) -> Option<Term> {
    let mut plain = words.to_lowercase();
    if is_pattern {
        plain = plain.replace("\\s*", "").replace("\\s+", " ").replace("\\b", "").replace("\\.", ".");
        // An alternative or an optional part proves nothing.
        if plain.contains(['|', '*', '?', '[', '(', '{', '\\']) {
            return None;
        }
    }
    let holds = |text: &str| plain.contains(text);
    if holds("dmarc=pass") || holds("dmarc=bestguesspass") {
        return Some(Term::one(On::Dmarc, Value::Name("pass".to_owned())));
    }
    let after = |name: &str| {
        let rest = &plain[plain.find(name)? + name.len()..];
        let domain: String = rest.chars().take_while(|c| c.is_alphanumeric() || ".-@_".contains(*c)).collect();
        let domain = domain.rsplit('@').next().unwrap_or_default().trim_matches('.').to_owned();
        domain.contains('.').then_some(domain)
    };
    let domain = match () {
        () if holds("dkim=pass") => after("header.d="),
        () if holds("spf=pass") => after("smtp.mailfrom="),
        () => None,
    };
    Some(Term::one(On::SignedBy, Value::Domain(domain?)))
}

/// A rule as it would be after a step that states only what it alters.
pub(super) fn merged(current: &Setting, step: &Setting) -> Setting {
    let mut rule = current.clone();
    for property in &step.properties {
        let name = folded(&property.name);
        rule.properties.retain(|known| folded(&known.name) != name);
        rule.conditions.retain(|known| folded(&known.name) != name);
        rule.exceptions.retain(|known| folded(&known.name) != name);
        if name == "expirydate" && property.values.iter().all(|value| value.trim().is_empty()) {
            rule.expires = None;
        }
        rule.properties.push(property.clone());
    }
    let renew = |known: &mut Vec<Condition>, stated: &[Condition]| {
        known.retain(|known| condition(stated, &known.name).is_none());
        known.extend(stated.iter().filter(|one| !one.values.is_empty()).cloned());
    };
    renew(&mut rule.conditions, &step.conditions);
    renew(&mut rule.exceptions, &step.exceptions);
    rule.expires = step.expires.clone().or(rule.expires);
    rule.priority = step.priority.or(rule.priority);
    if step.effect != Effect::NotSaid {
        rule.effect = step.effect;
    }
    match property(step, "Mode").map(folded).as_deref() {
        Some("enforce") if rule.effect == Effect::ReportOnly => rule.effect = Effect::Acts,
        Some("audit" | "auditandnotify") if rule.effect == Effect::Acts => rule.effect = Effect::ReportOnly,
        _ => {}
    }
    rule
}

/// Whether a rule leaves a mark by which its doing can be found again.
pub(super) fn leaves_a_mark(rule: &Setting) -> bool {
    values(rule, "SetHeaderName").next().is_some() && property(rule, "SetHeaderValue").is_some()
}

/// The marks that a rule puts on mail: a header field, or the beginning of a subject.
pub(super) fn stamps(step: &Step, rule: &Setting) -> Vec<Stamp> {
    let gone = matches!(step.kind, evidence::ChangeKind::Removed | evidence::ChangeKind::Disabled);
    if gone || rule.effect == Effect::Off {
        return Vec::new();
    }
    let stamp = |on: On, value: Value| Stamp { name: rule.name.clone(), on, value, scope: scope(step, rule) };
    let header = property(rule, "SetHeaderName").zip(property(rule, "SetHeaderValue")).map(|(name, said)| {
        let name = name.trim().trim_end_matches(':');
        let proved = name.eq_ignore_ascii_case("Authentication-Results").then(|| proof(said, false)).flatten();
        match proved {
            Some(Term { on, values }) => stamp(on, values.into_iter().next().unwrap_or(Value::Any)),
            None => stamp(On::Header(name.to_owned()), Value::Name(said.to_owned())),
        }
    });
    let subject = property(rule, "PrependSubject").map(|text| stamp(On::Subject, Value::Name(text.to_owned())));
    header.into_iter().chain(subject).collect()
}

/// Whether a rule does no more than to tell the filter to stand aside.
pub(super) fn only_stands_aside(rule: &Setting) -> bool {
    treatment(rule) == Treatment::StandsAside && SENDS_ELSEWHERE.iter().all(|name| !is_set(rule, name))
}

/// Properties that the grants of a setting tell, in lower case without signs: whom it is for, and until when.
pub(super) const TOLD: &[&str] = &[
    "expirydate",
    "activationdate",
    "expirationdate",
    "removeafter",
    "identity",
    "guid",
    "priority",
    "state",
    "mode",
    "enabled",
    "senderaddresslocation",
    "value",
    "entries",
    "listtype",
    "action",
    "immutableid",
    "distinguishedname",
    "isvalid",
    "confirm",
    "noexpiration",
];
