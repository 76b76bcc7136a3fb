//! What became of a copy.

use evidence::{Action, Fact, Folder, Outcome, Peer, Product};
use lake::Lake;
use trace::Copy;

use crate::covers::would_show_after;
use crate::stay::{End, Stay, handover};

/// What became of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// In the inbox, or taken by the recipient's own mail system.
    Delivered,
    /// In the junk folder.
    Junked,
    /// In another folder.
    Filed,
    /// Sent on to another address.
    Forwarded,
    /// Thrown away without a notice.
    Discarded,
    /// Kept back.
    Quarantined,
    /// Kept back, a release was asked for.
    ReleasePending,
    /// Refused at our door.
    Rejected,
    /// Given back to its sender.
    Bounced,
    /// Waiting for the next attempt.
    Deferred,
    /// Delivered, and removed afterwards.
    RemovedAfterDelivery,
    /// Provably neither kept nor handed on.
    Lost,
    /// Not shown.
    Unknown,
}

/// The fate of a copy and the stay that decided it.
pub(crate) fn of(copy: &Copy, stays: &[Stay<'_>], copies: &[Copy], lake: &Lake) -> (Fate, Option<usize>) {
    let Some(at) = last_word(stays) else { return (Fate::Unknown, None) };
    let stay = &stays[at];
    let fate = match stay.end {
        End::Refused(_) if stays[..at].iter().any(had_it) => Fate::Bounced,
        End::Refused(_) => Fate::Rejected,
        End::PutOff(_) | End::Deferred(_) | End::UnderWay(_) => Fate::Deferred,
        End::RefusedByFilter(event) if is_refusal_at_the_door(stay, event) => Fate::Rejected,
        End::RefusedByFilter(_) | End::HandoverRefused(_) | End::GaveUp(..) | End::Failed(_) => Fate::Bounced,
        End::ReleaseDenied(event) if stay.is_gone(event) => Fate::Discarded,
        End::Held(_)
        | End::HeldAgain(..)
        | End::ReleaseDenied(_)
        | End::ReleasedForOthers(_)
        | End::ReleaseFailed(_) => Fate::Quarantined,
        End::ReleaseRequested(_) => Fate::ReleasePending,
        End::ReleaseExpired(_) | End::DeletedFromQuarantine(_) | End::Discarded(_) => Fate::Discarded,
        // What came in again after the release was handed over.
        End::Released(release)
            if !stays[at + 1..].iter().any(had_it)
                && !came_in_for_nobody(release, copies)
                && is_lost(copy, stay, lake) =>
        {
            Fate::Lost
        }
        End::Released(_) | End::InFilter(_) | End::Unknown => Fate::Unknown,
        // The next server's own log has the copy, and does not say what it did with it.
        End::HandedOver(event)
            if stays[at + 1..].iter().any(|next| next.accepted_at().is_some()) || is_known_behind(event, copies) =>
        {
            Fate::Unknown
        }
        End::HandedOver(event) => after_handover(copy, event),
        End::Stored(event) => in_folder(event.fact()),
        End::Junked(_) => Fate::Junked,
        End::Forwarded(_) => Fate::Forwarded,
        End::Removed(_) => Fate::RemovedAfterDelivery,
        End::Moved(event) => moved_to(event.fact()),
        End::Delivered(event) if is_relay(&stay.station.system.product) || left_the_organization(event) => {
            Fate::Unknown
        }
        End::Delivered(_) => Fate::Delivered,
    };
    (fate, Some(at))
}

/// The stay that says last what happened: the last one whose end is known.
///
/// A later station counts only if its own record says how the stay ended; until then what the station before saw decides.
///
/// A copy that a rule of a mail server sent to another address has its fate there, whatever became of it at that address.
fn last_word(stays: &[Stay<'_>]) -> Option<usize> {
    let redirected = |at: &usize| matches!(stays[*at].end, End::Forwarded(event) if stays[*at].is_redirect(event));
    if let Some(redirected) = (0..stays.len()).find(redirected) {
        return Some(redirected);
    }
    let last = (0..stays.len())
        .rev()
        .find(|at| !matches!(stays[*at].end, End::Unknown | End::InFilter(_)))
        .or_else(|| stays.len().checked_sub(1))?;
    // A bare `Failed` says less than the refusal that the system before heard from this one.
    let heard = last.checked_sub(1).filter(|before| match stays[*before].end {
        End::HandoverRefused(event) => handover(event).is_some_and(|handover| handover.spoken_by_next_hop),
        _ => false,
    });
    match stays[last].end {
        End::Failed(_) => heard.or(Some(last)),
        _ => Some(last),
    }
}

/// Whether a station's own record shows that it had the copy in hand, not only that it looked at it on another's behalf.
fn had_it(stay: &Stay<'_>) -> bool {
    let looks = |fact: &Fact| {
        matches!(fact, Fact::Identity(_) | Fact::Authentication(_) | Fact::Verdict(_) | Fact::Note { .. })
    };
    let product_only_looks = matches!(stay.station.system.product, Product::Other(_) | Product::Rspamd);
    has_own_record(stay) && !(product_only_looks && stay.station.events.iter().all(|event| looks(event.fact())))
}

/// Whether a filter says that it refused in the session, and nothing says that its station had accepted the copy before.
fn is_refusal_at_the_door(stay: &Stay<'_>, event: &trace::Event) -> bool {
    stay.accepted_at().is_none()
        && stay.handovers.is_empty()
        && matches!(event.fact(), Fact::Verdict(verdict) if verdict.action == Action::Rejected)
}

/// Whether a product keeps no mailboxes, so that its word "delivered" means that the next server took the copy.
pub(crate) fn is_relay(product: &Product) -> bool {
    matches!(product, Product::Mimecast | Product::Proofpoint | Product::ProxmoxMailGateway | Product::CiscoSecureEmail)
}

/// Whether a summary word is about mail that was made inside and went to a server outside: `Delivered` then means that it was
/// handed over. Mail that came from outside names where it came from.
fn left_the_organization(event: &trace::Event) -> bool {
    matches!(event.fact(), Fact::Status(status) if status.to.is_some() && status.from.is_none())
}

/// Whether a station's own log or list speaks, not only a notice or the sample.
pub(crate) fn has_own_record(stay: &Stay<'_>) -> bool {
    stay.station.events.iter().any(|event| !trace::is_sample(event.source))
}

fn in_folder(fact: &Fact) -> Fate {
    let Fact::Stored(stored) = fact else { return Fate::Unknown };
    match stored.folder {
        None | Some(Folder::Inbox) => Fate::Delivered,
        Some(Folder::Junk) => Fate::Junked,
        Some(Folder::Quarantine) => Fate::Quarantined,
        Some(Folder::Deleted | Folder::Other(_)) => Fate::Filed,
    }
}

/// Where a copy lies that was moved after delivery; a folder that is not named is not the inbox.
fn moved_to(fact: &Fact) -> Fate {
    let Fact::PostDelivery { folder, .. } = fact else { return Fate::Unknown };
    match folder {
        Some(Folder::Inbox) => Fate::Delivered,
        Some(Folder::Junk) => Fate::Junked,
        _ => Fate::Filed,
    }
}

/// A relay is no delivery: only the recipient's own mail system, or a mailbox store, delivers. A cloud service keeps a
/// record of its own, and without that record nothing is known beyond the hand-over.
fn after_handover(copy: &Copy, event: &trace::Event) -> Fate {
    let Some(handover) = handover(event) else { return Fate::Unknown };
    match handover.next_hop {
        evidence::NextHop::MailboxStore => Fate::Delivered,
        _ if is_vendor_cloud(handover.to.as_ref(), handover.reply.as_ref().map_or("", |reply| &reply.text))
            .is_some() =>
        {
            Fate::Unknown
        }
        _ if is_recipients_own(handover.to.as_ref(), copy) => Fate::Delivered,
        _ => Fate::Unknown,
    }
}

/// The cloud service that a peer, or the words it answered with, belongs to.
pub fn is_vendor_cloud(peer: Option<&Peer>, said: &str) -> Option<Product> {
    let name = peer.and_then(|peer| peer.name.as_deref()).unwrap_or("");
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
    if ends(&[".outlook.com", ".mx.microsoft"])
        || [".prod.outlook.com", ".protection.outlook.com"].iter().any(|host| said.contains(host))
    {
        Some(Product::ExchangeOnline)
    } else if ends(&[".mimecast.com"]) || said.contains(".mimecast.com/") {
        Some(Product::Mimecast)
    } else if ends(&[".google.com", ".googlemail.com"]) || said.contains(" - gsmtp") {
        Some(Product::GoogleWorkspace)
    } else if ends(&[".pphosted.com", ".ppe-hosted.com"]) {
        Some(Product::Proofpoint)
    } else if ends(&[".iphmx.com"]) {
        Some(Product::CiscoSecureEmail)
    } else {
        None
    }
}

/// Whether a host bears the recipient's domain.
fn is_recipients_own(peer: Option<&Peer>, copy: &Copy) -> bool {
    let Some(name) = peer.and_then(|peer| peer.name.as_deref()) else { return false };
    copy.aliases
        .iter()
        .chain([&copy.envelope_recipient])
        .filter_map(evidence::Address::domain)
        .any(|domain| name == domain || name.strip_suffix(domain).is_some_and(|head| head.ends_with('.')))
}

/// Whether the log of the server that took a copy is there, by the id that it answered with.
fn is_known_behind(event: &trace::Event, copies: &[Copy]) -> bool {
    let Some(next) = handover(event).and_then(|handover| handover.next.as_ref()) else { return false };
    copies.iter().flat_map(|copy| &copy.stations).any(|station| {
        let accepted = |event: &trace::Event| matches!(event.fact(), Fact::Arrival(arrival) if arrival.outcome == Outcome::Accepted);
        station.ids.iter().any(|id| id.is_strong() && id.text() == next.text())
            && station.events.iter().any(|event| !trace::is_sample(event.source) && accepted(event))
    })
}

/// Whether a mail server's log has the message after a release without saying for whom: that may be what was let go.
fn came_in_for_nobody(release: &trace::Event, copies: &[Copy]) -> bool {
    let is_ours = |product: &Product| matches!(product, Product::Postfix | Product::Exim);
    let unnamed = copies.iter().filter(|copy| copy.envelope_recipient.is_null());
    unnamed.flat_map(|copy| &copy.stations).any(|station| {
        is_ours(&station.system.product)
            && station.events.iter().any(|event| !trace::is_sample(event.source) && event.at() >= release.at())
    })
}

/// Whether a released copy is provably neither kept nor handed on: the system's own log covers the time after the release
/// and shows no attempt.
fn is_lost(copy: &Copy, stay: &Stay<'_>, lake: &Lake) -> bool {
    let End::Released(released) = stay.end else { return false };
    let Some(at) = released.at() else { return false };
    let log = match stay.station.system.product {
        Product::Mimecast => "mimecast/siem",
        Product::Postfix | Product::Amavis | Product::Rspamd => "postfix/log",
        Product::Exim => "exim/log",
        Product::CiscoSecureEmail => "cisco/esa-log",
        _ => return false,
    };
    would_show_after(lake, copy, log, at)
}
