//! Causes that lie in where somebody comes from, and with which client.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{CITES_MAX, Ground, by_code, cites, several};
use crate::symptoms::login_challenge_loop::attempts::{Deed, GATEWAY, PROVIDER, Row, Side, is_old_method};
use crate::symptoms::login_challenge_loop::case::{Case, Versus};
use crate::symptoms::login_challenge_loop::codes::{self, Weight};

/// Rows of provider and gateway this far apart are of one attempt.
const ONE_ATTEMPT: SignedDuration = SignedDuration::from_secs(60);
/// Addresses have to differ in this many attempts: one can be a change of networks.
const PAIRS_MIN: usize = 2;
/// How often the address has to change within a loop.
const SWITCHES_MIN: usize = 3;

/// A pair of rows of one attempt, one of each side, whose addresses differ.
type Pair = (usize, usize);

/// The two hosts are reached from different addresses, or the address changes under way.
pub(super) fn addresses(case: &Case<'_, '_>) -> Option<Ground> {
    out_of_range(case).or_else(|| split(case)).or_else(|| switching(case))
}

const SPECIFIC: &str = "address-range-or-split-tunnel";

/// The gateway says that the address is not in the range.
fn out_of_range(case: &Case<'_, '_>) -> Option<Ground> {
    let is_meant =
        |row: &Row<'_>| codes::within("reason", row.fact().reason.as_deref().unwrap_or_default()) == Some("range");
    let rows: Vec<(usize, &Row<'_>)> = case.inside().filter(|(_, row)| is_meant(row)).collect();
    let ips: BTreeSet<&str> = rows.iter().filter_map(|(_, row)| row.ip()).collect();
    (!rows.is_empty()).then(|| Ground {
        specific: SPECIFIC,
        weight: Weight::Proof,
        because: format!("the gateway refuses the address {}", ips.into_iter().collect::<Vec<&str>>().join(", ")),
        cites: cites(&rows),
        versus: case.versus(is_meant),
        stands_alone: true,
        led_by: None,
        ask: Vec::new(),
    })
}

/// Provider and gateway saw one attempt from different addresses.
fn split(case: &Case<'_, '_>) -> Option<Ground> {
    let numbers: Vec<usize> = case.inside().map(|(number, _)| number).collect();
    let (differing, equal) = pairs(case, &numbers);
    if differing.len() < PAIRS_MIN || equal > 0 {
        return None;
    }
    let versus = match case.controls.as_slice() {
        [] => Versus::Nobody,
        controls => {
            let of_controls: Vec<(Vec<Pair>, usize)> =
                controls.iter().map(|control| pairs(case, &control.rows)).collect();
            let same = of_controls.iter().find_map(|(differing, _)| differing.first());
            match same {
                Some((_, gateway)) => Versus::Same(*gateway),
                None if of_controls.iter().any(|(_, equal)| *equal > 0) => Versus::Differs,
                None => Versus::Nobody,
            }
        }
    };
    let rows: Vec<(usize, &Row<'_>)> = differing
        .iter()
        .flat_map(|(provider, gateway)| [*provider, *gateway])
        .filter_map(|number| Some((number, case.row(number)?)))
        .collect();
    let ips = |side: Side| {
        let ips: BTreeSet<&str> =
            rows.iter().filter(|(_, row)| row.side == side).filter_map(|(_, row)| row.ip()).collect();
        ips.into_iter().collect::<Vec<&str>>().join(", ")
    };
    let because = format!(
        "in {} the identity provider sees {} and the gateway {}",
        several(differing.len(), "attempt"),
        ips(Side::Provider),
        ips(Side::Gateway)
    );
    Some(Ground {
        specific: SPECIFIC,
        weight: Weight::Proof,
        because,
        cites: cites(&rows),
        versus,
        stands_alone: true,
        led_by: None,
        ask: vec![PROVIDER, GATEWAY],
    })
}

/// Pairs of rows whose addresses differ, and how many pairs agree. An address of another family is another way of writing the same seat.
fn pairs(case: &Case<'_, '_>, numbers: &[usize]) -> (Vec<Pair>, usize) {
    let of = |side: Side| {
        numbers
            .iter()
            .copied()
            .filter(move |number| case.row(*number).is_some_and(|row| row.side == side && row.ip().is_some()))
    };
    let provider: Vec<usize> = of(Side::Provider).collect();
    let (mut differing, mut equal) = (Vec::new(), 0);
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    for gateway in of(Side::Gateway) {
        let Some(row) = case.row(gateway) else { continue };
        let at = |number: &usize| case.row(*number).map(|row| row.at).unwrap_or_default();
        let after = provider.partition_point(|number| at(number) <= row.at);
        // The nearest row of the provider, before rather than after.
        let near = [after.checked_sub(1), Some(after)].into_iter().flatten().filter_map(|place| provider.get(place));
        let near = near.filter(|number| at(number).duration_since(row.at).abs() <= ONE_ATTEMPT);
        let Some(nearest) = near.min_by_key(|number| at(number).duration_since(row.at).abs()) else { continue };
        let (Some(one), Some(other)) = (case.row(*nearest).and_then(Row::ip), row.ip()) else { continue };
        if one == other {
            equal += 1;
        } else if one.contains(':') == other.contains(':') && taken.insert(*nearest) {
            differing.push((*nearest, gateway));
        }
    }
    (differing, equal)
}

/// The address changes from attempt to attempt within the loop.
fn switching(case: &Case<'_, '_>) -> Option<Ground> {
    let rows: Vec<(usize, &Row<'_>)> = case
        .main
        .attempts
        .iter()
        .flat_map(|attempt| &attempt.rows)
        .filter_map(|number| Some((*number, case.row(*number)?)))
        .filter(|(_, row)| row.ip().is_some_and(|ip| !ip.contains(':')))
        .collect();
    let ips: Vec<&str> = rows.iter().filter_map(|(_, row)| row.ip()).collect();
    let switches = ips.windows(2).filter(|pair| pair.first() != pair.last()).count();
    if switches < SWITCHES_MIN || case.main.who.len() > 1 {
        return None;
    }
    let distinct: BTreeSet<&str> = ips.iter().copied().collect();
    let switch_with = |control: &super::super::case::Control| {
        let ips: Vec<&str> = control.rows.iter().filter_map(|number| case.row(*number)?.ip()).collect();
        ips.windows(2).filter(|pair| pair.first() != pair.last()).count() >= SWITCHES_MIN
    };
    let versus = match case.controls.as_slice() {
        [] => Versus::Nobody,
        controls => controls
            .iter()
            .find(|control| switch_with(control))
            .map_or(Versus::Differs, |control| Versus::Same(control.good)),
    };
    let because = format!(
        "the address changes {switches} times within the loop, between {}",
        distinct.into_iter().collect::<Vec<&str>>().join(" and ")
    );
    Some(Ground {
        specific: SPECIFIC,
        weight: Weight::Proof,
        because,
        cites: cites(&rows),
        versus,
        stands_alone: true,
        led_by: None,
        ask: vec![PROVIDER, GATEWAY],
    })
}

/// A client with an old method or a stored password fails, and locks the account.
pub(super) fn stale_client(case: &Case<'_, '_>) -> Option<Ground> {
    let specific = "stale-client-or-locked";
    let is_locked = |row: &Row<'_>| {
        codes::within("reason", row.fact().reason.as_deref().unwrap_or_default()) == Some("locked")
            || row.fact().error_code == Some(LOCKED)
    };
    let is_client = |row: &Row<'_>| codes::within("client", &row.app).is_some();
    let is_stale = |row: &Row<'_>| is_old_method(row) && (is_client(row) || !is_locked(row));
    // The client may have begun to fail long before the person was asked.
    let before: Vec<(usize, &Row<'_>)> = case.all().filter(|(_, row)| is_stale(row) && row.at <= case.to()).collect();
    let locked: Vec<(usize, &Row<'_>)> = case.inside().filter(|(_, row)| is_locked(row)).collect();
    if before.len() < 2 && locked.is_empty() {
        return super::by_code(case, specific);
    }
    let web = case.all().find(|(_, row)| row.side == Side::Gateway && row.deed == Deed::Good && !is_client(row));
    let is_proof = before.len() >= 2 && (!locked.is_empty() || web.is_some() || before.len() >= 3);
    let mut found = cites(&locked);
    found.truncate(CITES_MAX / 2);
    let apps: BTreeSet<&str> = before.iter().map(|(_, row)| row.app.as_str()).collect();
    let methods: BTreeSet<&str> = before.iter().filter_map(|(_, row)| row.fact().client.as_deref()).collect();
    let list = |words: BTreeSet<&str>| words.into_iter().collect::<Vec<&str>>().join(", ");
    let mut because = match before.len() {
        0 => "the account is locked".to_owned(),
        count => format!("{} of {} with the method {} fail", several(count, "logon"), list(apps), list(methods)),
    };
    if !locked.is_empty() && !before.is_empty() {
        because.push_str(", and the account is locked");
    }
    found.extend(cites(&before));
    found.truncate(CITES_MAX);
    let versus = case.versus(|row| is_stale(row) || is_locked(row));
    let weight = if is_proof { Weight::Proof } else { Weight::Hint };
    Some(Ground {
        specific,
        weight,
        because,
        cites: found,
        versus,
        stands_alone: true,
        led_by: None,
        ask: vec![GATEWAY],
    })
}

/// The code of a locked account.
const LOCKED: i64 = 50053;

/// The request comes from an address or for a region that the provider does not know.
pub(super) fn wrong_address(case: &Case<'_, '_>) -> Option<Ground> {
    by_code(case, "wrong-region-or-address")
}
