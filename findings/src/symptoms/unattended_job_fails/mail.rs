//! Jobs of which only their mail is seen: a device or script that is refused at the same time every night, while the same
//! sender's mail of the day goes through.

use std::collections::BTreeMap;

use evidence::{Cite, Layer};
use lake::{Fared, Name};

use super::runs::{self, Clock};
use super::signs::{self, Weight};
use super::{MAILBOXES, SUBMISSION, once, short, utc};
use crate::Standing;
use crate::symptoms::picture::{BeforeAfter, Compared, Picture, Weight as Shown};
use crate::symptoms::{Course, Sign, Survey};

/// The mail of the day is this far from the hour of the failures: what is nearer is the same mail that was tried again.
const ANOTHER_HOUR_MINUTES: i64 = 3 * 60;
const DAY_MINUTES: i64 = 24 * 60;

/// The causes that replies to mail can name.
const BY_REPLY: &[&str] = &[SUBMISSION, super::ENVIRONMENT];

/// One finding a sender.
pub(super) fn find(survey: &Survey<'_>) -> Vec<Sign> {
    let mut by_sender: BTreeMap<Name, Vec<&Course>> = BTreeMap::new();
    for course in survey.courses() {
        if let Some(sender) = course.sender {
            by_sender.entry(sender).or_default().push(course);
        }
    }
    let mut found: Vec<(&str, Sign)> = by_sender
        .into_iter()
        .filter_map(|(sender, courses)| Some((survey.text(Some(sender)), of_sender(survey, sender, &courses)?)))
        .collect();
    found.sort_by_key(|(sender, _)| *sender);
    found.into_iter().map(|(_, sign)| sign).collect()
}

fn of_sender(survey: &Survey<'_>, sender: Name, courses: &[&Course]) -> Option<Sign> {
    let reply = |course: &Course| {
        let line = survey.deciding(course);
        let code = line.reply_code.map(|code| code.to_string()).unwrap_or_default();
        format!("{code} {} {}", survey.text(line.enhanced_status_code), survey.text(line.said))
    };
    let cause = |course: &Course| {
        let is_bad = matches!(course.fared, Fared::Blocked | Fared::PutOff);
        is_bad.then(|| signs::of_words(&reply(course))).flatten()
    };
    let named = |course: &Course| {
        cause(course)
            .filter(|(cause, weight)| *weight == Weight::Strong && BY_REPLY.contains(cause))
            .map(|(cause, _)| cause)
    };
    let bad: Vec<&Course> = courses.iter().copied().filter(|course| named(course).is_some()).collect();
    let (first, last) = (bad.first()?, bad.last()?);
    let mut clock = Clock::default();
    bad.iter().for_each(|course| clock.tick(course.at));
    if !bad.iter().all(|course| clock.has(course.at)) {
        return None;
    }
    let is_of_the_day = |course: &&Course| {
        bad.iter().take(2).all(|other| {
            let apart = (runs::clock(course.at).0 - runs::clock(other.at).0).abs();
            apart.min(DAY_MINUTES - apart) >= ANOTHER_HOUR_MINUTES
        })
    };
    let good = courses.iter().copied().filter(|course| course.fared == Fared::Through).filter(is_of_the_day);
    let good = good.filter(|course| course.at >= first.at).min_by_key(|course| course.at)?;
    let specific = named(last)?;
    let settings = survey.settings();
    let off = settings.iter().find(|setting| {
        specific == SUBMISSION
            && setting.fact.properties.iter().any(|property| {
                ["SmtpClientAuthenticationDisabled", "RejectDirectSend"].contains(&property.name.as_str())
                    && property.values.iter().any(|value| value.eq_ignore_ascii_case("true"))
            })
    });
    let mut cites: Vec<Cite> = bad.iter().rev().take(3).map(|course| survey.cite(survey.deciding(course))).collect();
    cites.push(survey.cite(survey.deciding(good)));
    cites.extend(off.map(|setting| setting.cite()));
    once(&mut cites);
    let said = short(reply(last).trim());
    let rows = [
        ("when", utc(good.at), utc(last.at), Shown::Differs),
        ("result", "went through".to_owned(), said.clone(), Shown::Decides),
    ];
    let rows = rows.into_iter().map(|(field, before, after, weight)| Compared {
        field: field.to_owned(),
        before: Some(before),
        after: Some(after),
        weight,
        cites: cites.clone(),
    });
    Some(Sign {
        specific: Some(specific),
        // A sender may have two machines: that both are one job is a reading, unless the setting is there.
        standing: if off.is_some() || specific != SUBMISSION { Standing::Proved } else { Standing::Likely },
        layer: Layer::Delivery,
        envelope_recipient: None,
        statement: format!(
            "Mail of {} was refused {} times at the same time of day, from {} to {} (`{said}`), while its mail of {} went through.",
            survey.text(Some(sender)),
            bad.len(),
            utc(first.at),
            utc(last.at),
            utc(good.at),
        ),
        ask_for: if off.is_none() && specific == SUBMISSION { vec![MAILBOXES] } else { Vec::new() },
        apart: Vec::new(),
        picture: Some(Picture::BeforeAfter(BeforeAfter {
            before: "good run, by day".to_owned(),
            after: "bad run, unattended".to_owned(),
            rows: rows.collect(),
        })),
        cites,
    })
}
