//! The tables of header fields: what a field, a key in it, and a value of that key mean, each with its source.
//!
//! One TOML a vendor beside this file. They are read once, and looked up by hash.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::parts::Parts;

/// How much one decoded part of a header field weighs for whoever asks why a message went where it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// It says what its writer concluded, or did with the message.
    Decides,
    /// It helps to explain a verdict, and is none.
    Supports,
    /// It is about the way, the versions or the ids.
    Context,
    /// The vendor keeps its meaning to itself.
    Opaque,
    /// No table of ours has it: shown as written, nothing is concluded from it.
    #[serde(skip)]
    Unknown,
}

/// What becomes of a value that is not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Others {
    /// It is unknown.
    #[default]
    Unknown,
    /// The sentence of its key holds for it too.
    Same,
}

/// One entry of a table, as it stands in the TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    field: String,
    key: Option<String>,
    value: Option<String>,
    #[serde(default)]
    values: Vec<String>,
    /// Our word for it, where a fact depends on it.
    means: Option<String>,
    /// How the field's value is cut into keys and values.
    parts: Option<Parts>,
    /// What separates the items of a value that is a list.
    each: Option<char>,
    #[serde(default)]
    others: Others,
    /// What it means, as a short sentence.
    says: String,
    weight: Weight,
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    vendor: String,
    /// Beginnings of field names that are this vendor's, up to their second hyphen.
    #[serde(default)]
    heads: Vec<String>,
    code: Vec<Entry>,
}

/// What is known of a field, a key or a value.
#[derive(Debug)]
pub(crate) struct Meaning {
    pub(crate) says: String,
    pub(crate) means: Option<String>,
    pub(crate) weight: Weight,
    pub(crate) source: String,
}

/// What is known of a key and of its values.
#[derive(Debug, Default)]
pub(crate) struct Key {
    pub(crate) meaning: Option<Meaning>,
    pub(crate) each: Option<char>,
    others: Others,
    values: HashMap<String, Meaning>,
}

impl Key {
    /// What a value means that is listed itself.
    pub(crate) fn listed(&self, value: &str) -> Option<&Meaning> {
        self.values.get(&*folded(value))
    }

    /// What a value means; `None` if it is none of the listed ones.
    pub(crate) fn value(&self, value: &str) -> Option<&Meaning> {
        match self.values.get(&*folded(value)) {
            Some(meaning) => Some(meaning),
            None if self.values.is_empty() || self.others == Others::Same => self.meaning.as_ref(),
            None => None,
        }
    }
}

/// What is known of a field.
#[derive(Debug, Default)]
pub(crate) struct FieldCodes {
    /// Whose field it is; `None` for those of a standard.
    pub(crate) vendor: Option<String>,
    pub(crate) parts: Parts,
    /// The field as a whole, and what it may hold as a whole.
    pub(crate) whole: Key,
    keys: HashMap<String, Key>,
    /// The keys by their names in lower case.
    spelled: HashMap<String, String>,
}

impl FieldCodes {
    /// Whether the vendor keeps the whole field to itself.
    pub(crate) fn is_opaque(&self) -> bool {
        self.parts == Parts::Whole && self.whole.meaning.as_ref().is_some_and(|whole| whole.weight == Weight::Opaque)
    }

    /// What is known of a key; its case counts only where two keys differ in nothing else (`E` and `e` of X-IronPort-AV).
    pub(crate) fn key(&self, key: &str) -> Option<&Key> {
        self.keys.get(key).or_else(|| self.keys.get(self.spelled.get(&*folded(key))?))
    }
}

/// All tables.
#[derive(Debug, Default)]
pub(crate) struct Book {
    fields: HashMap<String, FieldCodes>,
    heads: HashMap<String, String>,
}

/// The vendor that stands for no vendor in a table.
const STANDARD: &str = "standard";

const PAGES: &[&str] = &[
    include_str!("standard.toml"),
    include_str!("microsoft.toml"),
    include_str!("mimecast.toml"),
    include_str!("proofpoint.toml"),
    include_str!("cisco.toml"),
    include_str!("rspamd.toml"),
    include_str!("spamassassin.toml"),
    include_str!("barracuda.toml"),
    include_str!("sophos.toml"),
    include_str!("google.toml"),
    include_str!("symantec.toml"),
    include_str!("kaspersky.toml"),
];

static BOOK: LazyLock<Book> = LazyLock::new(|| {
    let mut book = Book::default();
    for page in PAGES {
        book.add(toml::from_str(page).expect("the tables are part of the program and tested"));
    }
    book
});

/// The tables.
pub(crate) fn book() -> &'static Book {
    &BOOK
}

impl Book {
    fn add(&mut self, page: Page) {
        let vendor = (page.vendor != STANDARD).then_some(page.vendor);
        for head in &page.heads {
            self.heads.insert(folded(head).into_owned(), vendor.clone().unwrap_or_default());
        }
        for entry in page.code {
            let field = self
                .fields
                .entry(folded(&entry.field).into_owned())
                .or_insert_with(|| FieldCodes { vendor: vendor.clone(), ..FieldCodes::default() });
            field.parts = entry.parts.unwrap_or(field.parts);
            let key = match &entry.key {
                None => &mut field.whole,
                Some(key) => {
                    field.spelled.entry(folded(key).into_owned()).or_insert_with(|| key.clone());
                    field.keys.entry(key.clone()).or_default()
                }
            };
            key.add(entry);
        }
    }

    /// What is known of a field, by its name in lower case.
    pub(crate) fn field(&self, lower: &str) -> Option<&FieldCodes> {
        self.fields.get(lower)
    }

