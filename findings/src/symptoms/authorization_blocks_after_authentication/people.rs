//! People and programs: the attempt that was accepted, and the denial that follows it.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{Cite, Done, JobStage, Layer, Property, SignIn, SignInKind, SignInOutcome, SourceId};
use jiff::{SignedDuration, Timestamp};
use lake::What;

use super::denials::{self, CAUSES, NOT_ASSIGNED, ROLE_MISSING, SECOND_RESOURCE};
use super::{once, short, utc};
use crate::Standing;
use crate::symptoms::picture::{EventStrip, Lane, Mark, MarkTone, Picture};
use crate::symptoms::{Apart, Sign, Stated, Survey};

const SIGN_INS: SourceId = "entra/sign-ins";
const ENTRA_AUDIT: SourceId = "entra/audit-log";
const AUDIT: SourceId = "exchange-online/audit-log";
const MIMECAST_AUDIT: SourceId = "mimecast/audit-events";
const CONDITIONAL_ACCESS: SourceId = "entra/conditional-access";
const QUARANTINE: SourceId = "exchange-online/quarantine";

/// An accepted sign-in tells of a denial that comes this long after it at most: tokens live about an hour, sessions a day.
const SESSION: SignedDuration = SignedDuration::from_hours(24);
/// Two resources are asked for in one go within this time.
const ONE_GO: SignedDuration = SignedDuration::from_hours(1);
/// Clocks of two systems differ by this much.
const SKEW: SignedDuration = SignedDuration::from_secs(120);
/// How many attempts before a denial are looked at.
const ATTEMPTS_MAX: usize = 2_000;
/// How many findings of this sort one report holds.
const SIGNS_MAX: usize = 6;

/// A denial of one account.
struct Denial<'a> {
    cause: &'static str,
    /// The account.
    who: String,
    /// What was refused: an application, a resource, a deed.
    what: String,
    at: Timestamp,
    /// The record's own words.
    said: String,
    cite: Cite,
    sign_in: Option<&'a SignIn>,
    /// The accepted sign-in before it.
    accepted: Option<Accepted>,
}

/// The sign-in that was accepted.
#[derive(Clone)]
struct Accepted {
    at: Timestamp,
    said: String,
    cite: Cite,
}

type Attempt<'a> = Stated<'a, SignIn>;

/// What was denied after an accepted sign-in, one finding a cause and thing.
pub(super) fn find(survey: &Survey<'_>) -> Vec<Sign> {
    let sign_ins = survey.sign_ins();
    let mut by_who: BTreeMap<String, Vec<&Attempt<'_>>> = BTreeMap::new();
    for one in &sign_ins {
        if let Some(who) = one.fact.who.as_deref().filter(|_| one.at().is_some()) {
            by_who.entry(local_part(who)).or_default().push(one);
        }
    }
    let mut denied: Vec<Denial<'_>> = by_who.values().flat_map(|attempts| of_attempts(attempts)).collect();
    denied.extend(of_deeds(survey, &by_who));
    denied.extend(of_releases(survey, &by_who));
    let mut groups: BTreeMap<(usize, String), Vec<Denial<'_>>> = BTreeMap::new();
    for one in denied {
        let place = CAUSES.iter().position(|cause| *cause == one.cause).unwrap_or(CAUSES.len());
        groups.entry((place, one.what.to_lowercase())).or_default().push(one);
    }
    let mut groups: Vec<Vec<Denial<'_>>> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.iter().filter(|one| one.accepted.is_some()).count()));
    groups.truncate(SIGNS_MAX);
    groups.iter().filter_map(|group| sign(survey, group, &by_who)).collect()
}

/// The account's own name: `ann` in `EXAMPLE\ann` and `ann@example.com`.
fn local_part(who: &str) -> String {
    let who = who.rsplit('\\').next().unwrap_or(who);
    who.split('@').next().unwrap_or(who).to_lowercase()
}

fn same(a: Option<&str>, b: Option<&str>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b))
}

/// What an attempt asked for.
fn target(sign_in: &SignIn) -> (Option<&str>, Option<&str>) {
    (sign_in.application.as_deref(), sign_in.resource.as_deref())
}

/// The same for two attempts at the same thing.
fn key_of(sign_in: &SignIn) -> (Option<String>, Option<String>) {
    let (application, resource) = target(sign_in);
    (application.map(str::to_lowercase), resource.map(str::to_lowercase))
}

