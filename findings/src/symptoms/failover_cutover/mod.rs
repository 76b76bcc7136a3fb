//! A failover or backup path tests clean, but the live cutover fails.
//!
//! The sign is a test that went well ([`tested`]), and live mail that fails from its first use of the new way ([`live`]), after it was
//! moved there ([`cutover`]). A way that carried live mail for long and fails now is no cutover: then a dependency is down, or a
//! function was switched off. What explains it is the mark in which the test and live mail differ ([`causes`]): the server itself, the
//! connector, encryption, sender, recipients, or where they come from. Whether there is something good to go back to is told
//! beside it ([`restore`]).

mod causes;
mod cutover;
mod live;
mod restore;
mod tested;

use std::collections::BTreeSet;

use evidence::{Cite, Layer};
use jiff::Timestamp;
use lake::Fared;

use super::altered::{self, Altered, minute};
use super::picture::{BeforeAfter, Compared, Weight};
use super::refusal::Refusal;
use super::{Apart, Picture, Sign, Survey, Symptom};
use crate::Standing;
use causes::{Field, Relation, Scene, Why};
use cutover::{Cutover, Sort as CutoverSort};
use live::{Failing, Live};
use tested::{Sort, Tested};

/// The rule.
pub struct Rule;

/// So many signs are told; more of them share their cause.
const MAX_SIGNS: usize = 3;
/// So many groups are looked at: beyond, the traffic fails in many ways, and no cutover explains it.
const MAX_GROUPS: usize = 48;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "failover-cutover"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let tests = tested::all(survey);
        let altered = altered::all(survey);
        let live = Live::of(survey, &tests);
        let mut told: Vec<(Sign, Timestamp)> = Vec::new();
        let mut causes: BTreeSet<Option<&'static str>> = BTreeSet::new();
        for group in live.failing().iter().take(MAX_GROUPS) {
            let Some((sign, cut)) = sign(survey, &live, group, &tests, &altered) else { continue };
            // One cause is told once, by the mail that failed first.
            if causes.insert(sign.specific) {
                told.push((sign, cut));
            }
        }
        told.sort_by_key(|(sign, _)| sign.standing);
        // What is not shown adds nothing to what is.
        if told.first().is_some_and(|(sign, _)| sign.standing != Standing::NotShown) {
            told.retain(|(sign, _)| sign.standing != Standing::NotShown);
        }
        told.truncate(MAX_SIGNS);
        let restore = told.first().and_then(|(sign, cut)| restore::sign(survey, *cut, sign.standing));
        told.into_iter().map(|(sign, _)| sign).chain(restore).collect()
    }
}

/// Whether one of the recipients of mail that fails got mail before.
fn were_accepted(survey: &Survey<'_>, group: &Failing) -> bool {
    survey.courses().iter().take_while(|course| course.at < group.first).any(|course| {
        course.fared == Fared::Through && group.recipients.contains(survey.text(course.envelope_recipient))
    })
}

/// The sign of one group, and the instant of the cutover.
fn sign(
    survey: &Survey<'_>,
    live: &Live<'_>,
    group: &Failing,
    tests: &[Tested],
    altered: &[Altered],
) -> Option<(Sign, Timestamp)> {
    let former = live.former(group);
    let pilot = former.as_ref().and_then(|former| live.pilot(group, former));
    let is_before = |test: &&Tested| test.at.is_none_or(|at| at <= group.first);
    let candidates = tests.iter().filter(is_before).chain(&pilot);
    let mut best: Option<(Relation, &Tested, Why, Vec<Cutover>)> = None;
    for test in candidates {
        let Some(relation) = causes::relation(survey, live, test, group) else { continue };
        let cutovers = cutover::before(survey, live, group, Some(test), altered, former.as_ref());
        let scene = Scene { survey, live, group, test, cutovers: &cutovers, former: former.as_ref() };
        let Some(why) = causes::why(&scene, relation) else { continue };
        let rank = |relation: Relation, test: &Tested, why: &Why| {
            (why.standing, relation == Relation::Other, test.sort == Sort::Pilot, test.at.is_none())
        };
        let is_better = best
            .as_ref()
            .is_none_or(|(known, other, reason, _)| rank(relation, test, &why) < rank(*known, other, reason));
        if is_better {
            best = Some((relation, test, why, cutovers));
        }
    }
    let Some((relation, test, why, cutovers)) = best else {
        return untested(survey, live, group, tests, altered, former.as_ref());
    };
    if why.specific == Some("recipients-not-accepted-there") && group.through > 0 && !were_accepted(survey, group) {
        // Others get through there, and these never got mail: they are unknown anywhere.
        return None;
    }
    // Without a record that mail was moved, or of when the test was, room is left for another reading.
    let moved = cutovers.first();
    let standing = match why.standing {
        Standing::Proved if moved.is_none() || test.at.is_none() => Standing::Likely,
        standing => standing,
    };
    let lines = survey.lines();
    let own: Vec<Cite> =
        group.lines.iter().filter_map(|line| lines.get(*line as usize)).map(|line| survey.cite(line)).collect();
    let reply = reply(survey, group);
    let tested_at = test.at.map(|at| format!(" at {}", minute(at))).unwrap_or_default();
    let after = moved.map(|one| format!("; {}", one.told)).unwrap_or_default();
    let went = if group.through == 0 { String::new() } else { format!(", {} went through since", group.through) };
    let statement = format!(
        "{} went well{tested_at}{after}; from {} live mail at {} failed with {reply} ({} {}{went}): {}",
        capital(&test.how),
        minute(group.first),
        live.words(group.way),
        group.copies,
        if group.copies == 1 { "copy" } else { "copies" },
        why.because
    );
    let mut cites: Vec<Cite> = own.iter().take(3).cloned().collect();
    cites.extend(test.cites.iter().cloned());
    cites.extend(why.cites.iter().cloned());
    cites.extend(cutovers.iter().take(2).flat_map(|one| one.cites.iter().take(2).cloned()));
    once(&mut cites);
    let apart = apart(&why, relation, test, group, &own);
    let picture = picture(survey, live, group, test, &why, &own, relation);
    let cut = cut(&cutovers, group);
    let sign = Sign {
        specific: why.specific,
        standing,
        layer: layer(group),
        envelope_recipient: None,
        statement,
        cites,
        ask_for: why.ask_for,
        apart,
        picture: Some(picture),
    };
    Some((sign, cut))
}

