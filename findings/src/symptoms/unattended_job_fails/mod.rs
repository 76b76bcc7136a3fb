//! A background job runs on demand, but fails unattended overnight.
//!
//! The good run and the bad run of the same job are laid beside each other: who it ran as, on which machine, what started it, which
//! sign-in it met and what the access policies said of it, what it read, and what it wrote when it failed. Runs come from transcripts,
//! the history of scheduled tasks and the journal; where there are none, from sign-ins without a person beside a person's; else from
//! mail that a device sends at the same time every night.
//!
//! Both runs must be there. What started a run is what its record says (a task that was triggered by a user, or by its time), else the
//! clock tells: what comes again at the same time of day is a schedule. A job that fails by hand for the same reason is broken, not
//! unattended; a job that went well unattended after the good run by hand, and of which nothing failed since, was mended.
//!
//! A cause is named by its own record only: the code of the sign-in at the hour of the run, the words of the failed run that the good
//! one does not have, a change of the account's password between the last good night and the first bad one. A bare 401 or a bare exit
//! code names none: then the finding is not shown, and asks for the sign-ins and the transcript.

mod mail;
mod runs;
mod sign_ins;
mod signs;

use std::collections::BTreeMap;

use evidence::{Act, Change, Cite, JobStep, Layer, SignIn, SignInOutcome, SourceId};
use jiff::Timestamp;

use super::picture::{BeforeAfter, Compared, Picture, Weight as Shown};
use super::{Apart, Sign, Stated, Survey, Symptom};
use crate::Standing;
use runs::{Ended, Run, Start};
use sign_ins::Attempt;
use signs::Weight;

const SIGN_INS: SourceId = "entra/sign-ins";
const TRANSCRIPT: SourceId = "job/transcript";
const TASKS: SourceId = "job/windows-task-history";
const JOURNAL: SourceId = "job/systemd-journal";
const ENTRA_AUDIT: SourceId = "entra/audit-log";
const MIMECAST_AUDIT: SourceId = "mimecast/audit-events";
const MAILBOXES: SourceId = "exchange-online/mailboxes";

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "unattended-job-fails"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let steps = survey.jobs();
        let around = Around { survey, sign_ins: survey.sign_ins(), changes: survey.changes(), acts: survey.acts() };
        let runs = runs::of(&steps);
        let mut by_job: BTreeMap<String, Vec<&Run<'_, '_>>> = BTreeMap::new();
        for run in &runs {
            by_job.entry(runs::stem(&run.job)).or_default().push(run);
        }
        let mut found: Vec<Sign> = by_job.values().filter_map(|runs| of_job(runs, &around)).collect();
        if found.is_empty() {
            found.extend(sign_ins::alone(&around.sign_ins).iter().map(|told| of_sign_ins(told, &around)));
        }
        if found.is_empty() {
            found.extend(mail::find(survey));
        }
        found
    }
}

/// What stands around the runs.
struct Around<'s, 'a> {
    survey: &'s Survey<'a>,
    sign_ins: Vec<Attempt<'a>>,
    changes: Vec<Stated<'a, Change>>,
    acts: Vec<Stated<'a, Act>>,
}

/// Why the unattended runs fail, as one kind of record has it.
struct Reason {
    cause: &'static str,
    weight: Weight,
    /// What it says, to stand after a colon.
    said: String,
    cites: Vec<Cite>,
}

/// One side of the comparison.
#[derive(Default)]
struct Side {
    when: String,
    started: Option<String>,
    identity: Option<String>,
    host: Option<String>,
    sign_in: Option<String>,
    policies: Option<String>,
    address: Option<String>,
    client: Option<String>,
    result: Option<String>,
    rows: Option<String>,
    cites: Vec<Cite>,
    sign_in_cites: Vec<Cite>,
}

/// How many records of one kind a finding shows.
const CITES_MAX: usize = 3;

