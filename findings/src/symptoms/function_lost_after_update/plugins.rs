//! Filters of a gateway that looked at every message until an instant and at none since, while mail goes on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use evidence::{Cite, JobStage, JobStep, VerdictKind};
use jiff::{SignedDuration, Timestamp};
use lake::{Name, What};

use super::super::altered::minute;
use super::super::{Stated, Survey};
use super::{Lost, Row};
use crate::Standing;

/// So many messages before and after show that a filter was asked by habit and is no more.
const MIN_BEFORE: usize = 3;
const MIN_AFTER: usize = 3;
/// A filter that looks at fewer of the messages than this share (in percent) is asked for some alone.
const HABIT_PERCENT: usize = 80;
/// The ledger keeps so many characters of a result: a longer one may name more symbols.
const WHOLE_CHARS: usize = 199;
/// A service is restarted at most so long before its filter is missed.
const NEAR: SignedDuration = SignedDuration::from_hours(24);

/// Filters and symbols that fell silent.
pub(super) fn all(survey: &Survey<'_>) -> Vec<Lost> {
    let mut found = silent_filters(survey);
    found.extend(silent_symbols(survey));
    found
}

/// Host and product of a speaker such as `postfix/mx1`.
fn parts(speaker: &str) -> Option<(&str, &str)> {
    let (product, rest) = speaker.split_once('/')?;
    Some((product, rest.split('/').next().unwrap_or(rest)))
}

/// What one product said on one machine: the first line of each message.
type Heard = BTreeMap<Timestamp, u32>;

fn silent_filters(survey: &Survey<'_>) -> Vec<Lost> {
    // By machine and product: when each message was first spoken of.
    let mut heard: BTreeMap<(String, String), (HashMap<Name, (Timestamp, u32)>, Heard)> = BTreeMap::new();
    for (number, line) in (0_u32..).zip(survey.lines()) {
        let (Some(at), Some((product, host))) = (line.at, parts(survey.text(line.speaker))) else { continue };
        let Some(id) = line.id.or(line.message_id) else { continue };
        let (ids, times) = heard.entry((host.to_owned(), product.to_owned())).or_default();
        if ids.insert(id, (at, number)).is_none() {
            times.entry(at).or_insert(number);
        }
    }
    let mut found = Vec::new();
    for ((host, product), (_, times)) in &heard {
        let is_server = |product: &str| ["postfix", "exim"].contains(&product);
        if is_server(product) || times.len() < MIN_BEFORE {
            continue;
        }
        let server = heard.iter().find(|((other, server), _)| other == host && is_server(server));
        let Some((_, (_, all))) = server else { continue };
        let (Some((from, _)), Some((until, last))) = (times.first_key_value(), times.last_key_value()) else {
            continue;
        };
        // A message may take a while from the server's first line to the filter's.
        let edge = until.checked_add(SignedDuration::from_mins(1)).unwrap_or(*until);
        let before = all.range(*from..=*until).count();
        let after: Vec<u32> = all.range(edge..).map(|(_, number)| *number).collect();
        if times.len() * 100 < before * HABIT_PERCENT || after.len() < MIN_AFTER {
            continue;
        }
        found.extend(lost(survey, product, None, (times.len(), *until, *last), &after));
    }
    found
}

/// Symbols that each result named until an instant.
fn silent_symbols(survey: &Survey<'_>) -> Vec<Lost> {
    let mut results: BTreeMap<String, Vec<(Timestamp, u32, BTreeSet<&str>)>> = BTreeMap::new();
    for (number, line) in (0_u32..).zip(survey.lines()) {
        let What::Verdict(kind, _) = &line.what else { continue };
        let speaker = survey.text(line.speaker);
        let product = speaker.split('/').next().unwrap_or(speaker);
        let said = survey.text(line.said);
        let is_whole = said.chars().count() < WHOLE_CHARS && said.contains('[');
        if let (Some(at), true, false) = (line.at, is_whole, *kind == VerdictKind::Malware) {
            results.entry(product.to_owned()).or_default().push((at, number, symbols(said)));
        }
    }
    let mut found = Vec::new();
    for (product, results) in &results {
        let names: BTreeSet<&str> = results.iter().flat_map(|(.., names)| names.iter().copied()).collect();
        for name in names {
            let with: Vec<usize> =
                results.iter().enumerate().filter(|(_, (.., names))| names.contains(name)).map(|(at, _)| at).collect();
            let (Some(first), Some(last)) = (with.first(), with.last()) else { continue };
            let after: Vec<u32> = results.iter().skip(last + 1).map(|(_, number, _)| *number).collect();
            let is_habit = with.len() >= MIN_BEFORE && with.len() == last - first + 1;
            let Some((until, number, _)) = results.get(*last) else { continue };
            if is_habit && after.len() >= MIN_AFTER {
                found.extend(lost(survey, product, Some(name), (with.len(), *until, *number), &after));
            }
        }
    }
    found
}

