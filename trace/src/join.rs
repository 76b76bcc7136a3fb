//! Puts passages of different systems together by Message-ID, recipient and time.
//!
//! Never on the Message-ID alone across two passages of one system: senders repeat it, and a gateway may rewrite it.

use std::collections::BTreeSet;

use evidence::{Address, Fact, Outcome, Product, QuarantineState, System, TraceStatus, Zone};
use jiff::{SignedDuration, Timestamp};

use crate::passage::Passage;
use crate::station::names;
use crate::{Event, is_sample};

/// How far two systems' clocks, or the minute that a list was cut to, may part.
const SKEW: SignedDuration = SignedDuration::from_secs(5 * 60);
/// How long after the last word of one system the next may first speak.
const TRANSFER: SignedDuration = SignedDuration::from_secs(15 * 60);

/// Joins passages until none fits another: first those near in time, then those that have no other partner.
///
/// `alike` are passages of other messages of the same looks: what bears no id may be about one of them.
pub(crate) fn across_systems(passages: Vec<Passage>, alike: &[Passage]) -> Vec<Passage> {
    let (mut held, loose): (Vec<Passage>, Vec<Passage>) =
        passages.into_iter().partition(|passage| !passage.ids.is_empty());
    held.sort_by_key(|passage| passage.span());
    while let Some((attempt, next)) = retried(&held) {
        let next = held.remove(next);
        held[attempt].take(next);
    }
    while let Some((hold, next)) = let_go(&held) {
        let next = held.remove(next);
        held[hold].take(next);
    }
    while let Some((left, right)) = nearest_pair(&held) {
        let other = held.remove(right.max(left));
        held[left.min(right)].take(other);
    }
    held.sort_by_key(|passage| passage.span());
    while let Some((first, again)) = came_back(&held) {
        let again = held.remove(again);
        held[first].take(again);
    }
    // What bears a Message-ID first, then in the order of time: the files' names decide nothing.
    let mut loose = loose;
    loose.sort_by_key(|passage| (by_looks_only(passage), passage.span()));
    for passage in loose {
        attach(&mut held, passage, alike);
    }
    held.sort_by_key(|passage| passage.span());
    held
}

/// A hold, and what the same system let go afterwards under another id: the same Message-ID for the same recipient. The
/// record of the second says that it comes out of the quarantine (Proofpoint: re-injected). `held` is ordered by time.
fn let_go(held: &[Passage]) -> Option<(usize, usize)> {
    held.iter().enumerate().filter(|(_, next)| next.was_let_go()).find_map(|(at, next)| {
        let (ids, recipients) = (next.message_ids(), next.recipients());
        let hold = held[..at].iter().rposition(|earlier| {
            earlier.was_held()
                && !earlier.systems().is_disjoint(&next.systems())
                && earlier.message_ids().intersection(&ids).next().is_some()
                && earlier.recipients().intersection(&recipients).next().is_some()
        });
        hold.map(|hold| (hold, at))
    })
}

/// A passage, and what one of its systems sent back to another of them that had handled it before: mail in a circle, not a
/// message sent twice. `held` is ordered by time.
fn came_back(held: &[Passage]) -> Option<(usize, usize)> {
    let faces: Vec<Face<'_>> = held.iter().map(Face::of).collect();
    faces.iter().enumerate().find_map(|(at, again)| {
        let (came, _) = again.span?;
        let sends_it = |event: &Event| {
            let in_time = event.at().is_some_and(|sent| sent <= came + SKEW && came.duration_since(sent) <= TRANSFER);
            let named = &event.observation.about.envelope_recipients;
            in_time
                && named.iter().any(|recipient| again.recipients.contains(recipient))
                && again.systems.iter().any(|system| sends_to(event, system))
        };
        let first = held[..at].iter().zip(&faces).rposition(|(first, face)| {
            !face.systems.is_disjoint(&again.systems)
                && !face.ids.is_disjoint(&again.ids)
                && first.events.iter().any(sends_it)
        });
        first.map(|first| (first, at))
    })
}

/// Whether an event says that another system handed the copy over to this one.
fn sends_to(event: &Event, system: &System) -> bool {
    let Fact::Handover(handover) = event.fact() else { return false };
    event.observation.speaker.product != system.product
        && handover.outcome == Outcome::Accepted
        && names(handover.to.as_ref(), "", system)
}

