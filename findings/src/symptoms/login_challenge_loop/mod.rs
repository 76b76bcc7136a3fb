//! A login-protection challenge loops for one person.
//!
//! The sign is a person who is asked, gets through or does not, and is asked again: three attempts or more in ten minutes at one
//! application of which none ends well, or each success of which is followed by a new challenge at once; and somebody else who gets
//! in there. Four features are called login protection; the statement says which one the records show.
//!
//! A cause is proved by a record of its own that those who get in do not have, if no other cause has such a record. With nobody to
//! compare with it is likely. If all that is written is the loop, the cause is not shown, and `apart` ranks what it may be.
//! Where everybody loops the endpoint is at fault, and this is another trouble.

mod attempts;
mod case;
mod codes;
mod grounds;
mod picture;

use std::collections::BTreeSet;

use evidence::{Cite, Layer, SourceId};
use jiff::Timestamp;

use self::attempts::{Deed, End, GATEWAY, Loop, PROVIDER, Shape, Side, is_gateway};
use self::case::{Case, People, Versus};
use self::codes::Weight;
use self::grounds::{Ground, several};
use super::{Apart, Sign, Survey, Symptom};
use crate::Standing;

/// How many records one sign cites.
const CITES_MAX: usize = 12;
/// How many signs are given: more people than this are no case of one person.
const SIGNS_MAX: usize = 5;

/// The rule.
pub struct Rule;

impl Symptom for Rule {
    fn id(&self) -> &'static str {
        "login-challenge-loop"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.toml")
    }

    fn find(&self, survey: &Survey<'_>) -> Vec<Sign> {
        let rows = attempts::rows(survey);
        if rows.len() < attempts::LOOP_ATTEMPTS {
            return Vec::new();
        }
        let people = People::of(&rows);
        let streams = attempts::streams(&rows);
        let loops = attempts::loops(&rows, &streams);
        let found = case::cases(survey, &rows, &people, &streams, &loops);
        let telling: Vec<&Case<'_, '_>> = found.cases.iter().filter(|case| is_telling(case)).take(SIGNS_MAX).collect();
        // Whose sign-in leads to somebody else's challenge has no loop of their own.
        let leading: Vec<(String, &Case<'_, '_>)> =
            telling.iter().filter_map(|case| Some((leader(case)?, *case))).collect();
        let is_led = |case: &Case<'_, '_>| {
            let mut leading = leading.iter().filter(|(who, _)| case.persons.contains(who));
            leading.any(|(_, other)| other.from() <= case.to() && case.from() <= other.to())
        };
        let mut signs: Vec<Sign> = telling.iter().filter(|case| !is_led(case)).map(|case| sign(case)).collect();
        signs.extend(found.of_everybody.iter().filter_map(|loops| of_everybody(&rows, loops)));
        signs.truncate(SIGNS_MAX);
        signs
    }
}

/// Who signs in for the one who is challenged, if the records tell.
fn leader(case: &Case<'_, '_>) -> Option<String> {
    let ground = grounds::of(case).into_iter().find(|ground| ground.weight == Weight::Proof)?;
    ground.led_by.map(|who| case.people.name(&who))
}

/// Prompts at a regular spacing are how a policy for all works: they tell something only beside somebody who has none.
fn is_telling(case: &Case<'_, '_>) -> bool {
    !matches!(case.main.shape, Shape::Regular(_))
        || grounds::of(case).iter().any(|ground| ground.versus == Versus::Differs)
}

/// Causes whose records may be but results of another one: the second is set aside if the first is proved.
const RESULTS: &[(&str, &[&str])] = &[
    (
        "delegate-or-shared-mailbox",
        &[
            "name-mismatch",
            "code-mail-not-delivered",
            "second-factor-moved-or-incomplete",
            "different-profile-by-role",
            "address-range-or-split-tunnel",
        ],
    ),
    ("name-mismatch", &["saml-mismatch"]),
    ("code-mail-not-delivered", &["second-factor-moved-or-incomplete"]),
    ("clock", &["second-factor-moved-or-incomplete", "saml-mismatch"]),
    ("access-policy-needs-device", &["different-profile-by-role"]),
    ("sign-in-frequency", &["different-profile-by-role"]),
    ("second-factor-moved-or-incomplete", &["different-profile-by-role"]),
];
/// What any loop brings about in the end.
const RESULT_OF_ANY: &str = "cookies-or-session-lost";