fn same_target(a: &SignIn, b: &SignIn) -> bool {
    a.application.is_some() && key_of(a) == key_of(b)
}

/// The denials among the attempts of one account, by time.
fn of_attempts<'a>(attempts: &[&Attempt<'a>]) -> Vec<Denial<'a>> {
    let mut found = Vec::new();
    let accepted = attempts.iter().filter(|one| one.fact.outcome == SignInOutcome::Succeeded);
    let let_in_last: BTreeMap<_, _> = accepted.filter_map(|one| Some((key_of(one.fact), one.at()?))).collect();
    for (place, one) in attempts.iter().enumerate() {
        let Some(at) = one.at().filter(|_| one.fact.outcome != SignInOutcome::Succeeded) else { continue };
        // A program alone was never authenticated apart from what it asked for.
        if matches!(one.fact.kind, SignInKind::ServicePrincipal | SignInKind::ManagedIdentity) {
            continue;
        }
        let by_code = one.fact.error_code.and_then(denials::by_code);
        let by_reason =
            || one.fact.reason.as_deref().filter(|_| one.fact.error_code.is_none()).and_then(denials::by_words);
        let Some(cause) = by_code.or_else(by_reason) else { continue };
        let before = || {
            let earlier = attempts.iter().take(place).rev().take(ATTEMPTS_MAX);
            earlier.take_while(|other| within(other.at(), at, SESSION))
        };
        let is_accepted = |other: &&&Attempt<'_>| other.fact.outcome == SignInOutcome::Succeeded;
        let accepted = match cause {
            SECOND_RESOURCE => {
                // The first resource, from the same place, in one go; and not the same thing from elsewhere.
                let here = |other: &&&Attempt<'_>| {
                    within(other.at(), at, ONE_GO)
                        && (same(other.fact.session.as_deref(), one.fact.session.as_deref())
                            || (other.fact.from.is_some() && other.fact.from == one.fact.from))
                };
                let let_in: Vec<&&Attempt<'_>> = before().filter(is_accepted).filter(here).collect();
                if let_in.iter().any(|other| same_target(other.fact, one.fact)) {
                    continue;
                }
                match let_in.first() {
                    Some(other) => Some(accept(other)),
                    None => continue,
                }
            }
            _ => before().find(is_accepted).map(|other| accept(other)).or_else(|| within_attempt(one)),
        };
        // What the same account was let into later was mended, or the prompt was answered.
        if let_in_last.get(&key_of(one.fact)).is_some_and(|last| *last > at) {
            continue;
        }
        let (application, resource) = target(one.fact);
        let what = match (cause, resource, application) {
            (SECOND_RESOURCE, Some(resource), Some(application)) => format!("{application} ({resource})"),
            (_, resource, application) => application.or(resource).unwrap_or("an application").to_owned(),
        };
        let code = one.fact.error_code.map(|code| code.to_string());
        let said: Vec<String> = code.into_iter().chain(one.fact.reason.clone()).collect();
        found.push(Denial {
            cause,
            who: one.fact.who.clone().unwrap_or_default(),
            what,
            at,
            said: said.join(", "),
            cite: one.cite(),
            sign_in: Some(one.fact),
            accepted,
        });
    }
    found
}

fn within(earlier: Option<Timestamp>, at: Timestamp, span: SignedDuration) -> bool {
    earlier.is_some_and(|earlier| at.duration_since(earlier) <= span)
}

fn accept(one: &Attempt<'_>) -> Accepted {
    let to = one.fact.application.as_deref().map(|name| format!(" to {name}")).unwrap_or_default();
    let code = one.fact.error_code.map(|code| format!(", code {code}")).unwrap_or_default();
    let policies =
        one.fact.policy_result.as_deref().map(|said| format!(", access policies {said}")).unwrap_or_default();
    Accepted { at: one.at().unwrap_or_default(), said: format!("signed in{to}{code}{policies}"), cite: one.cite() }
}

/// The steps of the denied attempt itself say that the account was proved.
fn within_attempt(one: &Attempt<'_>) -> Option<Accepted> {
    let steps = &one.fact.steps;
    let is_proved = !steps.is_empty()
        && steps
            .iter()
            .all(|step| step.contains(": succeeded") || step.contains("satisfied") || step.contains("completed"));
    is_proved.then(|| Accepted {
        at: one.at().unwrap_or_default(),
        said: format!("was authenticated in the same attempt ({})", short(&steps.join("; "))),
        cite: one.cite(),
    })
}

