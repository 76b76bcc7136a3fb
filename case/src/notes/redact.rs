//! Other names for people, hosts, addresses, domains and ids: the same one for the same thing, everywhere.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use report::{Cite, Excerpt, Report};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::Notes;
use super::gather::{Looked, Sources, place};
use super::identities::{self, IdLength, Kind, Span, is_address};
use crate::journal::Deed;

/// The name and version of the form of the map.
pub const REDACTION_SCHEMA: &str = "throughline.redaction.v1";

/// Which thing has which other name; for oneself, never for whoever gets the notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Redaction {
    /// Always `throughline.redaction.v1`.
    pub schema: String,
    /// In the order in which they were given.
    pub pairs: Vec<Pseudonym>,
}

/// A thing and its other name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pseudonym {
    /// The thing, in lower case.
    pub original: String,
    /// Its other name.
    pub pseudonym: String,
}

const ID_LENGTH: IdLength = IdLength(8);

/// Words that name nobody although they stand in front of an `@` or are a host's name: roles, and words of our own sentences.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_words.txt").split_whitespace().collect());

/// As long are the words of a record that are cut.
const SAID_CHARS: usize = 300;

/// Shorter words are replaced only where they stand alone.
const MIN_WORD: usize = 3;

/// Replaces in all of the notes, and gives the map.
pub(super) fn redact(notes: &mut Notes, sources: &Sources<'_>) -> Redaction {
    let mut redactor = Redactor::default();
    let mut texts = Vec::new();
    notes.each_text(&mut |text| texts.push(text.clone()));
    for record in &notes.records {
        let around = record.cite.excerpt.as_ref().map(whole);
        texts.extend([record.cite.said.clone(), record.cite.file.clone()].into_iter().chain(around));
    }
    let report = match sources.evidence {
        Looked::Answered(report) => Some(report),
        Looked::NotSupplied | Looked::Unreadable(_) => None,
    };
    // Ids first, because a Message-ID looks like an address; names last, because they may belong to an address.
    redactor.learn_ids(sources, report);
    redactor.learn_case(sources);
    report.iter().for_each(|report| redactor.learn_report(report));
    texts.iter().for_each(|text| redactor.learn(text));
    redactor.learn_names(sources, report);
    texts.iter().for_each(|text| redactor.learn_keys(text));
    let names = redactor.named();
    notes.each_text(&mut |text| *text = names.applied(text));
    for record in &mut notes.records {
        names.apply_to_cite(&mut record.cite);
        record.place = place(&record.cite);
    }
    notes.redacted = true;
    names.map()
}

fn whole(around: &Excerpt) -> String {
    format!("{}{}{}", around.before, around.marked, around.after)
}

/// Without the word that is cut at an end of a text, which begins or ends with `…` there: half a name has no other name.
fn without_cut_words(text: &str) -> Cow<'_, str> {
    const CUT: char = '…';
    let is_between = |c: char| c.is_whitespace() || "<>\"'`=,;()[]{}|".contains(c);
    let mut kept = text;
    if let Some(rest) = kept.strip_suffix(CUT) {
        kept = rest.rfind(is_between).map_or("", |at| rest.get(..at).unwrap_or_default());
    }
    if let Some(rest) = kept.strip_prefix(CUT) {
        kept = rest.find(is_between).map_or("", |at| rest.get(at..).unwrap_or_default());
    }
    if kept.len() == text.len() {
        return Cow::Borrowed(text);
    }
    let mark = |is_cut: bool| if is_cut { "…" } else { "" };
    Cow::Owned(format!("{}{kept}{}", mark(text.starts_with(CUT)), mark(text.ends_with(CUT))))
}

/// What a thing is, and so how its other name looks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Thing {
    /// A mail address of somebody, or an account: by its own spelling.
    Person(String),
    Domain(String),
    Host(String),
    Ip4(String),
    Ip6(String),
    Id(String),
    /// One of a kind that is named by the ticket, such as its client.
    Of(&'static str, String),
}

/// Learns all things in the order in which they come.
#[derive(Default)]
struct Redactor {
    things: Vec<Thing>,
    known: HashMap<Thing, usize>,
    /// Words that stand for a thing within a text, folded.
    words: Vec<(String, Thing)>,
    has_word: HashSet<String>,
    /// Texts that as a whole stand for a thing, folded.
    wholes: HashMap<String, Thing>,
}