fn sign(case: &Case<'_, '_>) -> Sign {
    let mut grounds = grounds::of(case);
    let mut apart: Vec<Apart> = Vec::new();
    // What those who get in have as well explains nothing.
    grounds.retain(|ground| match ground.versus {
        Versus::Same(number) => {
            let cite = case.row(number).map(|row| row.stated.cite());
            let who = case.row(number).map_or("somebody else", |row| row.who.as_str());
            let because = format!("{who} has the same and gets in: {}", ground.because);
            apart.push(Apart {
                specific: ground.specific,
                standing: Standing::Refuted,
                because,
                cites: cite.into_iter().collect(),
            });
            false
        }
        _ => true,
    });
    set_aside_results(&mut grounds, &mut apart);
    let is_proof = |ground: &&Ground| ground.weight == Weight::Proof;
    let proofs = grounds.iter().filter(is_proof).count();
    let named = grounds
        .iter()
        .find(is_proof)
        .or_else(|| grounds.iter().find(|ground| ground.stands_alone && ground.versus == Versus::Differs));
    let standing = match named {
        None => Standing::NotShown,
        Some(ground) if ground.weight == Weight::Proof && ground.versus == Versus::Differs && proofs == 1 => {
            Standing::Proved
        }
        Some(_) => Standing::Likely,
    };
    for ground in grounds.iter().filter(|ground| named.is_none_or(|named| named.specific != ground.specific)) {
        let standing = if ground.weight == Weight::Proof { Standing::Likely } else { Standing::NotShown };
        apart.push(Apart {
            specific: ground.specific,
            standing,
            because: ground.because.clone(),
            cites: ground.cites.clone(),
        });
    }
    if standing == Standing::NotShown {
        apart.extend(remaining(case, &apart));
    }
    let ask_for = match standing {
        Standing::Proved => Vec::new(),
        _ => missing(case, &grounds),
    };
    Sign {
        specific: named.map(|ground| ground.specific),
        standing,
        layer: Layer::Mailbox,
        envelope_recipient: None,
        statement: statement(case, named, standing),
        cites: cites(case, named),
        ask_for,
        apart,
        picture: Some(picture::strip(case)),
    }
}

/// Sets aside what may be but a result of a cause that is proved.
fn set_aside_results(grounds: &mut Vec<Ground>, apart: &mut Vec<Apart>) {
    let proved: Vec<&'static str> =
        grounds.iter().filter(|ground| ground.weight == Weight::Proof).map(|ground| ground.specific).collect();
    let is_result = |specific: &str| {
        let of_one = RESULTS.iter().any(|(cause, results)| proved.contains(cause) && results.contains(&specific));
        of_one || (specific == RESULT_OF_ANY && proved.iter().any(|cause| *cause != RESULT_OF_ANY))
    };
    grounds.retain(|ground| {
        let aside = is_result(ground.specific);
        if aside {
            let because = format!("{}: it may be but a result", ground.because);
            let standing = Standing::NotShown;
            apart.push(Apart { specific: ground.specific, standing, because, cites: ground.cites.clone() });
        }
        !aside
    });
}

