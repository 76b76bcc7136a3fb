//! The tenant allow and block list, and the pairs of sender and infrastructure that may or may not spoof.

use std::net::IpAddr;
use std::sync::LazyLock;

use evidence::{ConditionOn, ListEntry, ListWord, Setting, SettingClass, SourceId, Unit};

use super::object::LISTED;
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// `Get-TenantAllowBlockListItems` and what `New-TenantAllowBlockListItems` answers.
const ITEMS: &[Need] = &[
    ("Value", &["value"]),
    ("Action", &["action"]),
    ("ListSubType", &["listsubtype", "entryvaluehash", "submissionid", "removeafter"]),
    ("ExpirationDate", &["expirationdate", "lastmodifieddatetime"]),
];

/// The portal's tabs.
const PORTAL: &[Need] = &[
    ("Value", &["value", "entry"]),
    ("Action", &["action"]),
    ("Modified by", &["modifiedby"]),
    ("Remove on", &["removeon"]),
    ("Last updated", &["lastupdated", "lastused", "lastuseddate"]),
];

/// `Get-TenantAllowBlockListSpoofItems`, `Get-SpoofIntelligenceInsight`, and the portal's tab.
const SPOOF: &[Need] = &[
    ("SpoofedUser", &["spoofeduser"]),
    ("SendingInfrastructure", &["sendinginfrastructure"]),
    ("SpoofType", &["spooftype"]),
    ("Action", &["action"]),
];

/// Names that audit records have and these rows have not.
const STRANGERS: &[&str] = &["operation", "creationtime", "workload", "auditdata"];

const NAMES: SettingNames = SettingNames {
    name: &["value", "entry"],
    id: &["identity"],
    created: &["createddatetime"],
    changed: &["lastmodifieddatetime", "lastupdated"],
    changed_by: &["modifiedby"],
    expires: &["expirationdate", "removeon"],
    last_used: &["lastuseddate", "lastused", "lastseen"],
    conditions: &[("spoofeduser", ConditionOn::Sender), ("sendinginfrastructure", ConditionOn::Other)],
    ..SettingNames::NONE
};

/// Entries of the tenant allow and block list.
pub(crate) struct AllowBlockList;

impl Source for AllowBlockList {
    fn id(&self) -> SourceId {
        "exchange-online/allow-block-list"
    }

    fn title(&self) -> &'static str {
        "Exchange Online tenant allow and block list"
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
            command: Some(
                "'Sender','Url','FileHash','IP' | ForEach-Object { $type = $_; Get-TenantAllowBlockListItems -ListType $type | Select-Object *,@{n='ListType';e={$type}} } | ConvertTo-Json -Depth 4 | Set-Content allow_block_list.json -Encoding utf8; Get-TenantAllowBlockListSpoofItems | ConvertTo-Json -Depth 4 | Set-Content spoof_items.json -Encoding utf8",
            ),
            clicks: Some(
                "Microsoft Defender portal > Email & collaboration > Policies & rules > Threat policies > Tenant Allow/Block Lists > each tab > Export",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "entries that were removed or have expired: the audit log shows who removed them, an alert that Microsoft did",
            "whether an entry decided about a message: that is in the message's verdict and in advanced hunting",
            "which list an entry is from, unless the list type was added to the export",
            "impersonation exceptions: those stand in the anti-phishing policy",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::any_of([ITEMS, PORTAL, SPOOF].map(|needs| table::recognise(head, needs, STRANGERS, None)))
    }
}

impl Table for AllowBlockList {
    const DATE_NAMES: &'static [&'static str] = &[];
    const INSTANT_NAMES: &'static [&'static str] =
        &["createddatetime", "lastmodifieddatetime", "lastupdated", "expirationdate", "removeon", "lastuseddate"];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        let has_value = row.text(NAMES.name).is_some() || row.text(&["spoofeduser"]).is_some();
        match (has_value, row.text(&["action"])) {
            (false, _) => Err(missing("Value", "the row has other keys")),
            (_, None) => Err(missing("Action", "an entry that says neither allow nor block")),
            _ => Ok(()),
        }
    }

    /// UTC for the cmdlet; the portal's list does not record its zone.
    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        if row.has(&["removeon", "lastupdated"]) { Zoneless::AsAsked(clock) } else { Zoneless::Utc }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let listed = if row.has(&["spoofeduser"]) { pair(row, facts) } else { entry(row, facts) };
        facts.say_setting(listed, &["action"]);
    }
}