impl Redactor {
    fn learn_ids(&mut self, sources: &Sources<'_>, report: Option<&Report>) {
        sources.case.asked.message_id.iter().for_each(|id| self.id(id));
        for entry in sources.journal {
            if let Deed::Opened { asked, .. } | Deed::Asked { asked } = &entry.deed {
                asked.message_id.iter().for_each(|id| self.id(id));
            }
        }
        let sides = sources.comparison.into_iter().flat_map(|one| one.delivered.iter().chain([&one.blocked]));
        let messages = report.into_iter().map(|report| &report.message).chain(sides.map(|side| &side.message));
        let others = report.into_iter().flat_map(|report| &report.messages).map(|one| &one.message);
        for message in messages.chain(others) {
            message.message_id.iter().chain(&message.network_message_ids).for_each(|id| self.id(id));
        }
    }

    fn learn_case(&mut self, sources: &Sources<'_>) {
        let case = sources.case;
        let about = &case.about;
        self.of("client", Some(&about.client).filter(|client| !client.is_empty()).map(String::as_str));
        self.of("site", about.site.as_deref());
        self.of("device", about.device.as_deref());
        self.of("ticket", about.ticket.as_deref());
        self.of("case", Some(&case.uid));
        let asked = &case.asked;
        asked.sender.iter().chain(&asked.recipient).chain(&asked.trust).for_each(|text| self.learn(text));
        about.user.iter().for_each(|user| self.learn(user));
    }

    fn learn_report(&mut self, report: &Report) {
        let message = &report.message;
        for address in message.header_from.iter().chain(&message.envelope_sender).chain(&message.envelope_recipients) {
            self.learn(address);
        }
        for copy in &report.copies {
            self.learn(&copy.envelope_recipient);
            copy.replies.iter().for_each(|reply| self.system(&reply.from));
            copy.timeline.iter().for_each(|event| self.system(&event.system));
        }
        for hop in report.samples.iter().flat_map(|sample| &sample.hops) {
            let names = [&hop.from, &hop.by, &hop.helo].into_iter().flatten();
            names.for_each(|name| self.host(name));
        }
    }

    /// The people whom fields name.
    fn learn_names(&mut self, sources: &Sources<'_>, report: Option<&Report>) {
        self.name(sources.case.about.user.as_deref());
        for entry in sources.journal {
            self.name(Some(&entry.who));
            match &entry.deed {
                Deed::Approved { by, .. } => self.name(Some(by)),
                Deed::Opened { about, .. } => self.name(about.user.as_deref()),
                _ => {}
            }
        }
        let hops = report.into_iter().flat_map(|report| &report.samples).flat_map(|sample| &sample.hops);
        hops.for_each(|hop| self.name(hop.authenticated_sender.as_deref()));
    }

    fn thing(&mut self, thing: Thing) {
        if !self.known.contains_key(&thing) {
            self.known.insert(thing.clone(), self.things.len());
            self.things.push(thing);
        }
    }

