//! How a copy's stay at one station ended.

use evidence::{
    Action, DsnAction, Fact, Folder, Handover, Identifier, NextHop, Outcome, Product, QuarantineState, Redirect,
    ReleaseStep, Scope, TraceStatus, VerdictKind, Zone,
};
use jiff::{SignedDuration, Timestamp};
use trace::{Event, Join, Station};

/// How a stay ended. Each holds the event that says so, last word last.
#[derive(Clone, Copy, Debug)]
pub enum End<'t> {
    /// Refused at the door.
    Refused(&'t Event),
    /// Put off at the door (4xx), and not seen again.
    PutOff(&'t Event),
    /// Refused by a filter or rule of the station after it was accepted.
    RefusedByFilter(&'t Event),
    /// Kept back.
    Held(&'t Event),
    /// Kept back again after a release: the release, the new hold.
    HeldAgain(&'t Event, &'t Event),
    /// Kept back, a release was asked for (or approved) and has not happened.
    ReleaseRequested(&'t Event),
    /// Kept back, a release was refused.
    ReleaseDenied(&'t Event),
    /// Kept back until its time ran out.
    ReleaseExpired(&'t Event),
    /// Kept back; the release was for other recipients only: the release.
    ReleasedForOthers(&'t Event),
    /// The release failed within the station.
    ReleaseFailed(&'t Event),
    /// Deleted from the quarantine, without a release.
    DeletedFromQuarantine(&'t Event),
    /// Let go, and nothing is said after that: the release.
    Released(&'t Event),
    /// The next hop took it.
    HandedOver(&'t Event),
    /// The next hop put it off, retries go on.
    Deferred(&'t Event),
    /// The next hop refused it, or it could not be handed over for good.
    HandoverRefused(&'t Event),
    /// Retries were given up: the expiry, if a record of its own says so, and the last attempt.
    GaveUp(&'t Event, Option<&'t Event>),
    /// A mailbox store took it.
    Stored(&'t Event),
    /// A summary word says that it was marked as spam and put to junk or refused.
    Junked(&'t Event),
    /// Thrown away without a notice.
    Discarded(&'t Event),
    /// Sent to another address; no copy was kept.
    Forwarded(&'t Event),
    /// Removed after delivery.
    Removed(&'t Event),
    /// Moved after delivery; it still lies in the mailbox.
    Moved(&'t Event),
    /// A summary word says delivered; the place is not named.
    Delivered(&'t Event),
    /// A summary word says failed; the reason is not named.
    Failed(&'t Event),
    /// A summary word says that it is under way.
    UnderWay(&'t Event),
    /// It was taken and given on within the station (to its filter): a later stop of the same system says more.
    InFilter(&'t Event),
    /// Nothing says how it ended.
    Unknown,
}

/// What is said about a copy at one station, sorted by what it is.
#[derive(Clone, Debug)]
pub struct Stay<'t> {
    /// The station.
    pub station: &'t Station,
    /// It came to the door.
    pub arrivals: Vec<&'t Event>,
    /// Authentication results stated there.
    pub authentications: Vec<&'t Event>,
    /// Verdicts that acted.
    pub verdicts: Vec<&'t Event>,
    /// Kept back.
    pub holds: Vec<&'t Event>,
    /// Steps of a release for this copy.
    pub releases: Vec<&'t Event>,
    /// Attempts to hand it to another system or store.
    pub handovers: Vec<&'t Event>,
    /// A store took it.
    pub stores: Vec<&'t Event>,
    /// Summary words.
    pub words: Vec<&'t Event>,
    /// Notices about it.
    pub dsns: Vec<&'t Event>,
    /// How the stay ended.
    pub end: End<'t>,
}

/// A hold this much later than the release is a new one, not the old one told by another clock.
const ANOTHER_HOLD: SignedDuration = SignedDuration::from_secs(5);
/// How much later than the hand-over the log of releases may put the release.
const RELEASE_TO_LOG: SignedDuration = SignedDuration::from_secs(60);
/// A quarantine entry this much later than a delivery is a removal after delivery.
const AFTER_DELIVERY: SignedDuration = SignedDuration::from_secs(5 * 60);

impl<'t> Stay<'t> {
    /// Reads a station.
    pub fn of(station: &'t Station) -> Stay<'t> {
        let pick = |wanted: fn(&Fact) -> bool| -> Vec<&'t Event> {
            station.events.iter().filter(|event| wanted(event.fact())).collect()
        };
        let mut stay = Stay {
            station,
            arrivals: pick(|fact| matches!(fact, Fact::Arrival(arrival) if arrival.scope == Scope::Enforced)),
            authentications: pick(|fact| matches!(fact, Fact::Authentication(_))),
            verdicts: pick(|fact| matches!(fact, Fact::Verdict(verdict) if verdict.scope == Scope::Enforced)),
            holds: pick(|fact| matches!(fact, Fact::Quarantine(held) if held.state == QuarantineState::Held)),
            releases: pick(|fact| matches!(fact, Fact::Release(_))),
            handovers: pick(
                |fact| matches!(fact, Fact::Handover(handover) if handover.next_hop != NextHop::ContentFilter),
            ),
            stores: pick(|fact| matches!(fact, Fact::Stored(stored) if stored.folder != Some(Folder::Quarantine))),
            words: pick(|fact| matches!(fact, Fact::Status(_))),
            dsns: pick(|fact| matches!(fact, Fact::Dsn(_))),
            end: End::Unknown,
        };
        stay.end = stay.how_it_ended();
        stay
    }

    /// When something was first said here.
    pub fn start(&self) -> Option<Timestamp> {
        self.station.events.iter().filter_map(Event::at).min()
    }

    /// Whether the station is a cloud service that writes its own record of everything that it takes.
    pub fn is(&self, product: &Product) -> bool {
        self.station.system.product == *product
    }

    /// Whether no record of the stay bears an id of the message: it was found by sender, recipient and time. The queue id of a
    /// message that was refused before its Message-ID was read names it to nobody else.
    pub fn is_by_looks(&self) -> bool {
        let is_unread = matches!(self.end, End::Refused(_))
            && self.handovers.is_empty()
            && !self.station.ids.iter().any(|id| matches!(id, Identifier::MessageId(_)));
        is_mail_server(&self.station.system.product)
            && (is_unread || !self.station.ids.iter().any(Identifier::is_strong))
            && self
                .station
                .events
                .iter()
                .all(|event| (is_unread || event.join == Join::Correlated) && !trace::is_sample(event.source))
    }

    /// Whether the stay is a refusal, found by its sender and time, that names no recipient.
    pub fn is_by_sender_only(&self) -> bool {
        self.is_by_looks()
            && self.station.events.iter().all(|event| event.observation.about.envelope_recipients.is_empty())
    }

    /// Whether records show how the stay ended: not only that it came in, or was let go.
    pub(crate) fn has_ended(&self) -> bool {
        !matches!(self.end, End::Unknown | End::InFilter(_) | End::Released(_))
    }

    /// When the station took it.
    pub(crate) fn accepted_at(&self) -> Option<Timestamp> {
        let accepted =
            |event: &&&Event| matches!(event.fact(), Fact::Arrival(arrival) if arrival.outcome == Outcome::Accepted);
        self.arrivals.iter().find(accepted).and_then(|event| event.at())
    }

    /// The verdicts that did more than look: anything but clean.
    pub fn adverse_verdicts(&self) -> impl Iterator<Item = &'t Event> + '_ {
        self.verdicts
            .iter()
            .copied()
            .filter(|event| matches!(event.fact(), Fact::Verdict(verdict) if verdict.kind != VerdictKind::Clean))
    }

    /// The rule of the organisation that sent the copy to another address, if one did.
    pub fn redirecting_rule(&self) -> Option<&'t Event> {
        self.verdicts
            .iter()
            .copied()
            .rfind(|event| matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Redirected))
    }

    fn how_it_ended(&self) -> End<'t> {
        if let Some(end) = self.at_the_door() {
            return end;
        }
        if let Some(end) = self.after_delivery() {
            return end;
        }
        if !self.holds.is_empty() || !self.releases.is_empty() || self.deleted_from_quarantine().is_some() {
            return self.in_quarantine();
        }
        self.onward(None).or_else(|| self.by_word()).unwrap_or_else(|| self.in_the_filter())
    }

    /// Refused or put off, if it was never taken.
    fn at_the_door(&self) -> Option<End<'t>> {
        let outcome = |event: &Event| match event.fact() {
            Fact::Arrival(arrival) => Some(arrival.outcome),
            _ => None,
        };
        let taken = self.arrivals.iter().any(|event| outcome(event) == Some(Outcome::Accepted));
        let moved_on = !self.handovers.is_empty() || !self.stores.is_empty() || !self.holds.is_empty();
        let word_says_taken = self.words.iter().any(|event| {
            matches!(event.fact(), Fact::Status(status)
                if !matches!(status.status, TraceStatus::Rejected | TraceStatus::Failed | TraceStatus::Bounced))
        });
        let refused = self.arrivals.iter().rev().find(|event| outcome(event) == Some(Outcome::Refused));
        // A message can be taken for one recipient and refused, at the end of DATA, for all.
        let refused_after = refused.filter(|event| {
            let last = self.arrivals.iter().filter_map(|other| other.at()).max();
            event.at() >= last && !moved_on
        });
        match (taken, refused) {
            (false, Some(event)) if !moved_on && !word_says_taken => return Some(End::Refused(event)),
            (true, _) if refused_after.is_some() => return refused_after.map(|event| End::Refused(event)),
            _ => {}
        }
        let put_off = self.arrivals.iter().rev().find(|event| outcome(event) == Some(Outcome::Deferred));
        // A filter can put off the whole message at the end of DATA, after the recipients were taken.
        let put_off_last = put_off.is_some_and(|event| event.at() >= self.arrivals.iter().filter_map(|a| a.at()).max());
        put_off.filter(|_| (!taken || put_off_last) && !moved_on && !word_says_taken).map(|event| End::PutOff(event))
    }

    /// Moved or removed after delivery, by the last record of that, unless a later release or store undid it.
    fn after_delivery(&self) -> Option<End<'t>> {
        let last = self.find_last(|fact| matches!(fact, Fact::PostDelivery { .. }))?;
        let is_release =
            |event: &Event| matches!(event.fact(), Fact::Release(release) if release.step == ReleaseStep::Released);
        // A list's row about a release bears the instant of the hold, which the clocks put just before or after the removal;
        // any other record of a release bears the release's own.
        let after_it = |event: &Event| match self.release_instant(event) {
            Some(released) => Some(released) >= last.at(),
            None => event.at() >= last.at().map(a_little_before),
        };
        let undone = self.releases.iter().any(|event| is_release(event) && after_it(event))
            || self.stores.iter().any(|event| is_clock_stated(event) && last.at().is_some() && event.at() > last.at());
        if undone {
            return None;
        }
        if !is_removal(last) {
            return Some(End::Moved(last));
        }
        // What is done afterwards with a copy that was removed, such as emptying its folder, explains nothing.
        let deeds = self.station.events.iter().filter(|event| matches!(event.fact(), Fact::PostDelivery { .. }));
        let timed = deeds.filter(|event| event.at().is_some() == last.at().is_some());
        let run = timed.fold(None, |first, event| if is_removal(event) { first.or(Some(event)) } else { None });
        Some(End::Removed(run.unwrap_or(last)))
    }

    /// A delivery told for the moment at which another record says that the copy was kept back: one of the two is wrong.
    pub fn against_the_hold(&self) -> Option<&'t Event> {
        let (End::Held(hold) | End::ReleaseRequested(hold)) = self.end else { return None };
        let elsewhere = |event: &&Event| event.observation.cite.order() != hold.observation.cite.order();
        let says_delivered = |event: &&Event| match event.fact() {
            Fact::Stored(_) => !trace::is_sample(event.source),
            Fact::Status(status) => status.status == TraceStatus::Delivered,
            _ => false,
        };
        self.words.iter().chain(&self.stores).copied().filter(elsewhere).find(says_delivered)
    }

    /// How a stay with a hold or a release ended.
    fn in_quarantine(&self) -> End<'t> {
        let step = |event: &Event| match event.fact() {
            Fact::Release(release) => Some(release.step),
            _ => None,
        };
        let last_hold = self.holds.iter().copied().max_by_key(|event| event.at());
        let last_step = |wanted: ReleaseStep| self.releases.iter().copied().rfind(|event| step(event) == Some(wanted));
        // A filter announces a release before it tries one: a failure right after it is how that ended.
        let failed = last_step(ReleaseStep::Failed).and_then(Event::at);
        let released = last_step(ReleaseStep::Released)
            .filter(|released| failed.is_none() || failed < released.at() || self.went_on_after(released.at()));
        if let Some(released) = released {
            let since = self.release_instant(released);
            let first_held = self.holds.iter().filter_map(|hold| hold.at()).min();
            let again = last_hold.filter(|hold| match (since, hold.at()) {
                // Right after the release only a hold beside the one that the release ended is a new one.
                (Some(since), Some(held)) if held > since => {
                    held.duration_since(since) > ANOTHER_HOLD
                        || first_held.is_some_and(|first| since.duration_since(first) > ANOTHER_HOLD)
                }
                _ => false,
            });
            if let Some(again) = again.filter(|again| !self.went_on_after(again.at())) {
                return End::HeldAgain(released, again);
            }
            // The word for the first delivery is no word for what came after a removal and its release.
            let purged = self.list_holds().filter(|hold| self.was_delivered_before(hold)).max_by_key(|hold| hold.at());
            let purged = purged.or(self.find_last(|fact| matches!(fact, Fact::PostDelivery { .. })));
            let word = if purged.is_some() { None } else { self.by_delivered_word() };
            let since = since.map(|since| since - RELEASE_TO_LOG).or(purged.and_then(Event::at));
            return self.onward(since).or(word).unwrap_or(End::Released(released));
        }
        let held_at = last_hold.and_then(Event::at);
        if let Some(deleted) = self.deleted_from_hold(last_hold) {
            return End::Discarded(deleted);
        }
        if let Some(gone) = self.deleted_from_quarantine() {
            return End::DeletedFromQuarantine(gone);
        }
        if let Some(hold) = last_hold.filter(|hold| self.was_delivered_before(hold)) {
            return End::Removed(hold);
        }
        // The word of a trace changes from quarantined to delivered with a release, never back.
        if !self.holds.is_empty()
            && self.holds.iter().all(|hold| self.is_trace_word(hold))
            && let Some(end) = self.by_delivered_word()
        {
            return end;
        }
        if self.went_on_after(held_at) || self.was_tried_after(held_at) {
            return self.onward(held_at).unwrap_or(End::Unknown);
        }
        if let Some(event) = last_step(ReleaseStep::Expired) {
            return End::ReleaseExpired(event);
        }
        if let Some(event) = last_step(ReleaseStep::Failed) {
            return End::ReleaseFailed(event);
        }
        if let Some(event) = last_step(ReleaseStep::Denied) {
            return End::ReleaseDenied(event);
        }
        if let Some(event) = last_step(ReleaseStep::Approved).or_else(|| last_step(ReleaseStep::Requested)) {
            return End::ReleaseRequested(event);
        }
        let for_others =
            self.station.released_for_others.iter().find(|event| step(event) == Some(ReleaseStep::Released));
        match (for_others, last_hold) {
            (Some(event), _) => End::ReleasedForOthers(event),
            (None, Some(hold)) => End::Held(hold),
            (None, None) => End::Unknown,
        }
    }

    /// Whether a record says that a mail server's own rule sent the copy to another address.
    pub(crate) fn is_redirect(&self, event: &Event) -> bool {
        is_mail_server(&event.observation.speaker.product)
            && matches!(event.fact(), Fact::Redirect(Redirect::Forwarded { to, .. }) if !to.is_empty())
    }

    /// The record by which a held copy was taken out of a mail server's own queue and thrown away.
    fn deleted_from_hold(&self, hold: Option<&Event>) -> Option<&'t Event> {
        let hold = hold?;
        self.find_last(|fact| matches!(fact, Fact::Discarded { .. }))
            .filter(|event| is_mail_server(&event.observation.speaker.product) && event.at() >= hold.at())
    }

    /// A record that says that the copy is gone from quarantine, where no step of a release explains that: at most it was
    /// asked for, or refused, before.
    fn deleted_from_quarantine(&self) -> Option<&'t Event> {
        let gone = self.find_last(|fact| matches!(fact, Fact::Quarantine(kept) if kept.state == QuarantineState::Gone));
        let was_asked_for = |event: &Event, gone: &Event| {
            !matches!(event.fact(), Fact::Release(release) if release.step == ReleaseStep::Released)
                && event.at().is_some()
                && event.at() < gone.at()
        };
        gone.filter(|gone| self.releases.iter().all(|event| was_asked_for(event, gone)))
    }

    /// Whether a hold is nothing but the summary word of a trace.
    fn is_trace_word(&self, hold: &Event) -> bool {
        let place = hold.observation.cite.order();
        self.words.iter().any(|word| word.observation.cite.order() == place)
    }

    /// Whether the record that ended a hold also says that the copy left the quarantine for good.
    pub fn is_gone(&self, event: &Event) -> bool {
        let place = event.observation.cite.order();
        self.list_holds().any(|entry| {
            matches!(entry.fact(), Fact::Quarantine(kept) if kept.state == QuarantineState::Gone)
                && entry.observation.cite.order() == place
        })
    }

    /// The instant of the release itself; the row of a quarantine list, which states the hold too, bears the hold's.
    fn release_instant(&self, released: &Event) -> Option<Timestamp> {
        if released.source == "mimecast/release-log" {
            return released.at();
        }
        let place = released.observation.cite.order();
        let list_row = self
            .station
            .events
            .iter()
            .any(|event| matches!(event.fact(), Fact::Quarantine(_)) && event.observation.cite.order() == place);
        if list_row { None } else { released.at() }
    }

    /// Whether a hand-over or a store succeeded after an instant; without one, whether any did.
    fn went_on_after(&self, held_at: Option<Timestamp>) -> bool {
        let later = |event: &Event| match (event.at(), held_at) {
            (Some(at), Some(held_at)) => at > held_at,
            (None, _) => false,
            (_, None) => true,
        };
        let taken = |event: &Event| {
            matches!(event.fact(), Fact::Stored(_))
                || handover(event).is_some_and(|handover| handover.outcome == Outcome::Accepted)
        };
        // A filter may keep a copy and let the message go on all the same.
        let kept_a_copy = self.station.events.iter().any(|event| {
            matches!(event.fact(), Fact::Handover(handover)
                if handover.next_hop == NextHop::ContentFilter && handover.outcome == Outcome::Accepted && handover.next.is_some())
        });
        // The hunting table's place of delivery is that on arrival, by another clock than the hold's.
        let on_arrival = |event: &Event| {
            let wait = event.at().zip(held_at).map(|(at, held_at)| at.duration_since(held_at));
            event.source == "defender/email-events" && wait.is_some_and(|wait| wait <= AFTER_DELIVERY)
        };
        kept_a_copy
            || self.handovers.iter().chain(&self.stores).any(|event| taken(event) && later(event) && !on_arrival(event))
    }

    /// Entries of a quarantine, also those that stay in the list after their release.
    fn list_holds(&self) -> impl Iterator<Item = &'t Event> + '_ {
        self.station.events.iter().filter(|event| matches!(event.fact(), Fact::Quarantine(_)))
    }

    /// Whether the gateway tried to hand the copy over after it had held it, however that ended: a held copy is not tried.
    fn was_tried_after(&self, held_at: Option<Timestamp>) -> bool {
        self.is(&Product::Mimecast)
            && self.handovers.iter().any(|event| event.at().zip(held_at).is_some_and(|(tried, held)| tried > held))
    }

    /// Whether a quarantine entry came long after a delivery: the mark of a removal after delivery.
    fn was_delivered_before(&self, hold: &Event) -> bool {
        // Only the mailbox store writes its line into a sample, and nothing goes there past a quarantine.
        if self.stores.iter().any(|event| trace::is_sample(event.source)) {
            return true;
        }
        let Some(hold_at) = hold.at() else { return false };
        self.stores.iter().chain(&self.words).any(|event| {
            let says_delivered = match event.fact() {
                Fact::Stored(_) => true,
                Fact::Status(status) => status.status == TraceStatus::Delivered,
                _ => false,
            };
            says_delivered && event.at().is_some_and(|at| hold_at.duration_since(at) > AFTER_DELIVERY)
        })
    }

    /// The last thing that happened on the way out, from an instant on.
    fn onward(&self, since: Option<Timestamp>) -> Option<End<'t>> {
        let fresh = |event: &&'t Event| match (event.at(), since) {
            (Some(at), Some(since)) => at >= since - ANOTHER_HOLD,
            _ => true,
        };
        let attempts: Vec<&'t Event> = self.handovers.iter().copied().filter(fresh).collect();
        let stored = self.stores.iter().copied().rfind(fresh);
        let discarded = self.find_last(|fact| matches!(fact, Fact::Discarded { .. })).filter(fresh);
        let forwarded = self
            .find_last(|fact| {
                matches!(fact, Fact::Redirect(Redirect::Forwarded { keeps_copy, .. }) if *keeps_copy != Some(true))
            })
            .filter(fresh);
        // A mail server's own rule sends it elsewhere before any store takes it.
        let redirected = forwarded.filter(|event| self.is_redirect(event));
        if let Some(event) = redirected {
            return Some(End::Forwarded(event));
        }
        let expired = self.find_last(|fact| matches!(fact, Fact::Expired));
        let last = attempts.last().copied();
        let refused_by_filter = self.verdicts.iter().copied().rfind(|event| {
            matches!(event.fact(), Fact::Verdict(verdict) if matches!(verdict.action, Action::Rejected | Action::Bounced))
        });
        // The store names the folder, the hand-over to it does not.
        if let Some(stored) = best_store(&self.stores, stored) {
            return Some(End::Stored(stored));
        }
        if let Some(event) = forwarded {
            return Some(End::Forwarded(event));
        }
        if let Some(event) = discarded {
            return Some(End::Discarded(event));
        }
        match (last.and_then(|event| handover(event).map(|handover| (event, handover.outcome))), expired) {
            (Some((event, Outcome::Accepted)), _) => return Some(End::HandedOver(event)),
            (Some((event, Outcome::Refused)), _) => {
                return Some(match refused_by_filter {
                    Some(verdict) if !spoken_by_next_hop(event) => End::RefusedByFilter(verdict),
                    _ => End::HandoverRefused(event),
                });
            }
            (Some((event, _)), Some(expired)) => return Some(End::GaveUp(expired, Some(event))),
            (None, Some(expired)) => return Some(End::GaveUp(expired, None)),
            (Some((event, Outcome::Deferred)), None) => {
                return match self.final_notice() {
                    Some(notice) => Some(End::GaveUp(notice, Some(event))),
                    None if self.was_closed_after(event) => None,
                    None => Some(End::Deferred(event)),
                };
            }
            (Some((event, Outcome::NotSaid)), None) if self.dsns.is_empty() => return Some(End::Deferred(event)),
            _ => {}
        }
        if let Some(notice) = self.final_notice() {
            // The server's own word goes before the notice that repeats it.
            return Some(match self.in_the_filter() {
                own @ End::HandoverRefused(_) => own,
                _ => End::HandoverRefused(notice),
            });
        }
        if let Some(notice) = self.dsns.iter().rev().find_map(|event| dsn_end(event)) {
            return Some(notice);
        }
        refused_by_filter.map(End::RefusedByFilter)
    }

    /// Whether the system closed its books on the message after an attempt that was put off: then it waits no more, and the
    /// record of how it ended is missing.
    fn was_closed_after(&self, attempt: &Event) -> bool {
        let ids = &attempt.observation.about.ids;
        self.station.events.iter().any(|event| {
            matches!(event.fact(), Fact::Closed)
                && event.at() >= attempt.at()
                && event.observation.about.ids.iter().any(|id| id.is_strong() && ids.contains(id))
        })
    }

    /// A notice that delivery failed for good.
    fn final_notice(&self) -> Option<&'t Event> {
        self.dsns
            .iter()
            .copied()
            .rfind(|event| matches!(event.fact(), Fact::Dsn(dsn) if dsn.action == DsnAction::Failed))
    }

    fn by_delivered_word(&self) -> Option<End<'t>> {
        let delivered = self
            .words
            .iter()
            .copied()
            .rfind(|event| matches!(event.fact(), Fact::Status(status) if status.status == TraceStatus::Delivered));
        delivered.map(End::Delivered)
    }

    /// The end by the last summary word.
    fn by_word(&self) -> Option<End<'t>> {
        let junked = self
            .verdicts
            .iter()
            .copied()
            .rfind(|event| matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Junked));
        let discarded = self
            .verdicts
            .iter()
            .copied()
            .rfind(|event| matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Discarded));
        let held = self
            .verdicts
            .iter()
            .copied()
            .rfind(|event| matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Quarantined));
        if let Some(event) = held {
            return Some(End::Held(event));
        }
        if let Some(event) = discarded {
            return Some(End::Discarded(event));
        }
        // Of two exports, the one in which it was still under way is the older.
        let is_under_way = |event: &&&'t Event| {
            matches!(event.fact(), Fact::Status(status)
                if matches!(status.status, TraceStatus::Pending | TraceStatus::GettingStatus))
        };
        let (open, settled): (Vec<&&'t Event>, Vec<&&'t Event>) = self.words.iter().partition(is_under_way);
        for event in settled.into_iter().rev().chain(open.into_iter().rev()) {
            let Fact::Status(status) = event.fact() else { continue };
            match status.status {
                TraceStatus::FilteredAsSpam => return Some(End::Junked(event)),
                TraceStatus::Resolved => return self.redirecting_rule().map(End::Forwarded),
                TraceStatus::Delivered => {
                    let junked = junked.or_else(|| self.marked_in_the_sample());
                    return Some(junked.map_or(End::Delivered(event), End::Junked));
                }
                TraceStatus::Failed | TraceStatus::Bounced => return Some(End::Failed(event)),
                TraceStatus::Rejected => return Some(End::Refused(event)),
                TraceStatus::Pending => return Some(End::UnderWay(event)),
                TraceStatus::Quarantined | TraceStatus::Held => return Some(End::Held(event)),
                TraceStatus::Recalled => return Some(End::Removed(event)),
                _ => {}
            }
        }
        // A sandbox that has not concluded keeps nothing back yet.
        let waiting = self
            .verdicts
            .iter()
            .copied()
            .rfind(|event| matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Sandboxed));
        let redirected = || self.redirecting_rule().filter(|_| self.words.is_empty()).map(End::Forwarded);
        junked.map(End::Junked).or_else(redirected).or(waiting.map(End::UnderWay))
    }

    /// The verdict that the service wrote into the delivered copy, of a kind that it puts to junk unless a policy says
    /// otherwise. The word for the delivery names no folder.
    fn marked_in_the_sample(&self) -> Option<&'t Event> {
        self.verdicts.iter().copied().rfind(|event| {
            trace::is_sample(event.source)
                && event.observation.speaker.product == Product::ExchangeOnline
                && matches!(event.fact(), Fact::Verdict(verdict)
                    if verdict.action == Action::NotSaid && is_junk_by_default(&verdict.kind))
        })
    }

    fn in_the_filter(&self) -> End<'t> {
        let answer = |event: &&'t Event| {
            matches!(event.fact(), Fact::Handover(handover)
                if handover.next_hop == NextHop::ContentFilter && handover.outcome != Outcome::NotSaid)
        };
        let last = self.station.events.iter().rfind(answer);
        match last.and_then(|event| Some((event, handover(event)?.outcome))) {
            Some((event, Outcome::Deferred)) => return End::Deferred(event),
            Some((event, Outcome::Refused)) => return End::HandoverRefused(event),
            _ => {}
        }
        self.find_last(|fact| {
            matches!(fact, Fact::Handover(handover)
                if handover.next_hop == NextHop::ContentFilter && handover.outcome == Outcome::Accepted)
        })
        .map_or(End::Unknown, End::InFilter)
    }

    fn find_last(&self, wanted: impl Fn(&Fact) -> bool) -> Option<&'t Event> {
        self.station.events.iter().rfind(|event| wanted(event.fact()))
    }
}

