//! Mail: authentication passed by our own system's word, and something else stops the copy; or a client that signed in may not send
//! in that name.

use std::collections::BTreeMap;

use evidence::{AuthMethod, AuthResult, Cite, Fact, Layer, Outcome, SettingClass, SourceId};
use lake::{Line, Name, What};
use layers::{Explained, Fate};
use trace::Event;

use super::denials::{self, NOT_OWNER, POLICY, RECIPIENT};
use super::{once, short, utc};
use crate::symptoms::picture::{EventStrip, Lane, Mark, MarkTone, Picture};
use crate::symptoms::{Apart, Sign, Survey};
use crate::{Claim, Standing, causes};

const TRACE_DETAIL: SourceId = "exchange-online/message-trace-detail";

/// What stopped the followed message although it is authenticated, and who may not send in a name.
pub(super) fn find(survey: &Survey<'_>) -> Vec<Sign> {
    let mut found = of_followed(survey);
    if found.iter().all(|sign| sign.specific != Some(NOT_OWNER)) {
        found.extend(of_senders(survey));
    }
    found
}

/// The passes that prove who sent the message, and whether anything speaks against them.
fn passes<'t>(copies: &[Explained<'t>]) -> Option<Vec<&'t Event>> {
    let stated: Vec<&Event> =
        copies.iter().flat_map(|copy| &copy.stays).flat_map(|stay| stay.authentications.iter().copied()).collect();
    let is = |event: &Event, method: AuthMethod| matches!(event.fact(), Fact::Authentication(one) if one.method == method && one.arc_instance.is_none());
    let result = |event: &Event| match event.fact() {
        Fact::Authentication(one) => Some(one.result.clone()),
        _ => None,
    };
    let of = |method: AuthMethod| stated.iter().copied().filter(move |event| is(event, method));
    let whole = || of(AuthMethod::Dmarc).chain(of(AuthMethod::CompAuth));
    // What one of our systems saw fail is not proved, whatever another one says.
    let failed =
        |event: &Event| matches!(result(event), Some(AuthResult::Fail | AuthResult::TempError | AuthResult::PermError));
    if whole().any(failed) {
        return None;
    }
    let passed: Vec<&Event> = whole().filter(|event| result(event) == Some(AuthResult::Pass)).collect();
    if !passed.is_empty() {
        return Some(passed);
    }
    // Nobody said it of the whole: then SPF and DKIM have to pass for the author's own domain, both.
    let authors: Vec<&str> = copies.iter().flat_map(authors).collect();
    let aligned = |method: AuthMethod| {
        of(method).find(|event| {
            let domain = match event.fact() {
                Fact::Authentication(one) => one.domain.as_deref(),
                _ => None,
            };
            let is_own = domain
                .is_some_and(|domain| !authors.is_empty() && authors.iter().all(|author| belongs(domain, author)));
            is_own && result(event) == Some(AuthResult::Pass)
        })
    };
    Some(vec![aligned(AuthMethod::Spf)?, aligned(AuthMethod::Dkim)?])
}

/// The domains of the From addresses that records name.
fn authors<'t>(copy: &Explained<'t>) -> impl Iterator<Item = &'t str> {
    let at_stations = copy.copy.stations.iter().flat_map(|station| &station.events);
    at_stations.chain(&copy.copy.beside).filter_map(|event| match event.fact() {
        Fact::Identity(identity) => identity.header_from.as_ref().and_then(|address| address.domain()),
        _ => None,
    })
}

/// Whether a domain is another one or lies in it (relaxed alignment, RFC 7489, 3.1).
fn belongs(domain: &str, author: &str) -> bool {
    let (domain, author) = (domain.to_lowercase(), author.to_lowercase());
    domain == author || author.ends_with(&format!(".{domain}")) || domain.ends_with(&format!(".{author}"))
}

fn of_followed(survey: &Survey<'_>) -> Vec<Sign> {
    let Some(followed) = survey.followed else { return Vec::new() };
    let copies = followed.scene.copies;
    let passed = passes(copies);
    let mut found: Vec<Sign> = Vec::new();
    let mut more = 0_u32;
    for copy in copies {
        let is_stopped = matches!(
            copy.fate,
            Fate::Junked | Fate::Discarded | Fate::Quarantined | Fate::ReleasePending | Fate::Rejected | Fate::Bounced
        );
        if !is_stopped {
            continue;
        }
        let claims = causes::of(copy, followed.scene);
        let claim = claims.iter().find(|claim| claim.standing != Standing::Refuted);
        let Some(sign) = of_copy(survey, copy, claim, passed.as_deref()) else { continue };
        // Copies that the same thing stopped are one finding.
        match found.iter_mut().find(|known| known.specific == sign.specific && known.standing == sign.standing) {
            Some(known) => {
                known.cites = once(std::mem::take(&mut known.cites).into_iter().chain(sign.cites));
                known.envelope_recipient = None;
                more += 1;
            }
            None => found.push(sign),
        }
    }
    if let Some(first) = found.first_mut().filter(|_| more > 0) {
        first.statement = format!("{} The same holds for {more} further copies.", first.statement);
    }
    found
}

