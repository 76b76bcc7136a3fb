//! What a refusing server's answer means: the code and the words, whose they are, which layer they blame, and who can mend it.
//!
//! The same number means different things by whoever says it. A list of a product counts only where its host or its words say
//! that it speaks; the registry comes next, and a number that nobody lists is told by its parts and no more. The cause is always
//! that of the words' table (`causes/stated/replies.toml`) where that knows one, so that an explanation never contradicts a finding.

mod of_copy;
mod table;
#[cfg(test)]
mod tests;

use evidence::{Layer, Peer, Reply, SourceId};
use serde::Deserialize;
use trace::Event;

pub use of_copy::{CopyReply, of_copy};
pub use table::List;

use crate::causes::stated::words::cause_of;
use table::{Entry, entries, layers_of, spoken};

/// Who can mend what a reply tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Whoever runs the sending side.
    SenderAdministrator,
    /// Whoever runs the receiving side.
    RecipientAdministrator,
    /// Whoever runs the gateway in front of the receiving side.
    GatewayAdministrator,
    /// The person who sent it.
    Sender,
    /// The person it is for.
    Recipient,
    /// The vendor of the service.
    Vendor,
    /// Nobody has to: it mends itself by waiting.
    Nobody,
}

impl Owner {
    /// The owner's name in documents.
    pub fn id(self) -> &'static str {
        match self {
            Owner::SenderAdministrator => "sender_administrator",
            Owner::RecipientAdministrator => "recipient_administrator",
            Owner::GatewayAdministrator => "gateway_administrator",
            Owner::Sender => "sender",
            Owner::Recipient => "recipient",
            Owner::Vendor => "vendor",
            Owner::Nobody => "nobody",
        }
    }
}

/// What one list, or the parts of a number, say of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Whose list.
    pub list: List,
    /// What it means, in one sentence.
    pub means: String,
    /// The layers that may say it; none where not even that can be told.
    pub layers: Vec<Layer>,
    /// The cause that it names; none where only the text decides.
    pub cause: Option<String>,
    /// Who can mend it; none where that cannot be told.
    pub owner: Option<Owner>,
    /// What to do, as narrowly as possible.
    pub to_do: String,
    /// The exports that show it beside the notice.
    pub exports: Vec<SourceId>,
    /// The page, and the day on which it was read.
    pub source: String,
}

/// A reply explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Who speaks, by host or words; none if neither tells.
    pub speaker: Option<String>,
    /// What it means.
    pub meaning: Meaning,
    /// What the same number means by whom else.
    pub elsewhere: Vec<Meaning>,
}

/// Who gave an answer, and how surely.
enum Speaker {
    /// The host that refused belongs to a service; a list, if we have that service's.
    Host(String, Option<List>),
    /// The words are a product's.
    Words(List),
    /// Neither tells.
    Unknown,
}

impl Speaker {
    /// The list of the speaker, if we have one.
    fn list(&self) -> Option<List> {
        match self {
            Speaker::Host(_, list) => *list,
            Speaker::Words(list) => Some(*list),
            Speaker::Unknown => None,
        }
    }
}

/// Explains a reply of a host, as far as it can be told; nothing for an acceptance, or a text without a code whose words
/// are not known.
pub fn explain(reply: &Reply, host: Option<&Peer>) -> Option<Explained> {
    explain_by(reply, speaker(&reply.text.to_lowercase(), host))
}

/// Explains a reply by who gave it.
fn explain_by(reply: &Reply, speaker: Speaker) -> Option<Explained> {
    let text = reply.text.to_lowercase();
    let cause = cause_of(reply, speaker.list()).map(|(cause, _)| cause);
    let found = listed(reply, &text, &speaker).or_else(|| by_numbers(reply));
    let meaning = match (found, cause) {
        (Some(found), Some(cause)) if found.cause.as_deref() != Some(cause) => named_by_words(cause, found),
        (Some(found), _) => found,
        (None, Some(cause)) => in_words(cause)?,
        (None, None) => return None,
    };
    let elsewhere = elsewhere(reply, meaning.list);
    let speaker = match speaker {
        Speaker::Host(name, _) => Some(name),
        Speaker::Words(list) => Some(list.name().to_owned()),
        Speaker::Unknown => None,
    };
    Some(Explained { speaker, meaning, elsewhere })
}

