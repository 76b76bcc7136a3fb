//! What header fields state, shared by every kind of sample.

use std::sync::Arc;

use evidence::{
    Action, Address, AuthMethod, Authentication, CopyKey, Fact, Identifier, Identity, Observation, Problem, Product,
    Reading, Scope, Stored, System, Verdict, VerdictKind, When,
};

use super::fields::{Field, Header, MAX_FIELDS};
use super::received::{Received, system_of_host};
use super::vendor::Written;
use super::vendor::book::book;
use super::vendor::decode::written;
use super::vendor::self_hosted::spam_checker;
use super::{auth_results, boundary, dates, received, sheet};
use crate::Clock;

/// Most ids and most recipients of one sample that are carried along; real ones have fewer than ten.
const MAX_KEYS: usize = 64;
/// How much of a filter's own words is repeated, in characters.
const SAID_MAX: usize = 300;
/// Most Received fields that are read; RFC 5321, 6.3 lets a server refuse after 100.
const MAX_HOPS: usize = 200;

/// What is known of a sample before its fields are stated one by one.
pub(crate) struct Sample<'a> {
    pub(crate) fields: &'a [Field],
    clock: &'a Clock,
    pub(crate) hops: Vec<(usize, Received)>,
    /// Its ids and envelope recipients: every statement of the sample is about them.
    pub(crate) about: CopyKey,
    writer: System,
    pub(crate) spam_checker: System,
    pub(crate) bulk_level: Option<String>,
}

