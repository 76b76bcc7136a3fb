//! The words by which signals know what records state: those of the contract, in lower case with `_`.

use evidence::{
    Action, ActorKind, ChangeKind, Done, DsnAction, Effect, Folder, ListWord, NextHop, Outcome, QuarantineState,
    ReleaseStep, SettingClass, SignInKind, SignInOutcome, TraceStatus, VerdictKind,
};
use lake::{Fared, What};
use layers::Fate;

/// What a line states of a copy; `None` if it only tells of it.
pub(super) fn state(what: &What) -> Option<&'static str> {
    Some(match what {
        What::Arrival(outcome) => return of_outcome(*outcome, "arrived"),
        What::Handover(Outcome::Accepted, NextHop::ContentFilter) => return None,
        What::Handover(outcome, _) => return of_outcome(*outcome, "handed_over"),
        What::Verdict(_, action) => return by_action(action),
        What::Quarantine(QuarantineState::Held) => "held",
        What::Quarantine(QuarantineState::Released) => "released",
        What::Quarantine(QuarantineState::Gone) => "gone",
        What::Release(ReleaseStep::Requested) => "release_requested",
        What::Release(ReleaseStep::Approved) => "release_approved",
        What::Release(ReleaseStep::Denied) => "release_denied",
        What::Release(ReleaseStep::Released) => "released",
        What::Release(ReleaseStep::Failed) => "release_failed",
        What::Release(ReleaseStep::Expired) => "expired",
        What::Stored(Some(Folder::Junk)) => "junked",
        What::Stored(Some(Folder::Quarantine)) => "held",
        What::Stored(Some(Folder::Deleted)) => "deleted",
        What::Stored(Some(Folder::Other(_))) => "filed",
        What::Stored(_) => "stored",
        What::Status(status) => return by_status(status),
        What::Dsn(DsnAction::Failed) => "bounced",
        What::Dsn(DsnAction::Delayed) => "put_off",
        What::Dsn(DsnAction::Delivered) => "delivered",
        What::Dsn(_) => return None,
        What::Discarded => "discarded",
        What::Expired => "given_up",
        What::PostDelivery(..) => "removed",
        What::Authentication(..) => "authentication_failed",
        What::Noted => return None,
    })
}

fn of_outcome(outcome: Outcome, accepted: &'static str) -> Option<&'static str> {
    match outcome {
        Outcome::Accepted => Some(accepted),
        Outcome::Deferred => Some("put_off"),
        Outcome::Refused => Some("refused"),
        Outcome::NotSaid => None,
    }
}

fn by_action(action: &Action) -> Option<&'static str> {
    Some(match action {
        Action::Tagged => "tagged",
        Action::Junked => "junked",
        Action::Quarantined => "held",
        Action::Rejected => "refused",
        Action::Deferred => "put_off",
        Action::Discarded => "discarded",
        Action::Bounced => "bounced",
        Action::Redirected => "redirected",
        Action::Sandboxed => "sandboxed",
        _ => return None,
    })
}

fn by_status(status: &TraceStatus) -> Option<&'static str> {
    Some(match status {
        TraceStatus::Delivered => "delivered",
        TraceStatus::Failed => "failed",
        TraceStatus::FilteredAsSpam => "junked",
        TraceStatus::Pending => "put_off",
        TraceStatus::Quarantined | TraceStatus::Held => "held",
        TraceStatus::Released => "released",
        TraceStatus::Rejected => "refused",
        TraceStatus::Bounced => "bounced",
        _ => return None,
    })
}

/// How a copy fared.
pub(super) fn fared(fared: Fared) -> &'static str {
    match fared {
        Fared::Through => "through",
        Fared::Blocked => "blocked",
        Fared::PutOff => "put_off",
        Fared::TakenAway => "taken_away",
    }
}

/// What became of a copy.
pub(super) fn fate(fate: Fate) -> Option<&'static str> {
    Some(match fate {
        Fate::Delivered => "delivered",
        Fate::Junked => "junked",
        Fate::Filed => "filed",
        Fate::Forwarded => "forwarded",
        Fate::Discarded => "discarded",
        Fate::Quarantined => "quarantined",
        Fate::ReleasePending => "release_pending",
        Fate::Rejected => "rejected",
        Fate::Bounced => "bounced",
        Fate::Deferred => "deferred",
        Fate::RemovedAfterDelivery => "removed_after_delivery",
        Fate::Lost => "lost",
        Fate::Unknown => return None,
    })
}

/// What a filter concluded.
pub(super) fn verdict(kind: &VerdictKind) -> Option<String> {
    let word = match kind {
        VerdictKind::Authentication(method) => return Some(method.id().to_owned()),
        VerdictKind::Unknown => return None,
        kind => snake(&format!("{kind:?}")),
    };
    Some(word)
}

/// What was done to a setting.
pub(super) fn change(kind: ChangeKind) -> String {
    snake(&format!("{kind:?}"))
}

/// What kind of actor; `None` if the record does not say.
pub(super) fn actor(kind: ActorKind) -> Option<String> {
    (kind != ActorKind::NotSaid).then(|| snake(&format!("{kind:?}")))
}

/// Whether it was done; `None` if the record does not say.
pub(super) fn done(done: Done) -> Option<bool> {
    match done {
        Done::Yes => Some(true),
        Done::No => Some(false),
        Done::NotSaid => None,
    }
}

/// A class of settings.
pub(super) fn class(class: &SettingClass) -> String {
    match class {
        SettingClass::GatewayPolicy(kind) | SettingClass::Other(kind) => kind.clone(),
        class => snake(&format!("{class:?}")),
    }
}

/// Whether a setting acts; `None` if the record does not say.
pub(super) fn effect(effect: Effect) -> Option<String> {
    (effect != Effect::NotSaid).then(|| snake(&format!("{effect:?}")))
}

/// What an entry of a list says.
pub(super) fn list_word(word: &ListWord) -> String {
    match word {
        ListWord::Allow => "allow".to_owned(),
        ListWord::Block => "block".to_owned(),
        ListWord::Other(other) => other.clone(),
    }
}

/// How somebody signed in; `None` if the record does not say.
pub(super) fn sign_in_kind(kind: SignInKind) -> Option<String> {
    (kind != SignInKind::NotSaid).then(|| snake(&format!("{kind:?}")))
}

/// How a sign-in ended; `None` if the record does not say.
pub(super) fn sign_in_outcome(outcome: SignInOutcome) -> Option<String> {
    (outcome != SignInOutcome::NotSaid).then(|| snake(&format!("{outcome:?}")))
}

/// `HighConfidenceSpam` as `high_confidence_spam`.
pub(super) fn snake(name: &str) -> String {
    let mut word = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(c.to_ascii_lowercase());
    }
    word
}
