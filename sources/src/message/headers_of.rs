//! What header fields state, shared by every kind of sample.

use std::sync::LazyLock;

use evidence::{
    Access, Action, Address, Authentication, CopyKey, Fact, Folder, Identifier, Identity, Observation, PolicyRef,
    Problem, Product, Reading, Release, ReleaseStep, Scope, Stored, System, Verdict, VerdictKind, When,
};
use serde::Deserialize;

use super::fields::{Field, Header, MAX_FIELDS};
use super::received::{Received, label, system_of_host};
use super::{auth_results, boundary, dates, received, sheet};
use crate::Clock;
use crate::rspamd::symbols;

/// Most ids and most recipients of one sample that are carried along; real ones have fewer than ten.
const MAX_KEYS: usize = 64;
/// How much of a filter's own words is repeated, in characters.
const SAID_MAX: usize = 300;
/// Most Received fields that are read; RFC 5321, 6.3 lets a server refuse after 100.
const MAX_HOPS: usize = 200;

/// One vendor code in our words.
#[derive(Debug, Deserialize)]
struct Code {
    field: String,
    value: String,
    means: String,
    #[allow(dead_code)] // read by people, and by the test that no code is without its source
    source: String,
}

#[derive(Debug, Deserialize)]
struct Codes {
    code: Vec<Code>,
}

static CODES: LazyLock<Vec<Code>> =
    LazyLock::new(|| toml::from_str::<Codes>(include_str!("codes.toml")).map(|codes| codes.code).unwrap_or_default());

/// What a vendor code means, if it is known.
fn means(field: &str, value: &str) -> Option<&'static str> {
    CODES
        .iter()
        .find(|code| code.field == field && code.value.eq_ignore_ascii_case(value.trim()))
        .map(|code| code.means.as_str())
}

/// The kind of verdict by our word for it.
fn kind_of(word: &str) -> Option<VerdictKind> {
    Some(match word {
        "clean" => VerdictKind::Clean,
        "spam" => VerdictKind::Spam,
        "high_confidence_spam" => VerdictKind::HighConfidenceSpam,
        "phish" => VerdictKind::Phish,
        "high_confidence_phish" => VerdictKind::HighConfidencePhish,
        "malware" => VerdictKind::Malware,
        "bulk" => VerdictKind::Bulk,
        "spoof" => VerdictKind::Spoof,
        "impersonation" => VerdictKind::Impersonation,
        "attachment" => VerdictKind::Attachment,
        "transport_rule" => VerdictKind::TransportRule,
        "block_entry" => VerdictKind::BlockEntry,
        "user_block" => VerdictKind::UserBlock,
        _ => return None,
    })
}

/// What is known of a sample before its fields are stated one by one.
struct Sample<'a> {
    fields: &'a [Field],
    clock: &'a Clock,
    hops: Vec<(usize, Received)>,
    /// Its ids and envelope recipients: every statement of the sample is about them.
    about: CopyKey,
    writer: System,
    spam_checker: System,
    bulk_level: Option<String>,
}

/// What became of one field.
enum Row {
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
                    reading.observations.push(Observation {
                        cite,
                        when,
                        speaker,
                        about: sample.about.clone().into(),
                        fact,
                    });
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
    let domain = |name: &str| {
        let mut labels = name.rsplit('.').map(str::to_ascii_lowercase);
        labels.next().zip(labels.next())
    };
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
            for id in ids_of(field, fields, &hops) {
                if about.ids.len() < MAX_KEYS && !about.ids.contains(&id) {
                    about.ids.push(id);
                }
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
        let name = field.name.to_ascii_lowercase();
        let value = field.value.as_str();
        if is_earlier(&name) {
            return Row::PassedOver("written by an earlier system");
        }
        match name.as_str() {
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
            "x-spam-status" | "x-spam-flag" | "x-spam" => self.spam_flag(&name, value),
            "x-spamd-result" => self.spamd_result(value),
            "x-rspamd-action" => self.rspamd_action(value),
            "x-rspamd-pre-result" => self.pre_result(value),
            "x-amavis-alert" => self.amavis_alert(value),
            "x-virus-status" | "x-virus" => self.virus(&name, value),
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
            _ if !ids_of(field, self.fields, &self.hops).is_empty() => self.identity(Identity::default()),
            "message-id" => Row::Torn { expected: "a message identifier" },
            name if is_vendor(name) => Row::PassedOver("vendor header not decoded"),
            _ => Row::PassedOver("header not used"),
        }
    }

    fn identity(&self, identity: Identity) -> Row {
        Row::Stated(vec![(self.writer.clone(), None, Fact::Identity(identity), String::new())])
    }

