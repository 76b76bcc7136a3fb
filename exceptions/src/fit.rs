//! Whether a scope takes in what a sample needs.

use evidence::Address;

use crate::{Need, On, Scope, Term, Value};

/// Whether a scope takes in what a sample needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It does: for at least one of the copies that were stopped.
    Yes,
    /// It does not: why, in a clause.
    No(String),
    /// That depends on what the evidence does not show: what, in clauses.
    NotShown(Vec<String>),
}

/// Whether one condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Yes,
    No,
    NotShown,
}

impl Need {
    /// Whether a scope takes in what the sample needs: all of its conditions hold for a copy that was stopped, and none of its exceptions does.
    ///
    /// What the sample's records do not show is never taken for a no.
    pub fn fits(&self, scope: &Scope) -> Fit {
        let mut open = Vec::new();
        for term in &scope.terms {
            match self.holds(term) {
                Holds::Yes => {}
                Holds::No => return Fit::No(format!("it is for {term}, and the sample's is {}", self.shown(&term.on))),
                Holds::NotShown => open.push(format!("whether it has {term}")),
            }
        }
        for term in &scope.except {
            match self.holds(term) {
                Holds::Yes => return Fit::No(format!("it leaves out {term}")),
                Holds::No => {}
                Holds::NotShown => open.push(format!("whether it has {term}, which is left out")),
            }
        }
        if open.is_empty() { Fit::Yes } else { Fit::NotShown(open) }
    }

    fn holds(&self, term: &Term) -> Holds {
        if term.is_everything() {
            return Holds::Yes;
        }
        if term.on == On::Message {
            return self.is_message(term);
        }
        let facts = self.facts(&term.on);
        let any = |holds: fn(&Value, &Fact) -> Holds| {
            let all = facts.iter().flat_map(|fact| term.values.iter().map(move |value| holds(value, fact)));
            all.fold(Holds::No, |one, other| match (one, other) {
                (Holds::Yes, _) | (_, Holds::Yes) => Holds::Yes,
                (Holds::NotShown, _) | (_, Holds::NotShown) => Holds::NotShown,
                _ => Holds::No,
            })
        };
        if facts.is_empty() {
            return Holds::NotShown;
        }
        let found = any(of_value);
        // A header sender that is not shown may be what fits one of the two.
        let is_half_known =
            term.on == On::EitherSender && (self.header_from.is_none() || self.envelope_sender.is_none());
        if found == Holds::No && is_half_known { Holds::NotShown } else { found }
    }

    /// Whether it is the sample's message by an id; ids of different kinds say nothing of one another.
    fn is_message(&self, term: &Term) -> Holds {
        let held = self.held.iter().filter_map(|held| held.id.as_deref());
        let own: Vec<String> = self.message_id.as_deref().into_iter().chain(held).map(bare_id).collect();
        let of = |value: &Value| {
            let (Value::Name(id) | Value::Holds(id)) = value else { return Holds::NotShown };
            let id = bare_id(id);
            let alike: Vec<&String> = own.iter().filter(|own| kind(own) == kind(&id)).collect();
            match alike.contains(&&id) {
                true => Holds::Yes,
                false if alike.is_empty() => Holds::NotShown,
                false => Holds::No,
            }
        };
        let found: Vec<Holds> = term.values.iter().map(of).collect();
        [Holds::Yes, Holds::NotShown].into_iter().find(|one| found.contains(one)).unwrap_or(Holds::No)
    }