    /// Something that the ticket names as one of a kind.
    fn of(&mut self, kind: &'static str, value: Option<&str>) {
        let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return };
        if is_address(value) {
            return self.learn(value);
        }
        let thing = Thing::Of(kind, fold(value));
        // `42` or `HQ` stand for other things too.
        let is_short =
            value.chars().count() < MIN_WORD || (value.len() < 5 && value.bytes().all(|byte| byte.is_ascii_digit()));
        if is_short || COMMON.contains(fold(value).as_str()) {
            self.whole(value, &thing);
        } else {
            self.word(value, &thing);
        }
        self.thing(thing);
    }

    fn id(&mut self, id: &str) {
        let id = id.trim_matches(['<', '>', ' ']);
        if !id.is_empty() {
            let thing = Thing::Id(fold(id));
            self.word(id, &thing);
            self.thing(thing);
        }
    }

    /// A person, by name, by address, or by both.
    fn name(&mut self, name: Option<&str>) {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return };
        self.learn(name);
        if !identities::find(name, ID_LENGTH).is_empty() {
            return;
        }
        self.person_named(name, None);
    }

    /// Takes a name for the person of an address, or for a person of its own; its words too.
    fn person_named(&mut self, name: &str, address: Option<&str>) {
        let name = name.trim_matches(|c: char| !c.is_alphanumeric());
        if name.is_empty() {
            return;
        }
        let known = self.wholes.get(&fold(name)).cloned();
        let thing = address.map(|address| Thing::Person(fold(address))).or(known).unwrap_or(Thing::Person(fold(name)));
        self.whole(name, &thing);
        let words: Vec<&str> =
            name.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()).collect();
        if let [first, .., last] = words.as_slice() {
            self.word(name, &thing);
            self.word(&format!("{last}, {first}"), &thing);
            self.word(&format!("{last} {first}"), &thing);
            self.word(&format!("{first} {last}"), &thing);
            self.word(&format!("{first}.{last}"), &thing);
        }
        for word in words {
            self.common_word(word, &thing);
        }
        self.thing(thing);
    }

    /// A word that stands for a thing unless it is a word that anybody uses.
    fn common_word(&mut self, word: &str, thing: &Thing) {
        let folded = fold(word);
        let has_letters = folded.chars().filter(|c| c.is_alphabetic()).count() >= MIN_WORD;
        if has_letters && !COMMON.contains(folded.as_str()) {
            self.word(word, thing);
        }
    }

    fn word(&mut self, word: &str, thing: &Thing) {
        self.whole(word, thing);
        let folded = fold(word);
        if self.has_word.insert(folded.clone()) {
            self.words.push((folded, thing.clone()));
        }
    }

    fn whole(&mut self, text: &str, thing: &Thing) {
        self.wholes.entry(fold(text)).or_insert_with(|| thing.clone());
    }

    /// A host by any name; one that is a plain word is left alone if everybody uses that word.
    fn host(&mut self, name: &str) {
        let name = name.trim_matches(['[', ']', '.', ' ']);
        let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
        if !is_plain {
            return self.learn(name);
        }
        let thing = self.wholes.get(&fold(name)).cloned().unwrap_or_else(|| Thing::Host(fold(name)));
        if !COMMON.contains(fold(name).as_str()) {
            self.word(name, &thing);
            self.thing(thing);
        }
    }

    /// The host in what a person reads as a system, such as `Postfix mx1`.
    fn system(&mut self, system: &str) {
        const PRODUCTS: [&str; 8] = [
            "Postfix",
            "amavis",
            "rspamd",
            "Dovecot",
            "Exim",
            "Proxmox Mail Gateway",
            "Cisco Secure Email",
            "Microsoft",
        ];
        match PRODUCTS.iter().find_map(|product| system.strip_prefix(product)) {
            Some(instance) => self.host(instance.trim()),
            None => self.learn(system),
        }
    }

    /// All that a text names.
    fn learn(&mut self, text: &str) {
        for span in identities::find(text, ID_LENGTH) {
            let said = text.get(span.range.clone()).unwrap_or_default();
            let before = text.get(..span.range.start).unwrap_or_default();
            if span.kind == Kind::Address && names_a_message(before) {
                self.id(said);
            }
            let thing = self.of_span(said, span.kind);
            self.parts(&thing);
            if span.kind == Kind::Address
                && let (Some(name), Thing::Person(address)) = (display_name(before), &thing)
            {
                let address = address.clone();
                self.person_named(&name, Some(&address));
            }
            self.thing(thing);
        }
    }

    /// The people whom fields within a text name.
    fn learn_keys(&mut self, text: &str) {
        for name in named_by_key(text) {
            if identities::find(&name, ID_LENGTH).is_empty() {
                self.person_named(&name, None);
            }
        }
    }

    /// What a stretch of a text stands for.
    fn of_span(&self, said: &str, kind: Kind) -> Thing {
        let folded = fold(said);
        if let Some(thing) = self.wholes.get(&folded) {
            return thing.clone();
        }
        match kind {
            Kind::Address => {
                let address = folded.replace("%40", "@");
                let local = address.rsplit_once('@').map_or("", |(local, _)| local);
                let is_id = self.known.contains_key(&Thing::Id(address.clone())) || looks_like_id(local);
                if is_id { Thing::Id(address) } else { Thing::Person(address) }
            }
            Kind::Host if self.known.contains_key(&Thing::Domain(folded.clone())) => Thing::Domain(folded),
            Kind::Host => Thing::Host(folded),
            Kind::Ip4 => Thing::Ip4(folded),
            Kind::Ip6 => Thing::Ip6(folded),
            Kind::Id | Kind::Encoded => Thing::Id(folded),
            Kind::Account => Thing::Person(folded),
        }
    }

    /// What stands within a thing: the domain of an address, the words of its local part.
    fn parts(&mut self, thing: &Thing) {
        let (Thing::Person(address) | Thing::Id(address)) = thing else { return };
        let Some((local, domain)) = address.rsplit_once(['@', '\\']) else { return };
        // CONTOSO\ana: the person stands behind.
        let (local, domain) = if address.contains('@') { (local, domain) } else { (domain, local) };
        let of_domain = Thing::Domain(fold(domain));
        self.whole(domain, &of_domain);
        self.thing(of_domain);
        if matches!(thing, Thing::Person(_)) {
            let local = local.trim_matches('"').split('+').next().unwrap_or_default();
            let words: Vec<&str> = local.split(['.', '_', '-', ' ']).filter(|word| !word.is_empty()).collect();
            let is_role = words.iter().any(|word| COMMON.contains(word));
            if !is_role {
                self.person_named(&words.join(" "), Some(address));
            }
        }
    }

    /// Gives every thing its other name. None is the name of a thing that is there.
    fn named(self) -> Names {
        let mut taken: HashSet<String> = self.things.iter().map(Thing::key).collect();
        taken.extend(self.words.iter().map(|(word, _)| word.clone()));
        let mut counts: HashMap<&'static str, u32> = HashMap::new();
        let mut names: HashMap<Thing, String> = HashMap::new();
        let mut pairs = Vec::new();
        let is_domain = |thing: &&Thing| matches!(thing, Thing::Domain(_));
        // What stands behind an @ somewhere is a domain everywhere.
        let is_other = |thing: &&Thing| match thing {
            Thing::Domain(_) => false,
            Thing::Host(key) => !self.known.contains_key(&Thing::Domain(key.clone())),
            _ => true,
        };
        let (domains, others) = (self.things.iter().filter(is_domain), self.things.iter().filter(is_other));
        for thing in domains.chain(others) {
            let domain = match thing {
                Thing::Person(key) | Thing::Id(key) if key.contains('@') => {
                    key.rsplit_once('@').and_then(|(_, domain)| names.get(&Thing::Domain(domain.to_owned())).cloned())
                }
                _ => None,
            };
            let name = free(thing, domain.as_deref(), &mut counts, &taken);
            pairs.push(Pseudonym { original: thing.key(), pseudonym: name.clone() });
            names.insert(thing.clone(), name);
        }
        Names { redactor: self, names, pairs }
    }
}