/// What became of one field.
pub(crate) enum Row {
    Stated(Vec<(System, Option<When>, Fact, String)>),
    PassedOver(&'static str),
    Torn { expected: &'static str },
}

/// States all fields of a header: one row each, in exactly one heap.
///
/// `about` adds ids and recipients that are known from elsewhere. Gives the sample's ids.
pub(crate) fn state(
    header: &Header,
    file: &[u8],
    about: &CopyKey,
    clock: &Clock,
    reading: &mut Reading,
) -> Vec<Identifier> {
    let sample = Sample::of(&header.fields, about, clock);
    let about = Arc::new(sample.about.clone());
    let mut hop = 0;
    for (at, field) in header.fields.iter().enumerate() {
        reading.rows += 1;
        match sample.row(at, field, &mut hop) {
            Row::Stated(facts) => {
                reading.observed += 1;
                for (speaker, when, fact, word) in facts {
                    if matches!(fact, Fact::Hop(_))
                        && let Some(when) = &when
                    {
                        reading.covers(when.at);
                    }
                    let cite = sheet::mark(file, &field.cite, &word);
                    reading.observations.push(Observation { cite, when, speaker, about: about.clone(), fact });
                }
            }
            Row::PassedOver(reason) => reading.pass_over(reason, 1, Some(field.cite.clone())),
            Row::Torn { expected } => reading.problems.push(Problem {
                cite: field.cite.clone(),
                expected: expected.to_owned(),
                found: format!("`{}: {}`", field.name, field.value.chars().take(80).collect::<String>()),
            }),
        }
    }
    state_rest(header, reading);
    sample.about.ids
}

/// Accounts for the rows of a header that are no fields.
pub(crate) fn state_rest(header: &Header, reading: &mut Reading) {
    for cite in &header.separators {
        reading.rows += 1;
        reading.pass_over("mbox separator", 1, Some(cite.clone()));
    }
    for cite in &header.prose {
        reading.rows += 1;
        reading.pass_over("text around the headers", 1, Some(cite.clone()));
    }
    for cite in &header.torn {
        reading.rows += 1;
        reading.problems.push(Problem {
            cite: cite.clone(),
            expected: "a header field `Name: value` or its indented continuation".to_owned(),
            found: format!("`{}`", cite.said.chars().take(80).collect::<String>()),
        });
    }
    if let Some((count, cite)) = &header.unread {
        reading.rows += count;
        reading.pass_over("more header fields than are read", *count, Some(cite.clone()));
        reading.coverage.limits.push(format!("only the first {MAX_FIELDS} header fields were read"));
    }
}

/// Whether a server took the message from a host of another domain.
fn came_from_strangers(hop: &Received, by: &str) -> bool {
    // Names of peers are in lower case.
    fn domain(name: &str) -> Option<(&str, &str)> {
        let mut labels = name.rsplit('.');
        labels.next().zip(labels.next())
    }
    let from = hop.hop.from.as_ref().filter(|from| !from.is_loopback()).and_then(|from| from.name.as_deref());
    from.and_then(domain).is_some_and(|from| domain(by).is_some_and(|by| by != from))
}

/// Names of fields that say for which envelope recipient this copy was delivered.
const RECIPIENT_FIELDS: &[&str] = &["delivered-to", "x-original-to", "envelope-to", "x-envelope-to"];

impl<'a> Sample<'a> {
    fn of(fields: &'a [Field], about: &CopyKey, clock: &'a Clock) -> Sample<'a> {
        let hops: Vec<(usize, Received)> = fields
            .iter()
            .enumerate()
            .filter(|(_, field)| field.is("received") && !field.cut)
            .take(MAX_HOPS)
            .map(|(at, field)| (at, received::parse(&field.value)))
            .collect();
        let writer = hops
            .first()
            .map_or_else(|| System::of(Product::Other("unnamed host".to_owned())), |(_, hop)| hop.speaker.clone());
        let mut about = about.clone();
        for field in fields {
            if let Some(id) = id_of(field, fields, &hops)
                && about.ids.len() < MAX_KEYS
                && !about.ids.contains(&id)
            {
                about.ids.push(id);
            }
        }
        let mut entered: Vec<String> = Vec::new();
        for (_, hop) in &hops {
            let by = hop.hop.by.as_ref().and_then(|by| by.name.clone()).unwrap_or_default();
            // Below the field in which a server took the message from strangers, a field with that server's name is theirs.
            if !by.is_empty() && entered.contains(&by) {
                continue;
            }
            if came_from_strangers(hop, &by) {
                entered.push(by);
            }
            if let Some(id) = &hop.id
                && about.ids.len() < MAX_KEYS
                && !about.ids.contains(id)
            {
                about.ids.push(id.clone());
            }
        }
        // In the order of the fields: the last name on top.
        let named = fields.iter().enumerate().filter(|(_, field)| RECIPIENT_FIELDS.iter().any(|name| field.is(name)));
        let named = named.filter_map(|(at, field)| Some((at, one_address(&field.value)?)));
        let taken = hops.iter().filter_map(|(at, hop)| Some((*at, hop.hop.envelope_recipient.clone()?)));
        let mut recipients: Vec<(usize, Address)> = named.chain(taken).collect();
        recipients.sort_by_key(|(at, _)| *at);
        for (_, recipient) in recipients {
            if about.envelope_recipients.len() < MAX_KEYS && !about.envelope_recipients.contains(&recipient) {
                about.envelope_recipients.push(recipient);
            }
        }
        let spam_checker = spam_checker(fields, &hops, &writer);
        let bulk_level = fields
            .iter()
            .find(|field| field.is("x-microsoft-antispam"))
            .and_then(|field| pairs(&field.value).into_iter().find(|(key, _)| key.eq_ignore_ascii_case("BCL")))
            .map(|(_, level)| level.to_owned())
            .filter(|level| !level.is_empty());
        Sample { fields, clock, hops, about, writer, spam_checker, bulk_level }
    }

    fn row(&self, at: usize, field: &Field, hop: &mut u32) -> Row {
        if field.cut {
            return Row::Torn { expected: "a header field of at most 256 KiB" };
        }
        let name = field.lower.as_str();
        let value = field.value.as_str();
        if written(name) == Written::ByEarlierSystem {
            return Row::PassedOver("written by an earlier system");
        }
        match name {
            "received" => self.hop(at, value, hop),
            "return-path" => self.identity(Identity { envelope_sender: one_address(value), ..Identity::default() }),
            "from" => match boundary::addresses(value)
                .into_iter()
                .next()
                .or_else(|| one_address(value).filter(|a| !a.is_null()))
            {
                Some(from) => self.identity(Identity { header_from: Some(from), ..Identity::default() }),
                None => Row::Torn { expected: "an author's address (RFC 5322, 3.6.2)" },
            },
            "to" | "cc" => match boundary::addresses(value) {
                list if list.is_empty() => Row::PassedOver("no address in it"),
                header_to => self.identity(Identity { header_to, ..Identity::default() }),
            },
            "subject" => self.identity(Identity { subject: Some(boundary::words(value)), ..Identity::default() }),
            "date" => match dates::instant(value, self.clock) {
                Some(at) => self.identity(Identity { sent_at: Some(at), ..Identity::default() }),
                None => Row::Torn { expected: "a date such as `Thu, 3 Nov 2022 04:56:17 +0000` (RFC 5322, 3.3)" },
            },
            name if RECIPIENT_FIELDS.contains(&name) => match one_address(value) {
                Some(recipient) => {
                    self.note(&self.writer, format!("delivered for {recipient} ({})", field.name), value)
                }
                None => Row::PassedOver("no address in it"),
            },
            "authentication-results" => self.authentication(at, value),
            "arc-authentication-results" => self.arc_results(value),
            "received-spf" => self.received_spf(at, value),
            "x-forefront-antispam-report" => self.forefront(value),
            "x-microsoft-antispam" => match &self.bulk_level {
                Some(level) => {
                    self.note(&exchange_online(), format!("bulk complaint level {level}"), &format!("BCL:{level}"))
                }
                None => Row::PassedOver("vendor header not decoded"),
            },
            "x-ms-exchange-organization-scl" => {
                self.note(&exchange_online(), format!("spam confidence level {value}"), value)
            }
            "x-customspam" => self.verdict(
                exchange_online(),
                VerdictKind::Spam,
                Action::NotSaid,
                format!("X-CustomSpam: {value}"),
                value,
            ),
            "x-microsoft-antispam-mailbox-delivery" => self.mailbox_delivery(value),
            "x-mimecast-spam-score" => {
                self.note(&System::of(Product::Mimecast), format!("Mimecast spam score {value}"), value)
            }
            "x-mimecast-impersonation-protect" => self.mimecast_impersonation(value),
            "x-spam-status" | "x-spam-flag" | "x-spam" => self.spam_flag(name, value),
            "x-spamd-result" => self.spamd_result(value),
            "x-rspamd-action" => self.rspamd_action(value),
            "x-rspamd-pre-result" => self.pre_result(value),
            "x-amavis-alert" => self.amavis_alert(value),
            "x-proofpoint-spam-details" => self.proofpoint_details(value),
            "x-ironport-av" => self.cisco_scan(value),
            "x-amp-result" => self.cisco_files(value),
            "x-barracuda-spam-status" | "x-barracuda-spam-flag" | "x-bess-spam-status" => {
                self.barracuda_status(name, value)
            }
            "x-lased-spamprobability" | "x-lased-spamprobabilty" | "x-sea-spam" | "x-pmx-spam" | "x-perlmx-spam" => {
                self.sophos_probability(field)
            }
            "x-virus-status" | "x-virus" => self.virus(name, value),
            "x-virus-scanned" => match value.trim() {
                "" => Row::PassedOver("vendor header not decoded"),
                said => self.note(&self.virus_scanner(said), format!("scanned for malware: {}", cut(said)), said),
            },
            "x-envelope-from" => match one_address(value) {
                Some(from) => self.identity(Identity { envelope_sender: Some(from), ..Identity::default() }),
                None => Row::PassedOver("no address in it"),
            },
            "x-spam-score" | "x-spam-level" | "x-spam-bar" | "x-spamd-bar" | "x-rspamd-score" | "x-spam-report"
                if !value.trim().is_empty() =>
            {
                let is_rspamd = name.starts_with("x-rspamd-") || name == "x-spamd-bar";
                let speaker = if is_rspamd { self.rspamd() } else { self.spam_checker.clone() };
                self.note(&speaker, format!("{}: {}", field.name, cut(value)), value.trim())
            }
            "x-spam-checker-version" => Row::PassedOver("names the writer of other fields"),
            _ if id_of(field, self.fields, &self.hops).is_some() => self.identity(Identity::default()),
            "message-id" => Row::Torn { expected: "a message identifier" },
            name if book().vendor_of(name).is_some() || is_other_vendor(name) => {
                Row::PassedOver("vendor header not decoded")
            }
            _ => Row::PassedOver("header not used"),
        }
    }

    fn identity(&self, identity: Identity) -> Row {
        Row::Stated(vec![(self.writer.clone(), None, Fact::Identity(identity), String::new())])
    }

    pub(crate) fn note(&self, speaker: &System, said: String, word: &str) -> Row {
        Row::Stated(vec![(speaker.clone(), None, Fact::Note { said }, word.to_owned())])
    }

    pub(crate) fn verdict(&self, speaker: System, kind: VerdictKind, action: Action, said: String, word: &str) -> Row {
        let verdict = Verdict { kind, action, said, policy: None, scope: Scope::Enforced };
        Row::Stated(vec![(speaker, None, Fact::Verdict(verdict), word.to_owned())])
    }

    fn hop(&self, at: usize, value: &str, index: &mut u32) -> Row {
        let Ok(place) = self.hops.binary_search_by_key(&at, |(of, _)| *of) else {
            return Row::PassedOver("more hops than are read");
        };
        let (_, found) = &self.hops[place];
        let mut hop = found.hop.clone();
        let first = *index == 0;
        hop.index = *index;
        *index += 1;
        if hop.from.is_none() && hop.by.is_none() && hop.id.is_none() && found.date.is_none() {
            return Row::Torn { expected: "`from host by host ...; date` (RFC 5321, 4.4)" };
        }
        let date = found.date.as_deref().unwrap_or(value);
        let when = dates::instant(date, self.clock);
        let mut facts = vec![(found.speaker.clone(), when.clone(), Fact::Hop(hop), String::new())];
        // Below the newest field a store only handed on what its filter rules sent elsewhere.
        if first && received::is_store(found) {
            let stored = Stored { folder: None, chosen_by: None };
            facts.push((found.speaker.clone(), when, Fact::Stored(stored), String::new()));
        }
        Row::Stated(facts)
    }

    /// The system whose Received field stands next below a field, else next above: who wrote it, if it does not say.
    fn nearest_hop(&self, at: usize) -> Option<&Received> {
        let below = self.hops.iter().find(|(of, _)| *of > at);
        below.or_else(|| self.hops.iter().rev().find(|(of, _)| *of < at)).map(|(_, hop)| hop)
    }

    fn authentication(&self, at: usize, value: &str) -> Row {
        let found = auth_results::parse(value);
        if found.authserv_id.as_deref().is_some_and(|id| self.is_from_below(at, id)) {
            return Row::PassedOver("results from below the server that they name: an earlier system's, or forged");
        }
        let speaker = match &found.authserv_id {
            Some(id) => self.speaker_named(id),
            None => match self.nearest_hop(at) {
                Some(hop) if hop.speaker.product == Product::ExchangeOnline => exchange_online(),
                // Pasted without its Received fields: nobody else writes results without an id and with compauth.
                None if value.contains("compauth=") => exchange_online(),
                _ => System::of(Product::Other("unnamed host".to_owned())),
            },
        };
        self.results(speaker, found)
    }

    /// Whether results that name a server stand below its own Received field, while results of the same name stand above
    /// it: that server writes above, so these came with the message (RFC 8601, 5).
    fn is_from_below(&self, at: usize, id: &str) -> bool {
        let own = self.hops.iter().filter(|(_, hop)| {
            let name = hop.hop.by.as_ref().and_then(|by| by.name.as_deref());
            name.is_some_and(|name| name.eq_ignore_ascii_case(id))
        });
        let (Some(first), Some(last)) = (own.clone().map(|(of, _)| *of).min(), own.map(|(of, _)| *of).max()) else {
            return false;
        };
        let above = self.fields.iter().take(first).filter(|field| field.is("authentication-results"));
        let names_it =
            |field: &Field| auth_results::authserv_id(&field.value).is_some_and(|named| named.eq_ignore_ascii_case(id));
        last < at && above.take(16).any(names_it)
    }

    /// The system that calls itself by this authserv-id or host name.
    fn speaker_named(&self, id: &str) -> System {
        let by_host = |hop: &&(usize, Received)| {
            let name = hop.1.hop.by.as_ref().and_then(|by| by.name.as_deref());
            name.is_some_and(|name| name.eq_ignore_ascii_case(id))
        };
        match self.hops.iter().find(by_host) {
            Some((_, hop)) => hop.speaker.clone(),
            None => system_of_host(id),
        }
    }

    fn results(&self, speaker: System, found: auth_results::Results) -> Row {
        if found.results.is_empty() {
            return if found.none {
                self.note(&speaker, "no authentication was checked".to_owned(), "none")
            } else {
                Row::PassedOver("no method that is followed")
            };
        }
        Row::Stated(found.results.into_iter().map(|result| stated(speaker.clone(), result)).collect())
    }

    /// Results that an ARC sealer kept (RFC 8617, 4.1.1): its words, never those of the receiving system. Whether the chain
    /// before it holds is what the sealer itself found: where the receiving system seals, that stands nowhere else.
    fn arc_results(&self, value: &str) -> Row {
        let mut found = auth_results::parse(value);
        let sealer = found.authserv_id.clone().unwrap_or_else(|| "unnamed sealer".to_owned());
        let instance = found.instance.clone().unwrap_or_else(|| "?".to_owned());
        let is_of_the_chain = |result: &Authentication| result.method == AuthMethod::Arc;
        let (of_the_chain, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut found.results).into_iter().partition(is_of_the_chain);
        let of_the_chain = of_the_chain.into_iter().filter(|_| found.authserv_id.is_some());
        let mut stated: Vec<_> = of_the_chain.map(|result| stated(self.speaker_named(&sealer), result)).collect();
        found.results = kept;
        for result in &mut found.results {
            result.arc_instance = Some(instance.parse().unwrap_or(0));
        }
        if stated.is_empty() || !found.results.is_empty() {
            let kept = self.results(System::of(Product::Other(format!("{sealer} (ARC i={instance})"))), found);
            let Row::Stated(kept) = kept else { return if stated.is_empty() { kept } else { Row::Stated(stated) } };
            stated.extend(kept);
        }
        Row::Stated(stated)
    }

    fn received_spf(&self, at: usize, value: &str) -> Row {
        let Some((result, checker)) = auth_results::received_spf(value) else {
            return Row::Torn { expected: "an SPF result and its reason (RFC 7208, 9.1)" };
        };
        let speaker = match (&checker, self.nearest_hop(at)) {
            (Some(checker), _) => self.speaker_named(checker),
            (None, Some(hop)) => hop.speaker.clone(),
            (None, None) => self.writer.clone(),
        };
        let word = value.split_whitespace().next().unwrap_or("").to_owned();
        Row::Stated(vec![(speaker, None, Fact::Authentication(result), word)])
    }
}

/// One result, stated by a system, with the word that says it.
fn stated(speaker: System, result: Authentication) -> (System, Option<When>, Fact, String) {
    let word = result.said.split(' ').next().unwrap_or("").to_owned();
    (speaker, None, Fact::Authentication(result), word)
}

/// A value with its white space folded, cut to what a verdict repeats.
pub(crate) fn cut(value: &str) -> String {
    let folded = value.split_whitespace().collect::<Vec<_>>().join(" ");
    folded.chars().take(SAID_MAX).collect()
}

pub(crate) fn exchange_online() -> System {
    System::of(Product::ExchangeOnline)
}

/// `KEY:value;KEY:value`.
pub(crate) fn pairs(value: &str) -> Vec<(&str, &str)> {
    value
        .split(';')
        .take(256)
        .filter_map(|part| part.trim().split_once(':'))
        .map(|(k, v)| (k.trim(), v.trim()))
        .collect()
}

/// The address between angle brackets, or the only word with an `@`; `<>` is the null sender.
pub(crate) fn one_address(value: &str) -> Option<Address> {
    let value = value.trim();
    if let Some((_, rest)) = value.split_once('<')
        && let Some((inner, _)) = rest.split_once('>')
    {
        return Some(Address::new(inner));
    }
    let word = value.split([' ', ',', ';']).find(|word| word.contains('@'))?;
    Some(Address::new(word))
}

/// The id of the message that a field carries.
fn id_of(field: &Field, fields: &[Field], hops: &[(usize, Received)]) -> Option<Identifier> {
    if field.cut || field.value.len() > 2_000 {
        return None;
    }
    let value = field.value.trim();
    match field.lower.as_str() {
        "message-id" => message_id(value),
        "x-ms-exchange-organization-network-message-id"
        | "x-ms-office365-filtering-correlation-id"
        | "x-ms-exchange-crosstenant-network-message-id" => Identifier::network_message_id(value),
        "x-mc-unique" => Identifier::acode(without_counter(value)),
        "x-mimecast-mfc-agg-id" => Identifier::acode(value),
        "x-mimecast-mfc-proc-id" => (!value.is_empty()).then(|| Identifier::ProcessingId(value.to_owned())),
        "x-rspamd-queue-id" => rspamd_queue_id(value, fields, hops),
        "x-quarantine-id" => {
            let id = value.trim_matches(['<', '>', ' ']);
            (!id.is_empty()).then(|| Identifier::MailId(id.to_owned()))
        }
        _ => None,
    }
}

/// The identifier between angle brackets, else the whole value.
fn message_id(value: &str) -> Option<Identifier> {
    match (value.find('<'), value.rfind('>')) {
        (Some(start), Some(end)) if start < end => Identifier::message_id(&value[start..=end]),
        _ => Identifier::message_id(value),
    }
}

/// `AbCdEf-1` without its `-1`.
fn without_counter(value: &str) -> &str {
    match value.rsplit_once('-') {
        Some((code, counter)) if !counter.is_empty() && counter.bytes().all(|b| b.is_ascii_digit()) => code,
        _ => value,
    }
}

/// The mail server's queue id that rspamd saw: its host is the hop with that id, else rspamd's own.
fn rspamd_queue_id(value: &str, fields: &[Field], hops: &[(usize, Received)]) -> Option<Identifier> {
    let same = hops.iter().find(|(_, hop)| hop.hop.id.as_deref() == Some(value)).and_then(|(_, hop)| hop.id.clone());
    let server = || fields.iter().find(|field| field.is("x-rspamd-server"));
    same.or_else(|| server().map(|server| Identifier::queue_id(&server.value, None, value)))
}

/// Whether a field belongs to a vendor of whose fields there is no table.
fn is_other_vendor(name: &str) -> bool {
    const VENDORS: &[&str] = &[
        "x-eop",
        "x-cisco-",
        "x-virus-",
        "x-fe",
        "x-symantec-",
        "x-msfbl",
        "x-sender-ip",
        "x-incoming",
        "x-trendmicro-",
        "x-tm-",
        "x-hmail",
        "x-antivirus",
        "x-ymail",
        "x-yahoo-",
    ];
    VENDORS.iter().any(|head| name.starts_with(head))
}