    /// What the sample is known by, where a condition looks.
    fn facts(&self, on: &On) -> Vec<Fact> {
        let address = |address: &Address| Fact::Value(Value::Address(address.clone()));
        let header_from = || self.header_from.iter().map(address);
        let envelope_sender = || self.envelope_sender.iter().map(address);
        match on {
            On::HeaderFrom => header_from().collect(),
            On::EnvelopeSender => envelope_sender().collect(),
            On::EitherSender => header_from().chain(envelope_sender()).collect(),
            On::Client => self.client.iter().map(|client| Fact::Value(Value::Network(*client, *client))).collect(),
            On::SignedBy => self.signed_by.iter().map(|domain| Fact::Value(Value::Domain(domain.clone()))).collect(),
            On::Dmarc => {
                let word = |passed: bool| if passed { "pass" } else { "fail" };
                self.dmarc_passed.iter().map(|passed| Fact::Value(Value::Name(word(*passed).to_owned()))).collect()
            }
            On::Infrastructure => {
                let signed = self.signed_by.iter().map(|domain| Fact::Infrastructure(Value::Domain(domain.clone())));
                let client = self.client.iter().map(|client| Fact::Infrastructure(Value::Network(*client, *client)));
                signed.chain(client).collect()
            }
            On::Recipient => self.envelope_recipients.iter().map(address).collect(),
            On::Subject => self.subject.iter().map(|text| Fact::Value(Value::Name(text.clone()))).collect(),
            On::Url => self.urls.iter().map(|url| Fact::Url(url.clone())).collect(),
            On::Attachment => self.attachments.iter().map(|hash| Fact::Value(Value::Name(hash.clone()))).collect(),
            On::Message => {
                let held = self.held.iter().filter_map(|held| held.id.as_deref());
                let ids = self.message_id.as_deref().into_iter().chain(held);
                ids.map(|id| Fact::Id(id.to_owned())).collect()
            }
            On::SenderGroup | On::RecipientGroup | On::Header(_) | On::Other(_) => Vec::new(),
        }
    }

    /// The same in words.
    fn shown(&self, on: &On) -> String {
        let mut words: Vec<String> = self.facts(on).iter().map(Fact::words).collect();
        words.truncate(5);
        if words.is_empty() { "not shown".to_owned() } else { words.join(" or ") }
    }
}

/// One thing by which the sample is known.
enum Fact {
    /// As a value.
    Value(Value),
    /// A link, as written.
    Url(String),
    /// An id.
    Id(String),
    /// Where it comes from: a host's name may belong to either, which no record of a message shows.
    Infrastructure(Value),
}

impl Fact {
    fn words(&self) -> String {
        match self {
            Fact::Value(value) | Fact::Infrastructure(value) => value.to_string(),
            Fact::Url(text) | Fact::Id(text) => text.clone(),
        }
    }
}

fn of_value(value: &Value, fact: &Fact) -> Holds {
    let yes_or_no = |holds: bool| if holds { Holds::Yes } else { Holds::No };
    match (value, fact) {
        (Value::Pattern(_), _) => Holds::NotShown,
        (value, Fact::Value(fact)) => yes_or_no(fact.is_within(value)),
        (value, Fact::Url(url)) => yes_or_no(is_of_link(value, url)),
        (_, Fact::Id(_)) => Holds::NotShown,
        (value, Fact::Infrastructure(fact)) => {
            let is_of_a_kind = matches!((value, fact), (Value::Network(..), Value::Network(..)));
            match fact.is_within(value) {
                true => Holds::Yes,
                false if is_of_a_kind => Holds::No,
                false => Holds::NotShown,
            }
        }
    }
}

/// What kind of id it is: of a list of what is held, of the sender's making, or another.
fn kind(id: &str) -> u8 {
    match (id.contains('@'), id.contains('\\')) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

fn bare_id(id: &str) -> String {
    id.trim().trim_matches(['<', '>']).replace('/', "\\").to_lowercase()
}

/// The host of a link, in lower case, and what comes after it; without scheme, user and port, which lists leave out.
fn host_and_path(url: &str) -> (String, &str) {
    let url = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = url.split_at(url.find(['/', '?', '#']).unwrap_or(url.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    (host.trim_end_matches('.').to_lowercase(), path)
}

/// Whether a link is one that a value of a list takes in.
fn is_of_link(value: &Value, url: &str) -> bool {
    let (host, path) = host_and_path(url);
    let whole = format!("{host}{path}");
    match value {
        Value::Domain(_) | Value::DomainAndBelow(_) => Value::Domain(host).is_within(value),
        Value::Holds(text) => whole.to_lowercase().contains(&text.to_lowercase()),
        Value::Name(link) => {
            let (host, path) = host_and_path(link);
            let rest = whole.strip_prefix(&format!("{host}{path}"));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
        }
        Value::Any => true,
        _ => false,
    }
}
