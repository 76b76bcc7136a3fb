//! A filter, rule or list of the station that decided names its reason: content, policy, or authentication.
//!
//! What proves it: the record in which the filter states its verdict together with what it did. What looks alike: a
//! verdict that only reported (never a cause), a verdict of an earlier system that let the copy go on, and a failed
//! authentication result on which nobody acted. Owner: whoever runs the policy named in the record.

use evidence::{Action, AuthMethod, AuthResult, Fact, Folder, Layer, Product, Verdict, VerdictKind};
use layers::{End, Explained, Stay};
use trace::Event;

use super::{Family, claim, released, told};
use crate::{Claim, Scene, Standing};

/// The families `content-verdict`, `policy-scope-or-order` and `authentication-alignment` as a filter states them.
pub struct Rule;

impl Family for Rule {
    fn about(&self) -> &'static str {
        "a filter, rule or list states why it refused, held or moved the copy"
    }

    fn find(&self, copy: &Explained<'_>, _scene: &Scene<'_>) -> Option<Claim> {
        let stay = copy.decided()?;
        let deed = match stay.end {
            End::Refused(event)
            | End::RefusedByFilter(event)
            | End::Held(event)
            | End::Discarded(event)
            | End::Junked(event)
            | End::PutOff(event) => event,
            End::HandoverRefused(event) if best(stay).is_some_and(acted_at_the_end) => event,
            End::Stored(event) if in_junk(event) => event,
            End::Forwarded(event) => {
                let rule = stay.redirecting_rule()?;
                let (id, layer) = id_of(rule)?;
                return Some(claim(id, Standing::Proved, layer, statement(rule, event), [rule, event]));
            }
            _ => return None,
        };
        match best(stay) {
            Some(verdict) => {
                let named = class_in_the_sample(stay, verdict).unwrap_or(verdict);
                let behind = behind_a_spoof(stay, named);
                let (id, layer) = match &behind {
                    Some(behind) => (behind.id, behind.layer),
                    None => id_of(named)?,
                };
                let standing = behind.as_ref().map_or(Standing::Proved, |behind| behind.standing);
                let mut events = vec![verdict, named, deed];
                let verdict = named;
                events.extend(behind.as_ref().map(|behind| behind.said));
                if layer == Layer::Authentication {
                    events.extend(failed_results(stay));
                }
                if is_mark_only(deed) {
                    events.extend(stay.words.iter().copied());
                    let statement = format!("{}; that puts it to junk unless a policy says otherwise", told(verdict));
                    let claim = claim(id, Standing::Likely, layer, statement, events);
                    return Some(Claim { ask_for: vec!["exchange-online/message-trace-detail"], ..claim });
                }
                if let Some(claim) = beside_an_unnamed_hold(stay, verdict, deed) {
                    return claim;
                }
                let statement = match &behind {
                    Some(behind) => {
                        let rest = statement(verdict, deed);
                        let speaker = format!("{}: ", verdict.observation.speaker);
                        let rest = rest.strip_prefix(speaker.as_str()).unwrap_or(&rest);
                        format!("{}, and for that reason {rest}", told(behind.said))
                    }
                    None => statement(verdict, deed),
                };
                let claim = claim(id, standing, layer, statement, events);
                Some(if is_word_of_filter_alone(stay) { by_filter_alone(claim) } else { claim })
            }
            None => {
                by_matched_rule(stay, deed).or_else(|| by_failed_dmarc(stay, deed)).or_else(|| by_summary_word(deed))
            }
        }
    }
}

/// Whether all that is known of a refusal is the conclusion of a filter that the mail server asked: the server may not
/// have followed it.
fn is_word_of_filter_alone(stay: &Stay<'_>) -> bool {
    matches!(stay.end, End::RefusedByFilter(event) if event.observation.speaker.product == Product::Rspamd)
        && stay.arrivals.is_empty()
        && stay.handovers.is_empty()
}

fn by_filter_alone(claim: Claim) -> Claim {
    let statement = format!("{}; what the mail server then did is not shown", claim.statement);
    Claim { standing: claim.standing.max(Standing::Likely), statement, ask_for: vec!["postfix/log"], ..claim }
}

/// Whether a verdict is that of a rule of the organisation which the record names.
fn is_named_rule(verdict: &Verdict) -> bool {
    matches!(verdict.kind, VerdictKind::TransportRule | VerdictKind::DataLoss) && verdict.policy.is_some()
}