/// The finding about one job, if it went well by hand and failed unattended.
fn of_job(runs: &[&Run<'_, '_>], around: &Around<'_, '_>) -> Option<Sign> {
    let of =
        |start: Start, ended: Ended| runs.iter().copied().filter(move |run| run.start == start && run.ended == ended);
    let clock_good: Vec<&Run<'_, '_>> = of(Start::ByClock, Ended::Well).collect();
    let mut bad: Vec<&Run<'_, '_>> = of(Start::ByClock, Ended::Badly).collect();
    let last = bad.last()?.at;
    let hand_bad: Vec<&Run<'_, '_>> = of(Start::ByHand, Ended::Badly).collect();
    let hand_good = of(Start::ByHand, Ended::Well).filter(|run| run.rows != Some(0)).filter(|good| {
        // The schedule went well between: what the person saw is not what failed later.
        let was_fine = clock_good.iter().any(|clock| good.at < clock.at && clock.at < last);
        good.at > last || !was_fine
    });
    let hand_good: Vec<&Run<'_, '_>> =
        hand_good.filter(|good| good.at.duration_since(last).abs() <= sign_ins::SAME_TIME).collect();
    // Failures before a good night are of another time, unless nothing fails since.
    if let Some(good) = clock_good.iter().map(|run| run.at).filter(|at| *at < last).max() {
        bad.retain(|run| run.at > good);
    }
    let first = bad.first()?.at;
    let failing = sign_ins::failing(&around.sign_ins, &bad);
    let good_run = hand_good.iter().copied().min_by_key(|run| (run.at.duration_since(last).abs(), run.at));
    let good_sign_in = match good_run {
        Some(run) => person_of(around, run),
        None => failing.last().and_then(|failed| sign_ins::by_hand(&around.sign_ins, failed)),
    };
    if good_run.is_none() && good_sign_in.is_none() {
        return None;
    }
    let faults =
        |run: &Run<'_, '_>| run.faults().filter_map(|step| words_cause(step.fact)).map(|(cause, _)| cause).next();
    // It fails by hand in the same way: it is broken, not unattended.
    let reason_of_bad = bad.iter().find_map(|run| faults(run));
    let is_broken = hand_bad
        .iter()
        .any(|run| run.at >= first && faults(run) == reason_of_bad && good_run.is_none_or(|good| good.at < run.at));
    if is_broken {
        return None;
    }
    let mut reasons = of_words(&bad, good_run);
    reasons.extend(of_sign_in(&failing));
    reasons.extend(of_rows(&bad, good_run));
    let identity = bad.iter().rev().find_map(|run| run.identity.as_deref());
    let since = clock_good.iter().map(|run| run.at).filter(|at| *at < first).max();
    settle_password(&mut reasons, around, identity, &failing, (since, first));
    settle_command(&mut reasons, &bad, good_run, since);
    settle_submission(&mut reasons, around, identity);
    let job = &bad.first()?.job;
    let good_side = side_of_run(good_run, good_sign_in);
    let bad_side = side_of_run(bad.last().copied(), failing.last().copied());
    let mended = clock_good.iter().find(|run| run.at > last).map(|run| run.at);
    let by = good_run.and_then(Run::started_by).map(str::to_owned).or(good_side.identity.clone());
    let by = by.map(|by| format!(" ({by})")).unwrap_or_default();
    let did = match bad.iter().all(|run| run.rows == Some(0) && run.faults().next().is_none()) {
        true => "found nothing",
        false => "failed",
    };
    let nights = match bad.as_slice() {
        [only] => format!("{did} unattended at {}", utc(only.at)),
        _ => format!("{did} unattended {} times, from {} to {}", bad.len(), utc(first), utc(last)),
    };
    let mended = mended.map(|at| format!(" The scheduled run of {} went well again.", utc(at))).unwrap_or_default();
    let told = format!("{job} went well by hand at {}{by} and {nights}", good_side.when);
    let mut cites: Vec<Cite> = good_side.cites.clone();
    cites.extend(good_side.sign_in_cites.iter().cloned());
    cites.extend(bad.iter().rev().take(CITES_MAX).flat_map(|run| run.cites()));
    let accepted = sign_ins::accepted(&around.sign_ins, &bad);
    Some(sign(Parts { told, mended, reasons, cites, good_side, bad_side, accepted, around, last, is_sure: true }))
}