fn of_copy(
    survey: &Survey<'_>,
    copy: &Explained<'_>,
    claim: Option<&Claim>,
    passed: Option<&[&Event]>,
) -> Option<Sign> {
    let claim_id = claim.map_or("", |claim| claim.id.as_str());
    let specific = match claim_id {
        "policy-scope-or-order/recipient-restriction" => RECIPIENT,
        "policy-scope-or-order/send-as-denied" => NOT_OWNER,
        // A filter that doubts the sender says that authentication is not enough, or failed.
        "content-verdict/spoof" => return None,
        id if id.starts_with("policy-scope-or-order/") || id.starts_with("content-verdict/") => POLICY,
        "" => return not_told(copy, passed?),
        _ => return None,
    };
    let claim = claim?;
    let cites_of = |events: &[&Event]| layers::cites(events.iter().copied()).into_iter().take(3).collect::<Vec<Cite>>();
    let (proof, mut cites) = match (specific, passed) {
        // The refusal names who signed in.
        (NOT_OWNER, _)
            if denials::is_of_the_owner(&claim.statement)
                || claim.cites.iter().any(|cite| denials::is_of_the_owner(&cite.said)) =>
        {
            ("The client had signed in".to_owned(), Vec::new())
        }
        (NOT_OWNER, _) => return None,
        (_, Some(passed)) => (format!("Authentication passed ({})", said(passed)), cites_of(passed)),
        (_, None) => return None,
    };
    cites.extend(claim.cites.iter().cloned());
    let settings = restriction(survey, copy).filter(|_| specific == RECIPIENT);
    cites.extend(settings.iter().map(|(_, cite)| cite.clone()));
    let settings = settings.map(|(said, _)| format!(" ({said})")).unwrap_or_default();
    let recipient = copy.copy.envelope_recipient.clone();
    let what = match specific {
        RECIPIENT => "a restriction of who may send there",
        NOT_OWNER => "the right to send in that name that is missing",
        _ => "a rule, list or verdict that acts on authenticated mail too",
    };
    let statement = format!(
        "{proof}, and the copy for {recipient} was stopped all the same by {what}: {}{settings}. Authentication says who sent it, not that it is let in.",
        short(&claim.statement),
    );
    Some(Sign {
        specific: Some(specific),
        standing: claim.standing,
        layer: claim.layer,
        envelope_recipient: Some(recipient).filter(|address| !address.is_null()),
        statement,
        ask_for: claim.ask_for.clone(),
        apart: apart(specific, claim),
        picture: Some(strip(passed.unwrap_or_default(), claim, copy)),
        cites: once(cites),
    })
}

/// Authentication passed and the copy was stopped, and no record says by what.
fn not_told(copy: &Explained<'_>, passed: &[&Event]) -> Option<Sign> {
    let recipient = copy.copy.envelope_recipient.clone();
    let mut cites: Vec<Cite> = layers::cites(passed.iter().copied()).into_iter().take(3).collect();
    let stopped =
        copy.stages.iter().find(|stage| matches!(stage.state, layers::State::Stopped | layers::State::Changed));
    cites.extend(stopped.iter().flat_map(|stage| stage.cites.iter().cloned()));
    let mut ask_for: Vec<SourceId> = copy.stages.iter().flat_map(|stage| stage.ask_for.iter().copied()).collect();
    let mut seen = std::collections::BTreeSet::new();
    ask_for.retain(|id| seen.insert(*id));
    ask_for.truncate(3);
    if ask_for.is_empty() {
        ask_for.push(TRACE_DETAIL);
    }
    // Only a copy that a record of its own shows as stopped.
    stopped?;
    Some(Sign {
        specific: None,
        standing: Standing::NotShown,
        layer: stopped.map_or(Layer::Delivery, |stage| stage.layer),
        envelope_recipient: Some(recipient.clone()).filter(|address| !address.is_null()),
        statement: format!(
            "Authentication passed ({}), and the copy for {recipient} was stopped all the same; no supplied record says by what.",
            said(passed)
        ),
        cites: once(cites),
        ask_for,
        apart: Vec::new(),
        picture: None,
    })
}

/// The results as written: `dmarc=pass, compauth=pass`.
fn said(passed: &[&Event]) -> String {
    let mut methods: Vec<&str> = passed
        .iter()
        .filter_map(|event| match event.fact() {
            Fact::Authentication(one) => Some(one.method.id()),
            _ => None,
        })
        .collect();
    methods.sort_unstable();
    methods.dedup();
    methods.iter().map(|method| format!("{method}=pass")).collect::<Vec<String>>().join(", ")
}