    /// Whose field it is by the beginning of its name, in lower case.
    pub(crate) fn vendor_of(&self, lower: &str) -> Option<&str> {
        let mut hyphens = memchr::memchr_iter(b'-', lower.as_bytes());
        let first = hyphens.next().unwrap_or(lower.len());
        let second = hyphens.next().unwrap_or(lower.len());
        let head = self.heads.get(&lower[..second]).or_else(|| self.heads.get(&lower[..first]));
        head.map(String::as_str)
    }

    /// Our word for a value of a key; of the field as a whole where there is no key.
    pub(crate) fn means(&self, field: &str, key: Option<&str>, value: &str) -> Option<&str> {
        let codes = self.fields.get(&*folded(field))?;
        let key = match key {
            Some(key) => codes.key(key)?,
            None => &codes.whole,
        };
        key.values.get(&*folded(value.trim()))?.means.as_deref()
    }
}

impl Key {
    fn add(&mut self, entry: Entry) {
        let Entry { value, values, means, each, others, says, weight, source, .. } = entry;
        self.each = each.or(self.each);
        if others == Others::Same {
            self.others = Others::Same;
        }
        if value.is_none() && values.is_empty() {
            self.meaning = Some(Meaning { says, means, weight, source });
            return;
        }
        for value in value.into_iter().chain(values) {
            let meaning = Meaning { says: says.clone(), means: means.clone(), weight, source: source.clone() };
            self.values.insert(folded(&value).into_owned(), meaning);
        }
    }
}

/// A text in lower case, without a copy where it is so already.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

/// What a reason code of Microsoft's composite authentication means, such as `000`; `None` if it is not known.
///
/// A code that is not listed is read by its class (`1xx`), where the vendor says what the class means.
pub fn compauth_reason(code: &str) -> Option<&'static str> {
    let code = code.trim();
    if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let reasons = book().field("authentication-results")?.key("reason")?;
    let exact = reasons.values.get(code);
    exact.or_else(|| reasons.values.get(&format!("{}xx", &code[..1]))).map(|meaning| meaning.says.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::verdict_kind;

    fn pages() -> Vec<Page> {
        PAGES.iter().map(|page| toml::from_str(page).expect("a table")).collect()
    }

    /// Vendors change what they write: each entry says who says so, and the day that was read.
    #[test]
    fn every_entry_has_a_dated_source() {
        let is_dated = |source: &str| {
            source.rsplit_once(", read ").is_some_and(|(who, day)| {
                let digits = day.bytes().filter(u8::is_ascii_digit).count();
                !who.trim().is_empty() && day.len() == 10 && digits == 8 && day.starts_with("20")
            })
        };
        for page in pages() {
            assert!(!page.code.is_empty(), "{}", page.vendor);
            for entry in &page.code {
                let place = format!("{}: {} {:?} {:?}", page.vendor, entry.field, entry.key, entry.value);
                assert!(
                    is_dated(&entry.source),
                    "{place}: source `{}` does not end in `, read YYYY-MM-DD`",
                    entry.source
                );
                assert!(!entry.says.trim().is_empty() && !entry.says.ends_with('.'), "{place}: `{}`", entry.says);
                assert!(entry.says.chars().count() <= 140, "{place}: a sentence, not a page: {}", entry.says);
                assert!(entry.value.is_none() || entry.values.is_empty(), "{place}: value or values");
            }
        }
    }

    #[test]
    fn every_word_is_known() {
        for page in pages() {
            for entry in page.code.iter().filter(|entry| entry.means.is_some()) {
                let word = entry.means.as_deref().unwrap_or("");
                let known = match entry.key.as_deref() {
                    Some("dest") => matches!(word, "inbox" | "junk" | "custom_folder"),
                    Some("SFV") => verdict_kind(word).is_some() || word == "released_from_quarantine",
                    _ => verdict_kind(word).is_some(),
                };
                assert!(known, "{} {:?} {:?} means {word}", entry.field, entry.key, entry.value);
            }
        }
    }

    #[test]
    fn no_entry_stands_twice() {
        let mut seen = std::collections::HashSet::new();
        for page in pages() {
            for entry in &page.code {
                for value in entry
                    .value
                    .iter()
                    .chain(&entry.values)
                    .map(Some)
                    .chain((entry.value.is_none() && entry.values.is_empty()).then_some(None))
                {
                    let place =
                        (folded(&entry.field).into_owned(), entry.key.clone(), value.map(|v| folded(v).into_owned()));
                    assert!(seen.insert(place.clone()), "{place:?}");
                }
            }
        }
        assert!(seen.len() > 600, "{}", seen.len());
    }

    #[test]
    fn ok_compauth_reasons() {
        for (code, expected) in [
            ("000", Some("DMARC failed, and the domain asks for quarantine or reject")),
            ("130", Some("an ARC sealer that the organisation trusts vouched for the message, against a failed DMARC")),
            ("107", Some("passed, by a proof that is explicit or derived")),
            ("451", Some("composite authentication was bypassed")),
            ("601", Some("no explicit proof, and the author domain is one of the organisation itself")),
            // Looks alike: no class of that number is known, or it is no code.
            ("850", None),
            ("003", None),
            ("1xx", None),
            ("", None),
            ("ü1", None),
        ] {
            assert_eq!(compauth_reason(code), expected, "{code}");
        }
    }

    #[test]
    fn ok_vendors_by_name() {
        for (name, expected) in [
            ("x-ms-exchange-organization-brand-new", Some("Microsoft")),
            ("x-proofpoint-brand-new", Some("Proofpoint")),
            ("ironport-brandnew", Some("Cisco")),
            ("x-lased-brandnew", Some("Sophos")),
            // Looks alike.
            ("x-msg", None),
            ("x-mskey-one", None),
            ("x-spammer", None),
            ("x-", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(book().vendor_of(name), expected, "{name}");
        }
    }
}