impl Thing {
    fn key(&self) -> String {
        match self {
            Thing::Person(key) | Thing::Domain(key) | Thing::Host(key) | Thing::Ip4(key) | Thing::Ip6(key) => {
                key.clone()
            }
            Thing::Id(key) | Thing::Of(_, key) => key.clone(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Thing::Person(_) => "person",
            Thing::Domain(_) => "domain",
            Thing::Host(_) => "host",
            Thing::Ip4(_) => "ip4",
            Thing::Ip6(_) => "ip6",
            Thing::Id(_) => "id",
            Thing::Of(kind, _) => kind,
        }
    }
}

/// The next name of its kind that nothing has.
fn free(
    thing: &Thing,
    domain: Option<&str>,
    counts: &mut HashMap<&'static str, u32>,
    taken: &HashSet<String>,
) -> String {
    let kind = thing.kind();
    let count = counts.entry(kind).or_insert(0);
    loop {
        *count += 1;
        let short = match thing {
            Thing::Ip4(_) => reserved_ip4(*count),
            Thing::Ip6(_) => format!("2001:db8::{count:x}"),
            Thing::Domain(_) => format!("domain-{count}.example"),
            _ => format!("{kind}-{count}"),
        };
        if !taken.contains(&short) {
            return domain.map_or(short.clone(), |domain| format!("{short}@{domain}"));
        }
    }
}

/// An address of the ranges for documentation, then of the one for measurements.
fn reserved_ip4(count: u32) -> String {
    let at = count.saturating_sub(1);
    let (block, last) = (at / 254, at % 254 + 1);
    match block {
        0 => format!("192.0.2.{last}"),
        1 => format!("198.51.100.{last}"),
        2 => format!("203.0.113.{last}"),
        block => format!("198.18.{}.{last}", (block - 3) % 256),
    }
}

/// Every thing with its other name.
struct Names {
    redactor: Redactor,
    names: HashMap<Thing, String>,
    pairs: Vec<Pseudonym>,
}

impl Names {
    fn map(self) -> Redaction {
        Redaction { schema: REDACTION_SCHEMA.to_owned(), pairs: self.pairs }
    }