/// The setting of the group or mailbox that restricts who may send there.
fn restriction(survey: &Survey<'_>, copy: &Explained<'_>) -> Option<(String, Cite)> {
    let recipient = &copy.copy.envelope_recipient;
    let settings = survey.settings();
    let own = settings.iter().filter(|setting| {
        let is_kind = matches!(setting.fact.class, SettingClass::Group | SettingClass::Mailbox);
        is_kind && setting.fact.mailbox.as_ref().is_some_and(|mailbox| mailbox == recipient)
    });
    own.filter_map(|setting| {
        let property = setting.fact.properties.iter().find(|property| {
            let name = property.name.to_lowercase();
            let is_on = property.values.iter().any(|value| value.eq_ignore_ascii_case("true"));
            (name == "requiresenderauthenticationenabled" && is_on)
                || (name.starts_with("acceptmessagesonlyfrom") && !property.values.is_empty())
                || (name.starts_with("rejectmessagesfrom") && !property.values.is_empty())
        })?;
        Some((format!("{}: {}", property.name, short(&property.values.join(", "))), setting.cite()))
    })
    .next()
}

fn apart(specific: &'static str, claim: &Claim) -> Vec<Apart> {
    let others = [RECIPIENT, POLICY, NOT_OWNER].into_iter().filter(|other| *other != specific);
    others
        .map(|other| Apart {
            specific: other,
            standing: Standing::Refuted,
            because: format!("The record that stopped it names another reason ({}).", claim.id),
            cites: claim.cites.iter().take(1).cloned().collect(),
        })
        .collect()
}

fn strip(passed: &[&Event], claim: &Claim, copy: &Explained<'_>) -> Picture {
    let stops = copy.stays.iter().flat_map(|stay| &stay.station.events);
    let stopped_at =
        stops.filter(|event| claim.cites.iter().any(|cite| cite.order() == event.observation.cite.order()));
    let stopped_at = stopped_at.filter_map(Event::at).max();
    let at = |event: &Event| event.at().or(stopped_at);
    let good = passed.iter().filter_map(|event| {
        let label = match event.fact() {
            Fact::Authentication(one) => format!("{}=pass", one.method.id()),
            _ => return None,
        };
        Some(Mark { at: at(event)?, tone: MarkTone::Good, label, cites: layers::cites([*event]) })
    });
    let mut lanes = vec![Lane { label: "authentication".to_owned(), marks: good.take(4).collect() }];
    let bad = stopped_at.map(|at| Mark {
        at,
        tone: MarkTone::Bad,
        label: claim.id.clone(),
        cites: claim.cites.iter().take(2).cloned().collect(),
    });
    lanes.push(Lane { label: "what stopped it".to_owned(), marks: bad.into_iter().collect() });
    lanes.retain(|lane| !lane.marks.is_empty());
    Picture::EventStrip(EventStrip { lanes })
}

/// Refusals at the door of clients that signed in, and may not send in the name they use: one finding a sender.
fn of_senders(survey: &Survey<'_>) -> Vec<Sign> {
    let is_refusal = |line: &&Line| {
        matches!(
            line.what,
            What::Arrival(Outcome::Refused | Outcome::Deferred) | What::Handover(Outcome::Refused, _) | What::Dsn(_)
        )
    };
    let mut by_sender: BTreeMap<Option<Name>, Vec<&Line>> = BTreeMap::new();
    let mut known: BTreeMap<Name, bool> = BTreeMap::new();
    for line in survey.lines().iter().filter(is_refusal) {
        let Some(said) = line.said else { continue };
        if *known.entry(said).or_insert_with(|| denials::is_of_the_owner(survey.text(Some(said)))) {
            by_sender.entry(line.envelope_sender.or(line.header_from)).or_default().push(line);
        }
    }
    // When a machine last sent in a name.
    let mut sent: BTreeMap<(Option<Name>, Name), jiff::Timestamp> = BTreeMap::new();
    for line in survey.lines() {
        let sender = line.envelope_sender.or(line.header_from);
        if let (What::Arrival(Outcome::Accepted), Some(ip), Some(at)) = (&line.what, line.peer_ip, line.at)
            && by_sender.contains_key(&sender)
        {
            sent.insert((sender, ip), at);
        }
    }
    let mut signs: Vec<(String, Sign)> = Vec::new();
    for (sender, lines) in by_sender {
        let Some(last) = lines.iter().max_by_key(|line| line.at).copied() else { continue };
        let name = survey.text(sender);
        // Sent in that name later by the same machine: mended.
        let is_mended = last.peer_ip.and_then(|ip| sent.get(&(sender, ip))).is_some_and(|at| Some(*at) > last.at);
        if is_mended {
            continue;
        }
        let client = survey.text(last.peer);
        let statement = format!(
            "A client that had signed in{} was refused in the name of {name} {}, last at {}: `{}`. The account was accepted: a new password would not help.",
            if client.is_empty() { String::new() } else { format!(" ({client})") },
            match lines.len() {
                1 => "once".to_owned(),
                count => format!("{count} times"),
            },
            last.at.map(utc).unwrap_or_default(),
            short(survey.text(last.said)),
        );
        let sign = Sign {
            specific: Some(NOT_OWNER),
            standing: Standing::Proved,
            layer: Layer::Arrival,
            envelope_recipient: None,
            statement,
            cites: once(lines.iter().rev().take(4).map(|line| survey.cite(line))),
            ask_for: Vec::new(),
            apart: Vec::new(),
            picture: None,
        };
        signs.push((name.to_owned(), sign));
    }
    signs.sort_by(|a, b| a.0.cmp(&b.0));
    signs.into_iter().map(|(_, sign)| sign).collect()
}
