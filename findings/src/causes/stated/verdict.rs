//! A filter, rule or list of the station that decided names its reason: content, policy, or authentication.
//!
//! What proves it: the record in which the filter states its verdict together with what it did. What looks alike: a
//! verdict that only reported (never a cause), a verdict of an earlier system that let the copy go on, and a failed
//! authentication result on which nobody acted. Owner: whoever runs the policy named in the record.

use evidence::{Action, AuthMethod, AuthResult, Fact, Folder, Layer, Product, Stored, Verdict, VerdictKind};
use layers::{End, Explained, Stay};
use sources::policy::{Acted, Forged, Policies};
use trace::Event;

use crate::causes::{claim, released, stated_by, told};
use crate::{Claim, Standing};

/// The reason that a filter, rule or list states for what it did.
pub(super) fn by_filter(stay: &Stay<'_>) -> Option<Claim> {
    if let End::Forwarded(event) = stay.end {
        let rule = stay.redirecting_rule()?;
        let (id, layer) = stated_by(rule)?;
        return Some(claim(id, Standing::Proved, layer, statement(rule, event), [rule, event]));
    }
    let deed = deed(stay)?;
    let verdict = best(stay)?;
    let named = nearest(stay, verdict);
    let behind = behind_a_spoof(stay, named);
    let (id, layer) = match &behind {
        Some(behind) => (behind.id, behind.layer),
        None => stated_by(named)?,
    };
    let standing = behind.as_ref().map_or(Standing::Proved, |behind| behind.standing);
    let mut events = vec![verdict, named, deed];
    events.extend(behind.as_ref().map(|behind| behind.said));
    if layer == Layer::Authentication {
        events.extend(failed_results(stay));
    }
    if is_mark_only(deed) {
        events.extend(stay.words.iter().copied());
        let statement = format!("{}; that puts it to junk unless a policy says otherwise", told(named));
        let claim = claim(id, Standing::Likely, layer, statement, events);
        return Some(Claim { ask_for: vec!["exchange-online/message-trace-detail"], ..claim });
    }
    if let Some(claim) = beside_an_unnamed_hold(stay, named, deed) {
        return claim;
    }
    let statement = match &behind {
        Some(behind) => {
            let rest = statement(named, deed);
            let speaker = format!("{}: ", named.observation.speaker);
            let rest = rest.strip_prefix(speaker.as_str()).unwrap_or(&rest);
            format!("{}, and for that reason {rest}", told(behind.said))
        }
        None => statement(named, deed),
    };
    let claim = claim(id, standing, layer, statement, events);
    Some(match () {
        _ if is_word_of_filter_alone(stay) => by_filter_alone(claim),
        _ if is_word_of_milter_alone(stay, named) => by_milter_alone(claim),
        _ if is_group_alone(stay, named) => by_group_alone(claim),
        _ => claim,
    })
}

/// The record that names the reason of a stay's best verdict nearest: mostly that verdict itself.
pub(crate) fn nearest<'t>(stay: &Stay<'t>, verdict: &'t Event) -> &'t Event {
    class_in_the_sample(stay, verdict).or_else(|| named_nearer(stay, verdict)).unwrap_or(verdict)
}

/// Whether all that is known of a verdict is that the anti-phishing policy acted and filed it as phishing: it files what it takes for
/// forged, or for an imitation, in the same way.
fn is_group_alone(stay: &Stay<'_>, named: &Event) -> bool {
    use VerdictKind::{HighConfidencePhish, Phish};
    let by_policy = |verdict: &Verdict| {
        let kind = verdict.policy.as_ref().and_then(|policy| policy.kind.as_deref()).unwrap_or("");
        kind.to_ascii_lowercase().replace('-', "").contains("antiphish")
    };
    let names_phish = |event: &&Event| {
        event.observation.speaker.product == named.observation.speaker.product
            && matches!(event.fact(), Fact::Verdict(Verdict { kind: Phish | HighConfidencePhish, .. }))
    };
    names_phish(&named)
        && stay
            .adverse_verdicts()
            .filter(names_phish)
            .all(|event| matches!(event.fact(), Fact::Verdict(verdict) if by_policy(verdict)))
}

fn by_group_alone(claim: Claim) -> Claim {
    let statement = format!(
        "{}; that policy files forged and imitated senders in the same way, and what it found stands in the headers",
        claim.statement
    );
    let ask_for = vec!["message/eml", "defender/email-events"];
    Claim { standing: claim.standing.max(Standing::Likely), statement, ask_for, ..claim }
}

/// What was done with the copy, if it is something that a filter does.
fn deed<'t>(stay: &Stay<'t>) -> Option<&'t Event> {
    match stay.end {
        End::Refused(event)
        | End::RefusedByFilter(event)
        | End::Held(event)
        | End::Discarded(event)
        | End::Junked(event)
        | End::PutOff(event) => Some(event),
        End::HandoverRefused(event) if best(stay).is_some_and(acted_at_the_end) => Some(event),
        End::Stored(event) if in_junk(event) => Some(event),
        _ => None,
    }
}

