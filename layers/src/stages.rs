//! The state of the seven stages of a copy.

use evidence::{
    Action, AuthMethod, AuthResult, Fact, Folder, Identifier, Layer, NextHop, Outcome, Product, ReleaseStep, SourceId,
    Verdict, VerdictKind,
};
use lake::Lake;
use trace::{Copy, Event, NotCounted};

use crate::covers::{would_show, would_show_after};
use crate::fate::{Fate, has_own_record, is_vendor_cloud};
use crate::stay::{End, Stay, handover, is_mail_server};
use crate::{Stage, State, cites, exports, say};

/// All that the stages are read from.
struct Way<'s, 't> {
    copy: &'t Copy,
    stays: &'s [Stay<'t>],
    fate: Fate,
    decided: Option<&'s Stay<'t>>,
    lake: &'s Lake,
    not_counted: &'s [NotCounted],
}

/// The seven stages in order.
pub(crate) fn of<'t>(
    copy: &'t Copy,
    stays: &[Stay<'t>],
    fate: Fate,
    decided_at: Option<usize>,
    lake: &Lake,
    not_counted: &[NotCounted],
) -> Vec<Stage> {
    let way = Way { copy, stays, fate, decided: decided_at.and_then(|at| stays.get(at)), lake, not_counted };
    vec![
        way.arrival(),
        way.authentication(),
        way.verdict(),
        way.quarantine(),
        way.release(),
        way.delivery(),
        way.mailbox(),
    ]
}