    fn note(&self, speaker: &System, said: String, word: &str) -> Row {
        Row::Stated(vec![(speaker.clone(), None, Fact::Note { said }, word.to_owned())])
    }

    fn verdict(&self, speaker: System, kind: VerdictKind, action: Action, said: String, word: &str) -> Row {
        let verdict = Verdict { kind, action, said, policy: None, scope: Scope::Enforced };
        Row::Stated(vec![(speaker, None, Fact::Verdict(verdict), word.to_owned())])
    }

    fn hop(&self, at: usize, value: &str, index: &mut u32) -> Row {
        let Some((_, found)) = self.hops.iter().find(|(of, _)| *of == at) else {
            return Row::PassedOver("more hops than are read");
        };
        let mut hop = found.hop.clone();
        hop.index = *index;
        *index += 1;
        if hop.from.is_none() && hop.by.is_none() && hop.id.is_none() && found.date.is_none() {
            return Row::Torn { expected: "`from host by host ...; date` (RFC 5321, 4.4)" };
        }
        let date = found.date.as_deref().unwrap_or(value);
        let when = dates::instant(date, self.clock);
        Row::Stated(vec![(found.speaker.clone(), when, Fact::Hop(hop), String::new())])
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
        let names_it = |field: &Field| {
            auth_results::parse(&field.value).authserv_id.is_some_and(|named| named.eq_ignore_ascii_case(id))
        };
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
        let state = |result: Authentication| {
            let word = result.said.split(' ').next().unwrap_or("").to_owned();
            (speaker.clone(), None, Fact::Authentication(result), word)
        };
        Row::Stated(found.results.into_iter().map(state).collect())
    }

    /// Results that an ARC sealer kept (RFC 8617, 4.1.1): its words, never those of the receiving system.
    fn arc_results(&self, value: &str) -> Row {
        let mut found = auth_results::parse(value);
        let sealer = found.authserv_id.clone().unwrap_or_else(|| "unnamed sealer".to_owned());
        let instance = found.instance.clone().unwrap_or_else(|| "?".to_owned());
        for result in &mut found.results {
            result.arc_instance = Some(instance.parse().unwrap_or(0));
        }
        self.results(System::of(Product::Other(format!("{sealer} (ARC i={instance})"))), found)
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

    fn forefront(&self, value: &str) -> Row {
        let pairs = pairs(value);
        let get = |key: &str| pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| *value);
        let (cat, sfv) = (get("CAT").unwrap_or(""), get("SFV").unwrap_or(""));
        let mut facts = Vec::new();
        if let Some(direction) = get("DIR").and_then(direction) {
            let identity = Identity { direction: Some(direction), ..Identity::default() };
            facts.push((exchange_online(), None, Fact::Identity(identity), String::new()));
        }
        if !cat.is_empty() || !sfv.is_empty() {
            let mut said: Vec<String> = ["SFV", "CAT", "SCL", "IPV", "SRV", "SFTY"]
                .iter()
                .filter_map(|key| get(key).filter(|value| !value.is_empty()).map(|value| format!("{key}:{value}")))
                .collect();
            said.extend(self.bulk_level.iter().map(|level| format!("BCL:{level}")));
            let word = if sfv.is_empty() { format!("CAT:{cat}") } else { format!("SFV:{sfv}") };
            if means("SFV", sfv) == Some("released_from_quarantine") {
                let release = Release {
                    step: ReleaseStep::Released,
                    by: None,
                    for_recipients: self.about.envelope_recipients.clone(),
                    next: None,
                    said: word.clone(),
                };
                facts.push((exchange_online(), None, Fact::Release(release), word.clone()));
            }
            let verdict = Verdict {
                kind: forefront_kind(cat, sfv),
                action: Action::NotSaid,
                said: said.join(";"),
                policy: None,
                scope: Scope::Enforced,
            };
            facts.push((exchange_online(), None, Fact::Verdict(verdict), word));
        }
        if facts.is_empty() { Row::PassedOver("no verdict in it") } else { Row::Stated(facts) }
    }

