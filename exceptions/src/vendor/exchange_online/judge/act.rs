//! N8, N9, B18, B19: releases.

use evidence::{Act, Address, Cite, Product, VerdictKind};

use super::super::grants::Release;
use super::{Case, harmless, note, row, row_at, unknown};
use crate::vendor::own;
use crate::{Grant, Level, Need, On, Reason, Value};

/// Judges an act.
pub(super) fn judge(case: &Case<'_>, act: &Act, grants: &[Grant]) -> Vec<Reason> {
    let Some(release) = Release::of(act) else { return Vec::new() };
    if !release.lets_go {
        return vec![harmless("it lets nothing go")];
    }
    let mut reasons = case.by_device(grants, None);
    if release.allows_sender {
        reasons.push(row("B19", "one release would allow the sender for all later mail too"));
    }
    if let Some(why) = several(case, &release) {
        reasons.push(row("M6", why));
    }
    if release.reports && reasons.iter().all(|reason| reason.level < Level::Unknown) {
        reasons.push(row("N9", "a copy goes to the vendor as wrongly judged"));
    }
    reasons
}

/// Whether a release lets go more than one message, as far as its text shows.
fn several(case: &Case<'_>, release: &Release<'_>) -> Option<String> {
    let said = case.step.said.to_ascii_lowercase();
    let is_piped = said.contains('|') && said.contains("get-quarantinemessage");
    let ids = ids_in(&said).max(release.messages.len());
    let is_wild = release.messages.iter().any(|id| id.contains(['*', '$', '?']));
    match (is_piped, ids) {
        (true, _) => Some("it lets go whatever a search finds".to_owned()),
        _ if is_wild => Some("which messages it lets go is not written in it".to_owned()),
        (_, 0) => Some("it names no message".to_owned()),
        (_, 1) => None,
        (_, several) => Some(format!("it lets go {several} messages at once")),
    }
}

/// How many different ids of messages in quarantine a text names: two GUIDs with a backslash between them.
fn ids_in(text: &str) -> usize {
    let is_guid = |part: &str| part.len() == 36 && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let words = text.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '-' | '\\' | '/')));
    let is_id = |word: &&str| word.split_once(['\\', '/']).is_some_and(|(one, other)| is_guid(one) && is_guid(other));
    words.filter(is_id).collect::<std::collections::BTreeSet<&str>>().len()
}

/// Judges to whom a message is let go.
pub(super) fn release(case: &Case<'_>, grant: &Grant) -> Vec<Reason> {
    let needs: Vec<&Need> = case.world.needs.iter().filter(|need| need.product == Product::ExchangeOnline).collect();
    let of_sample: Vec<&Need> = needs.iter().copied().filter(|need| is_of(need, grant)).collect();
    let worst = of_sample.iter().filter_map(|need| need.verdict.as_ref().map(|verdict| (verdict, *need)));
    let worst = worst
        .clone()
        .find(|(verdict, _)| is_malware(verdict))
        .or_else(|| worst.clone().find(|(verdict, _)| **verdict == VerdictKind::HighConfidencePhish));
    let cites = worst.map_or_else(Vec::new, |(_, need)| need.cites.clone());
    let to: Vec<&Address> =
        grant.scope.on(&On::Recipient).flat_map(|term| &term.values).filter_map(own::address).collect();
    let names_all = grant.scope.on(&On::Recipient).flat_map(|term| &term.values).count() == to.len();
    if to.is_empty() || !names_all {
        return to_all(&of_sample, worst, cites);
    }
    let mut reasons: Vec<Reason> = Vec::new();
    if let Some((verdict, _)) = worst {
        if is_malware(verdict) {
            reasons.push(row_at(Level::Approval, "B18", "the message was found to carry malware").cited(cites));
        } else {
            reasons.push(
                note("the message was judged phishing of high confidence: have the vendor look at it first")
                    .cited(cites),
            );
        }
    }
    let (originals, cites) = originals(&of_sample);
    let strangers: Vec<&&Address> = to.iter().filter(|to| !originals.contains(to)).collect();
    match strangers.first() {
        _ if originals.is_empty() && outsider(case, &to).is_some() => {
            let outsider = outsider(case, &to).map(ToString::to_string).unwrap_or_default();
            reasons.push(row("M7", format!("{outsider} is in none of the organisation's domains")));
        }
        _ if originals.is_empty() && to.len() > 1 => {
            reasons.push(unknown(
                "the evidence does not show to which of these the message was addressed: fetch Get-QuarantineMessage -Identity",
            ));
        }
        _ if originals.is_empty() => {
            reasons.push(note(
                "the evidence does not show to whom the message was addressed: fetch Get-QuarantineMessage -Identity",
            ));
        }
        Some(stranger) => {
            reasons
                .push(row("M7", format!("{stranger} is none of those to whom the message was addressed")).cited(cites));
        }
        None => {}
    }
    if to.len() > 1 {
        reasons.push(note(format!("{} recipients get it", to.len())));
    }
    reasons.push(row("N8", format!("only for {}", grant.scope)));
    reasons
}