/// What was done with the copy, if no verdict explains it.
pub(crate) fn unexplained<'t>(stay: &Stay<'t>) -> Option<&'t Event> {
    deed(stay).filter(|_| best(stay).is_none())
}

/// A store that files by the mark of the filter before it carries that verdict out; the script itself is not in the log.
pub(super) fn carried_out(copy: &Explained<'_>, stay: &Stay<'_>) -> Option<Claim> {
    let End::Stored(event) = stay.end else { return None };
    let Fact::Stored(Stored { folder: Some(Folder::Junk), chosen_by }) = event.fact() else { return None };
    if best(stay).is_some() {
        return None;
    }
    if let Some((verdict, (id, layer))) = marked(copy).and_then(|verdict| Some((verdict, stated_by(verdict)?))) {
        let statement = format!("{}; then {}", told(verdict), told(event));
        let claim = claim(id, Standing::Likely, layer, statement, [verdict, event]);
        let ask_for = if trace::is_sample(verdict.source) { Vec::new() } else { vec!["message/eml"] };
        return Some(Claim { ask_for, ..claim });
    }
    let is_by_filter = chosen_by.as_ref().is_some_and(|chosen| chosen.to_ascii_lowercase().contains("spamfilter"));
    is_by_filter.then(|| {
        let statement = format!("{}: the spam filter chose the folder", told(event));
        claim("content-verdict/spam", Standing::Likely, Layer::Verdict, statement, [event])
    })
}

/// The verdict of a filter before the store that marked the copy and let it go on.
fn marked<'t>(copy: &Explained<'t>) -> Option<&'t Event> {
    let at = copy.decided_at?;
    copy.stays[..at].iter().rev().filter(|stay| released(stay).is_none()).find_map(|stay| {
        let marks = |event: &&Event| {
            matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Tagged)
                && stated_by(event).is_some_and(|(id, _)| id.starts_with("content-verdict/"))
        };
        stay.adverse_verdicts().filter(marks).last()
    })
}

/// Whether all that is known of a refusal is the conclusion of a filter that the mail server asked: the server may not
/// have followed it. (That a client came says nothing of how it ended.)
fn is_word_of_filter_alone(stay: &Stay<'_>) -> bool {
    matches!(stay.end, End::RefusedByFilter(event) if event.observation.speaker.product == Product::Rspamd)
        && stay.handovers.is_empty()
}

fn by_filter_alone(claim: Claim) -> Claim {
    let statement = format!("{}; what the mail server then did is not shown", claim.statement);
    Claim { standing: claim.standing.max(Standing::Likely), statement, ask_for: vec!["postfix/log"], ..claim }
}

/// Whether all that is known of a spam verdict are the words that a milter gave the mail server to say. A filter may be set to say
/// them for whatever it refuses, also for the sender's DMARC policy.
fn is_word_of_milter_alone(stay: &Stay<'_>, named: &Event) -> bool {
    let Fact::Verdict(verdict) = named.fact() else { return false };
    let speaker = &named.observation.speaker.product;
    verdict.kind == VerdictKind::Spam
        && is_by_milter(verdict)
        && stay.adverse_verdicts().all(|other| other.observation.speaker.product == *speaker)
}

fn by_milter_alone(claim: Claim) -> Claim {
    let statement = format!("{}; what the milter found stands in its own log", claim.statement);
    Claim { standing: claim.standing.max(Standing::Likely), statement, ask_for: vec!["rspamd/log"], ..claim }
}

fn is_by_milter(verdict: &Verdict) -> bool {
    verdict.policy.as_ref().is_some_and(|policy| policy.kind.as_deref() == Some("milter"))
}

/// Whether a verdict is that of a rule of the organisation which the record names.
pub(crate) fn is_named_rule(verdict: &Verdict) -> bool {
    matches!(verdict.kind, VerdictKind::TransportRule | VerdictKind::DataLoss) && verdict.policy.is_some()
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
    let (id, layer) = stated_by(detected)?;
    let claim = claim(id, Standing::Likely, layer, statement(detected, deed), [detected, deed]);
    let list = layers::exports::holds_of(&stay.station.system.product).first().copied();
    Some(Some(Claim { ask_for: list.into_iter().collect(), ..claim }))
}

/// Whether all that shows the junk folder is a verdict that does not say what was done.
fn is_mark_only(deed: &Event) -> bool {
    matches!(deed.fact(), Fact::Verdict(verdict) if verdict.action == Action::NotSaid)
}

/// Verdict and deed in one sentence, each speaker named once.
pub(crate) fn statement(verdict: &Event, deed: &Event) -> String {
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
    let explaining = || stay.adverse_verdicts().filter(explains).filter(|event| stated_by(event).is_some());
    let best = explaining().max_by_key(|event| match event.fact() {
        Fact::Verdict(verdict) => {
            let acted = !matches!(verdict.action, Action::None | Action::NotSaid | Action::Tagged);
            (acted, !repeats_a_milter(stay, event, verdict), event.at())
        }
        _ => (false, true, None),
    })?;
    // A record that names class and link: policies act on the class.
    let of_the_link = matches!(best.fact(), Fact::Verdict(verdict) if verdict.kind == VerdictKind::Url);
    let place = best.observation.cite.order();
    let class = explaining().find(|event| of_the_link && event.observation.cite.order() == place);
    Some(class.unwrap_or(best))
}

