//! By what each vendor on the way finds the message in its own records. An id that no record states is said to be missing.

use std::collections::BTreeSet;

use report::{Cite, CopyIdentifier, IdentifierKind, MessageCopy, Part};

use super::data::{self, VendorEntry};
use super::document::{VendorId, VendorIds};

/// How many copies' ids are told.
const MAX_COPIES: usize = 50;

/// The ids of every vendor that a copy met, `first` before the others.
pub fn ids(concerned: &[&MessageCopy], first: Option<&'static VendorEntry>) -> Vec<VendorIds> {
    let mut all = Vec::new();
    for vendor in order(concerned, first) {
        let met = |copy: &&&MessageCopy| {
            first.is_some_and(|first| std::ptr::eq(first, vendor)) || systems(copy).any(|system| is_of(system, vendor))
        };
        all.extend(concerned.iter().filter(met).take(MAX_COPIES).map(|copy| of(copy, vendor)));
    }
    all
}

/// The vendors that the copies met, in the order of the table, that of the receiver first.
fn order(concerned: &[&MessageCopy], first: Option<&'static VendorEntry>) -> Vec<&'static VendorEntry> {
    let names: BTreeSet<&str> = concerned.iter().flat_map(|copy| systems(copy)).collect();
    let is_first = |vendor: &VendorEntry| first.is_some_and(|first| std::ptr::eq(first, vendor));
    let met =
        data::vendors().iter().filter(|vendor| !is_first(vendor) && names.iter().any(|system| is_of(system, vendor)));
    first.into_iter().chain(met).collect()
}

/// Every system that says something about a copy.
fn systems(copy: &MessageCopy) -> impl Iterator<Item = &str> {
    let events = copy.timeline.iter().map(|event| event.system.as_str());
    let layers = copy.layers.iter().filter_map(|layer| layer.system.as_deref());
    events.chain(layers).chain(copy.identifiers.iter().map(|id| id.system.as_str()))
}

fn is_of(system: &str, vendor: &VendorEntry) -> bool {
    system.strip_prefix(vendor.product.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

fn of(copy: &MessageCopy, vendor: &VendorEntry) -> VendorIds {
    let ids = vendor.ids.iter().map(|entry| {
        let mut found = value(&entry.kind, copy, vendor);
        let mut seen = BTreeSet::new();
        found.retain(|(value, _)| seen.insert(value.clone()));
        VendorId {
            kind: entry.kind.clone(),
            label: entry.label.clone(),
            values: found.iter().map(|(value, _)| value.clone()).collect(),
            cites: found.into_iter().flat_map(|(_, cites)| cites).collect(),
            needed: entry.needed,
        }
    });
    VendorIds {
        vendor: vendor.name.clone(),
        system: vendor.product.clone(),
        envelope_recipient: copy.envelope_recipient.clone(),
        ids: ids.collect(),
        source: vendor.page.clone(),
    }
}

type Values = Vec<(String, Vec<Cite>)>;

/// The values of one kind, each with its records.
fn value(kind: &str, copy: &MessageCopy, vendor: &VendorEntry) -> Values {
    let part = |part: Part| {
        let of = copy.stated.iter().filter(move |one| one.part == part);
        of.map(|one| (one.value.clone(), one.cites.clone())).take(3).collect::<Values>()
    };
    match kind {
        "network_message_id" => by_kind(copy, IdentifierKind::NetworkMessageId, None),
        "message_id" => by_kind(copy, IdentifierKind::MessageId, None)
            .into_iter()
            .map(|(id, cites)| (format!("<{id}>"), cites))
            .collect(),
        "acode" => by_kind(copy, IdentifierKind::Acode, None),
        "processing_id" => by_kind(copy, IdentifierKind::ProcessingId, None),
        "mail_id" => by_kind(copy, IdentifierKind::MailId, None),
        "hold_id" => by_kind(copy, IdentifierKind::HoldId, Some(vendor)),
        "queue_id" => by_kind(copy, IdentifierKind::QueueId, Some(vendor)),
        "time" => events(copy, vendor),
        "sender" => match part(Part::EnvelopeSender) {
            found if found.is_empty() => part(Part::HeaderFrom),
            found => found
                .into_iter()
                .map(|(value, cites)| (if value.is_empty() { "<>".to_owned() } else { value }, cites))
                .collect(),
        },
        "recipient" => match part(Part::EnvelopeRecipient) {
            found if found.is_empty() => part(Part::HeaderTo),
            found => found,
        },
        "client" => part(Part::Client),
        "reply" => replies(copy, vendor),
        "release_by" => releases(copy, vendor, |release| release.by.clone()),
        "released_at" => releases(copy, vendor, |release| release.at.map(|at| at.to_string())),
        // No kind of export states the tenant; the record's own file and words are attached instead.
        _ => Vec::new(),
    }
}

/// Ids of a kind; a mail server's only from records of that server's product.
fn by_kind(copy: &MessageCopy, kind: IdentifierKind, vendor: Option<&VendorEntry>) -> Values {
    let is_meant = |id: &&CopyIdentifier| id.kind == kind && vendor.is_none_or(|vendor| speaks_for(id, vendor));
    let shown = |id: &CopyIdentifier| match &id.host {
        Some(host) => (format!("{} on {host}", id.id), id.cites.clone()),
        None => (id.id.clone(), id.cites.clone()),
    };
    copy.identifiers.iter().filter(is_meant).map(shown).collect()
}

/// Whether an id is one that the vendor's system knows: its own, or, for a filter, that of the mail server that asks it.
fn speaks_for(id: &CopyIdentifier, vendor: &VendorEntry) -> bool {
    is_of(&id.system, vendor)
        || (id.kind == IdentifierKind::QueueId && ["rspamd", "amavis"].contains(&vendor.product.as_str()))
}

/// The first and the last instant at which the vendor's own records speak; else those of the copy.
fn events(copy: &MessageCopy, vendor: &VendorEntry) -> Values {
    let own: Vec<&report::Event> = copy.timeline.iter().filter(|event| is_of(&event.system, vendor)).collect();
    let all: Vec<&report::Event> = if own.is_empty() { copy.timeline.iter().collect() } else { own };
    let ends = all.first().into_iter().chain(all.last());
    ends.map(|event| (event.at.to_string(), event.cites.clone())).collect()
}

/// Replies that the vendor's system gave, or that its records hold.
fn replies(copy: &MessageCopy, vendor: &VendorEntry) -> Values {
    let is_its = |reply: &&report::ReplyExplained| {
        let from = reply.from.to_lowercase();
        reply.list == vendor.product
            || is_of(&reply.from, vendor)
            || vendor.words.iter().any(|word| from.contains(word.as_str()))
            || reply.cites.iter().any(|cite| {
                copy.timeline.iter().any(|event| {
                    is_of(&event.system, vendor)
                        && event.cites.iter().any(|own| own.file == cite.file && own.bytes == cite.bytes)
                })
            })
    };
    copy.replies.iter().filter(is_its).take(3).map(|reply| (reply.said.clone(), reply.cites.clone())).collect()
}

fn releases(
    copy: &MessageCopy,
    vendor: &VendorEntry,
    value: impl Fn(&report::CopyRelease) -> Option<String>,
) -> Values {
    let own = copy.releases.iter().filter(|release| is_of(&release.system, vendor));
    own.filter_map(|release| Some((format!("{} ({})", value(release)?, release.step), release.cites.clone()))).collect()
}
