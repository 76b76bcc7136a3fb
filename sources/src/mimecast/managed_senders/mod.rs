//! Managed senders: whom each user permits or blocks, by own hand or by having written to them.

use std::sync::LazyLock;

use evidence::{Effect, ListEntry, ListWord, Reading, Setting, SettingClass, SourceId, System, Unit};

use super::rows;
use super::tables;
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Staying, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, MatchedBy, Recognition, Source, ZoneRule};

/// Managed senders.
pub(crate) struct ManagedSenders;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const SENDER: &[&str] = &["sender", "senderaddress", "from", "fromaddress"];
const RECIPIENT: &[&str] = &["to", "recipient", "recipientaddress", "toaddress", "user"];
const TYPE: &[&str] = &["type", "policytype", "action"];

const NAMES: SettingNames = SettingNames {
    name: SENDER,
    id: &["id"],
    mailbox: RECIPIENT,
    created: &["created", "createtime", "datecreated", "dateadded"],
    ..SettingNames::NONE
};

/// Stricter than what a row may have: `from`, `to` and `action` are in the log of any firewall.
const NEEDS: &[table::Need] = &[
    ("sender", &["sender", "senderaddress"]),
    ("to", &["to", "recipient", "recipientaddress"]),
    ("type", &["type", "policytype"]),
];

/// Names that logs and policies have and this list does not.
const STRANGERS: &[&str] = &[
    "subject",
    "messageid",
    "eventtime",
    "datetime",
    "datereceived",
    "received",
    "status",
    "info",
    "remoteip",
    "policy",
    "option",
    "frompart",
    "url",
    "definition",
    "size",
];

impl Source for ManagedSenders {
    fn id(&self) -> SourceId {
        "mimecast/managed-senders"
    }

    fn title(&self) -> &'static str {
        "Mimecast managed senders"
    }

    fn unit(&self) -> Unit {
        Unit::Setting
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::Nothing
    }

    fn export(&self) -> Export {
        Export {
            command: None,
            clicks: Some(
                "Administration Console > Users & Groups > Managed Senders (older: Gateway > Managed Senders) > Export Data",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which message an entry acted on: message info and the rejection log",
            "policies of the organisation, which go before an entry: those are in the policy exports",
            "who made an entry, and when: audit events",
            "entries of the automatic list that ran out 120 days after the last message to the sender",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        match table::recognise(head, NEEDS, STRANGERS, None) {
            // Three such names are in many lists: the words that only this one has must stand there too.
            Recognition::Certain if holds_a_word(head.text) => Recognition::Certain,
            _ => Recognition::No,
        }
    }
}

impl Table for ManagedSenders {
    const WRAPPERS: &'static [&'static str] = &["data", "managedSenders", "value", "fail"];
    const DATE_NAMES: &'static [&'static str] = &[];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        tables::check(row, &[("sender", SENDER), ("to", RECIPIENT), ("type", TYPE)])
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, NAMES.created, clock)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let word = row.text(TYPE).unwrap_or_default();
        let means = CODES.means("type", word);
        let says = match means {
            Some("allow" | "allow_off") => ListWord::Allow,
            Some("block") => ListWord::Block,
            _ => ListWord::Other(word.to_owned()),
        };
        let value = row.text(SENDER).unwrap_or_default().to_owned();
        let on = if value.contains('@') && !value.starts_with('@') { "sender" } else { "domain" }.to_owned();
        let entry = setting(row, SettingClass::UserListEntry, &NAMES, facts);
        let effect = if means == Some("allow_off") { Effect::Off } else { Effect::Acts };
        facts.say_setting(Setting { effect, entry: Some(ListEntry { says, on, value }), ..entry }, TYPE);
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

/// Whether a text holds a word of this list where a value may stand.
fn holds_a_word(text: &str) -> bool {
    text.contains("MTOKEN:")
        || text.split([',', ';', '\t', '"', '\n', '\r']).any(|cell| CODES.means("type", cell).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        for code in &CODES.all {
            assert!(
                ["allow", "allow_off", "block"].contains(&code.means.as_str()) && code.source.contains("read 20"),
                "{code:?}"
            );
        }
    }
}