/// The first recipient in no domain of the organisation, where the evidence shows its domains.
fn outsider<'g>(case: &Case<'_>, to: &[&'g Address]) -> Option<&'g Address> {
    let accepted = case.world.accepted_domains();
    let is_accepted = |domain: &str| {
        accepted.iter().any(|own| domain.eq_ignore_ascii_case(own) || super::width::is_below(domain, own))
    };
    to.iter().copied().find(|to| !accepted.is_empty() && !to.domain().is_some_and(is_accepted))
}

/// Judges a release to everybody to whom a message was addressed.
fn to_all(of_sample: &[&Need], worst: Option<(&VerdictKind, &Need)>, cites: Vec<Cite>) -> Vec<Reason> {
    if worst.is_some() {
        return vec![
            row(
                "B18",
                "the message was judged malware or phishing of high confidence, and all its recipients would get it",
            )
            .cited(cites),
        ];
    }
    let recipients: std::collections::BTreeSet<&Address> =
        of_sample.iter().flat_map(|need| &need.envelope_recipients).collect();
    let cites: Vec<Cite> = of_sample.iter().flat_map(|need| need.cites.clone()).collect();
    let is_judged = of_sample.iter().any(|need| need.verdict.is_some());
    match recipients.len() {
        _ if !is_judged => vec![
            row_at(
                Level::Approval,
                "B18",
                "all its recipients would get it, and the evidence does not show how the message was judged",
            ),
            unknown("fetch Get-QuarantineMessage -Identity for the message: why it is held, and for whom"),
        ],
        1 => vec![row("N8", "the message has one recipient").cited(cites)],
        several => {
            vec![row("M8", format!("all {several} recipients would get it; name those who need it")).cited(cites)]
        }
    }
}

fn is_malware(verdict: &VerdictKind) -> bool {
    matches!(verdict, VerdictKind::Malware | VerdictKind::Attachment)
}

/// Whether a release is of the sample's message: by its id, or by no other id than an unknown one.
fn is_of(need: &Need, grant: &Grant) -> bool {
    let mut messages = grant.scope.on(&On::Message).flat_map(|term| &term.values);
    let ids: Vec<String> = need.held.iter().filter_map(|held| held.id.as_deref()).map(bare).collect();
    let is_named = |value: &Value| matches!(value, Value::Name(id) if ids.contains(&bare(id)));
    ids.is_empty() || messages.any(is_named)
}

fn bare(id: &str) -> String {
    id.trim().replace('/', "\\").to_lowercase()
}

/// To whom the sample's message was addressed, as far as anything shows.
fn originals<'w>(of_sample: &[&'w Need]) -> (Vec<&'w Address>, Vec<Cite>) {
    let recipients: Vec<&Address> = of_sample
        .iter()
        .flat_map(|need| need.envelope_recipients.iter().chain(need.held.iter().map(|held| &held.envelope_recipient)))
        .collect();
    let cites = of_sample.iter().flat_map(|need| need.held.iter().map(|held| held.cite.clone())).collect();
    (recipients, cites)
}