    fn mailbox_delivery(&self, value: &str) -> Row {
        let pairs = pairs(value);
        let get = |key: &str| pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| *value);
        let Some(dest) = get("dest").filter(|dest| !dest.is_empty()) else {
            return Row::PassedOver("vendor header not decoded");
        };
        let folder = match means("dest", dest) {
            Some("inbox") => Folder::Inbox,
            Some("junk") => Folder::Junk,
            Some("custom_folder") => Folder::Other("custom folder".to_owned()),
            _ => Folder::Other(format!("dest:{dest}")),
        };
        let chosen_by = get("OFR").filter(|reason| !reason.is_empty()).map(|reason| format!("OFR:{reason}"));
        let stored = Stored { folder: Some(folder), chosen_by };
        Row::Stated(vec![(exchange_online(), None, Fact::Stored(stored), format!("dest:{dest}"))])
    }

    fn mimecast_impersonation(&self, value: &str) -> Row {
        let hit = value.to_ascii_lowercase().starts_with("suspicious");
        let policy = value.split(';').find_map(|part| part.trim().strip_prefix("Policy=")).map(|name| PolicyRef {
            kind: Some("Impersonation Protect".to_owned()),
            name: Some(name.trim().to_owned()),
            id: None,
        });
        let (kind, action, word) = if hit {
            (VerdictKind::Impersonation, Action::Tagged, "suspicious")
        } else {
            (VerdictKind::Clean, Action::None, "")
        };
        let said = format!("X-Mimecast-Impersonation-Protect: {value}");
        let verdict = Verdict { kind, action, said, policy, scope: Scope::Enforced };
        Row::Stated(vec![(System::of(Product::Mimecast), None, Fact::Verdict(verdict), word.to_owned())])
    }

    fn spam_flag(&self, name: &str, value: &str) -> Row {
        let first = value.split([',', ' ', ';']).next().unwrap_or("");
        // Score, threshold and tests as written.
        let said = format!("{name}: {}", cut(value));
        match first.to_ascii_lowercase().as_str() {
            "yes" => self.verdict(self.spam_checker.clone(), VerdictKind::Spam, Action::Tagged, said, first),
            "no" => self.verdict(self.spam_checker.clone(), VerdictKind::Clean, Action::None, said, first),
            _ => Row::PassedOver("vendor header not decoded"),
        }
    }

    /// `default: False [1.20 / 15.00]; SYMBOL(0.50)[option]; ...`: True only where the action is reject.
    fn spamd_result(&self, value: &str) -> Row {
        let head = value.split(';').next().unwrap_or(value).trim();
        let Some((_, after)) = head.split_once(": ") else { return Row::PassedOver("vendor header not decoded") };
        let said = format!("X-Spamd-Result: {}", cut(value));
        let verdict =
            |kind| Verdict { kind, action: Action::NotSaid, said: said.clone(), policy: None, scope: Scope::Enforced };
        let (fact, word) = match after.split_whitespace().next() {
            Some("True") => (Fact::Verdict(verdict(VerdictKind::Spam)), "True"),
            // Not refused; whether it was marked, the action says.
            Some("False") => (Fact::Note { said: format!("rspamd: {}", cut(value)) }, "False"),
            _ => (Fact::Verdict(verdict(VerdictKind::Unknown)), ""),
        };
        let sender =
            self.fields.iter().find(|field| field.is("return-path")).and_then(|field| one_address(&field.value));
        let symbols = symbols::of_header(value);
        let mut facts = vec![(self.rspamd(), None, fact, word.to_owned())];
        for (name, fact) in symbols::authentication(&symbols, sender.as_ref().and_then(Address::domain)) {
            facts.push((self.rspamd(), None, fact, name));
        }
        Row::Stated(facts)
    }

    /// `action=reject; module=antivirus; text`: a module that fixed the action.
    fn pre_result(&self, value: &str) -> Row {
        let get = |key: &str| value.split(';').find_map(|part| part.trim().strip_prefix(key));
        let Some(action) = get("action=") else { return Row::PassedOver("vendor header not decoded") };
        let said = format!("X-Rspamd-Pre-Result: {}", cut(value));
        let verdict = symbols::verdict(action, get("module="), &[], &said);
        Row::Stated(vec![(self.rspamd(), None, Fact::Verdict(verdict), action.to_owned())])
    }

    /// `X-Virus-Status: Clean` of clamav-milter, `X-Virus: Eicar` of rspamd.
    fn virus(&self, name: &str, value: &str) -> Row {
        let first = value.split([' ', '(', ';']).next().unwrap_or("");
        let (kind, action) = match first.to_ascii_lowercase().as_str() {
            "" => return Row::PassedOver("vendor header not decoded"),
            "clean" | "no" => (VerdictKind::Clean, Action::None),
            "infected" | "yes" => (VerdictKind::Malware, Action::Tagged),
            _ if name == "x-virus" => (VerdictKind::Malware, Action::Tagged),
            _ => (VerdictKind::Unknown, Action::NotSaid),
        };
        let speaker = match name {
            "x-virus" => self.rspamd(),
            _ => System::of(Product::Other("clamav-milter".to_owned())),
        };
        self.verdict(speaker, kind, action, format!("{name}: {}", cut(value)), first)
    }

    /// Who signs as the one that looked for malware.
    fn virus_scanner(&self, said: &str) -> System {
        let lower = said.to_ascii_lowercase();
        if lower.contains("amavis") {
            return amavis(&self.hops);
        }
        let name = if lower.contains("clamav-milter") { "clamav-milter" } else { "malware scanner" };
        System::of(Product::Other(name.to_owned()))
    }

    fn rspamd(&self) -> System {
        match self.fields.iter().find(|field| field.is("x-rspamd-server")) {
            Some(server) => System::at(Product::Rspamd, label(&server.value)),
            None => System::of(Product::Rspamd),
        }
    }

    fn rspamd_action(&self, value: &str) -> Row {
        let verdict = symbols::verdict(value, None, &[], &format!("X-Rspamd-Action: {value}"));
        Row::Stated(vec![(self.rspamd(), None, Fact::Verdict(verdict), value.to_owned())])
    }

    fn amavis_alert(&self, value: &str) -> Row {
        let upper = value.to_ascii_uppercase();
        let kind = if upper.starts_with("INFECTED") {
            VerdictKind::Malware
        } else if upper.starts_with("BANNED") {
            VerdictKind::Attachment
        } else if upper.starts_with("SPAM") {
            VerdictKind::Spam
        } else {
            VerdictKind::Unknown
        };
        let word = value.split([',', ' ']).next().unwrap_or("");
        self.verdict(amavis(&self.hops), kind, Action::Tagged, format!("X-Amavis-Alert: {value}"), word)
    }
}