/// The names before the brackets of a result: `R_DKIM_ALLOW(-0.20){...}`.
fn symbols(said: &str) -> BTreeSet<&str> {
    let heads = said.split('(').filter_map(|part| part.rsplit([',', '[', ' ', '}', ';']).next());
    heads
        .filter(|name| {
            name.len() > 2
                && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        })
        .collect()
}

fn lost(
    survey: &Survey<'_>,
    product: &str,
    symbol: Option<&str>,
    (count, until, last): (usize, Timestamp, u32),
    after: &[u32],
) -> Option<Lost> {
    let lines = survey.lines();
    let (last, first) = (lines.get(last as usize)?, lines.get(*after.first()? as usize)?);
    let bad_at = first.at?;
    let what = match symbol {
        Some(symbol) => format!("symbol {symbol} of {product}"),
        None => format!("filter {product}"),
    };
    let about = |step: &Stated<'_, JobStep>| {
        let text = format!("{} {}", step.fact.job, step.fact.said).to_lowercase();
        let head = symbol.and_then(|symbol| symbol.split('_').find(|part| part.len() > 3)).map(str::to_lowercase);
        text.contains(&product.to_lowercase()) || head.is_some_and(|head| text.contains(&head))
    };
    let edge = until.checked_sub(NEAR).unwrap_or(until);
    let steps: Vec<Stated<'_, JobStep>> = survey
        .jobs()
        .into_iter()
        .filter(|step| step.at().is_some_and(|at| edge <= at && at <= bad_at) && about(step))
        .collect();
    let fails =
        |step: &&Stated<'_, JobStep>| matches!(step.fact.stage, JobStage::Error | JobStage::Failed | JobStage::Warning);
    let why = steps.iter().rev().find(fails);
    let restart = steps.iter().rev().find(|step| step.at().is_some_and(|at| at >= until));
    let mut statement = format!(
        "{what} spoke of every message until {} ({count} messages), and of none of the {} from {}",
        minute(until),
        after.len(),
        minute(bad_at)
    );
    let mut cites: Vec<Cite> = vec![survey.cite(last), survey.cite(first)];
    let mut rows = vec![
        Row::new("messages that it looked at", Some(count.to_string()), Some("0".to_owned()), vec![survey.cite(last)]),
        Row::new("messages without it", Some("0".to_owned()), Some(after.len().to_string()), vec![survey.cite(first)]),
    ];
    let (specific, standing, ask_for) = match why.or(restart) {
        Some(step) => {
            let at = step.at().map(minute).unwrap_or_default();
            statement =
                format!("{statement}; at {at} {} said: {}", step.fact.job, super::short_reply(&step.fact.said, ""));
            cites.push(step.cite());
            rows.push(Row::new(&step.fact.job, None, Some(super::short_reply(&step.fact.said, "")), vec![step.cite()]));
            let standing = if why.is_some() { Standing::Proved } else { Standing::Likely };
            (Some("gateway-plugin-not-loaded"), standing, Vec::new())
        }
        None => {
            statement = format!("{statement}; what was restarted or updated in between is not shown");
            (None, Standing::NotShown, vec!["job/systemd-journal"])
        }
    };
    Some(Lost {
        specific,
        standing,
        good_until: Some(until),
        bad_from: Some(bad_at),
        function: what,
        statement,
        cites,
        ask_for,
        apart: Vec::new(),
        rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_symbols() {
        let said =
            "(default: F (no action): [-1.20/15.00] [DMARC_POLICY_ALLOW(-0.50){a.example;reject;},ARC_NA(0.00){}])";
        assert_eq!(symbols(said), BTreeSet::from(["ARC_NA", "DMARC_POLICY_ALLOW"]));
    }
}
