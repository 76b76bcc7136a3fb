//! Whether a step helps the sample at all.

use evidence::Product;
use sources::policy::{self, Device, Honoured};

use super::{Case, Level};
use crate::{Fit, Grant, Need, Reason};

/// Why something would not help.
struct InVain<'w> {
    why: String,
    source: &'static str,
    need: &'w Need,
}

/// That the step would not change the fate of the sample, if all of its ways of letting mail through are in vain.
pub(super) fn judge(case: &Case<'_>, grants: &[Grant]) -> Vec<Reason> {
    let needs: Vec<&Need> = case.world.needs.iter().filter(|need| need.is_shown).collect();
    let all_shown = needs.len() == case.world.needs.len();
    let Some(first) = needs.first() else { return Vec::new() };
    // What only helps to find the sender, or takes recipients out of a policy, is judged by what it mends.
    let is_indirect = |grant: &Grant| matches!(grant.device, Device::EnhancedFiltering | Device::InternalTrust);
    if grants.is_empty() || grants.iter().any(is_indirect) || !all_shown {
        return Vec::new();
    }
    let mine: Vec<&Need> = needs.iter().copied().filter(|need| need.product == Product::ExchangeOnline).collect();
    let in_vain = if mine.is_empty() {
        let why = format!("it was another system that stopped the sample: {}", first.because);
        Some(InVain { why, source: "", need: first })
    } else {
        all(grants.iter().flat_map(|grant| mine.iter().map(move |need| why_not(grant, need))))
    };
    let reason = |vain: InVain<'_>| Reason {
        row: "",
        level: Level::Useless,
        statement: vain.why,
        source: vain.source,
        cites: vain.need.cites.clone(),
    };
    in_vain.map(reason).into_iter().collect()
}

/// The first, if all of them are something.
fn all<'w>(mut found: impl Iterator<Item = Option<InVain<'w>>>) -> Option<InVain<'w>> {
    let first = found.next()??;
    found.all(|one| one.is_some()).then_some(first)
}

/// Why a grant would not help a need; `None` if it may.
fn why_not<'w>(grant: &Grant, need: &'w Need) -> Option<InVain<'w>> {
    if let Fit::No(why) = need.fits(&grant.scope) {
        return Some(InVain { why: format!("it is not for the sample: {why}"), source: "", need });
    }
    let verdict = need.verdict.as_ref()?;
    let overriding = policy::of(&Product::ExchangeOnline)?.rulebook().overriding(grant.device, verdict)?;
    let in_vain = match overriding.honoured {
        Honoured::No => true,
        Honoured::OnlyBehindAGateway => !need.is_behind_a_gateway,
        Honoured::Yes | Honoured::UnlessKeptBack | Honoured::Disputed => false,
    };
    let why = format!("{} does not help: {} ({})", grant.device.words(), overriding.because, need.because);
    in_vain.then_some(InVain { why, source: overriding.source, need })
}