impl<'t> Way<'_, 't> {
    fn arrival(&self) -> Stage {
        // An attempt that was put off or refused, and overcome by a later one, is not how the copy came in.
        let overcome = |stay: &&Stay<'t>| {
            matches!(stay.end, End::Refused(_) | End::PutOff(_))
                && !self.decided.is_some_and(|decided| std::ptr::eq(decided, *stay))
        };
        let own = || self.stays.iter().filter(|stay| has_own_record(stay));
        let Some(first) = own().find(|stay| !overcome(stay)).or_else(|| own().next()).or_else(|| self.stays.first())
        else {
            let hops: Vec<&Event> =
                self.copy.beside.iter().filter(|event| matches!(event.fact(), Fact::Hop(_))).collect();
            // Nobody but the service itself writes above its own field.
            if let Some(top) = topmost_hop(&hops)
                && matches!(
                    top.observation.speaker.product,
                    Product::Mimecast | Product::Proofpoint | Product::GoogleWorkspace
                )
            {
                let summary = format!("{} took it, as its own Received field says", top.observation.speaker);
                return stage(Layer::Arrival, State::Passed, summary, [top]);
            }
            let summary = match hops.len() {
                0 => "no system's record of the arrival was supplied".to_owned(),
                n => {
                    format!("only the sample's own Received fields show the way ({n}); no system's record was supplied")
                }
            };
            return self.not_shown(Layer::Arrival, summary, hops, &[]);
        };
        let system = &first.station.system;
        match first.end {
            End::Refused(event) if self.door_verdict(first).is_none() => {
                stage(Layer::Arrival, State::Stopped, format!("{system}: {}", say::of_event(event)), [event])
            }
            End::Refused(event) => {
                stage(Layer::Arrival, State::Passed, format!("came to the door of {system}"), [event])
            }
            End::PutOff(event) => {
                stage(Layer::Arrival, State::Pending, format!("{system}: {}", say::of_event(event)), [event])
            }
            _ => {
                let accepted = first.arrivals.iter().copied().find(
                    |event| matches!(event.fact(), Fact::Arrival(arrival) if arrival.outcome == Outcome::Accepted),
                );
                let own = || first.station.events.iter().filter(|event| !trace::is_sample(event.source));
                // What only names the message, such as an alert, says less than any record of the way.
                let on_the_way = own().find(|event| !matches!(event.fact(), Fact::Identity(_)));
                let shown = accepted.or(on_the_way).or_else(|| own().next());
                match shown.or(first.station.events.first()) {
                    Some(event) => {
                        let how = accepted.map_or("has a record of it".to_owned(), say::of_event);
                        stage(Layer::Arrival, State::Passed, format!("{system}: {how}"), [event])
                    }
                    None => self.not_shown(Layer::Arrival, "no record of the arrival".to_owned(), [], &[]),
                }
            }
        }
    }

    fn authentication(&self) -> Stage {
        let acted: Vec<&'t Event> = self
            .stays
            .iter()
            .flat_map(Stay::adverse_verdicts)
            .filter(|event| {
                verdict(event).is_some_and(|verdict| matches!(verdict.kind, VerdictKind::Authentication(_)))
            })
            .collect();
        if let Some(last) = acted.last() {
            let state = match verdict(last).map(|verdict| &verdict.action) {
                Some(Action::Rejected | Action::Discarded | Action::Bounced) => State::Stopped,
                Some(Action::None) => State::Passed,
                _ => State::Changed,
            };
            return stage(Layer::Authentication, state, self.by_speaker(last), acted);
        }
        let stated: Vec<&'t Event> = self.stays.iter().flat_map(|stay| stay.authentications.iter().copied()).collect();
        if stated.is_empty() {
            if self.ended_at_the_door() {
                return self.not_reached(Layer::Authentication);
            }
            return self.no_result_counts();
        }
        let mut speakers: Vec<(String, Vec<String>)> = Vec::new();
        for event in &stated {
            let system = event.observation.speaker.to_string();
            let said = say::of_event(event);
            match speakers.iter_mut().find(|(known, _)| *known == system) {
                Some((_, results)) if !results.contains(&said) => results.push(said),
                Some(_) => {}
                None => speakers.push((system, vec![said])),
            }
        }
        let summary =
            speakers.iter().map(|(system, results)| format!("{system}: {}", results.join(", "))).collect::<Vec<_>>();
        let state = if disagree(self.stays) { State::Conflict } else { State::Passed };
        stage(Layer::Authentication, state, summary.join("; "), stated)
    }

    /// No result of a system that we trust; what others wrote into the sample is named, and concluded from it is nothing.
    fn no_result_counts(&self) -> Stage {
        let results = self.not_counted.iter().filter(|not| matches!(not.event.fact(), Fact::Authentication(_)));
        let strangers: Vec<&NotCounted> = results.collect();
        let Some(first) = strangers.first() else {
            if let Some(hop) = self.own_hop() {
                let summary = "the header that our own system wrote is there, and no authentication result in it";
                return stage(Layer::Authentication, State::Absent, summary.to_owned(), [hop]);
            }
            let summary = "no authentication result was supplied".to_owned();
            return self.not_shown(Layer::Authentication, summary, [], &["message/eml"]);
        };
        let said: Vec<String> = strangers.iter().take(4).map(|not| say::of_event(&not.event)).collect();
        let more = if strangers.len() > said.len() { ", ..." } else { "" };
        let summary =
            format!("no result that counts was supplied; not counted: {}{more} ({})", said.join(", "), first.because);
        self.not_shown(Layer::Authentication, summary, strangers.iter().map(|not| &not.event), &["message/eml"])
    }

    /// The Received field of a whole sample that one of the systems wrote whose own record is there: above it, and in its
    /// header, that system's results would stand.
    fn own_hop(&self) -> Option<&'t Event> {
        let is_whole = |event: &&Event| {
            let file = self.lake.supplied().iter().find(|file| file.file == event.observation.cite.file);
            matches!(event.source, "message/eml" | "message/msg")
                && file.is_some_and(|file| file.problems.is_empty() && !file.coverage.suspected_cut)
        };
        let hops = self.copy.beside.iter().filter(|event| matches!(event.fact(), Fact::Hop(_))).filter(is_whole);
        let is_of = |stay: &Stay<'_>, event: &Event| {
            let Fact::Hop(hop) = event.fact() else { return false };
            has_own_record(stay)
                && hop.id.as_deref().is_some_and(|id| stay.station.ids.iter().any(|own| has_id(own, id)))
        };
        // Fields are put on top: the first of them has to be ours, or else the sample was taken from further on.
        hops.min_by_key(|event| event.observation.cite.bytes.start)
            .filter(|event| self.stays.iter().any(|stay| is_of(stay, event)))
    }

    fn verdict(&self) -> Stage {
        let adverse: Vec<&'t Event> = self
            .stays
            .iter()
            .flat_map(Stay::adverse_verdicts)
            .filter(|event| {
                verdict(event).is_some_and(|verdict| !matches!(verdict.kind, VerdictKind::Authentication(_)))
            })
            .filter(|event| !is_placeholder(event))
            .collect();
        if let Some(last) = adverse.iter().rev().max_by_key(|event| weight(event)) {
            let ended = match self.decided.map(|stay| stay.end) {
                Some(End::Refused(_) | End::RefusedByFilter(_)) => true,
                Some(End::Discarded(_)) => !self.was_held(),
                _ => false,
            };
            // A verdict of which the record does not say what was done acted only if the copy was kept or moved.
            let kept = matches!(
                self.fate,
                Fate::Junked | Fate::Quarantined | Fate::ReleasePending | Fate::Discarded | Fate::Rejected | Fate::Lost
            );
            let harmless = verdict(last).is_some_and(|verdict| match verdict.action {
                Action::None => true,
                // The sender came again.
                Action::Deferred => self.went_on(),
                Action::NotSaid => !kept && self.went_on(),
                _ => false,
            });
            let waits = verdict(last).is_some_and(|verdict| verdict.action == Action::Sandboxed);
            let state = match (ended, harmless) {
                _ if waits && self.went_on() => State::Passed,
                _ if waits && self.fate == Fate::Deferred => State::Pending,
                (true, _) => State::Stopped,
                (false, true) => State::Passed,
                (false, false) => State::Changed,
            };
            return stage(Layer::Verdict, state, self.by_speaker(last), adverse.iter().copied());
        }
        if let Some(End::Junked(event)) = self.decided.map(|stay| stay.end) {
            return stage(Layer::Verdict, State::Changed, self.by_speaker(event), [event]);
        }
        let clean: Vec<&'t Event> = self
            .stays
            .iter()
            .flat_map(|stay| stay.verdicts.iter().copied())
            .filter(|event| verdict(event).is_some_and(|verdict| verdict.kind == VerdictKind::Clean))
            .collect();
        if let Some(last) = clean.last() {
            return stage(Layer::Verdict, State::Passed, self.by_speaker(last), clean.iter().copied());
        }
        if self.ended_at_the_door() {
            return self.not_reached(Layer::Verdict);
        }
        if self.went_on() && !self.was_held() && !self.before_the_filter() {
            let onward = self.onward_events();
            return stage(
                Layer::Verdict,
                State::Passed,
                "let it go on: later records show it on its way".to_owned(),
                onward,
            );
        }
        let ask = self.ask_for_verdict();
        let silent = self.stays.iter().all(|stay| stay.verdicts.is_empty());
        if let Some((log, until)) = self.log_goes_on(exports::shows_every_step).filter(|_| silent) {
            let summary = format!("the supplied {log} goes on until {until} and has no filter's line about it");
            return Stage { ask_for: ask, ..stage(Layer::Verdict, State::Absent, summary, self.last_event()) };
        }
        self.not_shown(Layer::Verdict, "no record names what a filter concluded".to_owned(), [], &ask)
    }

    fn quarantine(&self) -> Stage {
        let holds: Vec<&'t Event> = self.stays.iter().flat_map(|stay| stay.holds.iter().copied()).collect();
        let shown = holds.last().copied().or(match self.decided.map(|stay| stay.end) {
            Some(
                End::Held(event)
                | End::ReleaseRequested(event)
                | End::Released(event)
                | End::DeletedFromQuarantine(event),
            ) => Some(event),
            _ => None,
        });
        if let Some((hold, against)) = shown.zip(self.decided.and_then(Stay::against_the_hold)) {
            let summary = format!("{}; but {}", self.by_speaker(hold), self.by_speaker(against));
            let ask_for = vec!["exchange-online/message-trace-detail"];
            return Stage { ask_for, ..stage(Layer::Quarantine, State::Conflict, summary, [hold, against]) };
        }
        if let Some(last) = shown {
            let state = match self.decided.map(|stay| stay.end) {
                Some(
                    End::Held(_)
                    | End::HeldAgain(..)
                    | End::ReleaseRequested(_)
                    | End::ReleaseDenied(_)
                    | End::ReleasedForOthers(_)
                    | End::ReleaseFailed(_)
                    | End::ReleaseExpired(_)
                    | End::DeletedFromQuarantine(_)
                    | End::Discarded(_),
                ) => State::Stopped,
                _ => State::Changed,
            };
            let all = if holds.is_empty() { vec![last] } else { holds };
            return stage(Layer::Quarantine, state, self.by_speaker(last), all);
        }
        if self.stays.iter().any(|stay| !stay.releases.is_empty()) {
            let released: Vec<&'t Event> = self.stays.iter().flat_map(|stay| stay.releases.iter().copied()).collect();
            return stage(Layer::Quarantine, State::Changed, "was held: a release is recorded".to_owned(), released);
        }
        if self.ended_before(Layer::Quarantine) {
            return self.not_reached(Layer::Quarantine);
        }
        if self.went_on() && !self.before_the_filter() {
            let onward = self.onward_events();
            return stage(
                Layer::Quarantine,
                State::Passed,
                "not held: later records show it on its way".to_owned(),
                onward,
            );
        }
        let ask = self.quarantine_lists();
        if let Some((list, _)) = self.list_covers() {
            let summary = format!("the supplied {list} covers that time and does not hold it");
            return stage(Layer::Quarantine, State::Absent, summary, self.last_event());
        }
        if let Some((log, until)) = self.log_goes_on(exports::shows_every_hold) {
            let summary = format!("the supplied {log} goes on until {until} and shows no hold");
            return stage(Layer::Quarantine, State::Absent, summary, self.last_event());
        }
        self.not_shown(Layer::Quarantine, "no record of a hold".to_owned(), [], &ask)
    }

    fn release(&self) -> Stage {
        let releases: Vec<&'t Event> = self.stays.iter().flat_map(|stay| stay.releases.iter().copied()).collect();
        match self.decided.map(|stay| stay.end) {
            Some(End::ReleaseRequested(event)) => {
                return stage(Layer::Release, State::Pending, self.by_speaker(event), [event]);
            }
            Some(End::ReleaseDenied(event) | End::ReleaseExpired(event) | End::ReleaseFailed(event)) => {
                return stage(Layer::Release, State::Stopped, self.by_speaker(event), [event]);
            }
            Some(End::ReleasedForOthers(event)) => {
                let summary = format!("released for other recipients only: {}", self.by_speaker(event));
                // The release is another copy's record: this one's own stands first.
                let told = self.own_hold().into_iter().chain([event]);
                return stage(Layer::Release, State::Stopped, summary, told);
            }
            Some(End::DeletedFromQuarantine(event)) => {
                let summary = format!("deleted instead of released: {}", self.by_speaker(event));
                return stage(Layer::Release, State::Stopped, summary, [event]);
            }
            Some(End::Removed(hold)) if releases.is_empty() && matches!(hold.fact(), Fact::Quarantine(_)) => {
                let summary = "the quarantine took it after delivery; no release is shown".to_owned();
                return stage(Layer::Release, State::Absent, summary, [hold]);
            }
            Some(End::Held(_)) if releases.is_empty() => {
                return self.no_release();
            }
            _ => {}
        }
        let done = releases
            .iter()
            .rev()
            .find(|event| matches!(event.fact(), Fact::Release(release) if release.step == ReleaseStep::Released));
        if let Some(event) = done.or(releases.last()) {
            return stage(Layer::Release, State::Changed, self.by_speaker(event), releases.iter().copied());
        }
        if self.ended_before(Layer::Release) {
            return self.not_reached(Layer::Release);
        }
        if self.was_held() {
            let onward = self.onward_events();
            let summary = "no release record was supplied, but later records show it on its way".to_owned();
            return Stage { ask_for: self.release_lists(), ..stage(Layer::Release, State::Changed, summary, onward) };
        }
        if self.went_on() && !self.before_the_filter() {
            let onward = self.onward_events();
            return stage(Layer::Release, State::Passed, "nothing to release: it was not held".to_owned(), onward);
        }
        let lists = self.release_lists();
        self.not_shown(Layer::Release, "no release record was supplied".to_owned(), [], &lists)
    }

    /// Kept back, and no record speaks of a release: whether one would, if there had been any.
    fn no_release(&self) -> Stage {
        let lists = self.release_lists();
        let held: Vec<&'t Event> = self.decided.iter().flat_map(|stay| stay.holds.iter().copied()).collect();
        // The row of a list says how it stands with the copy as of the export: it would name its release, or be gone.
        let row = held.iter().copied().rfind(|hold| exports::is_list(hold.source));
        if row.is_some() {
            let summary = "the quarantine's own list shows no release for this recipient".to_owned();
            return stage(Layer::Release, State::Absent, summary, held);
        }
        let at = held.iter().filter_map(|hold| hold.at()).max();
        let shows = |list: &SourceId| {
            // A list in which not even the hold stands was searched for others, or its row is gone.
            !exports::is_list(list) && at.is_some_and(|at| would_show_after(self.lake, self.copy, list, at))
        };
        let until = |list: &SourceId| at.and_then(|at| self.lake.covers_until(list, at));
        if let Some(list) = lists.iter().find(|list| shows(list)) {
            let until = until(list).map_or(String::new(), |until| format!(" until {until}"));
            let summary = format!("the supplied {list} covers the hold and shows no release for this recipient{until}");
            return stage(Layer::Release, State::Absent, summary, held);
        }
        let ended = lists.iter().find_map(|list| Some((list, until(list).filter(|_| !exports::is_list(list))?)));
        let summary = match ended {
            Some((list, until)) => format!(
                "the supplied {list} covers until {until}: a later release would stand in that of the time after it"
            ),
            None if lists.iter().any(|list| self.lake.has(list)) => {
                "the supplied release records do not cover this hold, are cut, or were searched for others".to_owned()
            }
            None => "no release record was supplied".to_owned(),
        };
        self.not_shown(Layer::Release, summary, [], &lists)
    }

    fn delivery(&self) -> Stage {
        let Some(stay) = self.decided else {
            return self.not_shown(Layer::Delivery, "no delivery record was supplied".to_owned(), [], &[]);
        };
        let say = |event: &Event| self.by_speaker(event);
        match stay.end {
            End::HandoverRefused(event) if self.by_store(event) => {
                stage(Layer::Delivery, State::Passed, "the mailbox store took it".to_owned(), [event])
            }
            End::Refused(event) if self.fate == Fate::Bounced => {
                stage(Layer::Delivery, State::Stopped, say(event), [event])
            }
            End::HandoverRefused(event) | End::Failed(event) => {
                let all: Vec<&Event> = if stay.dsns.iter().any(|dsn| std::ptr::eq(*dsn, event)) {
                    vec![event]
                } else {
                    [event].into_iter().chain(stay.dsns.iter().copied()).collect()
                };
                stage(Layer::Delivery, State::Stopped, say(event), all)
            }
            End::GaveUp(expired, last) => {
                let summary = match last {
                    Some(last) => {
                        format!("{}: gave up retrying; last: {}", expired.observation.speaker, say::of_event(last))
                    }
                    None => say(expired),
                };
                stage(Layer::Delivery, State::Stopped, summary, [Some(expired), last].into_iter().flatten())
            }
            End::Deferred(event) | End::UnderWay(event) => stage(Layer::Delivery, State::Pending, say(event), [event]),
            End::Delivered(event) if self.fate == Fate::Unknown => self.beyond_the_handover(event),
            End::Stored(event) | End::Delivered(event) | End::Junked(event) => {
                stage(Layer::Delivery, State::Passed, say(event), [event])
            }
            End::Removed(event) | End::Moved(event) => {
                let delivered = stay.stores.iter().chain(&stay.words).copied().find(|told| told.at().is_some());
                let told = delivered.filter(|told| told.at() <= event.at() || event.at().is_none()).unwrap_or(event);
                stage(Layer::Delivery, State::Passed, say(told), [told])
            }
            End::Forwarded(event) => stage(Layer::Delivery, State::Passed, say(event), [event]),
            End::HandedOver(event) if self.fate == Fate::Delivered => {
                stage(Layer::Delivery, State::Passed, say(event), [event])
            }
            End::HandedOver(event) => self.beyond_the_handover(event),
            End::Released(event) if self.fate == Fate::Lost => {
                let summary = "released, and the system's own log shows no attempt to hand it over".to_owned();
                stage(Layer::Delivery, State::Absent, summary, [event])
            }
            End::Discarded(event) if self.by_store(event) => stage(Layer::Delivery, State::Passed, say(event), [event]),
            End::Discarded(event) if self.discarded_in_queue(event) => {
                stage(Layer::Delivery, State::Stopped, say(event), [event])
            }
            End::Released(_) | End::Unknown | End::InFilter(_) => {
                let word = stay.words.last().copied().filter(|_| matches!(stay.end, End::Unknown));
                let mut ask = self.delivery_records(stay);
                // The list has had its say: what lies behind its word stands in the detail of this one message.
                if word.is_some() && stay.is(&Product::ExchangeOnline) {
                    ask.insert(0, "exchange-online/message-trace-detail");
                }
                let silent = word.is_none() && matches!(stay.end, End::Unknown | End::InFilter(_));
                if let Some((log, until)) = self.log_goes_on(exports::shows_every_step).filter(|_| silent) {
                    let summary = format!("the supplied {log} goes on until {until} and shows no hand-over");
                    return Stage { ask_for: ask, ..stage(Layer::Delivery, State::Absent, summary, self.last_event()) };
                }
                let summary = match word {
                    Some(word) => format!("{}; no record shows what came after", say(word)),
                    None => "no record shows what came after".to_owned(),
                };
                self.not_shown(Layer::Delivery, summary, word, &ask)
            }
            _ => self.not_reached(Layer::Delivery),
        }
    }

    /// Whether a stay is at a server that took the copy after the one that decided.
    fn is_behind(&self, stay: &Stay<'_>) -> bool {
        self.decided.is_some_and(|decided| {
            stay.station.system != decided.station.system
                && stay.accepted_at().is_some()
                && stay.accepted_at() >= decided.accepted_at()
        })
    }

    /// The next hop took it; what it did then only its own record shows.
    fn beyond_the_handover(&self, event: &'t Event) -> Stage {
        let is_program = handover(event).is_some_and(|handover| handover.next_hop == NextHop::Program);
        let next = handover(event).and_then(|handover| {
            is_vendor_cloud(handover.to.as_ref(), handover.reply.as_ref().map_or("", |reply| &reply.text))
        });
        let leaves_the_cloud =
            matches!(event.observation.speaker.product, Product::ExchangeOnline | Product::GoogleWorkspace);
        let ask: &[SourceId] = match next {
            Some(Product::ExchangeOnline) => &["exchange-online/message-trace"],
            // What a program did with it stands, if anywhere, in the same host's log.
            _ if is_program => exports::logs_of(&event.observation.speaker.product),
            // Mail that leaves ends in somebody else's cloud.
            Some(_) if leaves_the_cloud => &["message/bounce"],
            Some(ref product) => exports::logs_of(product),
            None if leaves_the_cloud => &["message/bounce"],
            // A gateway's next hop that does not name itself is the mail system behind it.
            _ => &["exchange-online/message-trace"],
        };
        let said = self.by_speaker(event);
        let taken = self.stays.iter().rev().find(|stay| {
            !is_program
                && has_own_record(stay)
                && match next.as_ref() {
                    Some(product) => stay.is(product),
                    None => (stay.is(&Product::ExchangeOnline) && !leaves_the_cloud) || self.is_behind(stay),
                }
        });
        if let Some(taken) = taken {
            let word = taken.words.last().map_or("it has a record of it".to_owned(), |word| say::of_event(word));
            let summary = format!("{}: {word}; no record shows what came after", taken.station.system);
            let shown = [Some(event), taken.words.last().copied()];
            let ask = match exports::logs_of(&taken.station.system.product) {
                [] => exports::logs_of(&Product::ExchangeOnline),
                logs => logs,
            };
            return self.not_shown(Layer::Delivery, summary, shown.into_iter().flatten(), ask);
        }
        let log = ask.iter().copied().find(|source| !is_program && *source != "message/bounce");
        if log.is_some_and(|source| event.at().is_some_and(|at| would_show(self.lake, self.copy, source, at))) {
            let summary = format!("{said}; the next system's supplied record covers that time and does not show it");
            return Stage { ask_for: ask.to_vec(), ..stage(Layer::Delivery, State::Absent, summary, [event]) };
        }
        let how = match log {
            Some(source) if self.lake.has(source) => {
                "the next system's supplied record does not cover that time, is cut, or was searched for others"
            }
            _ => "the next system's own record was not supplied",
        };
        let summary = format!("{said}; a relay is no delivery, and {how}");
        self.not_shown(Layer::Delivery, summary, [event], ask)
    }

    fn mailbox(&self) -> Stage {
        let Some(stay) = self.decided else {
            return self.not_shown(Layer::Mailbox, "no mailbox record was supplied".to_owned(), [], &[]);
        };
        match stay.end {
            End::Stored(event) => {
                let folder = match event.fact() {
                    Fact::Stored(stored) => stored.folder.clone(),
                    _ => None,
                };
                match folder {
                    Some(Folder::Inbox) => stage(Layer::Mailbox, State::Passed, self.by_speaker(event), [event]),
                    Some(_) => stage(Layer::Mailbox, State::Changed, self.by_speaker(event), [event]),
                    None => self.folder_not_named(stay, event),
                }
            }
            End::Delivered(event) | End::HandedOver(event) if self.fate == Fate::Delivered => {
                self.folder_not_named(stay, event)
            }
            End::Junked(event) => stage(Layer::Mailbox, State::Changed, self.by_speaker(event), [event]),
            End::Forwarded(_) if stay.redirecting_rule().is_some() => self.not_reached(Layer::Mailbox),
            End::HandoverRefused(event) if self.by_store(event) => {
                stage(Layer::Mailbox, State::Stopped, self.by_speaker(event), [event])
            }
            End::Moved(event) if self.fate == Fate::Delivered => {
                stage(Layer::Mailbox, State::Passed, self.by_speaker(event), [event])
            }
            End::Forwarded(event) | End::Removed(event) | End::Moved(event) => {
                stage(Layer::Mailbox, State::Changed, self.by_speaker(event), [event])
            }
            End::Discarded(event) if self.by_store(event) => {
                stage(Layer::Mailbox, State::Stopped, self.by_speaker(event), [event])
            }
            End::HandedOver(_) | End::Delivered(_) | End::Released(_) | End::Unknown | End::InFilter(_) => {
                self.not_shown(Layer::Mailbox, "no mailbox record was supplied".to_owned(), [], &[])
            }
            _ => self.not_reached(Layer::Mailbox),
        }
    }

    fn folder_not_named(&self, stay: &Stay<'t>, event: &'t Event) -> Stage {
        let (summary, ask): (&str, &[SourceId]) = match stay.station.system.product {
            Product::ExchangeOnline => {
                ("the record does not name the folder", &["exchange-online/message-trace-detail"])
            }
            Product::Postfix
            | Product::Dovecot
            | Product::Exim
            | Product::Amavis
            | Product::Rspamd
            | Product::ProxmoxMailGateway => (
                "the record does not name the folder: the log of the mailbox store does (lines of dovecot)",
                &["postfix/log"],
            ),
            _ => ("the record does not name the folder", &[]),
        };
        let audit = "exchange-online/audit-log";
        let at = event.at().filter(|_| stay.is(&Product::ExchangeOnline) && self.lake.names_recipients(audit));
        if at.is_some_and(|at| would_show(self.lake, self.copy, audit, at)) {
            let until = at.and_then(|at| self.lake.covers_until(audit, at));
            let until = until.map_or(String::new(), |until| format!(" until {until}"));
            let summary = format!("{summary}; the audit log of mailboxes shows no move and no removal{until}");
            return Stage { ask_for: ask.to_vec(), ..stage(Layer::Mailbox, State::Absent, summary, [event]) };
        }
        self.not_shown(Layer::Mailbox, summary.to_owned(), [event], ask)
    }

    /// What a sieve script or the like threw away or refused had reached the store.
    fn by_store(&self, event: &Event) -> bool {
        event.observation.speaker.product == Product::Dovecot
    }

    /// Thrown away on its way, with no filter's verdict: by an operator, or by a route that ends in nothing.
    fn discarded_in_queue(&self, event: &Event) -> bool {
        is_mail_server(&event.observation.speaker.product)
            && self.decided.is_some_and(|stay| stay.holds.is_empty() && stay.adverse_verdicts().next().is_none())
    }

    /// Whether the copy waits for, or was refused by, the content filter: it has not passed it.
    fn before_the_filter(&self) -> bool {
        let to_filter = |event: &Event| handover(event).is_some_and(|h| h.next_hop == NextHop::ContentFilter);
        matches!(self.decided.map(|stay| stay.end), Some(End::Deferred(event) | End::HandoverRefused(event)) if to_filter(event))
    }

    /// The verdict with which a station refused at its door.
    fn door_verdict(&self, stay: &Stay<'t>) -> Option<&'t Event> {
        stay.adverse_verdicts().find(|event| verdict(event).is_some_and(|verdict| verdict.action == Action::Rejected))
    }

    fn ended_at_the_door(&self) -> bool {
        matches!(self.decided.map(|stay| stay.end), Some(End::Refused(_) | End::PutOff(_)))
            && self.fate != Fate::Bounced
    }

    /// Whether the path provably ended before a stage.
    fn ended_before(&self, layer: Layer) -> bool {
        match self.decided.map(|stay| stay.end) {
            Some(End::Refused(_) | End::PutOff(_)) => self.fate != Fate::Bounced && layer > Layer::Verdict,
            Some(End::RefusedByFilter(_)) => layer > Layer::Verdict,
            Some(End::Discarded(event)) if self.discarded_in_queue(event) => layer > Layer::Delivery,
            Some(End::Discarded(event)) => layer > Layer::Verdict && !self.by_store(event),
            _ => false,
        }
    }

    /// Whether later records show the copy past the filters.
    fn went_on(&self) -> bool {
        !self.onward_events().is_empty()
    }

    fn onward_events(&self) -> Vec<&'t Event> {
        let Some(stay) = self.decided else { return Vec::new() };
        match stay.end {
            End::HandedOver(event)
            | End::Deferred(event)
            | End::HandoverRefused(event)
            | End::Stored(event)
            | End::Delivered(event)
            | End::Forwarded(event)
            | End::Junked(event)
            | End::Removed(event)
            | End::Moved(event) => vec![event],
            End::GaveUp(expired, last) => vec![last.unwrap_or(expired)],
            End::Refused(event) if self.fate == Fate::Bounced => vec![event],
            End::Discarded(event) if self.by_store(event) || self.discarded_in_queue(event) => vec![event],
            _ => Vec::new(),
        }
    }

    /// The last event of the deciding stay that a system's own record states with its instant.
    fn last_event(&self) -> Option<&'t Event> {
        let own = self.decided?.station.events.iter().filter(|event| !trace::is_sample(event.source));
        own.filter(|event| event.at().is_some()).max_by_key(|event| event.at())
    }

    /// The list of held mail of the deciding system that covers the last that is known of the copy.
    fn list_covers(&self) -> Option<(SourceId, &'t Event)> {
        let last = self.last_event()?;
        let mut lists = exports::holds_of(&self.decided?.station.system.product).iter().copied();
        let shows = |list: &SourceId| {
            exports::is_list(list)
                && exports::shows_every_hold(list)
                && last.at().is_some_and(|at| would_show(self.lake, self.copy, list, at))
        };
        Some((lists.find(shows)?, last))
    }

    /// The deciding system's own log, of those that show what is looked for, if the copy stands in it and it goes on long after
    /// the last line about the copy; and until when.
    fn log_goes_on(&self, shows: fn(&str) -> bool) -> Option<(SourceId, jiff::Timestamp)> {
        let decided = self.decided?;
        let at = self.last_event()?.at()?;
        let mut logs = exports::logs_of(&decided.station.system.product).iter().copied().filter(|log| shows(log));
        let log = logs.find(|log| {
            let is_its_own = decided.station.events.iter().any(|event| event.source == *log);
            is_its_own && would_show_after(self.lake, self.copy, log, at)
        })?;
        Some((log, self.lake.covers_until(log, at)?))
    }

    fn was_held(&self) -> bool {
        self.stays.iter().any(|stay| !stay.holds.is_empty() || !stay.releases.is_empty())
            || matches!(self.decided.map(|stay| stay.end), Some(End::Held(_)))
    }

    /// The lists that name why something was held.
    fn ask_for_verdict(&self) -> Vec<SourceId> {
        let known = self.decided.map_or(&[][..], |stay| exports::holds_of(&stay.station.system.product));
        if known.is_empty() { vec!["exchange-online/message-trace", "message/eml"] } else { known.to_vec() }
    }

    fn quarantine_lists(&self) -> Vec<SourceId> {
        let known = self.decided.and_then(|stay| exports::holds_of(&stay.station.system.product).first());
        vec![known.copied().unwrap_or("exchange-online/quarantine")]
    }

    fn release_lists(&self) -> Vec<SourceId> {
        let held_at = self.stays.iter().rev().find(|stay| !stay.holds.is_empty()).or(self.decided);
        let known = held_at.map_or(&[][..], |stay| exports::releases_of(&stay.station.system.product));
        if known.is_empty() { vec!["exchange-online/quarantine"] } else { known.to_vec() }
    }

    /// Where a station's own hand-over would be written.
    fn delivery_records(&self, stay: &Stay<'t>) -> Vec<SourceId> {
        match &stay.station.system.product {
            Product::ExchangeOnline => vec!["exchange-online/message-trace"],
            product if exports::logs_of(product).is_empty() => vec!["exchange-online/message-trace"],
            product => exports::onward_of(product),
        }
    }

    fn by_speaker(&self, event: &Event) -> String {
        format!("{}: {}", event.observation.speaker, say::of_event(event))
    }

    /// The last record of the deciding stay that holds this copy.
    fn own_hold(&self) -> Option<&'t Event> {
        self.decided?.holds.last().copied()
    }

    fn not_reached(&self, layer: Layer) -> Stage {
        let ended: Vec<&Event> = match self.decided.map(|stay| stay.end) {
            Some(
                End::Refused(event)
                | End::PutOff(event)
                | End::RefusedByFilter(event)
                | End::Held(event)
                | End::ReleaseRequested(event)
                | End::ReleaseDenied(event)
                | End::ReleaseExpired(event)
                | End::ReleaseFailed(event)
                | End::DeletedFromQuarantine(event)
                | End::Discarded(event)
                | End::Forwarded(event)
                | End::HandoverRefused(event)
                | End::Deferred(event)
                | End::Failed(event)
                | End::UnderWay(event),
            ) => vec![event],
            Some(End::HeldAgain(_, event) | End::GaveUp(event, _)) => vec![event],
            // What was released for others is no record of where this copy ended: its hold is.
            Some(End::ReleasedForOthers(event)) => vec![self.own_hold().unwrap_or(event)],
            _ => Vec::new(),
        };
        stage(layer, State::NotReached, "an earlier stage ended the path".to_owned(), ended)
    }

    fn not_shown<'e>(
        &self,
        layer: Layer,
        summary: String,
        events: impl IntoIterator<Item = &'e Event>,
        ask: &[SourceId],
    ) -> Stage {
        Stage { ask_for: ask.to_vec(), ..stage(layer, State::NotSupplied, summary, events) }
    }
}