/// Whether a deed after delivery took the copy out of the folders that people read.
fn is_removal(event: &Event) -> bool {
    match event.fact() {
        Fact::PostDelivery { action: Action::Discarded | Action::Quarantined, .. } => true,
        Fact::PostDelivery { folder, .. } => matches!(folder, Some(Folder::Deleted | Folder::Quarantine)),
        _ => false,
    }
}

/// Whether the zone of an event's instant is stated: one that was assumed may be hours off.
fn is_clock_stated(event: &Event) -> bool {
    event.observation.when.as_ref().is_some_and(|when| when.zone == Zone::Stated)
}

/// An instant as another clock may have told it.
fn a_little_before(at: Timestamp) -> Timestamp {
    at.checked_sub(AFTER_DELIVERY).unwrap_or(at)
}

/// Whether a product is a mail server with a queue that its operator runs: what is done there without a verdict, the
/// operator or a route did.
pub(crate) fn is_mail_server(product: &Product) -> bool {
    matches!(product, Product::Postfix | Product::Exim)
}

/// Whether Exchange Online's policies put a message of this kind to junk unless they are changed.
fn is_junk_by_default(kind: &VerdictKind) -> bool {
    use VerdictKind as Kind;
    matches!(
        kind,
        Kind::Spam
            | Kind::HighConfidenceSpam
            | Kind::Bulk
            | Kind::Spoof
            | Kind::Impersonation
            | Kind::UserBlock
            | Kind::BlockEntry
            | Kind::TransportRule
    )
}