/// The last accepted sign-in of an account before an instant.
fn accepted_before(by_who: &BTreeMap<String, Vec<&Attempt<'_>>>, who: &str, at: Timestamp) -> Option<Accepted> {
    let attempts = by_who.get(&local_part(who))?;
    let end = attempts.partition_point(|one| one.at().is_some_and(|when| when <= at + SKEW));
    let before = attempts.get(..end)?.iter().rev().take_while(|one| within(one.at(), at, SESSION));
    before.into_iter().find(|one| one.fact.outcome == SignInOutcome::Succeeded).map(|one| accept(one))
}

/// Deeds of a signed-in account that were denied: audited ones, and the words of a script.
fn of_deeds<'a>(survey: &Survey<'a>, by_who: &BTreeMap<String, Vec<&Attempt<'a>>>) -> Vec<Denial<'a>> {
    let mut found = Vec::new();
    let mut done: BTreeMap<(String, String), Timestamp> = BTreeMap::new();
    let mut put = |who: &str, operation: &str, at: Timestamp, said: String, cite: Cite| {
        found.push(Denial {
            cause: ROLE_MISSING,
            who: who.to_owned(),
            what: operation.to_owned(),
            at,
            said,
            cite,
            sign_in: None,
            accepted: accepted_before(by_who, who, at),
        });
    };
    let acts = survey.acts();
    for act in &acts {
        let (Some(who), Some(at)) = (act.fact.by.name.as_deref(), act.at()) else { continue };
        let words = words_of(&act.fact.details, &act.fact.operation);
        match act.fact.done {
            Done::Yes => drop(done.insert((local_part(who), act.fact.operation.clone()), at)),
            Done::No | Done::NotSaid if denials::by_words(&words) == Some(ROLE_MISSING) => {
                put(who, &act.fact.operation, at, said_of(&act.fact.details, &words), act.cite());
            }
            Done::No | Done::NotSaid => {}
        }
    }
    let changes = survey.changes();
    for change in &changes {
        let (Some(who), Some(at)) = (change.fact.by.name.as_deref(), change.at()) else { continue };
        match change.fact.done {
            Done::Yes => drop(done.insert((local_part(who), change.fact.operation.clone()), at)),
            Done::No => {
                let cite = change.cite();
                if denials::by_words(&cite.said) == Some(ROLE_MISSING) {
                    let said = short(&cite.said);
                    put(who, &change.fact.operation, at, said, cite);
                }
            }
            Done::NotSaid => {}
        }
    }
    let jobs = survey.jobs();
    let mut starts: BTreeMap<(&str, Option<&str>), Timestamp> = BTreeMap::new();
    for step in &jobs {
        if let Some(at) = step.at() {
            starts.entry((&step.fact.job, step.fact.run.as_deref())).or_insert(at);
        }
    }
    for step in jobs.iter().filter(|step| step.fact.stage == JobStage::Error) {
        let Some(who) = step.fact.identity.as_deref().filter(|who| !who.starts_with("uid ")) else { continue };
        // A line without an instant is of the run that has one.
        let started = || starts.get(&(step.fact.job.as_str(), step.fact.run.as_deref())).copied();
        let Some(at) = step.at().or_else(started) else { continue };
        let is_denied = denials::by_words(&step.fact.said) == Some(ROLE_MISSING);
        // A path or file that may not be written is the machine's matter.
        if is_denied && !step.fact.said.to_lowercase().contains("path") {
            put(who, &step.fact.job, at, step.fact.said.clone(), step.cite());
        }
    }
    found.retain(|one| {
        let key = (local_part(&one.who), one.what.clone());
        one.accepted.is_some() && done.get(&key).is_none_or(|mended| *mended < one.at)
    });
    found
}

fn words_of(details: &[Property], operation: &str) -> String {
    let values = details.iter().flat_map(|one| one.values.iter().map(String::as_str));
    std::iter::once(operation).chain(values).collect::<Vec<&str>>().join(" ")
}

/// The detail that says it.
fn said_of(details: &[Property], words: &str) -> String {
    let values = details.iter().flat_map(|one| &one.values);
    let telling = values.into_iter().find(|value| denials::by_words(value).is_some());
    short(telling.map_or(words, String::as_str))
}