/// How long a sender goes on trying (RFC 5321, 4.5.4.1).
const RETRIES: SignedDuration = SignedDuration::from_hours(5 * 24);
/// How long after an attempt that names no message the next one is taken for its retry.
const UNNAMED_RETRIES: SignedDuration = SignedDuration::from_hours(24);

/// An attempt that was put off at the door, and the next attempt at the same system: the sender came again with the same
/// message. `held` is ordered by time. Where the door put off before DATA, the attempt names no message: then the next
/// one has to be accepted, for the same recipient, and soon.
fn retried(held: &[Passage]) -> Option<(usize, usize)> {
    let attempts = held.iter().enumerate().filter(|(_, passage)| passage.was_put_off());
    attempts.into_iter().find_map(|(attempt, earlier)| {
        let ids = earlier.message_ids();
        let next = held.iter().enumerate().skip(attempt + 1).find(|(_, later)| {
            let wait = earlier.span().zip(later.span()).map(|(earlier, later)| later.0.duration_since(earlier.1));
            let within = |most: SignedDuration| wait.is_some_and(|wait| !wait.is_negative() && wait <= most);
            let (before, after) = (earlier.recipients(), later.recipients());
            let shared_recipient = before.intersection(&after).next().is_some();
            let same_message = match ids.is_empty() {
                true => shared_recipient && within(UNNAMED_RETRIES) && later.events.iter().any(was_accepted),
                false => {
                    (shared_recipient || before.is_empty() || after.is_empty())
                        && within(RETRIES)
                        && later.message_ids().intersection(&ids).next().is_some()
                }
            };
            same_message && !earlier.systems().is_disjoint(&later.systems())
        });
        next.map(|(next, _)| (attempt, next))
    })
}

fn was_accepted(event: &Event) -> bool {
    matches!(event.fact(), Fact::Arrival(arrival) if arrival.outcome == Outcome::Accepted)
}

/// The two passages that belong together most surely: of all pairs that fit, the nearest in time; if none is near, a pair
/// in which neither has another partner, however far their clocks part.
fn nearest_pair(held: &[Passage]) -> Option<(usize, usize)> {
    let faces: Vec<Face<'_>> = held.iter().map(Face::of).collect();
    let mut fitting = Vec::new();
    let mut partners = vec![0_usize; held.len()];
    for (left, one) in faces.iter().enumerate() {
        for (right, other) in faces.iter().enumerate().skip(left + 1) {
            if one.fits(other) {
                fitting.push((distance(one.span, other.span), left, right));
                partners[left] += 1;
                partners[right] += 1;
            }
        }
    }
    let near = fitting.iter().filter(|(distance, ..)| distance.is_none_or(|(gap, _)| gap <= TRANSFER)).min();
    near.or_else(|| fitting.iter().find(|(_, left, right)| partners[*left] == 1 && partners[*right] == 1))
        .map(|(_, left, right)| (*left, *right))
}

/// What passages are compared by, read once: every passage is held against every other.
struct Face<'p> {
    ids: BTreeSet<&'p str>,
    recipients: BTreeSet<&'p Address>,
    systems: BTreeSet<System>,
    span: Option<(Timestamp, Timestamp)>,
}