/// What it may still be, the nearest first, each with the record that would tell.
fn remaining(case: &Case<'_, '_>, known: &[Apart]) -> Vec<Apart> {
    const TELLS: &[(&str, &str)] = &[
        (
            "second-factor-moved-or-incomplete",
            "would show as a change of the person's second factor before the first challenge, or as codes that fail after each challenge",
        ),
        ("code-mail-not-delivered", "would show in the trace of the mail with the code, which has no envelope sender"),
        ("delegate-or-shared-mailbox", "would show as logons of somebody else from the same address or session"),
        ("different-profile-by-role", "would show as a role or group given to the person before the first challenge"),
        ("cookies-or-session-lost", "would show as a new session in each sign-in, and as success with another browser"),
        ("name-mismatch", "would show as a failure at the gateway under an alias or another name"),
        ("saml-mismatch", "would show as an error of the SAML request in the sign-in log"),
        ("clock", "would show as an error of the request's time in the sign-in log"),
        ("address-range-or-split-tunnel", "would show as two addresses in the rows of one attempt"),
        ("sign-in-frequency", "would show as a session that ran out, in the sign-in log"),
        ("access-policy-needs-device", "would show as a policy that fails, in the sign-in log"),
        ("stale-client-or-locked", "would show as failures of a client before the logon on the web"),
    ];
    let order: &[&str] = match (case.main.side, case.main.shape) {
        (_, Shape::Undone | Shape::Enrolment) => {
            &["cookies-or-session-lost", "different-profile-by-role", "sign-in-frequency"]
        }
        (_, Shape::NotTakenUp) => &["name-mismatch", "saml-mismatch", "clock", "address-range-or-split-tunnel"],
        (Side::Gateway, _) => &[
            "second-factor-moved-or-incomplete",
            "code-mail-not-delivered",
            "delegate-or-shared-mailbox",
            "name-mismatch",
            "different-profile-by-role",
            "stale-client-or-locked",
        ],
        (Side::Provider, _) => &[
            "second-factor-moved-or-incomplete",
            "access-policy-needs-device",
            "sign-in-frequency",
            "cookies-or-session-lost",
            "saml-mismatch",
        ],
    };
    let told = order.iter().filter_map(|specific| TELLS.iter().find(|(known, _)| known == specific));
    let told = told.filter(|(specific, _)| known.iter().all(|one| one.specific != *specific));
    told.map(|(specific, tells)| Apart {
        specific,
        standing: Standing::NotShown,
        because: (*tells).to_owned(),
        cites: Vec::new(),
    })
    .collect()
}

/// Exports that would settle it: what is not there at all goes first.
fn missing(case: &Case<'_, '_>, grounds: &[Ground]) -> Vec<SourceId> {
    let mut ask: Vec<SourceId> = [GATEWAY, PROVIDER].into_iter().filter(|source| !case.survey.has(source)).collect();
    ask.extend(grounds.iter().flat_map(|ground| &ground.ask).filter(|source| !case.survey.has(source)));
    let by_pattern: &[SourceId] = match case.main.side {
        Side::Gateway => &["exchange-online/message-trace", "entra/audit-log"],
        Side::Provider => &["entra/audit-log", "entra/conditional-access"],
    };
    ask.extend(by_pattern.iter().filter(|source| !case.survey.has(source)));
    if ask.is_empty() {
        // All kinds are there: those of the person's other names, or of the time before, are not.
        ask.extend([GATEWAY, PROVIDER]);
    }
    let mut seen = BTreeSet::new();
    ask.retain(|source| seen.insert(*source));
    ask
}

fn statement(case: &Case<'_, '_>, named: Option<&Ground>, standing: Standing) -> String {
    let who = case.main.who.iter().map(String::as_str).collect::<Vec<&str>>().join(" and ");
    let count = case.main.attempts.len();
    let good = case.main.attempts.iter().filter(|attempt| attempt.end == End::Good).count();
    let how = match case.main.shape {
        Shape::NoneEndsWell => "none of which ends well".to_owned(),
        Shape::Undone => format!("of which {good} succeed and are followed by a new challenge within a minute"),
        Shape::NotTakenUp => "which the identity provider passes and the gateway does not take up".to_owned(),
        Shape::Alternating => "in which two identities take turns".to_owned(),
        Shape::Enrolment => "each of which enrols the device anew".to_owned(),
        Shape::Regular(spacing) => format!("one every {} min", (spacing.as_secs() + 30) / 60),
    };
    let (things, app) = match case.main.shape {
        Shape::Regular(_) => ("prompt", case.application()),
        Shape::Enrolment => ("enrolment", "device enrolment"),
        _ => ("attempt", case.application()),
    };
    let place = if app.is_empty() { String::new() } else { format!(" at {app}") };
    let but = case.controls.first().and_then(|control| case.row(control.good)).map_or_else(
        || " Nobody else signs in there in these records, so that there is nothing to compare with.".to_owned(),
        |row| format!(" {} gets in there ({}).", row.who, instant(row.at)),
    );
    let why = match (named, standing) {
        (Some(ground), Standing::Proved) => format!(" Why: {}.", ground.because),
        (Some(ground), _) => format!(" Probably: {}; another reading is left.", ground.because),
        (None, _) => " Why is not shown.".to_owned(),
    };
    let again = if case.main.who.len() == 1 { "is" } else { "are" };
    format!(
        "{who} {again} challenged again and again{place}: {} from {} to {}, {how}.{but} The records show {}.{why}",
        several(count, things),
        instant(case.from()),
        instant(case.to()),
        meaning(case)
    )
}

