//! Sign-ins of jobs: those without a person, and those of a person who runs the same by hand.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{SignIn, SignInKind, SignInOutcome, SourceId};
use jiff::{SignedDuration, Timestamp};

use super::runs::{Clock, Run, local_part};
use super::signs::{self, Weight};
use crate::symptoms::Stated;

/// A sign-in and its record.
pub(super) type Attempt<'a> = Stated<'a, SignIn>;

/// A sign-in belongs to a run from this long before its first record to this long after its last one.
const AROUND: SignedDuration = SignedDuration::from_secs(3 * 60);
/// A person's run tells of a job only within this time of its failures.
pub(super) const SAME_TIME: SignedDuration = SignedDuration::from_hours(14 * 24);

const MIMECAST: SourceId = "mimecast/audit-events";

/// The cause that the code or the reason of a sign-in that went wrong stands for.
pub(super) fn cause(sign_in: &SignIn) -> Option<(&'static str, Weight)> {
    if sign_in.outcome == SignInOutcome::Succeeded {
        return None;
    }
    let by_code = sign_in.error_code.and_then(|code| signs::of_value("code", &code.to_string()));
    by_code.or_else(|| sign_in.reason.as_deref().and_then(signs::of_words))
}

/// Whether no person sat at a prompt.
fn is_unattended(sign_in: &SignIn) -> bool {
    let is_legacy = sign_in.client.as_deref().is_some_and(|client| signs::is_value("client", "by-clock", client));
    let protocol = sign_in.details.iter().filter(|one| one.name.eq_ignore_ascii_case("authenticationProtocol"));
    let is_silent = protocol.flat_map(|one| &one.values).any(|value| signs::is_value("client", "by-clock", value));
    is_of_an_application(sign_in) || sign_in.kind == SignInKind::NonInteractive || is_legacy || is_silent
}

/// Whether a person signed in: at a prompt, or in a list that does not say how, by no way that shows none.
pub(super) fn is_of_a_person(sign_in: &SignIn) -> bool {
    let is_user = || sign_in.who.as_deref().is_some_and(|who| who.contains('@'));
    sign_in.kind == SignInKind::Interactive
        || (sign_in.kind == SignInKind::NotSaid && !is_unattended(sign_in) && is_user())
}

fn is_of_an_application(sign_in: &SignIn) -> bool {
    matches!(sign_in.kind, SignInKind::ServicePrincipal | SignInKind::ManagedIdentity)
}

/// The sign-in that a run met, and whether it is its own: by the account, or the only one that goes wrong at every run.
pub(super) fn of_run<'s, 'a>(sign_ins: &'s [Attempt<'a>], run: &Run<'_, '_>) -> Vec<&'s Attempt<'a>> {
    let (from, to) = (run.at - AROUND, run.until + AROUND);
    let first = sign_ins.partition_point(|one| one.at().is_none_or(|at| at < from));
    let near = sign_ins.get(first..).unwrap_or_default().iter();
    near.take_while(|one| one.at().is_some_and(|at| at <= to)).collect()
}

/// Whether a sign-in is of a job's account.
pub(super) fn is_of(identity: Option<&str>, sign_in: &SignIn) -> bool {
    let who = sign_in.who.as_deref().map(local_part);
    identity.is_some_and(|identity| who.is_some_and(|who| who == local_part(identity)))
}