/// Every list with all that it says: its name, then what each entry is about and means.
pub fn all() -> Vec<(List, Vec<(String, Meaning)>)> {
    let about = |entry: &Entry| {
        let mut parts = entry.codes.clone();
        parts.extend(entry.reply_codes.iter().map(u16::to_string));
        parts.extend(entry.words.first().map(|words| format!("\"{words}\"")));
        parts.join(" ")
    };
    let of = |list: List| entries(list).iter().map(|entry| (about(entry), meaning(list, entry))).collect();
    [List::Standards].into_iter().chain(List::PRODUCTS).map(|list| (list, of(list))).collect()
}

/// Whose list the reply of an event is from, if that is known.
pub(crate) fn speaker_of(event: &Event) -> Option<List> {
    of_copy::refusal(event).and_then(|(reply, host)| of_copy::speaker(event, reply, host).list())
}

fn speaker(text: &str, host: Option<&Peer>) -> Speaker {
    let service = host.and_then(|host| host.name.as_deref()).and_then(sources::service_of_host);
    if let Some(service) = service {
        return Speaker::Host(service.name.clone(), List::of_service(&service.name));
    }
    let says = |list: &List| spoken(*list).iter().any(|word| text.contains(word.as_str()));
    List::PRODUCTS.into_iter().find(says).map_or(Speaker::Unknown, Speaker::Words)
}

/// What the lists say: the speaker's own, then a text that only one product writes with that code, then the registry, and for a
/// number that no registry knows another product's, unless a known service spoke that is not this product's.
fn listed(reply: &Reply, text: &str, speaker: &Speaker) -> Option<Meaning> {
    // A code that says nothing (RFC 3463, 3.1: X.0.0) gives way to the reply code.
    let code = reply.enhanced_status_code.as_deref().filter(|code| !code.ends_with(".0.0"));
    let by_words = |list: List, needs_code: bool| {
        let fits =
            |entry: &&Entry| entry.has_words(text) && entry.has_code(code) && !(needs_code && entry.codes.is_empty());
        entries(list).iter().find(fits).map(|entry| meaning(list, entry))
    };
    let by_code = |list: List| {
        let fits = |entry: &&Entry| !entry.codes.is_empty() && entry.words.is_empty() && entry.has_code(code);
        entries(list).iter().find(fits).map(|entry| meaning(list, entry))
    };
    let of_own = speaker.list().and_then(|list| by_words(list, false).or_else(|| by_code(list)));
    let may_be_another = !matches!(speaker, Speaker::Host(..));
    let of_another = |found: &dyn Fn(List) -> Option<Meaning>| {
        may_be_another.then(|| List::PRODUCTS.into_iter().find_map(found)).flatten()
    };
    of_own
        .or_else(|| of_another(&|list| by_words(list, true)))
        .or_else(|| by_code(List::Standards))
        .or_else(|| of_another(&by_code))
        .or_else(|| if code.is_none() { by_reply_code(reply.reply_code?) } else { None })
        .or_else(|| {
            let says_nothing = |entry: &&Entry| entry.has_code(reply.enhanced_status_code.as_deref());
            let mut coded = entries(List::Standards).iter().filter(|entry| !entry.codes.is_empty());
            coded.find(says_nothing).map(|entry| meaning(List::Standards, entry))
        })
}

/// What the standard says of a reply code that comes alone.
fn by_reply_code(code: u16) -> Option<Meaning> {
    let entry = entries(List::Standards).iter().find(|entry| entry.reply_codes.contains(&code))?;
    Some(meaning(List::Standards, entry))
}

fn meaning(list: List, entry: &Entry) -> Meaning {
    Meaning {
        list,
        means: entry.means.clone(),
        layers: entry.layers(),
        cause: entry.cause.clone(),
        owner: Some(entry.owner),
        to_do: entry.to_do.clone(),
        exports: exports(list, &entry.exports),
        source: entry.source.clone(),
    }
}

