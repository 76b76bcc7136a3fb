//! A resolver that still gives an address of the time before.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{DnsAnswer, Layer};
use jiff::SignedDuration;

use super::outage::Outage;
use super::{Leftover, clock};
use crate::Standing;
use crate::symptoms::picture::{Mark, MarkTone};
use crate::symptoms::{Stated, Survey};

/// A name that two servers answer differently, one of them from memory.
pub(super) fn cached(survey: &Survey<'_>, outage: &Outage<'_>) -> Option<Leftover> {
    let all = survey.dns();
    let mut of_name: BTreeMap<(&str, &str), Vec<&Stated<'_, DnsAnswer>>> = BTreeMap::new();
    for one in all.iter().filter(|one| one.at().is_some() && !one.fact.data.is_empty()) {
        of_name.entry((one.fact.name.as_str(), one.fact.record_type.as_str())).or_default().push(one);
    }
    of_name.into_iter().find_map(|((name, _), answers)| stale(survey, outage, name, &answers))
}

fn stale(survey: &Survey<'_>, outage: &Outage<'_>, name: &str, answers: &[&Stated<'_, DnsAnswer>]) -> Option<Leftover> {
    let since = |one: &&&Stated<'_, DnsAnswer>| one.at().is_some_and(|at| at >= outage.back);
    let late: Vec<&&Stated<'_, DnsAnswer>> = answers.iter().filter(since).collect();
    // What was tried in vain, and what answered, by address or name.
    let failed: BTreeSet<String> =
        outage.failures.iter().chain(&outage.late).flat_map(|one| addresses(one.said)).collect();
    let data =
        |one: &Stated<'_, DnsAnswer>| one.fact.data.iter().map(|text| last_word(text)).collect::<BTreeSet<String>>();
    let before: BTreeSet<String> = answers.iter().filter(|one| !since(one)).flat_map(|one| data(one)).collect();
    let is_old = |one: &Stated<'_, DnsAnswer>| {
        data(one).iter().any(|address| failed.contains(address)) || (!before.is_empty() && data(one).is_subset(&before))
    };
    let old = late.iter().find(|one| is_old(one))?;
    let new = late.iter().find(|one| data(one).is_disjoint(&data(old)) && !is_old(one));
    let at = old.at()?;
    let until =
        old.fact.ttl_seconds.and_then(|seconds| at.checked_add(SignedDuration::from_secs(i64::from(seconds))).ok());
    // An answer that was over before anybody asked again is no leftover.
    let server = |one: &Stated<'_, DnsAnswer>| {
        let peer = one.fact.server.as_ref();
        peer.and_then(|peer| peer.ip.clone().or_else(|| peer.name.clone())).unwrap_or_else(|| "a resolver".to_owned())
    };
    let lives = match until {
        Some(until) => format!("its answer may be kept until {}", clock(until)),
        None => "how long its answer may be kept is not shown".to_owned(),
    };
    let said = match new {
        Some(new) => format!(
            "{} still answers {name} with {}, while {} gives {}; {lives}",
            server(old),
            old.fact.data.join(", "),
            server(new),
            new.fact.data.join(", ")
        ),
        None => format!(
            "{} answers {name} with {}, which failed; what the domain's own servers give is not shown; {lives}",
            server(old),
            old.fact.data.join(", ")
        ),
    };
    let mut cites = vec![old.cite()];
    cites.extend(new.map(|new| new.cite()));
    cites.extend(outage.late.iter().take(3).map(|one| one.record.cite(survey)));
    let mark = |one: &Stated<'_, DnsAnswer>, tone, label: String| {
        Some(Mark { at: one.at()?, tone, label, cites: vec![one.cite()] })
    };
    let marks = mark(old, MarkTone::Bad, format!("old answer from {}", server(old)))
        .into_iter()
        .chain(new.and_then(|new| mark(new, MarkTone::Good, format!("new answer from {}", server(new)))))
        .chain(outage.late.iter().map(|one| Mark {
            at: one.at,
            tone: MarkTone::Bad,
            label: "old address tried".to_owned(),
            cites: vec![one.record.cite(survey)],
        }))
        .chain(until.map(|at| Mark {
            at,
            tone: MarkTone::Plain,
            label: "old answer ends".to_owned(),
            cites: vec![old.cite()],
        }));
    Some(Leftover {
        specific: "dns-cached",
        standing: if new.is_some() { Standing::Proved } else { Standing::NotShown },
        layer: Layer::Delivery,
        envelope_recipient: None,
        said,
        lane: format!("answers for {name}"),
        marks: marks.collect(),
        cites,
        ask_for: if new.is_some() { Vec::new() } else { vec!["dns/answers"] },
        apart: Vec::new(),
    })
}

/// The last word of the data of a record, without its last dot: a host of an MX record, or an address.
fn last_word(data: &str) -> String {
    data.rsplit(' ').next().unwrap_or(data).trim_end_matches('.').to_lowercase()
}

/// Addresses that words name in square brackets, and hosts before them.
fn addresses(said: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in said.split('[').skip(1) {
        if let Some((address, _)) = part.split_once(']') {
            let address = address.rsplit('=').next().unwrap_or(address);
            let address = address.strip_suffix(":25").unwrap_or(address);
            found.push(address.to_lowercase());
        }
    }
    found
}
