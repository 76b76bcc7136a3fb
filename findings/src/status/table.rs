//! The tables of this folder: what is known of codes and texts, list by list.

use std::sync::LazyLock;

use evidence::{Layer, Product};
use serde::Deserialize;

use super::Owner;

/// Whose list of codes an explanation is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum List {
    /// The registry and the standards.
    Standards,
    /// Exchange Online's own.
    ExchangeOnline,
    /// Mimecast's own.
    Mimecast,
    /// Gmail's own.
    Google,
    /// Postfix's own.
    Postfix,
    /// No list has the code: what its words say.
    Words,
    /// No list has the code: what its numbers mean one by one.
    Numbers,
}

impl List {
    /// The lists that a product speaks by, the one whose words are the most telling first.
    pub(crate) const PRODUCTS: [List; 4] = [List::ExchangeOnline, List::Google, List::Mimecast, List::Postfix];

    /// The list's name for people.
    pub fn name(self) -> &'static str {
        match self {
            List::Standards => "the standards",
            List::ExchangeOnline => "Exchange Online",
            List::Mimecast => "Mimecast",
            List::Google => "Gmail",
            List::Postfix => "Postfix",
            List::Words => "its words",
            List::Numbers => "its numbers",
        }
    }

    /// The list of a service that keeps records, if we have that service's.
    pub(crate) fn of_product(product: &Product) -> Option<List> {
        Some(match product {
            Product::ExchangeOnline => List::ExchangeOnline,
            Product::GoogleWorkspace => List::Google,
            Product::Mimecast => List::Mimecast,
            _ => return None,
        })
    }

    /// The list of a service, by the service's name in `sources`.
    pub(crate) fn of_service(name: &str) -> Option<List> {
        Some(match name {
            "Exchange Online" => List::ExchangeOnline,
            "Google" => List::Google,
            "Mimecast" => List::Mimecast,
            _ => return None,
        })
    }
}

/// One entry: codes, or words, or both; where both stand, both have to fit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Enhanced status codes: `5.7.64`, any class `X.7.1`, a range of the last number `4.7.500-699`.
    #[serde(default)]
    pub(crate) codes: Vec<String>,
    /// Reply codes that come without an enhanced one.
    #[serde(default)]
    pub(crate) reply_codes: Vec<u16>,
    /// Parts of the text, lower case; one is enough.
    #[serde(default)]
    pub(crate) words: Vec<String>,
    /// What it means, in one sentence.
    pub(crate) means: String,
    /// The cause that it names; none where only the text decides.
    pub(crate) cause: Option<String>,
    /// The layers that may say it, where no cause gives them.
    #[serde(default)]
    layers: Vec<LayerName>,
    /// Who can mend it.
    pub(crate) owner: Owner,
    /// What to do, as narrowly as possible.
    pub(crate) to_do: String,
    /// Exports that show it beside the logs of whoever spoke.
    #[serde(default)]
    pub(crate) exports: Vec<String>,
    /// The page, and the day on which it was read.
    pub(crate) source: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LayerName {
    Arrival,
    Authentication,
    Verdict,
    Delivery,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// Words by which the product is known as the speaker, lower case.
    #[serde(default)]
    pub(crate) spoken: Vec<String>,
    pub(crate) code: Vec<Entry>,
}

/// The text of each table.
pub(super) const FILES: [(List, &str); 6] = [
    (List::Standards, include_str!("rfc.toml")),
    (List::ExchangeOnline, include_str!("exchange_online.toml")),
    (List::Google, include_str!("google.toml")),
    (List::Mimecast, include_str!("mimecast.toml")),
    (List::Postfix, include_str!("postfix.toml")),
    (List::Words, include_str!("words.toml")),
];

static TABLES: LazyLock<Vec<(List, Table)>> = LazyLock::new(|| {
    FILES.iter().filter_map(|(list, text)| Some((*list, toml::from_str::<Table>(text).ok()?))).collect()
});

/// The entries of a list.
pub(crate) fn entries(list: List) -> &'static [Entry] {
    TABLES.iter().find(|(known, _)| *known == list).map_or(&[], |(_, table)| &table.code)
}

/// The words by which a list's product is known.
pub(crate) fn spoken(list: List) -> &'static [String] {
    TABLES.iter().find(|(known, _)| *known == list).map_or(&[], |(_, table)| &table.spoken)
}

impl Entry {
    /// The layers that may say it; those of the cause where there is one.
    pub(crate) fn layers(&self) -> Vec<Layer> {
        match &self.cause {
            Some(cause) => layers_of(cause),
            None => self.layers.iter().map(|name| name.layer()).collect(),
        }
    }

    /// Whether it is about this enhanced status code; an entry without codes is about every one.
    pub(crate) fn has_code(&self, code: Option<&str>) -> bool {
        self.codes.is_empty() || code.is_some_and(|code| self.codes.iter().any(|known| is_code(known, code)))
    }

    /// Whether its words stand in a text, which is in lower case.
    pub(crate) fn has_words(&self, text: &str) -> bool {
        self.words.iter().any(|word| text.contains(word.as_str()))
    }
}

impl LayerName {
    fn layer(self) -> Layer {
        match self {
            LayerName::Arrival => Layer::Arrival,
            LayerName::Authentication => Layer::Authentication,
            LayerName::Verdict => Layer::Verdict,
            LayerName::Delivery => Layer::Delivery,
        }
    }
}

/// The layers that a cause belongs to: routing is the arrival's at the door that says it, the delivery's for whoever hands on.
pub(crate) fn layers_of(cause: &str) -> Vec<Layer> {
    match cause.split('/').next() {
        Some("authentication-alignment") => vec![Layer::Authentication],
        Some("content-verdict" | "policy-scope-or-order") => vec![Layer::Verdict],
        _ => vec![Layer::Arrival, Layer::Delivery],
    }
}

/// Whether `code` is the known one: the same, of any class (`X.7.1`), or within its range (`4.7.500-699`).
fn is_code(known: &str, code: &str) -> bool {
    let (class, known_rest) = known.split_once('.').unwrap_or((known, ""));
    let Some((code_class, rest)) = code.split_once('.') else { return false };
    if class != "X" && class != code_class {
        return false;
    }
    let range = known_rest.rsplit_once('.').and_then(|(subject, details)| {
        let (low, high) = details.split_once('-')?;
        Some((subject, low.parse::<u16>().ok()?, high.parse::<u16>().ok()?))
    });
    match (range, rest.split_once('.')) {
        (Some((subject, low, high)), Some((code_subject, detail))) => {
            subject == code_subject && detail.parse::<u16>().is_ok_and(|detail| (low..=high).contains(&detail))
        }
        _ => known_rest == rest,
    }
}