/// The store record that names a folder, if any does (with Sieve the inbox before a further
/// copy elsewhere); else the last one.
fn best_store<'t>(stores: &[&'t Event], last: Option<&'t Event>) -> Option<&'t Event> {
    let inbox = stores
        .iter()
        .copied()
        .filter(|event| event.observation.speaker.product == Product::Dovecot)
        .rfind(|event| matches!(event.fact(), Fact::Stored(stored) if stored.folder == Some(Folder::Inbox)));
    let named =
        stores.iter().copied().rfind(|event| matches!(event.fact(), Fact::Stored(stored) if stored.folder.is_some()));
    last.and(inbox.or(named)).or(last)
}

/// What a notice that is no final failure says.
fn dsn_end(event: &Event) -> Option<End<'_>> {
    match event.fact() {
        Fact::Dsn(dsn) => match dsn.action {
            DsnAction::Delayed => Some(End::Deferred(event)),
            DsnAction::Delivered => Some(End::Delivered(event)),
            DsnAction::Relayed => Some(End::HandedOver(event)),
            DsnAction::Failed | DsnAction::Expanded => None,
        },
        _ => None,
    }
}

/// The hand-over that an event states.
pub(crate) fn handover(event: &Event) -> Option<&Handover> {
    match event.fact() {
        Fact::Handover(handover) => Some(handover),
        _ => None,
    }
}

fn spoken_by_next_hop(event: &Event) -> bool {
    handover(event).is_some_and(|handover| handover.spoken_by_next_hop)
}
