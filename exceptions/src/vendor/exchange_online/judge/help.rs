//! Whether a step helps the sample at all.

use evidence::{Product, VerdictKind};
use sources::policy::{self, Device, Honoured};
use sources::proposed::About;

use super::super::words;
use super::{Case, Level, note};
use crate::{Fit, Grant, Need, On, Reason, Value};

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
        all(grants.iter().flat_map(|grant| mine.iter().map(move |need| why_not(case, grant, need))))
    };
    if in_vain.is_none() {
        if let Some(blocked) = beside_a_block(grants, &mine) {
            return vec![blocked];
        }
        return grants
            .iter()
            .find_map(|grant| mine.iter().find_map(|need| not_shown(grant, need)))
            .into_iter()
            .collect();
    }
    let reason = |vain: InVain<'_>| Reason {
        row: "",
        level: Level::Useless,
        statement: vain.why,
        source: vain.source,
        cites: vain.need.cites.clone(),
    };
    in_vain.map(reason).into_iter().collect()
}

/// That one of the organisation's own block entries stopped the sample: an allow beside it contradicts it, and the pages do not say which of two
/// lists wins.
fn beside_a_block(grants: &[Grant], needs: &[&Need]) -> Option<Reason> {
    let need = needs.iter().find(|need| need.cause == "policy-scope-or-order/block-entry")?;
    let is_allow = |grant: &Grant| {
        matches!(grant.device, Device::ListEntry | Device::SubmittedEntry | Device::PolicySender | Device::Rule)
    };
    grants.iter().all(is_allow).then(|| {
        let statement = format!(
            "a block entry stopped the sample; take that entry out instead of setting an allow against it: {}",
            need.because
        );
        Reason { row: "", level: Level::Unknown, statement, source: "", cites: need.cites.clone() }
    })
}

/// The first, if all of them are something.
fn all<'w>(mut found: impl Iterator<Item = Option<InVain<'w>>>) -> Option<InVain<'w>> {
    let first = found.next()??;
    found.all(|one| one.is_some()).then_some(first)
}

/// Why a grant would not help a need; `None` if it may.
fn why_not<'w>(case: &Case<'_>, grant: &Grant, need: &'w Need) -> Option<InVain<'w>> {
    if let Fit::No(why) = need.fits(&grant.scope) {
        return Some(InVain { why: format!("it is not for the sample: {why}"), source: "", need });
    }
    let why =
        past_the_rule(case, grant, need).or_else(|| elsewhere(case, grant, need)).or_else(|| no_filter(grant, need));
    if let Some(why) = why {
        return Some(InVain { why, source: "", need });
    }
    let verdict = need.verdict.as_ref()?;
    if is_likely_forged(grant, need) {
        return None;
    }
    if let Some(what) = of_no_part(grant, need, verdict) {
        let why = format!("it was no {what} for which the sample was stopped: {}", need.because);
        return Some(InVain { why, source: "", need });
    }
    let overriding = policy::of(&Product::ExchangeOnline)?.rulebook().overriding(grant.device, verdict)?;
    let in_vain = match overriding.honoured {
        Honoured::No => true,
        Honoured::OnlyBehindAGateway => !need.is_behind_a_gateway,
        Honoured::Yes | Honoured::UnlessKeptBack | Honoured::Disputed => false,
    };
    let why = format!("{} does not help: {} ({})", grant.device.words(), overriding.because, need.because);
    in_vain.then_some(InVain { why, source: overriding.source, need })
}

/// Whether a rule of the organisation's own stopped the sample.
fn is_of_a_rule(need: &Need) -> bool {
    need.cause == "policy-scope-or-order/transport-rule" || need.verdict == Some(VerdictKind::TransportRule)
}

/// That a rule of the organisation's own stopped the sample, which acts whatever the filter is told.
fn past_the_rule(case: &Case<'_>, grant: &Grant, need: &Need) -> Option<String> {
    let mends = matches!(grant.device, Device::RuleException | Device::Release | Device::PermitPolicy);
    let ends_the_row = match &case.step.about {
        About::Setting(setting) => words::flag(setting, "StopRuleProcessing") == Some(true),
        About::Act(_) => false,
    };
    (is_of_a_rule(need) && !mends && !ends_the_row).then(|| {
        let rule = need.policy.as_ref().map_or_else(String::new, |name| format!(" \"{name}\""));
        format!("a rule of the organisation{rule} stopped the sample, and acts all the same: mend that rule")
    })
}

/// What stops mail and is no filter's conclusion: telling a filter to stand aside changes nothing about it.
const NO_FILTER: &[(&str, &str)] = &[
    ("policy-scope-or-order/user-block-list", "the user's own list of blocked senders"),
    ("connector-routing/", "a server that refused it, or the way to it"),
    ("release-handoff/", "what became of it after its release"),
    ("mailbox-rule/moved", "a rule of the mailbox"),
    ("mailbox-rule/deleted", "a rule of the mailbox"),
    ("mailbox-rule/forwarded", "a rule of the mailbox"),
];

