//! How what a record states bears on a message: how it was judged, and whether it was kept out.

use evidence::{Action, DsnAction, Fact, Folder, NextHop, Outcome, QuarantineState, Scope, TraceStatus, VerdictKind};

use super::Judged;

/// Every judgement, the worst first.
pub(super) const ALL: [Judged; 8] = [
    Judged::Malware,
    Judged::Phish,
    Judged::Spoof,
    Judged::Spam,
    Judged::Bulk,
    Judged::Rule,
    Judged::Clean,
    Judged::NotSaid,
];

/// How a fact judges the message.
pub(super) fn judged(fact: &Fact) -> Judged {
    match fact {
        Fact::Verdict(verdict) if verdict.scope == Scope::Enforced => by_verdict(&verdict.kind),
        // The other words of a trace say what became of a copy, and not why.
        Fact::Status(status) if status.status == TraceStatus::FilteredAsSpam => Judged::Spam,
        // A failed authentication is no judgement: what the filter made of it is in its verdict.
        _ => Judged::NotSaid,
    }
}

fn by_verdict(kind: &VerdictKind) -> Judged {
    match kind {
        VerdictKind::Malware | VerdictKind::Attachment => Judged::Malware,
        VerdictKind::Phish | VerdictKind::HighConfidencePhish | VerdictKind::Impersonation | VerdictKind::Url => {
            Judged::Phish
        }
        VerdictKind::Spoof | VerdictKind::Authentication(_) => Judged::Spoof,
        // An address is refused for what it sent before.
        VerdictKind::Spam | VerdictKind::HighConfidenceSpam | VerdictKind::ConnectionFilter => Judged::Spam,
        VerdictKind::Bulk => Judged::Bulk,
        VerdictKind::TransportRule | VerdictKind::DataLoss | VerdictKind::BlockEntry | VerdictKind::UserBlock => {
            Judged::Rule
        }
        VerdictKind::Clean => Judged::Clean,
        VerdictKind::Greylisted | VerdictKind::Unknown => Judged::NotSaid,
    }
}

/// What became of a copy: several may be true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Fate(u8);

impl Fate {
    /// It was held, refused, thrown away, put into junk, or taken away afterwards.
    const KEPT: Fate = Fate(1);
    /// It was put off.
    const PUT_OFF: Fate = Fate(2);
    /// It went on.
    const LET_ON: Fate = Fate(4);

    /// What one fact says.
    pub(super) fn of(fact: &Fact) -> Fate {
        match fact {
            Fact::Arrival(arrival) if arrival.scope == Scope::Enforced => by_outcome(arrival.outcome, Fate::default()),
            Fact::Verdict(verdict) if verdict.scope == Scope::Enforced => by_action(&verdict.action),
            // What was let go since had been kept out.
            Fact::Quarantine(quarantine) => match quarantine.state {
                QuarantineState::Held | QuarantineState::Released | QuarantineState::Gone => Fate::KEPT,
            },
            Fact::Release(_) => Fate::KEPT,
            Fact::Handover(handover) => {
                let is_on = !matches!(handover.next_hop, NextHop::ContentFilter | NextHop::Program);
                by_outcome(handover.outcome, if is_on { Fate::LET_ON } else { Fate::default() })
            }
            Fact::Stored(stored) => match stored.folder {
                Some(Folder::Junk | Folder::Quarantine) => Fate::KEPT,
                _ => Fate::LET_ON,
            },
            Fact::Status(status) => by_status(&status.status),
            Fact::Dsn(dsn) => match dsn.action {
                DsnAction::Failed => Fate::KEPT,
                DsnAction::Delayed => Fate::PUT_OFF,
                DsnAction::Delivered => Fate::LET_ON,
                DsnAction::Relayed | DsnAction::Expanded => Fate::default(),
            },
            Fact::Discarded { .. } | Fact::Expired | Fact::PostDelivery { .. } => Fate::KEPT,
            _ => Fate::default(),
        }
    }

    /// Both.
    #[must_use]
    pub(super) fn and(self, other: Fate) -> Fate {
        Fate(self.0 | other.0)
    }

    /// Whether the copy was kept out; what was put off is still on its way.
    pub(super) fn is_kept_out(self) -> bool {
        self.0 & Fate::KEPT.0 != 0
    }
}

fn by_outcome(outcome: Outcome, accepted: Fate) -> Fate {
    match outcome {
        Outcome::Accepted => accepted,
        Outcome::Deferred => Fate::PUT_OFF,
        Outcome::Refused => Fate::KEPT,
        Outcome::NotSaid => Fate::default(),
    }
}

fn by_action(action: &Action) -> Fate {
    match action {
        Action::Junked | Action::Quarantined | Action::Rejected | Action::Discarded | Action::Bounced => Fate::KEPT,
        Action::Deferred | Action::Sandboxed => Fate::PUT_OFF,
        Action::None | Action::Tagged | Action::Redirected | Action::NotSaid => Fate::default(),
    }
}

fn by_status(status: &TraceStatus) -> Fate {
    match status {
        TraceStatus::Delivered => Fate::LET_ON,
        TraceStatus::Failed
        | TraceStatus::FilteredAsSpam
        | TraceStatus::Quarantined
        | TraceStatus::Held
        | TraceStatus::Rejected
        | TraceStatus::Bounced => Fate::KEPT,
        TraceStatus::Pending => Fate::PUT_OFF,
        _ => Fate::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worst_stands_first() {
        assert!(ALL.is_sorted());
    }
}
