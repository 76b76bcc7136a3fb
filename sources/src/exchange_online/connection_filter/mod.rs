//! The connection filter: addresses that are let in without spam filtering, and those that are refused at the door.

use evidence::{Effect, ListWord, SettingClass, SourceId, Tier, Unit};

use super::object::{INSTANTS, List, OBJECT, say_entries};
use crate::table::row::{Row, Torn};
use crate::table::setting::setting;
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

const NEEDS: &[Need] = &[("IPAllowList", &["ipallowlist"]), ("IPBlockList", &["ipblocklist"])];

/// Its two lists.
const LISTS: [List; 2] = [
    List { name: "ipallowlist", says: ListWord::Allow, on: "connecting address" },
    List { name: "ipblocklist", says: ListWord::Block, on: "connecting address" },
];

/// Connection filter of Exchange Online.
pub(crate) struct ConnectionFilter;

impl Source for ConnectionFilter {
    fn id(&self) -> SourceId {
        "exchange-online/connection-filter"
    }

    fn title(&self) -> &'static str {
        "Exchange Online connection filter"
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
                "Get-HostedConnectionFilterPolicy | ConvertTo-Json -Depth 4 | Set-Content connection_filter.json -Encoding utf8",
            ),
            clicks: Some(
                "Microsoft Defender portal > Email & collaboration > Policies & rules > Threat policies > Anti-spam > Connection filter policy (shows it; only PowerShell exports it)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "mail that the block list refused: it is refused before the message trace; ask for the sender's bounce",
            "which addresses Microsoft's safe list holds (EnableSafeList)",
            "what the lists were before: take the export again, or read the audit log",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &[], None)
    }
}

impl Table for ConnectionFilter {
    const DATE_NAMES: &'static [&'static str] = &[];
    const INSTANT_NAMES: &'static [&'static str] = INSTANTS;
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if is_one(row) { Ok(()) } else { Err(missing("IPAllowList", "the row has other keys")) }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        state(row, facts);
    }
}

/// Whether a row is such a policy.
pub(super) fn is_one(row: &Row) -> bool {
    row.has(&["ipallowlist", "ipblocklist"])
}

/// States the policy, and each address of its lists.
pub(super) fn state(row: &Row, facts: &mut Facts<'_>) {
    let mut policy = setting(row, SettingClass::ConnectionFilter, &OBJECT, facts);
    // There is one policy only, and nothing switches it off.
    policy.effect = Effect::Acts;
    policy.tier = Tier::Default;
    facts.say_setting(policy.clone(), &["enablesafelist"]);
    for list in &LISTS {
        say_entries(row, facts, &policy, &SettingClass::ConnectionFilter, list);
    }
}