/// A value with its white space folded, cut to what a verdict repeats.
fn cut(value: &str) -> String {
    let folded = value.split_whitespace().collect::<Vec<_>>().join(" ");
    folded.chars().take(SAID_MAX).collect()
}

fn exchange_online() -> System {
    System::of(Product::ExchangeOnline)
}

fn amavis(hops: &[(usize, Received)]) -> System {
    hops.iter()
        .find(|(_, hop)| hop.speaker.product == Product::Amavis)
        .map_or_else(|| System::of(Product::Amavis), |(_, hop)| hop.speaker.clone())
}

/// Who wrote the X-Spam fields: the checker that signs with its name, else amavis if it is on the way.
fn spam_checker(fields: &[Field], hops: &[(usize, Received)], writer: &System) -> System {
    let first = |name: &str| fields.iter().find(|field| field.is(name));
    if let Some(version) = first("x-spam-checker-version") {
        let host = version.value.rsplit_once(" on ").map(|(_, host)| label(host.trim()));
        let product = Product::Other("SpamAssassin".to_owned());
        return host.map_or_else(|| System::of(product.clone()), |host| System::at(product.clone(), host));
    }
    if fields.iter().any(|field| field.is("x-spamd-result") || field.is("x-rspamd-server")) {
        return match first("x-rspamd-server") {
            Some(server) => System::at(Product::Rspamd, label(&server.value)),
            None => System::of(Product::Rspamd),
        };
    }
    if first("x-virus-scanned").is_some_and(|field| field.value.to_ascii_lowercase().contains("amavis"))
        || hops.iter().any(|(_, hop)| hop.speaker.product == Product::Amavis)
    {
        return amavis(hops);
    }
    match &writer.product {
        Product::Other(name) => System::of(Product::Other(format!("spam filter at {name}"))),
        _ => System { product: Product::Other("spam filter".to_owned()), instance: writer.instance.clone() },
    }
}

/// The kind of a verdict by class (CAT) and by what decided (SFV).
///
/// What skipped or blocked by a setting goes before the class, except that no setting lets malware or high-confidence
/// phishing pass (Microsoft, secure by default).
fn forefront_kind(cat: &str, sfv: &str) -> VerdictKind {
    let class = means("CAT", cat).and_then(kind_of);
    let path = means("SFV", sfv).and_then(kind_of);
    match (path, class) {
        (_, Some(severe @ (VerdictKind::Malware | VerdictKind::HighConfidencePhish))) => severe,
        (Some(path @ (VerdictKind::UserBlock | VerdictKind::BlockEntry | VerdictKind::TransportRule)), _) => path,
        (Some(VerdictKind::Clean), _) => VerdictKind::Clean,
        (Some(VerdictKind::Spam), Some(VerdictKind::Clean)) => VerdictKind::Spam,
        (_, Some(class)) => class,
        (Some(path), None) => path,
        (None, None) if means("SFV", sfv) == Some("released_from_quarantine") && cat.is_empty() => VerdictKind::Clean,
        (None, None) => VerdictKind::Unknown,
    }
}