/// The failing sign-ins of a job without a person: one group of the same account and application that goes wrong at its runs.
pub(super) fn failing<'s, 'a>(sign_ins: &'s [Attempt<'a>], bad: &[&Run<'_, '_>]) -> Vec<&'s Attempt<'a>> {
    type Key = (bool, Option<String>, Option<String>);
    let mut groups: BTreeMap<Key, (usize, Vec<&'s Attempt<'a>>)> = BTreeMap::new();
    for run in bad {
        let mut hit: BTreeSet<Key> = BTreeSet::new();
        for one in of_run(sign_ins, run) {
            let is_own = is_of(run.identity.as_deref(), one.fact);
            if cause(one.fact).is_none() || !(is_own || is_unattended(one.fact)) {
                continue;
            }
            // Own ones go first.
            let key = (!is_own, one.fact.who.clone(), one.fact.application.clone());
            let group = groups.entry(key.clone()).or_default();
            group.0 += usize::from(hit.insert(key));
            group.1.push(one);
        }
    }
    let mut ranked: Vec<(&Key, &(usize, Vec<&Attempt<'_>>))> = groups.iter().collect();
    ranked.sort_by_key(|(key, group)| (key.0, std::cmp::Reverse(group.0), (*key).clone()));
    let is_alone = match ranked.as_slice() {
        [] => return Vec::new(),
        [_] => true,
        [first, second, ..] => first.0.0 != second.0.0 || first.1.0 > second.1.0,
    };
    let best = ranked.first().filter(|_| is_alone).map(|(key, _)| (*key).clone());
    best.and_then(|key| groups.remove(&key)).map(|(_, group)| group).unwrap_or_default()
}

/// A sign-in of the job's account that went well at a run that failed: its credential was accepted.
pub(super) fn accepted<'s, 'a>(sign_ins: &'s [Attempt<'a>], bad: &[&Run<'_, '_>]) -> Option<&'s Attempt<'a>> {
    bad.iter().find_map(|run| {
        let own = |one: &&Attempt<'_>| is_of(run.identity.as_deref(), one.fact);
        of_run(sign_ins, run).into_iter().find(|one| own(one) && one.fact.outcome == SignInOutcome::Succeeded)
    })
}

/// The sign-in of a person who does the same by hand: in the same application, or with a tool for people at the same resource.
pub(super) fn by_hand<'s, 'a>(sign_ins: &'s [Attempt<'a>], failed: &Attempt<'_>) -> Option<&'s Attempt<'a>> {
    let at = failed.at()?;
    let is_near = |one: &&Attempt<'_>| one.at().is_some_and(|when| when.duration_since(at).abs() <= SAME_TIME);
    let same = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    };
    let is_like = |one: &&Attempt<'_>| {
        let tool = one.fact.application.as_deref().is_some_and(|name| signs::is("tool", "by-hand", name));
        is_of_a_person(one.fact)
            && one.source() != MIMECAST
            && one.fact.outcome == SignInOutcome::Succeeded
            && (same(&one.fact.application, &failed.fact.application)
                || (tool && same(&one.fact.resource, &failed.fact.resource)))
    };
    let nearest = |one: &&Attempt<'_>| {
        let away = one.at().map(|when| when.duration_since(at).abs());
        (away, one.cite().file, one.cite().bytes.start)
    };
    sign_ins.iter().filter(is_near).filter(is_like).min_by_key(nearest)
}

/// A job of which nothing but sign-ins is there.
pub(super) struct Told<'s, 'a> {
    /// Those that went wrong, by time.
    pub(super) failed: Vec<&'s Attempt<'a>>,
    /// The one that went well, by hand.
    pub(super) good: &'s Attempt<'a>,
    /// Whether they come at a time of day of their own, on more than one day.
    pub(super) is_regular: bool,
}

/// How many jobs of which nothing but sign-ins is there are told.
const JOBS_MAX: usize = 8;

/// Jobs of which the sign-ins alone tell both: the attempts without a person that go wrong, and a person's that goes well.
pub(super) fn alone<'s, 'a>(sign_ins: &'s [Attempt<'a>]) -> Vec<Told<'s, 'a>> {
    let mut groups: BTreeMap<(String, String), Vec<&'s Attempt<'a>>> = BTreeMap::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for one in sign_ins {
        let lower = |text: &Option<String>| text.as_deref().unwrap_or_default().to_lowercase();
        // At a gateway the application is a part of how, not of who.
        let application = if one.source() == MIMECAST { String::new() } else { lower(&one.fact.application) };
        let is_own = is_of_an_application(one.fact) || one.source() == MIMECAST;
        let key = if is_own { (lower(&one.fact.who), application) } else { (lower(&one.fact.who), String::new()) };
        groups.entry(key).or_default().push(one);
        if one.fact.outcome == SignInOutcome::Succeeded {
            done.extend(one.fact.session.as_deref());
        }
    }
    groups.into_values().filter_map(|group| told(sign_ins, &group, &done)).take(JOBS_MAX).collect()
}