/// Mail was moved by a record's own word and fails since; whether the new way was tested is not shown.
fn untested(
    survey: &Survey<'_>,
    live: &Live<'_>,
    group: &Failing,
    tests: &[Tested],
    altered: &[Altered],
    former: Option<&live::Former>,
) -> Option<(Sign, Timestamp)> {
    // Another message that went through on the new way shows that it works.
    if group.before > 0
        || group.through > group.copies
        || tests.iter().any(|test| test.at.is_none_or(|at| at <= group.first))
    {
        return None;
    }
    let former = former?;
    let cutovers = cutover::before(survey, live, group, None, altered, Some(former));
    let moved = cutovers.iter().find(|one| matches!(one.sort, CutoverSort::Change | CutoverSort::Dns))?;
    let lines = survey.lines();
    let mut cites: Vec<Cite> =
        group.lines.iter().take(3).filter_map(|line| lines.get(*line as usize)).map(|line| survey.cite(line)).collect();
    cites.extend(moved.cites.iter().take(2).cloned());
    once(&mut cites);
    let statement = format!(
        "Live mail went to {} until {} ({} copies) and from {} fails at {} with {}; {}; whether the new way was tested, and how, is not shown",
        live.words(former.way),
        minute(former.last),
        former.copies,
        minute(group.first),
        live.words(group.way),
        reply(survey, group),
        moved.told
    );
    let connectors = "exchange-online/connectors";
    let mut ask_for = vec!["probe/result"];
    if !survey.has(connectors) && live.speaker(group.way).starts_with("exchange-online") {
        ask_for.push(connectors);
    }
    let sign = Sign {
        specific: None,
        standing: Standing::NotShown,
        layer: layer(group),
        envelope_recipient: None,
        statement,
        cites,
        ask_for,
        apart: Vec::new(),
        picture: None,
    };
    Some((sign, cut(&cutovers, group)))
}

/// When mail was moved, as far as records say: what was exported before that is a backup.
fn cut(cutovers: &[Cutover], group: &Failing) -> Timestamp {
    let told = cutovers.iter().filter(|one| one.sort != CutoverSort::Lines).filter_map(|one| one.at);
    told.chain([group.first]).min().unwrap_or(group.first)
}

fn layer(group: &Failing) -> Layer {
    match (group.refusal, group.way.peer) {
        (Refusal::Authentication, _) => Layer::Authentication,
        (_, None) => Layer::Arrival,
        _ => Layer::Delivery,
    }
}

/// What the server answered, in short.
fn reply(survey: &Survey<'_>, group: &Failing) -> String {
    let line = group.lines.first().and_then(|line| survey.lines().get(*line as usize));
    let Some(line) = line else { return "a refusal".to_owned() };
    let said = survey.text(line.said);
    let end = said.char_indices().nth(REPLY_CHARS).map_or(said.len(), |(at, _)| at);
    match (said, survey.text(line.enhanced_status_code)) {
        ("", "") => "a refusal".to_owned(),
        ("", code) => code.to_owned(),
        _ => format!("`{}`", said.get(..end).unwrap_or(said)),
    }
}

/// So much of a reply is repeated.
const REPLY_CHARS: usize = 110;

