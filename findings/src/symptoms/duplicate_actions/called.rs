//! The same action on the same message, called again by the same actor within minutes.
//!
//! Two records at two instants are two calls: a record that was handed out again has one instant. A person clicks twice as well, so that the
//! cause is proved only where the records say that an application acted.

use std::collections::BTreeMap;

use evidence::{ActorKind, Cite, Done, Layer, ReleaseStep};
use jiff::{SignedDuration, Timestamp};
use lake::{Line, What};

use super::engines::{Engine, engine_of, is_on_messages};
use super::{counted, first_few, told};
use crate::Standing;
use crate::symptoms::picture::{EventStrip, Lane, Mark, MarkTone};
use crate::symptoms::{Picture, Sign, Survey};

/// Within what time a second call repeats the first; after that, somebody may have had a reason of his own.
const REPEATED_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// One call.
struct Call {
    at: Timestamp,
    cite: Cite,
    engine: Engine,
}

/// What repeated calls show.
pub(super) fn find(survey: &Survey<'_>) -> Vec<Sign> {
    let mut calls: BTreeMap<(String, String, String), Vec<Call>> = BTreeMap::new();
    for line in survey.lines() {
        let Some((at, action, message)) = action(survey, line) else { continue };
        let by = survey.text(line.by).to_owned();
        let engine = engine_of(survey, line);
        if by.is_empty() || engine == Engine::Service {
            continue;
        }
        calls.entry((by, action, message)).or_default().push(Call { at, cite: survey.cite(line), engine });
    }
    for act in survey.acts() {
        let Some(at) = act.at() else { continue };
        if act.fact.done == Done::No || !is_on_messages(&act.fact.operation) {
            continue;
        }
        let Some(by) = act.fact.by.name.clone() else { continue };
        let engine = match act.fact.by.kind {
            ActorKind::Application => Engine::Application(by.clone()),
            ActorKind::Vendor => continue,
            _ => Engine::Person(by.clone()),
        };
        let about = &act.entry.observation.about;
        let named = about.ids.iter().map(ToString::to_string).next();
        let Some(message) = named.or_else(|| act.fact.object.clone()) else { continue };
        calls.entry((by, act.fact.operation.clone(), message)).or_default().push(Call { at, cite: act.cite(), engine });
    }
    let mut repeated: Vec<((String, String, String), Vec<Call>)> = Vec::new();
    for (key, mut of_key) in calls {
        of_key.sort_by(|a, b| (a.at, a.cite.order()).cmp(&(b.at, b.cite.order())));
        of_key.dedup_by(|next, before| next.at == before.at);
        let is_close = |pair: &[Call]| pair[1].at.duration_since(pair[0].at) <= REPEATED_WITHIN;
        if of_key.windows(2).any(is_close) {
            repeated.push((key, of_key));
        }
    }
    let mut by_actor: BTreeMap<String, Vec<((String, String, String), Vec<Call>)>> = BTreeMap::new();
    for one in repeated {
        by_actor.entry(one.0.0.clone()).or_default().push(one);
    }
    by_actor.into_iter().filter_map(|(by, repeated)| sign(&by, &repeated)).collect()
}

/// What was done with which message, if the line is about something that somebody did with one.
fn action(survey: &Survey<'_>, line: &Line) -> Option<(Timestamp, String, String)> {
    let what = match &line.what {
        What::Release(ReleaseStep::Released | ReleaseStep::Requested) => "release",
        What::Release(ReleaseStep::Denied) => "refusal",
        What::PostDelivery(..) => "removal",
        _ => return None,
    };
    let recipient = survey.text(line.envelope_recipient);
    let message = match line.id.or(line.message_id) {
        Some(id) => survey.text(Some(id)).to_owned(),
        // An event that names no id is told by its words, which name the message by its looks.
        None => format!("the message from {}", survey.text(line.envelope_sender)),
    };
    let source = survey.ledger.source(line);
    // What two kinds of record tell is told twice, not done twice: the log of releases answers what the audit events asked for, and
    // the audit log has one action as an operation and as a cmdlet.
    let operation = survey.text(line.said).split([',', ' ']).next().unwrap_or_default();
    Some((line.at?, format!("{what} ({source}, {operation})"), format!("{message} for {recipient}")))
}

fn sign(by: &str, repeated: &[((String, String, String), Vec<Call>)]) -> Option<Sign> {
    let ((_, action, message), first) = repeated.first()?;
    let calls: usize = repeated.iter().map(|(_, calls)| calls.len()).sum();
    let is_fast = repeated.iter().any(|(_, calls)| {
        calls.windows(2).any(|pair| pair[1].at.duration_since(pair[0].at) <= BY_NO_HAND)
            && calls.iter().all(|call| call.engine != Engine::Person(by.to_owned()))
    });
    let is_application = repeated.iter().all(|(_, calls)| calls.iter().all(|call| call.engine.is_automatic()));
    let times: Vec<String> = first.iter().take(3).map(|call| told(call.at)).collect();
    let several = repeated.len() >= SCRIPTED_MIN;
    let (standing, tail) = match (is_application, several) {
        (true, _) => (Standing::Proved, "An application called each of them."),
        (false, several) if several || is_fast => {
            (Standing::Likely, "The records do not say whether a person or a program signed in there.")
        }
        // One person, one message, two clicks: nothing of an integration shows.
        (false, _) => return None,
    };
    let statement = format!(
        "{by} did the same thing again within {} minutes: {} on {}, {} of them repeats. {action} of {message} at {}. {tail}",
        REPEATED_WITHIN.as_mins(),
        counted(calls, "action"),
        counted(repeated.len(), "copy").replace("copys", "copies"),
        calls - repeated.len(),
        times.join(" and "),
    );
    let lanes = repeated.iter().take(6).map(|((_, action, message), calls)| Lane {
        label: message.clone(),
        marks: calls
            .iter()
            .enumerate()
            .map(|(number, call)| Mark {
                at: call.at,
                tone: if number == 0 { MarkTone::Plain } else { MarkTone::Bad },
                label: if number == 0 { action.clone() } else { format!("{action}, again") },
                cites: vec![call.cite.clone()],
            })
            .collect(),
    });
    Some(Sign {
        specific: Some("called-again"),
        standing,
        layer: Layer::Release,
        envelope_recipient: None,
        statement,
        cites: first_few(repeated.iter().flat_map(|(_, calls)| calls.iter().map(|call| call.cite.clone()))),
        ask_for: Vec::new(),
        apart: Vec::new(),
        picture: Some(Picture::EventStrip(EventStrip { lanes: lanes.collect() })),
    })
}

/// Within what time the same action again is hardly a person's, of whom nothing is known.
const BY_NO_HAND: SignedDuration = SignedDuration::from_secs(60);
/// From how many messages a person's double action looks like a program's: nobody clicks twice on each of several.
const SCRIPTED_MIN: usize = 2;