/// The sign-in of the person who ran it by hand.
fn person_of<'s, 'a>(around: &'s Around<'_, 'a>, run: &Run<'_, '_>) -> Option<&'s Attempt<'a>> {
    let who = run.started_by().or(run.identity.as_deref());
    let near = sign_ins::of_run(&around.sign_ins, run).into_iter();
    near.filter(|one| one.fact.outcome == SignInOutcome::Succeeded).find(|one| sign_ins::is_of(who, one.fact))
}

/// The finding about a job of which only sign-ins are there.
fn of_sign_ins(told: &sign_ins::Told<'_, '_>, around: &Around<'_, '_>) -> Sign {
    let times = || told.failed.iter().filter_map(|one| one.at());
    let (first, last) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
    let who = told.failed.last().and_then(|one| one.fact.who.clone());
    let mut reasons: Vec<Reason> = of_sign_in(&told.failed).into_iter().collect();
    let good_address = told.good.fact.from.as_ref();
    settle_password(&mut reasons, around, who.as_deref(), &told.failed, (None, first));
    let is_elsewhere = told.failed.iter().all(|one| one.fact.from.is_some() && one.fact.from.as_ref() != good_address);
    if reasons.iter().all(|reason| reason.weight == Weight::Weak) && is_elsewhere && good_address.is_some() {
        // That it comes from another address is a difference, no proof.
        reasons.sort_by_key(|reason| reason.cause);
    }
    let good_side = side_of_run(None, Some(told.good));
    let bad_side = side_of_run(None, told.failed.last().copied());
    let name = who.unwrap_or_else(|| "the job's account".to_owned());
    let person = told.good.fact.who.clone().unwrap_or_else(|| "a person".to_owned());
    let text = format!(
        "{name} was refused {} from {} to {} where no person sat at a prompt, while {person} was let in by hand at {}",
        match told.failed.len() {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        },
        utc(first),
        utc(last),
        good_side.when,
    );
    let mut cites: Vec<Cite> = vec![told.good.cite()];
    cites.extend(told.failed.iter().rev().take(CITES_MAX).map(|one| one.cite()));
    let is_same = told.good.fact.application.as_deref().map(str::to_lowercase)
        == told.failed.last().and_then(|one| one.fact.application.as_deref()).map(str::to_lowercase);
    let is_sure = told.is_regular || is_same;
    sign(Parts {
        told: text,
        mended: String::new(),
        reasons,
        cites,
        good_side,
        bad_side,
        accepted: None,
        around,
        last,
        is_sure,
    })
}

/// What the words or the result code of a record name.
fn words_cause(step: &JobStep) -> Option<(&'static str, Weight)> {
    let code = step.code.as_deref().unwrap_or_default();
    let by_result = signs::of_value("result", code);
    by_result.or_else(|| signs::of_words(&format!("{} {code}", step.said)))
}