fn told<'s, 'a>(sign_ins: &'s [Attempt<'a>], group: &[&'s Attempt<'a>], done: &BTreeSet<&str>) -> Option<Told<'s, 'a>> {
    let is_gateway = group.first()?.source() == MIMECAST;
    let is_overcome = |one: &Attempt<'_>| one.fact.session.as_deref().is_some_and(|session| done.contains(session));
    let wrong: Vec<&'s Attempt<'a>> = group
        .iter()
        .copied()
        .filter(|one| cause(one.fact).is_some() && (is_gateway || is_unattended(one.fact)) && !is_overcome(one))
        .collect();
    let mut clock = Clock::default();
    wrong.iter().filter_map(|one| one.at()).for_each(|at| clock.tick(at));
    let is_regular = wrong.iter().all(|one| one.at().is_some_and(|at| clock.has(at)));
    let last = wrong.last()?;
    let last_at = last.at()?;
    let is_application = is_of_an_application(last.fact);
    let good_of_the_same = |one: &&&'s Attempt<'a>| {
        let Some(at) = one.at() else { return false };
        let is_by_hand = is_gateway || is_of_a_person(one.fact);
        one.fact.outcome == SignInOutcome::Succeeded
            && is_by_hand
            && clock.days(at) == 0
            && at.duration_since(last_at).abs() <= SAME_TIME
    };
    // What went well without a person after the last failure is no longer broken.
    let is_mended = group.iter().any(|one| {
        let is_silent = is_unattended(one.fact) || one.at().is_some_and(|at| is_gateway && clock.days(at) > 0);
        one.fact.outcome == SignInOutcome::Succeeded && is_silent && one.at() > Some(last_at)
    });
    if is_mended {
        return None;
    }
    // A person's own background traffic comes at any time: only an attempt that comes every night is a job.
    let good = match is_application {
        true => by_hand(sign_ins, last)?,
        false if is_regular && shows_no_prompt(&wrong) => {
            nearest(group.iter().filter(good_of_the_same).copied(), last_at).or_else(|| by_hand(sign_ins, last))?
        }
        false => return None,
    };
    Some(Told { failed: wrong, good, is_regular })
}

fn nearest<'s, 'a>(attempts: impl Iterator<Item = &'s Attempt<'a>>, to: Timestamp) -> Option<&'s Attempt<'a>> {
    attempts.min_by_key(|one| (one.at().map(|at| at.duration_since(to).abs()), one.cite().bytes.start))
}

/// Whether all attempts came by a way that no person uses for others' prompts: an old protocol, or a gateway's own logons.
fn shows_no_prompt(wrong: &[&Attempt<'_>]) -> bool {
    wrong.iter().all(|one| one.source() == MIMECAST || is_unattended(one.fact))
}

/// How a sign-in reads in a sentence: `sp "Nightly export": 7000222`.
pub(super) fn shown(sign_in: &SignIn) -> String {
    let how = match sign_in.kind {
        SignInKind::Interactive => "by a person",
        SignInKind::NonInteractive => "without a prompt",
        SignInKind::ServicePrincipal => "as an application",
        SignInKind::ManagedIdentity => "as a managed identity",
        SignInKind::NotSaid => "",
    };
    let code = match (sign_in.error_code, &sign_in.reason) {
        (Some(0), _) => "0, accepted".to_owned(),
        (Some(code), _) => code.to_string(),
        (None, Some(reason)) => reason.clone(),
        (None, None) => match sign_in.outcome {
            SignInOutcome::Succeeded => "accepted".to_owned(),
            SignInOutcome::Interrupted => "interrupted".to_owned(),
            SignInOutcome::Failed => "refused".to_owned(),
            SignInOutcome::NotSaid => "no result".to_owned(),
        },
    };
    if how.is_empty() { code } else { format!("{how}: {code}") }
}

/// The access policies that stopped a sign-in, else the result of all.
pub(super) fn policies(sign_in: &SignIn) -> Option<String> {
    let stopped: Vec<&str> = sign_in
        .policies
        .iter()
        .filter(|policy| policy.result.eq_ignore_ascii_case("failure"))
        .map(|policy| policy.name.as_str())
        .collect();
    let all = sign_in.policy_result.clone().filter(|result| !result.is_empty());
    if stopped.is_empty() { all } else { Some(format!("failure: {}", stopped.join(", "))) }
}
