//! What speaks for each cause, and how those who get in stand to it.

mod identity;
mod place;
mod session;
mod step;

use evidence::{Cite, SourceId};

use super::attempts::Row;
use super::case::{Case, Versus};
use super::codes::Weight;

/// What speaks for a cause.
#[derive(Clone, Debug)]
pub(super) struct Ground {
    /// The cause, as the guide names it.
    pub(super) specific: &'static str,
    /// Whether the records tell the cause, or only lead to it.
    pub(super) weight: Weight,
    /// Which records, in one sentence without its full stop.
    pub(super) because: String,
    /// The records.
    pub(super) cites: Vec<Cite>,
    /// How those who get in stand to it.
    pub(super) versus: Versus,
    /// Whether records that only lead to it are enough to call it likely.
    pub(super) stands_alone: bool,
    /// Who signs in for the one who is challenged.
    pub(super) led_by: Option<String>,
    /// What would prove it, if the records only lead to it.
    pub(super) ask: Vec<SourceId>,
}

/// How many records of one ground are cited.
pub(super) const CITES_MAX: usize = 6;
/// A code has to stand in this many rows: one alone can be of something else.
const ROWS_MIN: usize = 2;

/// All grounds of a case, the most exact cause first: a later one may be but a result of an earlier one.
pub(super) fn of(case: &Case<'_, '_>) -> Vec<Ground> {
    let all = [
        identity::delegate(case),
        identity::name_mismatch(case),
        step::code_mail(case),
        session::clock(case),
        step::device(case),
        session::frequency(case),
        step::second_factor(case),
        place::addresses(case),
        identity::saml(case),
        identity::profile(case),
        place::stale_client(case),
        place::wrong_address(case),
        session::cookies(case),
    ];
    all.into_iter().flatten().collect()
}

/// Rows with codes of one cause: the numbers of those of the weight, and the codes' meanings.
fn coded<'c, 'a>(case: &Case<'c, 'a>, cause: &str, weight: Weight) -> Vec<(usize, &'c Row<'a>)> {
    let is_meant =
        |row: &Row<'_>| row.code.is_some_and(|code| code.cause.as_deref() == Some(cause) && code.weight >= weight);
    case.inside().filter(|(_, row)| is_meant(row)).collect()
}

/// A ground out of codes that tell their cause by themselves.
fn by_code(case: &Case<'_, '_>, specific: &'static str) -> Option<Ground> {
    let proofs = coded(case, specific, Weight::Proof);
    let hints = coded(case, specific, Weight::Hint);
    let (found, weight) = if proofs.len() >= ROWS_MIN { (proofs, Weight::Proof) } else { (hints, Weight::Hint) };
    if found.len() < ROWS_MIN {
        return None;
    }
    let versus = case
        .versus(|row| row.code.is_some_and(|code| code.cause.as_deref() == Some(specific) && code.weight >= weight));
    Some(Ground {
        specific,
        weight,
        because: codes_told(&found),
        cites: cites(&found),
        versus,
        stands_alone: false,
        led_by: None,
        ask: Vec::new(),
    })
}

/// The codes of rows and what they mean: `53000 in 4 rows (the device is not compliant)`.
fn codes_told(rows: &[(usize, &Row<'_>)]) -> String {
    let mut counts: std::collections::BTreeMap<i64, (usize, &str)> = std::collections::BTreeMap::new();
    for (_, row) in rows {
        if let Some(code) = row.code {
            counts.entry(code.value).or_insert((0, &code.means)).0 += 1;
        }
    }
    let told = counts.iter().map(|(value, (count, means))| format!("{value} in {} ({means})", several(*count, "row")));
    told.collect::<Vec<String>>().join(", ")
}

/// `1 row`, `3 rows`.
pub(super) fn several(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

fn cites(rows: &[(usize, &Row<'_>)]) -> Vec<Cite> {
    rows.iter().take(CITES_MAX).map(|(_, row)| row.stated.cite()).collect()
}