fn direction(said: &str) -> Option<Access> {
    match said.to_ascii_uppercase().as_str() {
        "INB" => Some(Access::Inbound),
        "OUT" => Some(Access::Outbound),
        "INT" => Some(Access::Internal),
        _ => None,
    }
}

/// `KEY:value;KEY:value`.
fn pairs(value: &str) -> Vec<(&str, &str)> {
    value
        .split(';')
        .take(256)
        .filter_map(|part| part.trim().split_once(':'))
        .map(|(k, v)| (k.trim(), v.trim()))
        .collect()
}

/// The address between angle brackets, or the only word with an `@`; `<>` is the null sender.
fn one_address(value: &str) -> Option<Address> {
    let value = value.trim();
    if let Some((_, rest)) = value.split_once('<')
        && let Some((inner, _)) = rest.split_once('>')
    {
        return Some(Address::new(inner));
    }
    let word = value.split([' ', ',', ';']).find(|word| word.contains('@'))?;
    Some(Address::new(word))
}

/// The ids of the message that a field carries.
fn ids_of(field: &Field, fields: &[Field], hops: &[(usize, Received)]) -> Vec<Identifier> {
    if field.cut || field.value.len() > 2_000 {
        return Vec::new();
    }
    let value = field.value.trim();
    let id = match field.name.to_ascii_lowercase().as_str() {
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
    };
    id.into_iter().collect()
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

/// Whether a field is a copy of what a system further back on the way wrote.
fn is_earlier(name: &str) -> bool {
    const EARLIER: &[&str] = &[
        "x-original-authentication-results",
        "original-authentication-results",
        "x-ms-exchange-authentication-results",
        "x-authentication-results",
        "x-forwarded-authentication-results",
    ];
    EARLIER.contains(&name)
        || (name.ends_with("-untrusted") || name.ends_with("-original"))
            && ["x-ms-", "x-microsoft-", "x-forefront-", "authentication-", "received-spf"]
                .iter()
                .any(|head| name.starts_with(head))
}

/// Whether a field belongs to a vendor whose headers say something about filtering or transport.
fn is_vendor(name: &str) -> bool {
    const VENDORS: &[&str] = &[
        "x-ms-",
        "x-microsoft-",
        "x-forefront-",
        "x-exchange-",
        "x-eop",
        "x-mimecast-",
        "x-mc-",
        "x-google-",
        "x-gm-",
        "x-proofpoint-",
        "x-pps-",
        "x-ironport-",
        "x-cisco-",
        "x-barracuda-",
        "x-bess-",
        "x-rspamd-",
        "x-spamd-",
        "x-spam-",
        "x-amavis-",
        "x-virus-",
        "x-sophos-",
        "x-fe",
        "x-symantec-",
        "x-brightmail-",
        "x-msfbl",
        "x-sid-",
        "x-message-delivery",
        "x-message-info",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_known_meaning() {
        let codes: Codes = toml::from_str(include_str!("codes.toml")).expect("codes.toml");
        assert!(codes.code.len() > 25);
        for code in &codes.code {
            let known = match code.field.as_str() {
                "CAT" => kind_of(&code.means).is_some(),
                "SFV" => kind_of(&code.means).is_some() || code.means == "released_from_quarantine",
                "dest" => matches!(code.means.as_str(), "inbox" | "junk" | "custom_folder"),
                _ => false,
            };
            assert!(known, "{} {} means {}", code.field, code.value, code.means);
            assert!(code.source.contains("read 20"), "{} {} has no dated source", code.field, code.value);
        }
    }

    #[test]
    fn ok_forefront_kinds() {
        for (cat, sfv, expected) in [
            ("SPOOF", "SPM", VerdictKind::Spoof),
            ("SPM", "SPM", VerdictKind::Spam),
            ("NONE", "NSPM", VerdictKind::Clean),
            ("NONE", "SKN", VerdictKind::Clean),
            ("SPM", "SKA", VerdictKind::Clean),
            ("MALW", "SKA", VerdictKind::Malware),
            ("HPHISH", "SKN", VerdictKind::HighConfidencePhish),
            ("SPM", "BLK", VerdictKind::UserBlock),
            ("SPM", "SKB", VerdictKind::BlockEntry),
            ("SPM", "SKS", VerdictKind::TransportRule),
            ("", "SKQ", VerdictKind::Clean),
            ("PHSH", "SKQ", VerdictKind::Phish),
            ("BRANDNEW", "XYZ", VerdictKind::Unknown),
        ] {
            assert_eq!(forefront_kind(cat, sfv), expected, "CAT:{cat};SFV:{sfv}");
        }
    }
}
