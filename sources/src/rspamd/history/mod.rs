//! rspamd's history of scans, and its reply to one scan.

use evidence::{Address, Fact, Identifier, Identity, Product, SourceId, System, Unit};
use serde_json::Value;

use super::symbols::{self, Symbol};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Likeness, MatchedBy, Recognition, Source, ZoneRule};

const NEEDS: &[Need] = &[
    ("required_score", &["requiredscore"]),
    ("action", &["action"]),
    ("symbols", &["symbols"]),
    ("score", &["score"]),
];

const MESSAGE_ID: &[&str] = &["messageid"];
const RECIPIENTS: &[&str] = &["rcptsmtp"];
const SENDER: &[&str] = &["sendersmtp"];

/// rspamd's history of scans.
pub(crate) struct RspamdHistory;

impl Source for RspamdHistory {
    fn id(&self) -> SourceId {
        "rspamd/history"
    }

    fn title(&self) -> &'static str {
        "rspamd history or scan reply"
    }

    fn unit(&self) -> Unit {
        Unit::Message
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn export(&self) -> Export {
        Export {
            command: Some("curl -s -H 'Password: ...' http://127.0.0.1:11334/history > history.json"),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "The history is a ring of the last 200 scans a host by default: older ones are gone, often after some hours.",
            "Rows carry no queue id: they are joined by Message-ID, or by sender, recipient and time.",
            "rspamd only advises: what was done stands in the mail server's log.",
            "The subject may be obfuscated; a scan reply names no time, and only what its client told it of the envelope.",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &[], None)
    }
}

impl Table for RspamdHistory {
    const WRAPPERS: &'static [&'static str] = &["rows"];
    const ID_NAMES: &'static [&'static str] = MESSAGE_ID;
    const DATE_NAMES: &'static [&'static str] = &["unixtime"];

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let id = row.text(MESSAGE_ID).filter(|id| *id != "undef");
        id.and_then(Identifier::message_id).into_iter().collect()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        likeness.fits(&known(row, SENDER), &known(row, RECIPIENTS), row.text(&["subject"]), at)
    }

    fn by_looks(&self) -> bool {
        true
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        let shown = format!("Message-ID {}", row.text(MESSAGE_ID).unwrap_or("none"));
        row.text(&["action"]).map(drop).ok_or_else(|| missing("action", &shown))
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::Rspamd)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = known(row, RECIPIENTS);
        let from = known(row, SENDER).into_iter().next();
        let domain = from.as_ref().and_then(Address::domain).map(str::to_owned);
        facts.say(Fact::Identity(Identity {
            envelope_sender: from,
            header_from: known(row, &["sendermime"]).into_iter().next(),
            header_to: known(row, &["rcptmime"]),
            subject: row.text(&["subject"]).filter(|subject| *subject != "unknown").map(str::to_owned),
            size_bytes: row.text(&["size"]).and_then(|size| size.parse().ok()),
            ..Identity::default()
        }));
        let symbols = symbols_of(row);
        for (_, fact) in symbols::authentication(&symbols, domain.as_deref()) {
            facts.say(fact);
        }
        let action = row.text(&["action"]).unwrap_or_default();
        let score = |names: &[&str]| row.text(names).unwrap_or("-").to_owned();
        let said: Vec<&str> = symbols.iter().map(|symbol| symbol.said.as_str()).collect();
        let skipped = if row.flag(&["isskipped"]) == Some(true) { ", skipped" } else { "" };
        let said =
            format!("{action}{skipped} [{}/{}] [{}]", score(&["score"]), score(&["requiredscore"]), said.join(","));
        let forced = row.text(&["passthroughmodule"]);
        facts.say_by(&["action"], Fact::Verdict(symbols::verdict(action, forced, &symbols, &said)));
    }
}

/// Addresses; rspamd writes `unknown` for none.
fn known(row: &Row, names: &[&str]) -> Vec<Address> {
    row.addresses(names).into_iter().filter(|address| address.as_str() != "unknown").collect()
}

/// The symbols, heaviest first: an object by name, or a list.
fn symbols_of(row: &Row) -> Vec<Symbol> {
    let Some(tree) = row.tree(&["symbols"]) else { return Vec::new() };
    let mut symbols: Vec<(f64, Symbol)> = match tree.as_ref() {
        Value::Object(map) => map.iter().map(|(name, value)| symbol(name, value)).collect(),
        Value::Array(list) => {
            list.iter().filter_map(|value| Some(symbol(value.get("name")?.as_str()?, value))).collect()
        }
        _ => Vec::new(),
    };
    symbols.sort_by(|(left, a), (right, b)| right.abs().total_cmp(&left.abs()).then_with(|| a.name.cmp(&b.name)));
    symbols.into_iter().map(|(_, symbol)| symbol).collect()
}

fn symbol(name: &str, value: &Value) -> (f64, Symbol) {
    let score = value.get("score").and_then(Value::as_f64).unwrap_or(0.0);
    let options = value.get("options").and_then(Value::as_array).into_iter().flatten();
    let options: Vec<String> = options.filter_map(|option| option.as_str().map(str::to_owned)).collect();
    let listed = options.iter().map(|option| format!("{option};")).collect::<String>();
    let said = format!("{name}({score:.2}){{{listed}}}");
    (score, Symbol { name: name.to_owned(), options, said })
}