impl<'p> Face<'p> {
    fn of(passage: &'p Passage) -> Face<'p> {
        Face {
            ids: passage.message_ids(),
            recipients: passage.recipients(),
            systems: passage.systems(),
            span: passage.span(),
        }
    }

    /// Whether two passages can be one: they share a Message-ID and a recipient (where both name any), and no system has
    /// handled both.
    fn fits(&self, other: &Face<'_>) -> bool {
        if !self.systems.is_disjoint(&other.systems) {
            return false;
        }
        let shared_id = !self.ids.is_disjoint(&other.ids);
        let shared_recipient = !self.recipients.is_disjoint(&other.recipients);
        let no_id = self.ids.is_empty() || other.ids.is_empty();
        let no_recipient = self.recipients.is_empty() || other.recipients.is_empty();
        // One recipient on each side under two names: an alias that the next system resolved.
        let renamed = self.recipients.len() == 1 && other.recipients.len() == 1;
        (shared_id && (shared_recipient || no_recipient || renamed)) || (no_id && shared_recipient)
    }
}

/// How far apart two passages are: the gap between their spans (none within the skew), then the distance of their first
/// instants; unknown without instants.
fn distance(
    left: Option<(Timestamp, Timestamp)>,
    right: Option<(Timestamp, Timestamp)>,
) -> Option<(SignedDuration, SignedDuration)> {
    let (first, second) = left.zip(right)?;
    let gap = if first.1 < second.0 {
        second.0.duration_since(first.1)
    } else if second.1 < first.0 {
        first.0.duration_since(second.1)
    } else {
        SignedDuration::ZERO
    };
    let gap = if gap <= SKEW { SignedDuration::ZERO } else { gap };
    Some((gap, first.0.duration_since(second.0).abs()))
}

/// Adds records without an id to the passage that they fit best; if there is none, to one of their own.
fn attach(held: &mut Vec<Passage>, mut passage: Passage, alike: &[Passage]) {
    let is_ours = |other: &Passage| contradiction(other, &passage).is_none();
    if !held.is_empty() && by_looks_only(&passage) && !held.iter().any(is_ours) {
        // Another message with the same sender, recipient and subject.
        return;
    }
    if by_looks_only(&passage) && passage.events.iter().any(is_kept_or_let_go) {
        let ours: Vec<&Passage> = held.iter().filter(|other| is_ours(other)).collect();
        let theirs: Vec<&Passage> =
            alike.iter().filter(|other| shares_a_recipient(other, &passage) && is_ours(other)).collect();
        let fits = theirs.len() + 1;
        match whose(&ours, &theirs, &passage) {
            Whose::Ours => {}
            Whose::Theirs => return,
            Whose::NotTold => not_told(&mut passage, fits),
        }
    }
    let ids = passage.message_ids();
    let recipients = passage.recipients();
    let is_ours = |other: &Passage| contradiction(other, &passage).is_none();
    let is_after_delivery = passage.events.iter().any(|event| matches!(event.fact(), Fact::PostDelivery { .. }));
    let best = held
        .iter()
        .enumerate()
        .filter(|(_, other)| is_ours(other))
        .filter(|(_, other)| {
            let other_ids = other.message_ids();
            ids.is_empty() || other_ids.is_empty() || ids.intersection(&other_ids).next().is_some()
        })
        .min_by_key(|(_, other)| {
            let others = other.recipients();
            let strange =
                !(recipients.is_empty() || others.is_empty() || recipients.intersection(&others).next().is_some());
            // What was moved or deleted in a mailbox had been delivered there.
            let undelivered = is_after_delivery && !other.events.iter().any(says_delivered);
            (strange, undelivered, distance(passage.span(), other.span()))
        })
        .map(|(number, _)| number);
    match best {
        Some(number) => held[number].take(passage),
        None => held.push(passage),
    }
}

/// Whose a list row is that names no id.
enum Whose {
    Ours,
    Theirs,
    NotTold,
}

/// How a note begins with a row that fits several messages.
pub const FITS_SEVERAL: &str = "a row without an id";

/// How much nearer to one message than to any other a row has to be to be told as its own.
const NEARER: SignedDuration = SignedDuration::from_secs(60);

/// Whose a row without an id is: of the messages that it fits, the one whose own records are nearest to it.
fn whose(ours: &[&Passage], theirs: &[&Passage], listed: &Passage) -> Whose {
    if theirs.is_empty() || ours.is_empty() {
        return Whose::Ours;
    }
    let nearest = |known: &[&Passage]| known.iter().filter_map(|known| apart(known, listed)).min();
    match (nearest(ours), nearest(theirs)) {
        (Some(ours), Some(theirs)) if (ours - theirs).abs() <= NEARER => Whose::NotTold,
        (Some(ours), Some(theirs)) if theirs < ours => Whose::Theirs,
        (Some(_), _) => Whose::Ours,
        (None, Some(_)) => Whose::Theirs,
        (None, None) => Whose::NotTold,
    }
}

/// How far a row is from the step of the same system that it goes with: a hold from the arrival, a release from the hand-over
/// after it, or from the arrival where the list has the release in the row of the hold.
fn apart(known: &Passage, listed: &Passage) -> Option<SignedDuration> {
    let of = |event: &Event| {
        let at = event.at()?;
        let own = |other: &&Event| other.observation.speaker.product == event.observation.speaker.product;
        let from = |step: Timestamp| step.duration_since(at).abs();
        let came = known.events.iter().filter(own).filter_map(Event::at).min().map(from);
        let is_sent =
            |event: &&Event| matches!(event.fact(), Fact::Handover(sent) if sent.outcome == Outcome::Accepted);
        let sent = known.events.iter().filter(own).filter(is_sent).filter_map(Event::at).map(from).min();
        match event.fact() {
            Fact::Quarantine(kept) if kept.state == QuarantineState::Held => came,
            Fact::Release(_) => sent.filter(|apart| *apart <= TRANSFER).or(came.filter(|apart| *apart <= NEARER)),
            _ => None,
        }
    };
    listed.events.iter().filter_map(of).min()
}

/// Whether an event tells of a hold or of a release in the list of a gateway.
fn is_kept_or_let_go(event: &Event) -> bool {
    matches!(event.fact(), Fact::Quarantine(_) | Fact::Release(_)) && !is_at_a_servers_door(event)
}

fn shares_a_recipient(one: &Passage, other: &Passage) -> bool {
    one.recipients().intersection(&other.recipients()).next().is_some()
}

/// A row that may be about another message: shown as a note, and never as a step of this one.
fn not_told(passage: &mut Passage, fits: usize) {
    for event in &mut passage.events {
        let step = match event.fact() {
            Fact::Release(_) => "a release",
            Fact::Quarantine(_) => "a hold",
            Fact::Verdict(_) => "a verdict",
            Fact::Status(_) => "a status",
            _ => continue,
        };
        event.observation.fact =
            Fact::Note { said: format!("{FITS_SEVERAL} tells of {step}, and fits {fits} messages") };
    }
}

fn says_delivered(event: &Event) -> bool {
    match event.fact() {
        Fact::Stored(_) => true,
        Fact::Status(status) => status.status == TraceStatus::Delivered,
        Fact::Handover(handover) => handover.outcome == Outcome::Accepted,
        _ => false,
    }
}

/// How much earlier than its own receipt of a message a system may put what it did with it: the minute that a list was cut to.
const BEFORE_RECEIPT: SignedDuration = SignedDuration::from_secs(60);

/// How long after its arrival a gateway lists a message as held, at most: the list bears the instant of the arrival.
const ARRIVAL_TO_HOLD: SignedDuration = SignedDuration::from_hours(1);

/// Whether records are a gateway's list rows, which name no id of the message.
fn by_looks_only(passage: &Passage) -> bool {
    passage.events.iter().all(|event| !is_sample(event.source) && event.observation.about.ids.is_empty())
}

/// The record of a hold or a release that cannot be about a passage, going by its instant: before the message came,
/// long after it came, or after the system had already handed it over without a hold.
fn contradiction<'p>(known: &Passage, listed: &'p Passage) -> Option<&'p Event> {
    listed.events.iter().find(|event| {
        let system = &event.observation.speaker.product;
        let own = |other: &&Event| other.observation.speaker.product == *system && !is_sample(other.source);
        let is_step = |other: &&Event| matches!(other.fact(), Fact::Release(_));
        let came = known.events.iter().filter(own).filter(|other| !is_step(other)).filter_map(Event::at).min();
        let took = known.events.iter().filter(own).filter(|other| was_accepted(other)).filter_map(Event::at).min();
        let is_hold = matches!(event.fact(), Fact::Quarantine(kept) if kept.state == QuarantineState::Held);
        let is_release = matches!(event.fact(), Fact::Release(_));
        if is_unnamed_refusal(event) {
            return got_past_the_door(known, listed);
        }
        if is_hold && is_at_a_servers_door(event) {
            return !known.events.iter().filter(own).any(|other| was_accepted(other) && is_right_after(event, other));
        }
        if (is_hold || is_release) && was_processed_unheld(known, own) {
            return true;
        }
        let Some(at) = stated_instant(event) else {
            // A row about a hold's end that bears no instant, beside a message that went on without a hold.
            let last = known.events.iter().filter_map(Event::at).max();
            let after = last.and_then(|last| last.checked_add(TRANSFER).ok());
            return is_release
                && event.at().is_none()
                && after.is_some_and(|after| went_on_unheld(known, listed, own, after));
        };
        if (is_hold || is_release) && took.is_some_and(|took| took.duration_since(at) > BEFORE_RECEIPT) {
            return true;
        }
        match came {
            Some(came) if is_hold => {
                came.duration_since(at) > TRANSFER
                    || at.duration_since(came) > ARRIVAL_TO_HOLD
                    || went_on_unheld(known, listed, own, at)
            }
            Some(came) if is_release => came.duration_since(at) > SKEW || went_on_unheld(known, listed, own, at),
            // Only systems further on are known: what they already had, the gateway did not hold or release afterwards.
            None if is_hold || is_release => known.span().is_some_and(|(_, last)| at.duration_since(last) > TRANSFER),
            _ => false,
        }
    })
}

