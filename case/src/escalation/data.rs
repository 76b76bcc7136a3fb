//! The tables: causes, vendors, signs, questions. Each is read once; the tests hold every one to being whole.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::document::ReceiverKind;

/// Who can mend a cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseEntry {
    /// `family/specific`, or `family/*`.
    pub id: String,
    /// To whom a ticket goes if the reason does not say so itself.
    pub receiver: ReceiverKind,
    /// Who owns it, by whose side we are on.
    #[serde(default)]
    pub elsewhere: Elsewhere,
    /// What the cure changes for everybody.
    pub everybody: Option<String>,
    /// Another cause that, if it is shown beside this one, says whose doing it is.
    pub rather: Option<String>,
    /// What is said if nobody else is shown to own it.
    pub whose: Option<String>,
}

/// Who owns a cause that is not ours.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Elsewhere {
    /// If our user should get the mail.
    pub receiving: Option<ReceiverKind>,
    /// If our user sent it.
    pub sending: Option<ReceiverKind>,
    /// Whoever we are.
    pub always: Option<ReceiverKind>,
    /// If our user should get the mail, and it was refused or put off before a system of ours had taken it.
    pub at_the_door: Option<ReceiverKind>,
    /// If the next system refused, and none of its own records is in the ticket.
    pub next: Option<ReceiverKind>,
}

/// A product, and what its support needs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorEntry {
    /// The name that reports give the system.
    pub product: String,
    /// Who is asked.
    pub name: String,
    /// How the kinds of its exports begin.
    pub source: String,
    /// Whether its support is another organisation.
    pub outside: bool,
    /// Parts of names of its hosts.
    #[serde(default)]
    pub words: Vec<String>,
    /// Exports that show what its filter concluded.
    pub verdict: Vec<String>,
    /// Exports that show what became of a copy behind it.
    pub downstream: Vec<String>,
    /// The page, and the day on which it was read.
    pub page: String,
    /// What it needs.
    #[serde(rename = "id")]
    pub ids: Vec<IdEntry>,
}

/// One thing that a vendor needs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdEntry {
    /// What it is.
    pub kind: String,
    /// That in the vendor's words.
    pub label: String,
    /// Whether the vendor cannot do without.
    pub needed: bool,
}

/// A sign that a vendor has to act.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignEntry {
    /// Its name.
    pub id: String,
    /// Whose.
    pub product: String,
    /// What it says, in a sentence.
    pub says: String,
    /// What is to be attached.
    pub attach: Vec<String>,
    /// The page, and the day on which it was read.
    pub page: String,
    /// One of these is the cause.
    #[serde(default)]
    pub causes: Vec<String>,
    /// One of these is shown.
    #[serde(default)]
    pub symptoms: Vec<String>,
    /// Enhanced status codes of a reply of the product.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Texts of a reply of the product, lower case.
    #[serde(default)]
    pub words: Vec<String>,
    /// The code of a reply of the product.
    pub reply_code: Option<u16>,
    /// What became of the copy.
    #[serde(default)]
    pub fates: Vec<report::Fate>,
    /// How layers stand.
    #[serde(default)]
    pub states: BTreeMap<report::Layer, Vec<report::State>>,
    /// The authentication layer says one of these, lower case.
    #[serde(default)]
    pub authenticated: Vec<String>,
    /// So long the evidence goes on.
    pub minutes: Option<i64>,
}

/// Something that a receiver is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionEntry {
    /// Whom.
    pub to: ReceiverKind,
    /// For causes of these families or with these ids; for all, if none is named.
    #[serde(default)]
    pub families: Vec<String>,
    /// What.
    pub asks: String,
}

#[derive(Default, Deserialize)]
struct Causes {
    cause: Vec<CauseEntry>,
}

#[derive(Default, Deserialize)]
struct Vendors {
    vendor: Vec<VendorEntry>,
}

#[derive(Default, Deserialize)]
struct Signs {
    sign: Vec<SignEntry>,
}

#[derive(Default, Deserialize)]
struct Questions {
    question: Vec<QuestionEntry>,
}