/// That it was no filter that stopped the sample.
fn no_filter(grant: &Grant, need: &Need) -> Option<String> {
    let stands_aside = matches!(
        grant.device,
        Device::ListEntry
            | Device::SubmittedEntry
            | Device::SpoofPair
            | Device::PolicySender
            | Device::Rule
            | Device::ImpersonationExclusion
            | Device::LinkExclusion
    );
    let (_, what) = NO_FILTER.iter().find(|(cause, _)| need.cause.starts_with(cause)).filter(|_| stands_aside)?;
    Some(format!("it was {what} that stopped the sample, and no filter: {}", need.because))
}

/// That it was another rule or policy that stopped the sample, where its name is known.
fn elsewhere(case: &Case<'_>, grant: &Grant, need: &Need) -> Option<String> {
    let acted = need.policy.as_deref()?.trim();
    let is_comparable = match grant.device {
        Device::RuleException => is_of_a_rule(need),
        Device::ImpersonationExclusion => is_of_anti_phishing(need) || need.verdict == Some(VerdictKind::Impersonation),
        _ => false,
    };
    let About::Setting(setting) = &case.step.about else { return None };
    if !is_comparable {
        return None;
    }
    let current = case.newest(|known| {
        let is_it = |name: &str| known.name.eq_ignore_ascii_case(name);
        is_it(&setting.name) || setting.policy.as_deref().is_some_and(is_it)
    });
    let of_current = current.iter().flat_map(|(known, _)| [Some(known.name.as_str()), known.id.as_deref()]);
    let stated = [Some(setting.name.as_str()), setting.id.as_deref(), setting.policy.as_deref()];
    let names: Vec<&str> = stated.into_iter().chain(of_current).flatten().collect();
    let is_default = |name: &str| name.to_ascii_lowercase().ends_with("default");
    let is_id = |name: &str| name.len() == 36 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let is_same = |name: &&str| name.eq_ignore_ascii_case(acted) || is_default(name) && is_default(acted);
    // A name and an id say nothing of one another.
    let is_open = is_id(acted) != names.iter().any(|name| is_id(name)) && current.is_none();
    if names.is_empty() || is_open || names.iter().any(is_same) {
        return None;
    }
    Some(format!("it alters \"{}\", and \"{acted}\" stopped the sample", names[0]))
}

fn is_of_anti_phishing(need: &Need) -> bool {
    need.because.contains("AntiPhishPolicy")
}

/// Whether a policy stopped the sample that files forged and imitated senders as phishing, so that a way of letting these through may help.
fn is_likely_forged(grant: &Grant, need: &Need) -> bool {
    matches!(grant.device, Device::SpoofPair | Device::ImpersonationExclusion)
        && need.verdict == Some(VerdictKind::Phish)
        && is_of_anti_phishing(need)
}

/// What a grant lets through that is a part of a message, where the verdict is not about such a part.
fn of_no_part(grant: &Grant, need: &Need, verdict: &VerdictKind) -> Option<&'static str> {
    let names = |on: &On| grant.scope.on(on).next().is_some();
    let is_whole = matches!(
        verdict,
        VerdictKind::Spam
            | VerdictKind::HighConfidenceSpam
            | VerdictKind::Bulk
            | VerdictKind::Spoof
            | VerdictKind::Impersonation
    );
    match grant.device {
        Device::ListEntry if need.cause == "content-verdict/url" => None,
        Device::ListEntry if is_whole && names(&On::Url) => Some("link"),
        Device::ListEntry if is_whole && names(&On::Attachment) => Some("attachment"),
        _ => None,
    }
}

/// What the evidence does not show of whether a grant helps, where that is worth a word.
fn not_shown(grant: &Grant, need: &Need) -> Option<Reason> {
    if is_likely_forged(grant, need) {
        return Some(note(
            "not shown whether it helps: the policy files forged and imitated senders alike, and which it was stands in the headers",
        ));
    }
    if let Some(reason) = for_another_sender(grant, need) {
        return Some(reason);
    }
    let names = |on: &On| grant.scope.on(on).next().is_some();
    let is_open = names(&On::Url) && need.urls.is_empty() || names(&On::Attachment) && need.attachments.is_empty();
    is_open.then(|| note("the evidence does not show whether the sample has it"))
}

/// That a grant is for a From address, where the records of the sample name its envelope sender alone, and that is none of those: which of the
/// two it is, another From or an address that was written wrong, nobody can tell.
fn for_another_sender(grant: &Grant, need: &Need) -> Option<Reason> {
    let envelope_sender =
        need.envelope_sender.as_ref().filter(|sender| need.header_from.is_none() && !sender.is_null())?;
    let own = Value::Address(envelope_sender.clone());
    let term = grant.scope.on(&On::HeaderFrom).find(|term| !term.values.iter().any(|value| own.is_within(value)))?;
    let statement = format!(
        "not shown whether it is for the sample: it is for {term}, and the sample's records name no From, only the envelope sender {envelope_sender}"
    );
    Some(Reason::plain(Level::Unknown, statement).cited(need.cites.iter().cloned()))
}