    fn applied(&self, text: &str) -> String {
        let text = &*without_cut_words(text);
        let spans = self.spans(text);
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (range, name) in spans {
            out.push_str(text.get(done..range.start).unwrap_or_default());
            out.push_str(&name);
            done = range.end;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }

    /// The other name of what is written like that: of somebody's name or a word of it, the part before the `@`.
    fn name(&self, thing: &Thing, said: &str) -> String {
        let name = self.names.get(thing).map_or("redacted", String::as_str);
        let is_name = matches!(thing, Thing::Person(_)) && !said.contains('@') && !said.contains("%40");
        let name = if is_name { name.split('@').next().unwrap_or(name) } else { name };
        if said.contains("%40") { name.replace('@', "%40") } else { name.to_owned() }
    }

    /// What is replaced by what, from left to right.
    fn spans(&self, text: &str) -> Vec<(Range<usize>, String)> {
        if let Some(thing) = self.redactor.wholes.get(&fold(text.trim())) {
            return vec![(0..text.len(), self.name(thing, text))];
        }
        let mut spans: Vec<(Range<usize>, String)> = identities::find(text, ID_LENGTH)
            .into_iter()
            .map(|Span { range, kind }| {
                let said = text.get(range.clone()).unwrap_or_default();
                (range, self.name(&self.redactor.of_span(said, kind), said))
            })
            .collect();
        let folded: Vec<(usize, char)> = text.char_indices().map(|(at, c)| (at, fold_char(c))).collect();
        for (word, thing) in &self.redactor.words {
            spans.extend(
                occurrences(&folded, text.len(), word).into_iter().map(|range| (range, self.name(thing, word))),
            );
        }
        spans.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut kept: Vec<(Range<usize>, String)> = Vec::new();
        for (range, name) in spans {
            if kept.last().is_none_or(|(last, _)| last.end <= range.start) {
                kept.push((range, name));
            }
        }
        kept
    }

    /// The record's words, its file and the excerpt; what reaches over the mark's edge goes to the part where it begins.
    fn apply_to_cite(&self, cite: &mut Cite) {
        let is_cut = cite.said.chars().count() >= SAID_CHARS;
        if is_cut {
            cite.said.push('…');
        }
        cite.said = self.applied(&cite.said);
        cite.file = self.applied_to_file(&cite.file);
        let Some(around) = &mut cite.excerpt else { return };
        around.before = without_cut_words(&around.before).into_owned();
        around.after = without_cut_words(&around.after).into_owned();
        let text = whole(around);
        let ends = [around.before.len(), around.before.len() + around.marked.len(), text.len()];
        let mut parts = [String::new(), String::new(), String::new()];
        let spans = self.spans(&text);
        let mut done = 0;
        let mut spans = spans.into_iter().peekable();
        while done < text.len() {
            let part = ends.iter().position(|end| done < *end).unwrap_or(2);
            let until = ends.get(part).copied().unwrap_or(text.len());
            match spans.next_if(|(range, _)| range.start < until) {
                Some((range, name)) => {
                    if let Some(out) = parts.get_mut(part) {
                        out.push_str(text.get(done..range.start).unwrap_or_default());
                        out.push_str(&name);
                    }
                    done = range.end;
                }
                None => {
                    if let Some(out) = parts.get_mut(part) {
                        out.push_str(text.get(done..until).unwrap_or_default());
                    }
                    done = until;
                }
            }
        }
        let [before, marked, after] = parts;
        *around = Excerpt { before, marked, after };
    }

    /// A path part by part, so that its form stays.
    fn applied_to_file(&self, file: &str) -> String {
        let parts: Vec<String> = file.split('/').map(|part| self.applied(part)).collect();
        parts.join("/")
    }
}

/// Where a folded word stands as a whole word.
fn occurrences(text: &[(usize, char)], length: usize, word: &str) -> Vec<Range<usize>> {
    let word: Vec<char> = word.chars().collect();
    let mut found = Vec::new();
    let Some(first) = word.first() else { return found };
    let is_in_word = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|(_, c)| c.is_alphanumeric());
    for (at, (start, c)) in text.iter().enumerate() {
        let fits = c == first
            && text.get(at..at + word.len()).is_some_and(|part| part.iter().map(|(_, c)| c).eq(word.iter()))
            && !is_in_word(at.checked_sub(1))
            && !is_in_word(Some(at + word.len()));
        if fits {
            found.push(*start..text.get(at + word.len()).map_or(length, |(end, _)| *end));
        }
    }
    found
}

/// A local part that no person has: long, or mostly digits, or with signs that only programs use.
fn looks_like_id(local: &str) -> bool {
    let digits = local.chars().filter(char::is_ascii_digit).count();
    let is_odd = |c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-' | '+' | '\'' | '"' | ' ' | '=');
    local.chars().count() > 30 || digits >= 6 || local.contains(is_odd)
}