// A table that does not parse is empty here and fails the tests.
static CAUSES: LazyLock<Causes> = LazyLock::new(|| toml::from_str(include_str!("causes.toml")).unwrap_or_default());
static VENDORS: LazyLock<Vendors> = LazyLock::new(|| toml::from_str(include_str!("vendors.toml")).unwrap_or_default());
static SIGNS: LazyLock<Signs> = LazyLock::new(|| toml::from_str(include_str!("signs.toml")).unwrap_or_default());
static QUESTIONS: LazyLock<Questions> =
    LazyLock::new(|| toml::from_str(include_str!("questions.toml")).unwrap_or_default());

/// Who can mend a cause: its own entry, else its family's.
pub fn cause(id: &str) -> Option<&'static CauseEntry> {
    let family = id.split_once('/').map_or(id, |(family, _)| family);
    let of_family = |entry: &&CauseEntry| entry.id.strip_suffix("/*") == Some(family);
    CAUSES.cause.iter().find(|entry| entry.id == id).or_else(|| CAUSES.cause.iter().find(of_family))
}

/// All products.
pub fn vendors() -> &'static [VendorEntry] {
    &VENDORS.vendor
}

/// The product that a report names so: the name itself, or the name with an instance behind it.
pub fn vendor(system: &str) -> Option<&'static VendorEntry> {
    let is_named = |entry: &&VendorEntry| {
        system.strip_prefix(&*entry.product).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    vendors().iter().find(is_named)
}

/// All signs.
pub fn signs() -> &'static [SignEntry] {
    &SIGNS.sign
}

/// What a receiver is asked about a cause, `family/specific`.
pub fn questions(to: ReceiverKind, cause: Option<&str>) -> impl Iterator<Item = &'static str> {
    let family = cause.map(|id| id.split_once('/').map_or(id, |(family, _)| family));
    let fits = move |entry: &&QuestionEntry| {
        entry.to == to
            && (entry.families.is_empty()
                || entry.families.iter().any(|one| Some(one.as_str()) == cause || Some(one.as_str()) == family))
    };
    QUESTIONS.question.iter().filter(fits).map(|entry| entry.asks.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_whole() {
        for (name, text) in [
            ("causes", include_str!("causes.toml")),
            ("vendors", include_str!("vendors.toml")),
            ("signs", include_str!("signs.toml")),
            ("questions", include_str!("questions.toml")),
        ] {
            let table: toml::Table = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(table.contains_key("read"), "{name}: the day on which it was read");
        }
        let read = toml::from_str::<Causes>(include_str!("causes.toml")).map(|_| ());
        read.unwrap_or_else(|error| panic!("causes: {error}"));
        let read = toml::from_str::<Vendors>(include_str!("vendors.toml")).map(|_| ());
        read.unwrap_or_else(|error| panic!("vendors: {error}"));
        let read = toml::from_str::<Signs>(include_str!("signs.toml")).map(|_| ());
        read.unwrap_or_else(|error| panic!("signs: {error}"));
        let read = toml::from_str::<Questions>(include_str!("questions.toml")).map(|_| ());
        read.unwrap_or_else(|error| panic!("questions: {error}"));
    }

    #[test]
    fn every_sign_has_a_condition_and_a_known_product() {
        for sign in signs() {
            let has_one = !sign.causes.is_empty()
                || !sign.symptoms.is_empty()
                || !sign.codes.is_empty()
                || !sign.words.is_empty()
                || !sign.fates.is_empty();
            assert!(has_one, "{}: no condition", sign.id);
            assert!(vendor(&sign.product).is_some_and(|vendor| vendor.outside), "{}: {}", sign.id, sign.product);
            assert!(sign.page.contains("read 20"), "{}: page and day", sign.id);
        }
    }

    #[test]
    fn every_receiver_is_asked_something_about_every_family() {
        use ReceiverKind::*;
        for to in [Vendor, Server, Security, PolicyOwner, Sender] {
            assert!(questions(to, None).next().is_some(), "{to:?}");
        }
    }

    #[test]
    fn a_product_is_known_with_and_without_its_instance() {
        for (system, expected) in [
            ("Exchange Online", Some("Microsoft")),
            ("Postfix mx1", Some("who runs the Postfix server")),
            ("Postfixed", None),
            ("", None),
        ] {
            assert_eq!(vendor(system).map(|vendor| vendor.name.as_str()), expected, "{system}");
        }
    }
}