/// A rule that matched, where nothing else names the reason: likely, if it raised the spam level of what was put to junk or
/// kept back, or if its action is not stated and the copy is kept back.
fn by_matched_rule(stay: &Stay<'_>, deed: &Event) -> Option<Claim> {
    let is_hold = |event: &Event| match event.fact() {
        Fact::Quarantine(_) => true,
        Fact::Status(status) => status.status == evidence::TraceStatus::Quarantined,
        _ => false,
    };
    let rule = stay.adverse_verdicts().filter(|event| {
        matches!(event.fact(), Fact::Verdict(verdict) if is_named_rule(verdict) && match verdict.action {
            Action::NotSaid => is_hold(deed),
            Action::Tagged => sets_spam_level(&verdict.said),
            _ => false,
        })
    });
    let rule = rule.last()?;
    let (id, layer) = id_of(rule)?;
    let claim = claim(id, Standing::Likely, layer, statement(rule, deed), [rule, deed]);
    let list = layers::exports::holds_of(&stay.station.system.product).first().copied();
    Some(Claim { ask_for: vec![list.unwrap_or("exchange-online/quarantine"), "message/eml"], ..claim })
}

/// A hold by a milter that gives no reason, where the milter that checks DMARC found a failure: likely the reason, for such
/// a milter holds what the domain asks to be quarantined.
fn by_failed_dmarc(stay: &Stay<'_>, deed: &Event) -> Option<Claim> {
    let Fact::Quarantine(kept) = deed.fact() else { return None };
    if kept.policy.as_ref().and_then(|policy| policy.kind.as_deref()) != Some("milter") {
        return None;
    }
    let failed = failed_results(stay).find(|event| {
        event.source == deed.source
            && matches!(event.fact(), Fact::Authentication(result) if result.method == AuthMethod::Dmarc)
    })?;
    let statement = format!("{}; {}", layers::of_event(failed), layers::of_event(deed));
    let statement = format!("{}: {statement}; the hold names no reason of its own", failed.observation.speaker);
    let claim = claim(
        "authentication-alignment/dmarc-fail",
        Standing::Likely,
        Layer::Authentication,
        statement,
        [failed, deed],
    );
    Some(Claim { ask_for: vec!["message/eml"], ..claim })
}

fn sets_spam_level(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    said.contains("setscl") || said.contains("spamconfidencelevel")
}

/// Whether a verdict says that the station itself refused or bounced the copy.
fn acted_at_the_end(verdict: &Event) -> bool {
    matches!(verdict.fact(), Fact::Verdict(verdict) if matches!(verdict.action, Action::Rejected | Action::Bounced))
}

fn in_junk(event: &Event) -> bool {
    matches!(event.fact(), Fact::Stored(stored) if stored.folder == Some(Folder::Junk))
}

/// What a detection beside a hold is worth whose own record leaves the reason open: likely the reason. Mimecast's `Oth`
/// says so much that it was not spam. `None` if the hold's own record names the reason, or nothing speaks of the hold.
fn beside_an_unnamed_hold(stay: &Stay<'_>, detected: &Event, deed: &Event) -> Option<Option<Claim>> {
    let Fact::Verdict(Verdict { kind, action: Action::NotSaid | Action::Tagged, .. }) = detected.fact() else {
        return None;
    };
    let place = deed.observation.cite.order();
    let is_left_open = stay.adverse_verdicts().any(|event| {
        event.observation.cite.order() == place
            && matches!(
                event.fact(),
                Fact::Verdict(Verdict { kind: VerdictKind::Unknown, action: Action::Quarantined, .. })
            )
    });
    if !is_left_open {
        return None;
    }
    if matches!(kind, VerdictKind::Spam | VerdictKind::HighConfidenceSpam) {
        return Some(None);
    }
    let (id, layer) = id_of(detected)?;
    let claim = claim(id, Standing::Likely, layer, statement(detected, deed), [detected, deed]);
    let list = layers::exports::holds_of(&stay.station.system.product).first().copied();
    Some(Some(Claim { ask_for: list.into_iter().collect(), ..claim }))
}

/// Whether all that shows the junk folder is a verdict that does not say what was done.
fn is_mark_only(deed: &Event) -> bool {
    matches!(deed.fact(), Fact::Verdict(verdict) if verdict.action == Action::NotSaid)
}

