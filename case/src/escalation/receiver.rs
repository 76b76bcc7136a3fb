//! To whom a ticket goes: by the first reason that names somebody, else by the cause, else by the system that spoke last.

use report::{MessageCopy, Part};

use super::Asked;
use super::data;
use super::document::{ReasonName, Receiver, ReceiverKind};
use super::reasons::{Weighed, deciding_reply, entry_of, owner_of, trimmed};
use super::side::domain;
use super::signs::Sign;

/// To whom the ticket goes; nobody if no reason applies and nobody is named.
pub fn receiver(
    asked: &Asked<'_>,
    concerned: &[&MessageCopy],
    weighed: &[Weighed],
    sign: Option<&Sign>,
) -> Option<Receiver> {
    let sign_for = |to: ReceiverKind| sign.filter(|_| to == ReceiverKind::Vendor);
    if let Some(to) = asked.to {
        return Some(Receiver {
            because: "named with --to".to_owned(),
            said_by: Some(asked.who.to_owned()),
            ..of(asked, concerned, to, sign_for(to))
        });
    }
    let applying = || weighed.iter().filter(|one| one.applies);
    if let Some((to, one)) = applying().find_map(|one| Some((one.receiver?, one))) {
        let cites = one.told.cites.clone();
        let because = one.told.reason.title().to_owned();
        return Some(Receiver { because, cites, ..of(asked, concerned, to, sign_for(to)) });
    }
    let first = applying().next();
    if first.is_none() && !asked.is_wanted_anyway {
        return None;
    }
    let cause = concerned.iter().find_map(|copy| {
        let cause = copy.cause.as_ref()?;
        Some((cause, entry_of(asked.report, copy, &cause.id)?))
    });
    if let Some((cause, entry)) = cause {
        let owner = trimmed(owner_of(asked.report, &cause.id).unwrap_or("its owner"));
        let because = format!("the cause is {}; it is mended by {owner}", cause.id);
        return Some(Receiver { because, cites: cause.cites.clone(), ..of(asked, concerned, entry.receiver, None) });
    }
    let last = concerned.iter().find_map(|copy| copy.timeline.last());
    let to = match last.and_then(|event| data::vendor(&event.system)) {
        Some(vendor) if vendor.outside => ReceiverKind::Vendor,
        _ => ReceiverKind::Server,
    };
    let because = match (last, first.map(|one| one.told.reason)) {
        (Some(event), _) => format!("no cause is shown; {} spoke last", event.system),
        (None, Some(ReasonName::SaidByAPerson)) => "no record names anybody".to_owned(),
        (None, _) => "no cause is shown, and no record names a system".to_owned(),
    };
    let cites = last.map_or_else(Vec::new, |event| event.cites.clone());
    Some(Receiver { because, cites, ..of(asked, concerned, to, None) })
}

/// A receiver by its name, as far as the records name one.
fn of(asked: &Asked<'_>, concerned: &[&MessageCopy], to: ReceiverKind, sign: Option<&Sign>) -> Receiver {
    Receiver {
        to,
        name: name(asked, concerned, to, sign),
        because: String::new(),
        cites: Vec::new(),
        said_by: None,
        sign: sign.map(|sign| sign.entry.id.clone()),
        attach: sign.map_or_else(Vec::new, |sign| sign.entry.attach.clone()),
        source: sign.map(|sign| sign.entry.page.clone()),
    }
}

fn name(asked: &Asked<'_>, concerned: &[&MessageCopy], to: ReceiverKind, sign: Option<&Sign>) -> String {
    let cause = concerned.iter().find_map(|copy| copy.cause.as_ref());
    let reply = concerned.iter().find_map(|copy| deciding_reply(copy));
    match to {
        ReceiverKind::Vendor => match sign.map(|sign| sign.vendor).or_else(|| vendor(concerned)) {
            Some(vendor) => format!("{} support", vendor.name),
            None => "the vendor of the service".to_owned(),
        },
        ReceiverKind::Server => match (reply.filter(|reply| is_another(&reply.from, concerned)), cause) {
            (Some(reply), _) => format!("who runs {}", reply.from),
            (None, Some(cause)) => match owner_of(asked.report, &cause.id) {
                Some(owner) => trimmed(owner),
                None => format!("who runs {}", cause.system),
            },
            (None, None) => "who runs the server or network that the records name".to_owned(),
        },
        ReceiverKind::Security => match asked.case.about.client.as_str() {
            "" => "the security team".to_owned(),
            client => format!("the security team of {client}"),
        },
        ReceiverKind::PolicyOwner => match cause.and_then(|cause| cause.policy.as_deref()) {
            Some(policy) => format!("who owns \"{policy}\""),
            None => cause
                .and_then(|cause| owner_of(asked.report, &cause.id))
                .map_or_else(|| "who owns the policy".to_owned(), trimmed),
        },
        ReceiverKind::Sender => match sender_domain(concerned) {
            Some(domain) => format!("the administrator of {domain}"),
            None => "the sender's administrator".to_owned(),
        },
    }
}

/// The vendor whose system decided, else the one that spoke last.
pub fn vendor(concerned: &[&MessageCopy]) -> Option<&'static data::VendorEntry> {
    let of_reply = concerned.iter().find_map(|copy| deciding_reply(copy)).and_then(|reply| {
        let from = reply.from.to_lowercase();
        data::vendors()
            .iter()
            .find(|vendor| vendor.product == reply.list || vendor.words.iter().any(|word| from.contains(word.as_str())))
    });
    let cause = concerned.iter().find_map(|copy| copy.cause.as_ref());
    let of_cause = cause.and_then(|cause| data::vendor(&cause.system));
    let last = || concerned.iter().find_map(|copy| copy.timeline.last());
    of_reply.filter(|vendor| vendor.outside).or(of_cause).or_else(|| data::vendor(&last()?.system))
}

/// Whether the one who gave a reply is another than the systems whose records tell of it.
fn is_another(from: &str, concerned: &[&MessageCopy]) -> bool {
    !concerned.iter().flat_map(|copy| &copy.timeline).any(|event| event.system == from)
}

fn sender_domain(concerned: &[&MessageCopy]) -> Option<String> {
    let senders = |copy: &MessageCopy| {
        let of = |wanted: Part| {
            copy.stated.iter().find(|part| part.part == wanted && !part.value.is_empty()).map(|part| part.value.clone())
        };
        of(Part::EnvelopeSender).or_else(|| of(Part::HeaderFrom))
    };
    let sender = concerned.iter().find_map(|copy| senders(copy))?;
    Some(domain(&sender).to_owned()).filter(|domain| !domain.is_empty())
}