/// The newest of the Received fields of a sample.
fn topmost_hop<'t>(hops: &[&'t Event]) -> Option<&'t Event> {
    hops.iter().copied().find(|event| matches!(event.fact(), Fact::Hop(hop) if hop.index == 0))
}

fn stage<'e>(layer: Layer, state: State, summary: String, events: impl IntoIterator<Item = &'e Event>) -> Stage {
    Stage { layer, state, summary, cites: cites(events), ask_for: Vec::new() }
}

/// Whether an id of a station is the one that a Received field names.
fn has_id(own: &Identifier, id: &str) -> bool {
    match own {
        Identifier::QueueId { id: own, .. } => own.eq_ignore_ascii_case(id),
        _ => false,
    }
}

pub(crate) fn verdict(event: &Event) -> Option<&Verdict> {
    match event.fact() {
        Fact::Verdict(verdict) => Some(verdict),
        _ => None,
    }
}

/// A verdict whose kind nobody names is worth showing only if nothing names one.
fn is_placeholder(event: &Event) -> bool {
    verdict(event).is_some_and(|verdict| verdict.kind == VerdictKind::Unknown && verdict.action == Action::NotSaid)
}

/// Verdicts that acted and conclude something about the message weigh most; that it was greylisted says nothing about it.
fn weight(event: &Event) -> (bool, bool) {
    verdict(event).map_or((false, false), |verdict| {
        let acted = !matches!(verdict.action, Action::None | Action::NotSaid);
        (acted, !matches!(verdict.kind, VerdictKind::Unknown | VerdictKind::Greylisted))
    })
}