fn statement(verdict: &Event, deed: &Event) -> String {
    if std::ptr::eq(verdict, deed) || matches!(deed.fact(), Fact::Verdict(_)) {
        return told(verdict);
    }
    let deed = match deed.fact() {
        // The verdict has named policy and reason already.
        Fact::Quarantine(kept) => format!("held in {}", kept.store),
        _ => layers::of_event(deed),
    };
    format!("{}; {deed}", told(verdict))
}

/// `FilteredAsSpam` in a trace: the word itself is the verdict, but it names neither kind nor place surely.
fn by_summary_word(deed: &Event) -> Option<Claim> {
    let Fact::Status(_) = deed.fact() else { return None };
    if !matches!(deed.fact(), Fact::Status(status) if status.status == evidence::TraceStatus::FilteredAsSpam) {
        return None;
    }
    let statement = format!("{}: marked as spam, then refused or put to junk", told(deed));
    let claim = claim("content-verdict/spam", Standing::Likely, Layer::Verdict, statement, [deed]);
    Some(Claim { ask_for: vec!["exchange-online/message-trace-detail", "message/eml"], ..claim })
}

/// The verdict that explains a stay: adverse, enforced, its kind named; one that acted before one that only marked, then
/// the last.
pub(crate) fn best<'t>(stay: &Stay<'t>) -> Option<&'t Event> {
    let let_go = released(stay).is_some() && matches!(stay.end, End::Stored(_) | End::Junked(_));
    let explains = |event: &&Event| match event.fact() {
        // A sandbox that is at work has concluded nothing; what nothing was done about explains nothing; a hold that a
        // release undid does not explain what came after it; a rule that matched may have added a disclaimer.
        Fact::Verdict(verdict) => match verdict.action {
            Action::Sandboxed | Action::None => false,
            Action::NotSaid | Action::Tagged => !is_named_rule(verdict),
            Action::Quarantined => !let_go,
            _ => true,
        },
        _ => false,
    };
    stay.adverse_verdicts().filter(explains).filter(|event| id_of(event).is_some()).max_by_key(|event| {
        match event.fact() {
            Fact::Verdict(verdict) => {
                (!matches!(verdict.action, Action::None | Action::NotSaid | Action::Tagged), event.at())
            }
            _ => (false, None),
        }
    })
}

/// The cause that a verdict's kind stands for, and its layer.
pub(crate) fn id_of(event: &Event) -> Option<(&'static str, Layer)> {
    let Fact::Verdict(Verdict { kind, .. }) = event.fact() else { return None };
    Some(match kind {
        VerdictKind::Spam | VerdictKind::HighConfidenceSpam => ("content-verdict/spam", Layer::Verdict),
        VerdictKind::Phish | VerdictKind::HighConfidencePhish => ("content-verdict/phish", Layer::Verdict),
        VerdictKind::Malware => ("content-verdict/malware", Layer::Verdict),
        VerdictKind::Bulk => ("content-verdict/bulk", Layer::Verdict),
        VerdictKind::Spoof => ("content-verdict/spoof", Layer::Verdict),
        VerdictKind::Impersonation => ("content-verdict/impersonation", Layer::Verdict),
        VerdictKind::Url => ("content-verdict/url", Layer::Verdict),
        VerdictKind::Attachment => ("content-verdict/attachment", Layer::Verdict),
        VerdictKind::TransportRule => ("policy-scope-or-order/transport-rule", Layer::Verdict),
        VerdictKind::DataLoss => ("policy-scope-or-order/data-loss-rule", Layer::Verdict),
        VerdictKind::BlockEntry => ("policy-scope-or-order/block-entry", Layer::Verdict),
        VerdictKind::UserBlock => ("policy-scope-or-order/user-block-list", Layer::Verdict),
        VerdictKind::ConnectionFilter => ("policy-scope-or-order/connection-filter", Layer::Verdict),
        VerdictKind::Authentication(AuthMethod::Spf) => ("authentication-alignment/spf-fail", Layer::Authentication),
        VerdictKind::Authentication(AuthMethod::Dkim) => ("authentication-alignment/dkim-fail", Layer::Authentication),
        VerdictKind::Authentication(AuthMethod::Arc) => {
            ("authentication-alignment/arc-untrusted", Layer::Authentication)
        }
        VerdictKind::Authentication(AuthMethod::Dmarc | AuthMethod::CompAuth) => {
            ("authentication-alignment/dmarc-fail", Layer::Authentication)
        }
        VerdictKind::Clean | VerdictKind::Unknown => return None,
    })
}