/// How the other causes stand.
fn apart(why: &Why, relation: Relation, test: &Tested, group: &Failing, own: &[Cite]) -> Vec<Apart> {
    let mut found: Vec<Apart> = Vec::new();
    let mut say = |specific: &'static str, standing, because: String, cites: Vec<Cite>| {
        if why.specific != Some(specific) {
            found.push(Apart { specific, standing, because, cites });
        }
    };
    let line: Vec<Cite> = own.iter().take(1).cloned().collect();
    if relation == Relation::Same {
        say(
            "dns-or-mx-points-elsewhere",
            Standing::Refuted,
            "live mail reached the server that was tested".to_owned(),
            line.clone(),
        );
    }
    let names_other = matches!(group.refusal, Refusal::Recipient | Refusal::DirectSend | Refusal::Relay);
    if names_other {
        let because = "the server answered after the session was set up, and its words name another reason".to_owned();
        say("certificate-or-tls-name-differs", Standing::Refuted, because, line.clone());
    } else if why.field != Field::Encryption {
        let because = "what certificate was shown on the live way is in no record".to_owned();
        say("certificate-or-tls-name-differs", Standing::NotShown, because, Vec::new());
    }
    let shares = !live::domains(&test.senders).is_disjoint(&live::domains(&group.senders));
    if shares {
        let because = "the test sent as the same domain as live mail".to_owned();
        say("envelope-sender-differs", Standing::Refuted, because, test.cites.iter().take(1).cloned().collect());
    } else if test.senders.is_empty() {
        let because = "as whom the test sent is in no record".to_owned();
        say("envelope-sender-differs", Standing::NotShown, because, Vec::new());
    }
    if !matches!(group.refusal, Refusal::Recipient | Refusal::Relay | Refusal::NoAnswer) {
        let because = "the refusal is not about the recipient".to_owned();
        say("recipients-not-accepted-there", Standing::Refuted, because, line);
    }
    found
}

/// The tested way beside the live one, field by field.
fn picture(
    survey: &Survey<'_>,
    live: &Live<'_>,
    group: &Failing,
    test: &Tested,
    why: &Why,
    own: &[Cite],
    relation: Relation,
) -> Picture {
    let some = |set: &BTreeSet<String>| {
        let mut shown: Vec<&str> = set.iter().take(3).map(String::as_str).collect();
        if set.len() > 3 {
            shown.push("...");
        }
        (!shown.is_empty()).then(|| shown.join(", "))
    };
    let text = |said: &str| (!said.is_empty()).then(|| said.to_owned());
    let mut rows: Vec<Compared> = Vec::new();
    let cites: Vec<Cite> = test.cites.iter().take(1).chain(own.first()).cloned().collect();
    let mut row = |field: &str, which: Field, before: Option<String>, after: Option<String>| {
        if before.is_none() && after.is_none() {
            return;
        }
        let weight = match (&before, &after) {
            _ if which == why.field && which != Field::Unknown => Weight::Decides,
            (Some(one), Some(other)) if one == other => Weight::Same,
            (Some(_), Some(_)) => Weight::Differs,
            _ => Weight::Unknown,
        };
        rows.push(Compared { field: field.to_owned(), before, after, weight, cites: cites.clone() });
    };
    let is_door = group.way.peer.is_none();
    let peer = if is_door { text(live.speaker(group.way)) } else { some(&group.hosts) };
    let asked = match relation {
        Relation::Same if is_door => some(&test.hosts),
        Relation::Same => some(&test.hosts.iter().filter(|one| group.hosts.contains(*one)).cloned().collect()),
        Relation::Other => None,
    };
    row("server", Field::Server, asked.or_else(|| some(&test.hosts)), peer);
    row("connector", Field::Connector, test.connector.clone(), text(survey.text(group.connector)));
    let is_tls = group.refusal == Refusal::Tls;
    let live_tls = is_tls.then(|| reply(survey, group));
    row("encryption", Field::Encryption, test.tls.clone(), live_tls);
    row(
        "source",
        Field::Source,
        test.from.clone(),
        if is_door { some(&group.hosts) } else { text(live.speaker(group.way)) },
    );
    row("envelope sender", Field::Sender, some(&test.senders), some(&group.senders));
    row("recipients", Field::Recipients, some(&test.recipients), some(&group.recipients));
    row("answer", Field::Unknown, Some("accepted".to_owned()), Some(reply(survey, group)));
    row(
        "when",
        Field::Unknown,
        test.at.map(minute),
        Some(format!("{} to {}", minute(group.first), minute(group.last))),
    );
    Picture::BeforeAfter(BeforeAfter { before: "tested path".to_owned(), after: "live path".to_owned(), rows })
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Keeps the first of equal cites, and a dozen.
fn once(cites: &mut Vec<Cite>) {
    let mut seen: BTreeSet<(String, u64)> = BTreeSet::new();
    cites.retain(|cite| seen.insert((cite.file.to_string(), cite.bytes.start)));
    cites.truncate(12);
}