/// Which of the features that are called login protection the records show.
fn meaning(case: &Case<'_, '_>) -> &'static str {
    let is_asked = case.inside().any(|(_, row)| row.side == Side::Gateway && row.deed == Deed::Asked);
    let refused = |means: &str| {
        case.inside().any(|(_, row)| {
            row.side == Side::Gateway
                && codes::within("reason", row.fact().reason.as_deref().unwrap_or_default()) == Some(means)
        })
    };
    let by_provider = case.inside().any(|(_, row)| {
        (row.side == Side::Provider && is_gateway(&row.app))
            || codes::within("method", row.fact().client.as_deref().unwrap_or_default()) == Some("saml")
    });
    if case.main.shape == Shape::Enrolment {
        "the device enrolment of URL protection"
    } else if refused("range") {
        "the permitted address ranges of the gateway"
    } else if is_asked {
        "the two-step authentication of a gateway profile"
    } else if by_provider
        || (case.main.side == Side::Gateway && case.inside().any(|(_, row)| row.side == Side::Provider))
    {
        "enforced single sign-on (SAML) with the identity provider"
    } else if case.main.side == Side::Provider {
        "challenges of the identity provider, none of the gateway"
    } else {
        "logons at the gateway without a second step"
    }
}

fn cites(case: &Case<'_, '_>, named: Option<&Ground>) -> Vec<Cite> {
    let mut found: Vec<Cite> = named.map(|ground| ground.cites.clone()).unwrap_or_default();
    let control = case.controls.first().and_then(|control| case.row(control.good)).map(|row| row.stated.cite());
    let mut rest: Vec<Cite> = control.into_iter().collect();
    let numbers = case.main.attempts.iter().filter_map(|attempt| attempt.rows.last());
    rest.extend(numbers.filter_map(|number| case.row(*number)).map(|row| row.stated.cite()));
    for cite in rest {
        if found.len() >= CITES_MAX {
            break;
        }
        if !found.contains(&cite) {
            found.push(cite);
        }
    }
    found
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Loops of everybody at one application: told, and refuted as a loop of one person.
fn of_everybody(rows: &[attempts::Row<'_>], loops: &[&Loop]) -> Option<Sign> {
    let who: BTreeSet<&str> = loops.iter().flat_map(|one| &one.who).map(String::as_str).collect();
    let app = loops.first().map(|one| one.app.as_str())?;
    let firsts = loops.iter().filter_map(|one| rows.get(*one.attempts.first()?.rows.last()?));
    let from = loops.iter().map(|one| one.from()).min()?;
    Some(Sign {
        specific: None,
        standing: Standing::Refuted,
        layer: Layer::Mailbox,
        envelope_recipient: None,
        statement: format!(
            "The challenge at {app} loops for {} people from {} on, and hardly anybody gets in: the endpoint, its certificate or its \
             metadata is at fault, not one person's sign-in.",
            who.len(),
            instant(from)
        ),
        cites: firsts.take(CITES_MAX).map(|row| row.stated.cite()).collect(),
        ask_for: Vec::new(),
        apart: Vec::new(),
        picture: None,
    })
}