/// Whether a mail server says so while the message has no id yet.
fn is_at_a_servers_door(event: &Event) -> bool {
    matches!(event.observation.speaker.product, Product::Postfix | Product::Exim)
        && event.observation.about.ids.is_empty()
}

/// How long after a decision at RCPT TO a mail server gives the message its id.
const DOOR_TO_ID: SignedDuration = SignedDuration::from_secs(2);

fn is_right_after(first: &Event, then: &Event) -> bool {
    first.at().zip(then.at()).is_some_and(|(first, then)| then.duration_since(first).abs() <= DOOR_TO_ID)
}

/// Whether a gateway's list says that it turned away a message before that had an id. (A mail server's own attempts are told
/// apart by their queue ids: `layers` weighs them.)
fn is_unnamed_refusal(event: &Event) -> bool {
    let is_mail_server = matches!(event.observation.speaker.product, Product::Postfix | Product::Exim);
    !is_mail_server
        && event.observation.about.ids.is_empty()
        && matches!(event.fact(), Fact::Arrival(arrival) if matches!(arrival.outcome, Outcome::Refused | Outcome::Deferred))
}

/// Whether records with the message's ids show that it was taken: then an attempt that was turned away was an earlier one,
/// or another message of the same sender.
fn got_past_the_door(known: &Passage, listed: &Passage) -> bool {
    let recipients = listed.recipients();
    known.events.iter().filter(|event| !is_sample(event.source)).any(|event| {
        let named = &event.observation.about.envelope_recipients;
        let same = named.is_empty() || named.iter().any(|recipient| recipients.contains(recipient));
        same && match event.fact() {
            Fact::Arrival(arrival) => arrival.outcome == Outcome::Accepted,
            Fact::Handover(handover) => handover.outcome == Outcome::Accepted,
            Fact::Status(status) => status.status == TraceStatus::Delivered,
            Fact::Stored(_) | Fact::Quarantine(_) => true,
            _ => false,
        }
    })
}