/// Whether a mail server only repeats what a milter told it to say, and the milter's own record of the same deed is there: a filter
/// may refuse for any reason with the same words.
fn repeats_a_milter(stay: &Stay<'_>, event: &Event, said: &Verdict) -> bool {
    let speaker = &event.observation.speaker.product;
    is_by_milter(said)
        && stay.adverse_verdicts().any(|other| {
            other.observation.speaker.product != *speaker
                && matches!(other.fact(), Fact::Verdict(verdict) if verdict.action == said.action)
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

/// The verdict that names the reason nearer, where another record about the same deed gives a class only: the entry that
/// blocks (with which the service gives a class to what it blocks), or else by what the class was found.
fn named_nearer<'t>(stay: &Stay<'t>, acted: &Event) -> Option<&'t Event> {
    use VerdictKind::{Attachment, Authentication, BlockEntry, HighConfidencePhish, HighConfidenceSpam, Impersonation};
    use VerdictKind::{Malware, Phish, Spam, Spoof, Url, UserBlock};
    let Fact::Verdict(Verdict { kind, action, .. }) = acted.fact() else { return None };
    let nearer: &[&[VerdictKind]] = match kind {
        Phish | HighConfidencePhish => {
            &[&[BlockEntry, UserBlock], &[Authentication(AuthMethod::Dmarc), Impersonation, Spoof, Url]]
        }
        Spam | HighConfidenceSpam => &[&[BlockEntry, UserBlock], &[Url]],
        Malware => &[&[BlockEntry], &[Attachment, Url]],
        Url => &[&[BlockEntry, UserBlock]],
        _ => return None,
    };
    let same_deed = |event: &&Event| {
        event.observation.speaker.product == acted.observation.speaker.product
            && matches!(event.fact(), Fact::Verdict(other) if other.action == *action)
    };
    nearer.iter().find_map(|kinds| {
        stay.adverse_verdicts()
            .filter(same_deed)
            .find(|event| matches!(event.fact(), Fact::Verdict(other) if kinds.contains(&other.kind)))
    })
}

/// On what policies act, where a stay's best verdict is known: its class, sharpened by the record that says whether the sender was
/// taken for forged, or for an imitation, and how its identity failed.
pub(crate) fn acted_on(stay: &Stay<'_>, best: &Event, vendor: &dyn Policies) -> Option<Acted> {
    use VerdictKind::{Authentication, Impersonation, Spoof};
    let kind_of = |event: &Event| match event.fact() {
        Fact::Verdict(verdict) => Some(verdict.kind.clone()),
        _ => None,
    };
    let is_about_the_sender = |event: &&Event| {
        matches!(kind_of(event), Some(Spoof | Impersonation | VerdictKind::Bulk | Authentication(AuthMethod::Dmarc)))
    };
    let nearer = class_in_the_sample(stay, best).or_else(|| named_nearer(stay, best)).filter(is_about_the_sender);
    let named = nearer.unwrap_or(best);
    let mut kind = kind_of(named)?;
    let result = |wanted: AuthMethod| {
        stay.authentications.iter().find_map(|event| match event.fact() {
            Fact::Authentication(result)
                if result.method == wanted
                    && result.result == AuthResult::Fail
                    && event.observation.speaker.product == named.observation.speaker.product =>
            {
                Some(result)
            }
            _ => None,
        })
    };
    let behind = behind_a_spoof(stay, named);
    if behind.as_ref().is_some_and(|behind| behind.id == "authentication-alignment/dmarc-fail") {
        kind = Authentication(AuthMethod::Dmarc);
    }
    let disposition = result(AuthMethod::Dmarc).and_then(|result| result.disposition.as_deref()).unwrap_or("");
    let forged = match (&kind, disposition.to_ascii_lowercase().as_str()) {
        (Authentication(AuthMethod::Dmarc), "quarantine") => Forged::Asked(Action::Quarantined),
        (Authentication(AuthMethod::Dmarc), "reject" | "oreject" | "o.reject") => Forged::Asked(Action::Rejected),
        (Spoof, _) if result(AuthMethod::CompAuth).is_some() => Forged::Implicit,
        _ => Forged::NotSaid,
    };
    let bulk_level = stay.adverse_verdicts().find_map(|event| match event.fact() {
        Fact::Verdict(verdict) => vendor.bulk_level(&verdict.said),
        _ => None,
    });
    Some(Acted { kind, forged, bulk_level })
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
pub(crate) fn failed_results<'t>(stay: &Stay<'t>) -> impl Iterator<Item = &'t Event> + use<'t> {
    let results: Vec<&'t Event> = stay
        .authentications
        .iter()
        .copied()
        .filter(|event| matches!(event.fact(), Fact::Authentication(result) if result.result == AuthResult::Fail))
        .collect();
    results.into_iter()
}