/// Whether two systems state pass and fail of the same check: one method about one domain, and for SPF about one client.
fn disagree(stays: &[Stay<'_>]) -> bool {
    struct Told<'e> {
        stay: usize,
        speaker: String,
        authentication: &'e evidence::Authentication,
        passed: bool,
    }
    let told: Vec<Told<'_>> = stays
        .iter()
        .enumerate()
        .flat_map(|(at, stay)| stay.authentications.iter().map(move |event| (at, *event)))
        .filter_map(|(stay, event)| match event.fact() {
            Fact::Authentication(authentication) => {
                let passed = match authentication.result {
                    AuthResult::Pass => true,
                    AuthResult::Fail | AuthResult::SoftFail => false,
                    _ => return None,
                };
                Some(Told { stay, speaker: event.observation.speaker.id(), authentication, passed })
            }
            _ => None,
        })
        .collect();
    let same_domain = |a: &Told<'_>, b: &Told<'_>| match (&a.authentication.domain, &b.authentication.domain) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => true,
    };
    // Each system on the way sees another client, so that SPF at two of them is two checks unless both name the same one.
    let same_client = |a: &Told<'_>, b: &Told<'_>| match (&a.authentication.client, &b.authentication.client) {
        (Some(a), Some(b)) => a == b,
        _ => a.stay == b.stay,
    };
    told.iter().enumerate().any(|(at, one)| {
        told[at + 1..].iter().any(|other| {
            one.speaker != other.speaker
                && one.passed != other.passed
                && one.authentication.method == other.authentication.method
                // Several signatures of one message may differ; that is no disagreement.
                && !matches!(one.authentication.method, AuthMethod::Dkim | AuthMethod::Arc)
                && same_domain(one, other)
                && (one.authentication.method != AuthMethod::Spf || same_client(one, other))
        })
    })
}