/// Releases that the signed-in recipient may only ask for.
fn of_releases<'a>(survey: &Survey<'a>, by_who: &BTreeMap<String, Vec<&Attempt<'a>>>) -> Vec<Denial<'a>> {
    let mut may_not: BTreeMap<(lake::Name, Option<lake::Name>), &lake::Line> = BTreeMap::new();
    let mut let_go: BTreeSet<(lake::Name, Option<lake::Name>)> = BTreeSet::new();
    for line in survey.lines() {
        let Some(key) = line.id.map(|id| (id, line.envelope_recipient)) else { continue };
        match &line.what {
            What::Quarantine(evidence::QuarantineState::Held) if may_not_release(survey.text(line.said)) => {
                may_not.entry(key).or_insert(line);
            }
            What::Release(evidence::ReleaseStep::Released) => drop(let_go.insert(key)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let mut asked: BTreeSet<(lake::Name, Option<lake::Name>)> = BTreeSet::new();
    for line in survey.lines() {
        if !matches!(line.what, What::Release(evidence::ReleaseStep::Requested | evidence::ReleaseStep::Denied)) {
            continue;
        }
        let Some(key) = line.id.map(|id| (id, line.envelope_recipient)) else { continue };
        let Some(held) = may_not.get(&key).filter(|_| !let_go.contains(&key) && asked.insert(key)) else { continue };
        let who = match survey.text(line.by) {
            "" => survey.text(line.envelope_recipient),
            by => by,
        };
        let attempts = by_who.get(&local_part(who)).into_iter().flatten();
        let mut accepted = attempts.filter(|one| one.fact.outcome == SignInOutcome::Succeeded && one.at() >= held.at);
        let Some(accepted) = accepted.next().map(|one| accept(one)) else { continue };
        found.push(Denial {
            cause: ROLE_MISSING,
            who: who.to_owned(),
            what: "the release from quarantine".to_owned(),
            at: line.at.unwrap_or(accepted.at),
            said: format!("may only be asked for: {}", survey.text(held.said)),
            cite: survey.cite(held),
            sign_in: None,
            accepted: Some(accepted),
        });
    }
    found
}

/// Whether a row of the quarantine says that its recipient may not let it go.
fn may_not_release(said: &str) -> bool {
    let lower = said.to_lowercase();
    let right = lower.split("permissiontorelease").nth(1).map(|rest| rest.trim_start_matches([' ', ':', '=']));
    right.is_some_and(|right| right.starts_with("false") || right.starts_with("no"))
}

fn sign(survey: &Survey<'_>, group: &[Denial<'_>], by_who: &BTreeMap<String, Vec<&Attempt<'_>>>) -> Option<Sign> {
    let latest = |is_accepted: bool| {
        let some = group.iter().filter(move |one| one.accepted.is_some() == is_accepted);
        some.max_by_key(|one| (one.at, std::cmp::Reverse(one.cite.bytes.start)))
    };
    let last = latest(true).or_else(|| latest(false))?;
    let people: BTreeSet<String> = group.iter().map(|one| local_part(&one.who)).collect();
    let others = match people.len() {
        1 => String::new(),
        count => format!(" The same was denied to {} accounts.", count),
    };
    let policies: Vec<&evidence::AccessPolicy> = last.sign_in.iter().flat_map(|one| &one.policies).collect();
    let stopped: Vec<&str> = policies
        .iter()
        .filter(|policy| policy.result.eq_ignore_ascii_case("failure"))
        .map(|policy| policy.name.as_str())
        .collect();
    let stopped = if stopped.is_empty() {
        String::new()
    } else {
        format!("; stopped by the access policy {}", stopped.join(", "))
    };
    let first = match &last.accepted {
        Some(accepted) => format!("{} {} at {}", last.who, accepted.said, utc(accepted.at)),
        None => format!("{} was past the check of the account", last.who),
    };
    let statement = format!(
        "{first}; {} was then refused at {} ({}){stopped}. The account was accepted: a new password would not help.{others}",
        last.what,
        utc(last.at),
        short(&last.said),
    );
    // Which policy of several stands before it, only their names or the result of all tell.
    let is_told = last.cause != SECOND_RESOURCE
        || !policies.is_empty()
        || last
            .sign_in
            .and_then(|one| one.policy_result.as_deref())
            .is_some_and(|said| said.eq_ignore_ascii_case("failure"));
    let standing = match &last.accepted {
        Some(_) if is_told => Standing::Proved,
        _ => Standing::Likely,
    };
    let cites = once(
        last.accepted
            .iter()
            .map(|accepted| accepted.cite.clone())
            .chain([last.cite.clone()])
            .chain(group.iter().rev().take(4).map(|one| one.cite.clone())),
    );
    let ask_for = match (&standing, last.cause) {
        (Standing::Proved, _) => Vec::new(),
        (_, SECOND_RESOURCE) => vec![SIGN_INS, CONDITIONAL_ACCESS],
        _ => vec![SIGN_INS],
    };
    Some(Sign {
        specific: Some(last.cause),
        standing,
        layer: Layer::Delivery,
        envelope_recipient: None,
        statement,
        cites,
        ask_for,
        apart: apart(survey, last),
        picture: Some(picture(last, by_who)),
    })
}

fn apart(survey: &Survey<'_>, last: &Denial<'_>) -> Vec<Apart> {
    let of = |specific: &'static str, because: &str, cites: Vec<Cite>| {
        let standing = if cites.is_empty() { Standing::NotShown } else { Standing::Refuted };
        Apart { specific, standing, because: because.to_owned(), cites }
    };
    let mut found = Vec::new();
    let not_applied = last
        .sign_in
        .and_then(|one| one.policy_result.as_deref())
        .is_some_and(|said| !said.eq_ignore_ascii_case("failure"));
    if last.cause != SECOND_RESOURCE {
        found.push(match not_applied {
            true => {
                of(SECOND_RESOURCE, "The access policies did not stop the refused attempt.", vec![last.cite.clone()])
            }
            false => {
                of(SECOND_RESOURCE, "No refused sign-in of this account at another resource is there.", Vec::new())
            }
        });
    }
    if last.cause != NOT_ASSIGNED {
        found.push(match last.sign_in {
            Some(_) => of(
                NOT_ASSIGNED,
                "The refused attempt bears another code than a missing assignment or consent.",
                vec![last.cite.clone()],
            ),
            None => of(
                NOT_ASSIGNED,
                "No sign-in of this account with a missing assignment or consent is there.",
                Vec::new(),
            ),
        });
    }
    if last.cause != ROLE_MISSING {
        let has = [AUDIT, ENTRA_AUDIT, MIMECAST_AUDIT, QUARANTINE].into_iter().any(|id| survey.has(id));
        let because = if has {
            "No denied deed of this account stands in the audit."
        } else {
            "No audit of what the account did was supplied."
        };
        found.push(of(ROLE_MISSING, because, Vec::new()));
    }
    found
}

/// How many marks one lane shows.
const MARKS_MAX: usize = 12;

/// The attempts around the denial in their order, with what the policies said.
fn picture(last: &Denial<'_>, by_who: &BTreeMap<String, Vec<&Attempt<'_>>>) -> Picture {
    let attempts = by_who.get(&local_part(&last.who)).map(Vec::as_slice).unwrap_or_default();
    let near = attempts.iter().filter(|one| one.at().is_some_and(|at| at.duration_since(last.at).abs() <= SESSION));
    let mut lanes: BTreeMap<String, Vec<Mark>> = BTreeMap::new();
    for one in near {
        let label = one.fact.application.as_deref().or(one.fact.resource.as_deref()).unwrap_or("sign-in").to_owned();
        let code = one.fact.error_code.map_or(String::new(), |code| code.to_string());
        let policies = one.fact.policy_result.as_deref().map(|said| format!("access policies {said}"));
        let names = one.fact.policies.iter().filter(|policy| policy.result.eq_ignore_ascii_case("failure"));
        let words = [Some(code), policies].into_iter().flatten().chain(names.map(|policy| policy.name.clone()));
        let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
        let tone = match one.fact.outcome {
            SignInOutcome::Succeeded => MarkTone::Good,
            SignInOutcome::Failed => MarkTone::Bad,
            _ => MarkTone::Plain,
        };
        let mark = Mark { at: one.at().unwrap_or_default(), tone, label: words.join(", "), cites: vec![one.cite()] };
        let lane = lanes.entry(label).or_default();
        if lane.len() < MARKS_MAX {
            lane.push(mark);
        }
    }
    let mut lanes: Vec<Lane> = lanes.into_iter().map(|(label, marks)| Lane { label, marks }).collect();
    if last.sign_in.is_none() {
        let mark = Mark { at: last.at, tone: MarkTone::Bad, label: short(&last.said), cites: vec![last.cite.clone()] };
        lanes.push(Lane { label: last.what.clone(), marks: vec![mark] });
    }
    lanes.sort_by_key(|lane| (lane.marks.first().map(|mark| mark.at), lane.label.clone()));
    Picture::EventStrip(EventStrip { lanes })
}