/// Whether a field of message ids stands in front.
fn names_a_message(before: &str) -> bool {
    let letters = before.chars().rev().skip_while(|c| !c.is_alphanumeric()).take(16).filter(|c| c.is_alphanumeric());
    let key: String = letters.collect::<String>().chars().rev().collect::<String>().to_lowercase();
    ["messageid", "references", "inreplyto"].iter().any(|field| key.ends_with(field))
}

/// The name in front of an address: `"Ana Diaz" <`, `Ana Diaz <`.
fn display_name(before: &str) -> Option<String> {
    let before = before.trim_end().strip_suffix('<')?.trim_end();
    let before = before.strip_suffix("\\\"").or_else(|| before.strip_suffix('"')).ok_or(before);
    let name = match before {
        Ok(quoted) => quoted.rsplit(['"', '\\']).next().unwrap_or_default(),
        Err(plain) => plain.rsplit(|c: char| !c.is_alphanumeric() && !matches!(c, ' ' | '-' | '\'' | '.')).next()?,
    };
    let name = name.trim();
    let words = name.split_whitespace().count();
    ((1..=5).contains(&words) && name.chars().count() <= 80).then(|| name.to_owned())
}

/// Ends of the names of fields that hold a person's name, without case, blanks and punctuation.
const NAME_KEYS: [&str; 12] = [
    "displayname",
    "displayablename",
    "fullname",
    "sendername",
    "recipientname",
    "fromname",
    "username",
    "givenname",
    "firstname",
    "lastname",
    "surname",
    "headerfromname",
];

/// What fields of names hold, as rows write them: `"DisplayName":"Ana Diaz"`, `DisplayName : Ana Diaz`.
fn named_by_key(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, sign) in text.match_indices([':', '=']) {
        let before = text.get(..at).unwrap_or_default();
        let letters = before.chars().rev().skip_while(|c| matches!(c, '"' | '\'' | ' ' | '\\')).take(40);
        let key: String = letters.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ')).collect();
        let key: String = key.chars().rev().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        if !NAME_KEYS.iter().any(|name| key.ends_with(name)) {
            continue;
        }
        let after = text.get(at + sign.len()..).unwrap_or_default().trim_start_matches([' ', '\\']);
        let value = match after.strip_prefix(['"', '\'']) {
            Some(quoted) => quoted.split(['"', '\'', '\\']).next(),
            None => after.split([',', ';', '\n', '\r', '\t', '|', '}', '"']).next(),
        };
        let value = value.unwrap_or_default().trim();
        if value.chars().any(char::is_alphabetic) && value.chars().count() <= 80 {
            names.push(value.to_owned());
        }
    }
    names
}

/// Letters' case taken away, one character for one.
fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

fn fold_char(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}