/// Said where it cannot be told which list an entry is from.
const NO_LIST_TYPE: &str = "the export does not name the list type: an entry that is only a domain may stand in the list of senders or in that \
                            of URLs; export again with the type added, as the page of this kind shows";

fn entry(row: &Row, facts: &mut Facts<'_>) -> Setting {
    let mut entry = setting(row, SettingClass::ListEntry, &NAMES, facts);
    let on = row.text(&["listtype"]).and_then(|said| CODES.means("ListType", said).or(Some(said)));
    let on = on.unwrap_or_else(|| shape_of(&entry.name));
    if on == DOMAIN {
        facts.limit(NO_LIST_TYPE);
    }
    entry.entry = Some(ListEntry { says: word(row), on: on.to_owned(), value: entry.name.clone() });
    entry.effect = LISTED;
    entry
}

/// A spoofed sender together with where it may, or may not, come from.
fn pair(row: &Row, facts: &mut Facts<'_>) -> Setting {
    let mut pair = setting(row, SettingClass::SpoofEntry, &NAMES, facts);
    let of = |name| row.text(&[name]).unwrap_or_default();
    let value = format!("{}, {}", of("spoofeduser"), of("sendinginfrastructure"));
    // An external pair names the domain of the sender, an internal one the address.
    for condition in pair.conditions.iter_mut().filter(|condition| condition.on == ConditionOn::Sender) {
        if !condition.values.iter().any(|value| value.contains('@')) {
            condition.on = ConditionOn::SenderDomain;
        }
    }
    pair.name = value.clone();
    pair.entry = Some(ListEntry { says: word(row), on: "spoofed sender and sending infrastructure".to_owned(), value });
    pair.effect = LISTED;
    pair
}

fn word(row: &Row) -> ListWord {
    let said = row.text(&["action"]).unwrap_or_default();
    match CODES.means("Action", said) {
        Some("allow") => ListWord::Allow,
        Some("block") => ListWord::Block,
        _ => ListWord::Other(said.to_owned()),
    }
}

/// What a domain is, if the list is not named.
const DOMAIN: &str = "domain";

/// What kind of value it is, by its shape.
fn shape_of(value: &str) -> &'static str {
    let is_network = || value.split_once('/').is_some_and(|(net, bits)| is_address(net) && bits.parse::<u8>().is_ok());
    let host = value.strip_prefix("*.").unwrap_or(value);
    if value.contains("://") {
        "url"
    } else if is_address(value) || is_network() {
        "connecting address"
    } else if value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        "file hash"
    } else if value.contains(['/', '~', '?']) || host.contains('*') {
        "url"
    } else if value.contains('@') {
        "sender"
    } else {
        DOMAIN
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| match code.field.as_str() {
            "Action" => ["allow", "block"].contains(&code.means.as_str()),
            _ => ["sender", "url", "file hash", "connecting address"].contains(&code.means.as_str()),
        });
    }

    #[test]
    fn ok_shapes() {
        for (value, expected) in [
            ("ann@example.com", "sender"),
            ("example.com", "domain"),
            ("*.example", "domain"),
            ("example.com/*", "url"),
            ("~example.com", "url"),
            ("*.example.com/*", "url"),
            ("https://example.com/@x", "url"),
            ("2001:db8::1", "connecting address"),
            ("2001:db8::/64", "connecting address"),
            ("192.0.2.7", "connecting address"),
            ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "file hash"),
        ] {
            assert_eq!(shape_of(value), expected, "{value}");
        }
    }
}