/// The exports that show what a list's product did, after those that the entry itself names.
fn exports(list: List, named: &[String]) -> Vec<SourceId> {
    use evidence::Product;
    let logs = match list {
        List::ExchangeOnline => layers::exports::logs_of(&Product::ExchangeOnline),
        List::Mimecast => layers::exports::logs_of(&Product::Mimecast),
        List::Google => layers::exports::logs_of(&Product::GoogleWorkspace),
        List::Postfix => layers::exports::logs_of(&Product::Postfix),
        List::Standards | List::Words | List::Numbers => &[],
    };
    let named = named.iter().filter_map(|id| sources::source(id)).map(|source| source.id());
    let mut found: Vec<SourceId> = Vec::new();
    for id in named.chain(logs.iter().copied()).chain(["message/bounce"]) {
        if !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

/// What a cause that the words name means in general.
fn in_words(cause: &str) -> Option<Meaning> {
    let entry = entries(List::Words).iter().find(|entry| entry.cause.as_deref() == Some(cause))?;
    Some(meaning(List::Words, entry))
}

/// The words decide over what the code says; a product's own sentence about its own code stays where it names no other cause.
fn named_by_words(cause: &str, code: Meaning) -> Meaning {
    let is_own_sentence = code.cause.is_none() && List::PRODUCTS.contains(&code.list);
    match in_words(cause) {
        Some(words) if !is_own_sentence => words,
        _ => Meaning { cause: Some(cause.to_owned()), layers: layers_of(cause), ..code },
    }
}

/// What the numbers mean one by one (RFC 3463, 3), for a code that nobody lists.
fn by_numbers(reply: &Reply) -> Option<Meaning> {
    const SOURCE: &str = "RFC 3463, 3.1 and 3.2 to 3.8; RFC 5321, 4.2.1, read 2026-11-22";
    let by_reply_code = reply.reply_code.map(|code| (code / 100).to_string());
    let (class, subject) = match &reply.enhanced_status_code {
        Some(code) => {
            let mut numbers = code.split('.');
            (numbers.next()?.to_owned(), numbers.next())
        }
        None => (by_reply_code?, None),
    };
    let class = match class.as_str() {
        "4" => "refused for now, to be tried again",
        "5" => "refused for good",
        _ => return None,
    };
    let (about, layers): (&str, &[Layer]) = match subject {
        Some("1") => ("about an address", &[Layer::Arrival, Layer::Delivery]),
        Some("2") => ("about the recipient's mailbox", &[Layer::Delivery]),
        Some("3") => ("about the receiving system", &[Layer::Arrival, Layer::Delivery]),
        Some("4") => ("about the network or the routing", &[Layer::Delivery]),
        Some("5") => ("about the conversation of the two servers", &[Layer::Arrival, Layer::Delivery]),
        Some("6") => ("about the form of the message", &[Layer::Verdict]),
        Some("7") => ("for a reason of security or policy", &[Layer::Verdict]),
        _ => ("for a reason that the code does not tell", &[]),
    };
    Some(Meaning {
        list: List::Numbers,
        means: format!("{class} {about}; no list has this code, and no more is known of it"),
        layers: layers.to_vec(),
        cause: None,
        owner: None,
        to_do: "read the text; ask the refusing side for its log at that minute".to_owned(),
        exports: vec!["message/bounce"],
        source: SOURCE.to_owned(),
    })
}

/// What other lists say of the same enhanced status code; their words are not asked.
fn elsewhere(reply: &Reply, taken: List) -> Vec<Meaning> {
    let Some(code) = reply.enhanced_status_code.as_deref() else { return Vec::new() };
    let of = |list: List| {
        let fits = |entry: &&Entry| !entry.codes.is_empty() && entry.words.is_empty() && entry.has_code(Some(code));
        entries(list).iter().find(fits).map(|entry| meaning(list, entry))
    };
    [List::Standards].into_iter().chain(List::PRODUCTS).filter(|list| *list != taken).filter_map(of).collect()
}