/// The instant of a record whose zone is no assumption.
fn stated_instant(event: &Event) -> Option<Timestamp> {
    let when = event.observation.when.as_ref()?;
    (when.zone == Zone::Stated).then_some(when.at)
}

/// Whether a system's own record of the processing says that it kept nothing back. Of a message for several it does not say for whom.
fn was_processed_unheld(known: &Passage, own: impl Fn(&&Event) -> bool) -> bool {
    let goes_on = |event: &Event| matches!(event.fact(), Fact::Note { said } if said.starts_with(evidence::GOES_ON));
    let held = |event: &Event| matches!(event.fact(), Fact::Quarantine(kept) if kept.state == QuarantineState::Held);
    known.recipients().len() <= 1
        && known.events.iter().filter(&own).any(goes_on)
        && !known.events.iter().filter(&own).any(held)
}

/// Whether a system handed the message over for these recipients before an instant, and never says that it held it.
fn went_on_unheld(known: &Passage, listed: &Passage, own: impl Fn(&&Event) -> bool, at: Timestamp) -> bool {
    let recipients = listed.recipients();
    let same = |event: &&Event| {
        let named = &event.observation.about.envelope_recipients;
        named.is_empty() || named.iter().any(|recipient| recipients.contains(recipient))
    };
    let says = |wanted: fn(&Fact) -> bool| {
        known.events.iter().filter(&own).filter(same).filter(move |event| wanted(event.fact())).collect::<Vec<_>>()
    };
    let held = says(|fact| matches!(fact, Fact::Quarantine(kept) if kept.state == QuarantineState::Held));
    let handed = says(|fact| matches!(fact, Fact::Handover(handover) if handover.outcome == Outcome::Accepted));
    held.is_empty() && handed.iter().any(|event| event.at().is_some_and(|handed| at.duration_since(handed) > SKEW))
}