/// The class that the same service wrote into the copy, where the record of what was done names only a group of classes:
/// what its anti-phishing policy keeps back stands in the quarantine's list as phishing, and every event of its content
/// filter in a trace detail as spam.
fn class_in_the_sample<'t>(stay: &Stay<'t>, acted: &Event) -> Option<&'t Event> {
    let Fact::Verdict(Verdict { kind, policy, .. }) = acted.fact() else { return None };
    let policy = policy.as_ref().and_then(|policy| policy.kind.as_deref()).unwrap_or("").to_ascii_lowercase();
    let is_group = match kind {
        VerdictKind::Phish | VerdictKind::Spam if policy.replace('-', "").contains("antiphish") => true,
        VerdictKind::Spam => policy.is_empty(),
        _ => false,
    };
    let names_class = |event: &&Event| {
        trace::is_sample(event.source)
            && event.observation.speaker.product == acted.observation.speaker.product
            && matches!(event.fact(), Fact::Verdict(Verdict { kind, .. })
                if matches!(kind, VerdictKind::Spoof | VerdictKind::Impersonation | VerdictKind::Bulk))
    };
    stay.adverse_verdicts().filter(|_| is_group).find(names_class)
}

/// What the service itself states as the reason of a spoof verdict.
struct Behind<'t> {
    id: &'static str,
    layer: Layer,
    standing: Standing,
    said: &'t Event,
}

/// The authentication result behind a spoof verdict of the same system: DMARC where its policy was applied, an entry of the
/// organisation (`compauth=fail reason=002`), or what failed where composite authentication did (Microsoft, anti-spam
/// message headers: 000 and 010 are explicit failures; 001 and 6xx are implicit ones, which the sender's history shapes too).
fn behind_a_spoof<'t>(stay: &Stay<'t>, verdict: &Event) -> Option<Behind<'t>> {
    let Fact::Verdict(Verdict { kind: VerdictKind::Spoof, .. }) = verdict.fact() else { return None };
    let find = |method: AuthMethod, results: &[AuthResult]| {
        stay.authentications.iter().copied().find_map(|event| match event.fact() {
            Fact::Authentication(result)
                if result.method == method
                    && results.contains(&result.result)
                    && event.observation.speaker.product == verdict.observation.speaker.product =>
            {
                Some((event, result))
            }
            _ => None,
        })
    };
    let authentication = |id, standing, said| Some(Behind { id, layer: Layer::Authentication, standing, said });
    let dmarc = find(AuthMethod::Dmarc, &[AuthResult::Fail]);
    let composite = find(AuthMethod::CompAuth, &[AuthResult::Fail]);
    let reason = composite.and_then(|(_, result)| result.reason.as_deref()).unwrap_or("");
    if let Some((said, result)) = dmarc {
        let applied = result.disposition.as_deref().is_some_and(|done| {
            ["quarantine", "reject", "oreject", "o.reject"].contains(&done.to_ascii_lowercase().as_str())
        });
        if applied || ["000", "010"].contains(&reason) {
            return authentication("authentication-alignment/dmarc-fail", Standing::Proved, said);
        }
    }
    let (said, _) = composite?;
    if reason == "002" {
        let id = "policy-scope-or-order/block-entry";
        return Some(Behind { id, layer: Layer::Verdict, standing: Standing::Proved, said });
    }
    if let Some((said, _)) = dmarc {
        return authentication("authentication-alignment/dmarc-fail", Standing::Likely, said);
    }
    if let Some((said, _)) = find(AuthMethod::Spf, &[AuthResult::Fail, AuthResult::SoftFail]) {
        return authentication("authentication-alignment/spf-fail", Standing::Likely, said);
    }
    let (said, _) = find(AuthMethod::Dkim, &[AuthResult::Fail])?;
    authentication("authentication-alignment/dkim-fail", Standing::Likely, said)
}

/// The failed results that the station states.
fn failed_results<'t>(stay: &Stay<'t>) -> impl Iterator<Item = &'t Event> + use<'t> {
    let results: Vec<&'t Event> = stay
        .authentications
        .iter()
        .copied()
        .filter(|event| matches!(event.fact(), Fact::Authentication(result) if result.result == AuthResult::Fail))
        .collect();
    results.into_iter()
}