/// What the failed runs say that the good one does not; one reason a cause.
fn of_words(bad: &[&Run<'_, '_>], good: Option<&Run<'_, '_>>) -> Vec<Reason> {
    let known: Vec<&str> = good.into_iter().flat_map(Run::faults).map(|step| step.fact.said.as_str()).collect();
    let mut by_cause: BTreeMap<(Weight, &'static str), Reason> = BTreeMap::new();
    for run in bad.iter().rev() {
        let lines = run.steps.iter().copied().filter(|step| !known.contains(&step.fact.said.as_str()));
        for step in lines {
            let Some((cause, weight)) = words_cause(step.fact) else { continue };
            let reason = by_cause.entry((weight, cause)).or_insert_with(|| Reason {
                cause,
                weight,
                said: format!("its run of {} says `{}`", utc(run.at), short(&step.fact.said)),
                cites: Vec::new(),
            });
            if reason.cites.len() < CITES_MAX {
                reason.cites.push(step.cite());
            }
        }
    }
    by_cause.into_values().collect()
}

/// What the sign-ins at the hour of the runs say.
fn of_sign_in(failing: &[&Attempt<'_>]) -> Option<Reason> {
    let last = failing.last()?;
    let (cause, weight) = sign_ins::cause(last.fact)?;
    let of_same: Vec<&&Attempt<'_>> =
        failing.iter().filter(|one| sign_ins::cause(one.fact).is_some_and(|(other, _)| other == cause)).collect();
    let is_not_applied = last.fact.policy_result.as_deref().is_some_and(|said| said.eq_ignore_ascii_case("notApplied"));
    let weight = if cause == CONDITIONAL_ACCESS && is_not_applied { Weight::Weak } else { weight };
    let who = last.fact.who.as_deref().unwrap_or("the job's account");
    let reason = last.fact.reason.as_deref().map(|reason| format!(", `{}`", short(reason))).unwrap_or_default();
    let policies = sign_ins::policies(last.fact).filter(|_| cause == CONDITIONAL_ACCESS);
    let policies = policies.map(|said| format!("; access policies: {said}")).unwrap_or_default();
    let at = last.at().map(utc).unwrap_or_default();
    Some(Reason {
        cause,
        weight,
        said: format!("the sign-in of {who} at {at} was refused ({}{reason}){policies}", sign_ins::shown(last.fact)),
        cites: of_same.iter().rev().take(CITES_MAX).map(|one| one.cite()).collect(),
    })
}

const CREDENTIAL: &str = "credential-expired-or-wrong";
const CONDITIONAL_ACCESS: &str = "conditional-access-blocks-the-job-identity";
const NO_DATA: &str = "data-not-there-yet-or-throttled";
const PASSWORD: &str = "password-or-key-changed";
const ENVIRONMENT: &str = "environment-differs";
const COMMAND: &str = "command-or-module-changed";
const SUBMISSION: &str = "smtp-submission-off";

/// No error, and no rows at that hour, while the run by hand had some.
fn of_rows(bad: &[&Run<'_, '_>], good: Option<&Run<'_, '_>>) -> Option<Reason> {
    let had = good?.rows.filter(|rows| *rows > 0)?;
    let is_empty = |run: &&Run<'_, '_>| run.rows == Some(0) && run.faults().next().is_none();
    let empty: Vec<&&Run<'_, '_>> = bad.iter().filter(|run| is_empty(run)).collect();
    if empty.is_empty() || empty.len() < bad.len() {
        return None;
    }
    Some(Reason {
        cause: NO_DATA,
        // One empty night may be a quiet one.
        weight: if empty.len() > 1 { Weight::Strong } else { Weight::Weak },
        said: format!("without an error it found 0 rows at that hour, and {had} by hand"),
        cites: empty.iter().rev().take(CITES_MAX).flat_map(|run| run.cites()).take(CITES_MAX).collect(),
    })
}

/// A changed password of the account between the last good night and the first bad one turns a refusal into its cause.
fn settle_password(
    reasons: &mut Vec<Reason>,
    around: &Around<'_, '_>,
    identity: Option<&str>,
    failing: &[&Attempt<'_>],
    (since, first): (Option<Timestamp>, Timestamp),
) {
    let is_open =
        |reason: &Reason| reason.cause == PASSWORD || (reason.cause == CREDENTIAL && reason.weight == Weight::Weak);
    if !reasons.iter().any(is_open) {
        return;
    }
    let names: Vec<String> = identity
        .into_iter()
        .chain(failing.iter().filter_map(|one| one.fact.who.as_deref()))
        .map(runs::local_part)
        .filter(|name| !name.is_empty() && !name.starts_with("uid "))
        .collect();
    let is_it = |operation: &str| signs::is("change", PASSWORD, operation);
    let is_between = |at: Option<Timestamp>| at.is_some_and(|at| at < first && since.is_none_or(|since| at > since));
    let changed = around.changes.iter().filter(|one| is_it(&one.fact.operation) && is_between(one.at()));
    let changed = changed.map(|one| (one.fact.object.clone().unwrap_or_default(), one.at(), one.cite()));
    let acted = around.acts.iter().filter(|one| is_it(&one.fact.operation) && is_between(one.at()));
    let acted = acted.map(|one| (one.fact.object.clone().unwrap_or_default(), one.at(), one.cite()));
    let all: Vec<(String, Option<Timestamp>, Cite)> = changed.chain(acted).collect();
    let own = all.iter().rfind(|(object, ..)| names.contains(&runs::local_part(object)));
    if let Some((object, at, cite)) = own {
        let open = reasons.iter().position(is_open);
        let before = open.map(|at| reasons.remove(at));
        let said = before.as_ref().map(|reason| format!("; {}", reason.said)).unwrap_or_default();
        let mut cites = vec![cite.clone()];
        cites.extend(before.into_iter().flat_map(|reason| reason.cites));
        let when = at.map(utc).unwrap_or_default();
        reasons.push(Reason {
            cause: PASSWORD,
            weight: Weight::Strong,
            said: format!("the password of {object} was changed at {when}, before the first failure{said}"),
            cites,
        });
    }
}

/// A command that is not found is a change if the same account had it on an earlier night, else it is the account or machine that
/// lacks it.
fn settle_command(reasons: &mut [Reason], bad: &[&Run<'_, '_>], good: Option<&Run<'_, '_>>, since: Option<Timestamp>) {
    let Some(reason) = reasons.iter_mut().find(|reason| reason.cause == COMMAND && reason.weight == Weight::Weak)
    else {
        return;
    };
    let identity = |run: &Run<'_, '_>| (run.identity.clone(), run.host.clone());
    let differs = good.zip(bad.last()).is_some_and(|(good, bad)| identity(good) != identity(bad));
    if let Some(since) = since {
        reason.weight = Weight::Strong;
        reason.said = format!("{}; the scheduled run of {} still had it", reason.said, utc(since));
    } else if differs {
        reason.cause = ENVIRONMENT;
        reason.said = format!("{}; the run by hand had another account or machine", reason.said);
    }
}

/// The setting that switches submission off for the mailbox or the organisation.
fn settle_submission(reasons: &mut [Reason], around: &Around<'_, '_>, identity: Option<&str>) {
    let Some(reason) = reasons.iter_mut().find(|reason| reason.cause == SUBMISSION) else { return };
    for setting in around.survey.settings() {
        let is_own = setting.fact.mailbox.as_ref().is_none_or(|mailbox| {
            identity.is_some_and(|identity| runs::local_part(mailbox.as_str()) == runs::local_part(identity))
        });
        let off = setting.fact.properties.iter().find(|property| {
            let is_it = ["SmtpClientAuthenticationDisabled", "RejectDirectSend"].contains(&property.name.as_str());
            is_it && property.values.iter().any(|value| value.eq_ignore_ascii_case("true"))
        });
        if let Some(off) = off.filter(|_| is_own) {
            reason.weight = Weight::Strong;
            reason.said = format!("{}; {} is True for {}", reason.said, off.name, setting.fact.name);
            reason.cites.push(setting.cite());
            return;
        }
    }
}

/// What a finding is made from.
struct Parts<'s, 'a> {
    told: String,
    mended: String,
    reasons: Vec<Reason>,
    cites: Vec<Cite>,
    good_side: Side,
    bad_side: Side,
    accepted: Option<&'s Attempt<'a>>,
    around: &'s Around<'s, 'a>,
    last: Timestamp,
    is_sure: bool,
}

fn sign(parts: Parts<'_, '_>) -> Sign {
    let Parts { told, mended, mut reasons, mut cites, good_side, bad_side, accepted, around, last, is_sure } = parts;
    let place = |cause: &str| signs::CAUSES.iter().position(|known| *known == cause);
    reasons.sort_by_key(|reason| (reason.weight, place(reason.cause)));
    let strong = |reason: &&Reason| reason.weight == Weight::Strong;
    let others_agree =
        reasons.iter().filter(strong).all(|reason| Some(reason.cause) == reasons.first().map(|first| first.cause));
    // A bare 401 names nobody's fault; that nothing was found on one night, or a wrong password, is a reading.
    let chosen = reasons.first().filter(|reason| reason.weight == Weight::Strong || reason.cause != CREDENTIAL);
    let by_sign_in = !bad_side.sign_in_cites.is_empty();
    let standing = match chosen {
        None => Standing::NotShown,
        Some(reason) if reason.weight == Weight::Weak || !others_agree || !is_sure => Standing::Likely,
        // Which policy it was only the sign-in log tells.
        Some(reason) if reason.cause == CONDITIONAL_ACCESS && !by_sign_in => Standing::Likely,
        Some(_) => Standing::Proved,
    };
    let mut ask_for: Vec<SourceId> = Vec::new();
    if standing != Standing::Proved {
        let survey = around.survey;
        let says = |cause: &str| reasons.iter().any(|reason| reason.cause == cause);
        let is_of_mail = says(SUBMISSION);
        if !survey.would_show(SIGN_INS, last) && !is_of_mail {
            ask_for.push(SIGN_INS);
        }
        if !survey.has(TRANSCRIPT) && !survey.has(JOURNAL) {
            ask_for.push(TRANSCRIPT);
            if !survey.has(TASKS) {
                ask_for.push(TASKS);
            }
        }
        if says(PASSWORD) || says(CREDENTIAL) {
            ask_for.extend([ENTRA_AUDIT, MIMECAST_AUDIT].into_iter().filter(|id| !survey.has(id)));
        }
        if is_of_mail {
            ask_for.push(MAILBOXES);
        }
        if survey.has(JOURNAL) && reasons.is_empty() {
            // What the unit itself wrote is a part of its journal that a filter may have left out.
            ask_for.push(JOURNAL);
        }
        if ask_for.is_empty() {
            ask_for.push(if survey.has(TRANSCRIPT) { TASKS } else { TRANSCRIPT });
        }
    }
    let specific = chosen.map(|reason| reason.cause);
    let why = match (chosen, reasons.first()) {
        (Some(reason), _) => format!(": {}.", reason.said),
        (None, Some(hint)) => format!(": {}, which does not say why.", hint.said),
        (None, None) => "; no supplied record says why.".to_owned(),
    };
    if let Some(reason) = chosen {
        cites.splice(0..0, reason.cites.iter().cloned());
    } else if let Some(hint) = reasons.first() {
        cites.extend(hint.cites.iter().cloned());
    }
    once(&mut cites);
    let apart = apart(&reasons, specific, accepted, around);
    Sign {
        specific,
        standing,
        layer: Layer::Delivery,
        envelope_recipient: None,
        statement: format!("{told}{why}{mended}"),
        cites,
        ask_for,
        apart,
        picture: Some(picture(good_side, bad_side, specific)),
    }
}

/// How the other causes stand.
fn apart(
    reasons: &[Reason],
    specific: Option<&'static str>,
    accepted: Option<&Attempt<'_>>,
    around: &Around<'_, '_>,
) -> Vec<Apart> {
    let others = signs::CAUSES.iter().copied().filter(|cause| Some(*cause) != specific);
    let of = |cause: &'static str| {
        if let Some(reason) = reasons.iter().find(|reason| reason.cause == cause) {
            let standing = if reason.weight == Weight::Strong { Standing::Likely } else { Standing::NotShown };
            return Apart { specific: cause, standing, because: capital(&reason.said), cites: reason.cites.clone() };
        }
        let is_of_sign_in = [CREDENTIAL, CONDITIONAL_ACCESS, PASSWORD].contains(&cause);
        match accepted.filter(|_| is_of_sign_in) {
            Some(one) => Apart {
                specific: cause,
                standing: Standing::Refuted,
                because: format!(
                    "The sign-in of {} at the hour of a failed run was accepted.",
                    one.fact.who.as_deref().unwrap_or("the job's account")
                ),
                cites: vec![one.cite()],
            },
            None => Apart {
                specific: cause,
                standing: Standing::NotShown,
                because: match cause {
                    CREDENTIAL | CONDITIONAL_ACCESS if !around.survey.has(SIGN_INS) => {
                        "The sign-ins at the hour of the failed runs were not supplied."
                    }
                    PASSWORD => "No record of a changed password of the job's account before the first failure.",
                    NO_DATA => "No failed run says that it was slowed down or found nothing.",
                    ENVIRONMENT => "No failed run names a folder, a right, a disk or another account.",
                    COMMAND => "No failed run names a command or a parameter that is gone.",
                    SUBMISSION => "No failed run was refused at the submission of mail.",
                    _ => "No sign-in at the hour of the failed runs says so.",
                }
                .to_owned(),
                cites: Vec::new(),
            },
        }
    };
    others.map(of).collect()
}

fn side_of_run(run: Option<&Run<'_, '_>>, sign_in: Option<&Attempt<'_>>) -> Side {
    let mut side = Side::default();
    if let Some(one) = sign_in {
        let fact: &SignIn = one.fact;
        side.when = one.at().map(utc).unwrap_or_default();
        side.identity.clone_from(&fact.who);
        side.sign_in = Some(sign_ins::shown(fact));
        side.policies = sign_ins::policies(fact);
        side.address = fact.from.as_ref().map(ToString::to_string);
        side.client = fact.client.clone().or_else(|| fact.application.clone());
        side.sign_in_cites = vec![one.cite()];
    }
    if let Some(run) = run {
        side.when = utc(run.at);
        side.started = Some(match (run.start, run.started_by()) {
            (Start::ByHand, Some(by)) => format!("by hand, {by}"),
            (Start::ByHand, None) => "by hand".to_owned(),
            _ => "by schedule".to_owned(),
        });
        side.identity = run.identity.clone().or(side.identity);
        side.host.clone_from(&run.host);
        side.rows = run.rows.map(|rows| rows.to_string());
        let rank = |step: &&Stated<'_, JobStep>| {
            words_cause(step.fact).map_or(Weight::Weak as u8 + 1, |(_, weight)| weight as u8)
        };
        let fault = run.faults().min_by_key(rank).or_else(|| run.steps.last().copied());
        side.result = fault.filter(|_| run.ended == Ended::Badly).map(|step| short(&step.fact.said));
        side.result = side.result.or((run.ended == Ended::Well).then(|| "went well".to_owned()));
        side.cites = run.cites();
    }
    side
}

fn picture(good: Side, bad: Side, specific: Option<&str>) -> Picture {
    let decides = |field: &str| match specific {
        Some(CREDENTIAL | PASSWORD) => field == "sign-in" || field == "result",
        Some(CONDITIONAL_ACCESS) => field == "access policies" || field == "sign-in",
        Some(NO_DATA) => field == "rows" || field == "result",
        Some(_) => field == "result",
        None => false,
    };
    let run_cites: Vec<Cite> = good.cites.iter().chain(&bad.cites).cloned().collect();
    let sign_in_cites: Vec<Cite> = good.sign_in_cites.iter().chain(&bad.sign_in_cites).cloned().collect();
    let row = |field: &str, before: Option<String>, after: Option<String>, cites: &[Cite]| {
        let weight = match (&before, &after) {
            (None, None) => return None,
            (Some(before), Some(after)) if before == after => Shown::Same,
            _ if decides(field) => Shown::Decides,
            (Some(_), Some(_)) => Shown::Differs,
            _ => Shown::Unknown,
        };
        let cites = if cites.is_empty() { &run_cites } else { cites };
        Some(Compared { field: field.to_owned(), before, after, weight, cites: cites.to_vec() })
    };
    let rows = [
        row("when", Some(good.when), Some(bad.when), if run_cites.is_empty() { &sign_in_cites } else { &run_cites }),
        row("started", good.started, bad.started, &run_cites),
        row("account", good.identity, bad.identity, if run_cites.is_empty() { &sign_in_cites } else { &run_cites }),
        row("machine", good.host, bad.host, &run_cites),
        row("sign-in", good.sign_in, bad.sign_in, &sign_in_cites),
        row("access policies", good.policies, bad.policies, &sign_in_cites),
        row("client", good.client, bad.client, &sign_in_cites),
        row("address", good.address, bad.address, &sign_in_cites),
        row("rows", good.rows, bad.rows, &run_cites),
        row("result", good.result, bad.result, &run_cites),
    ];
    Picture::BeforeAfter(BeforeAfter {
        before: "good run, by hand".to_owned(),
        after: "bad run, unattended".to_owned(),
        rows: rows.into_iter().flatten().collect(),
    })
}

/// Each record once, in the order given.
fn once(cites: &mut Vec<Cite>) {
    let mut seen = std::collections::BTreeSet::new();
    cites.retain(|cite| seen.insert((cite.file.clone(), cite.bytes.start)));
    cites.truncate(12);
}

/// How much of a record's words a statement quotes.
const QUOTED_CHARS: usize = 140;

fn short(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}
