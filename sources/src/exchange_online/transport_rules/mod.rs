//! Transport rules (mail flow rules): conditions, exceptions, actions, order, mode.

mod collection;

use std::sync::LazyLock;

use evidence::{ConditionOn, Effect, SettingClass, SourceId, Unit};

use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Need, Parsed, Staying, Table, missing};
use crate::{Export, Head, Input, MatchedBy, ReadError, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const NEEDS: &[Need] = &[
    ("Name", &["name", "identity"]),
    ("State", &["state"]),
    ("Mode", &["mode"]),
    (
        "Conditions",
        &["conditions", "description", "actions", "fromscope", "setscl", "ruleerroraction", "senderdomainis"],
    ),
    ("Priority", &["priority"]),
];

/// `Get-TransportRule` prints each condition as a property of its own; those with a typed meaning, else `Other`.
const CONDITIONS: &[(&str, ConditionOn)] = &[
    ("from", ConditionOn::Sender),
    ("frommemberof", ConditionOn::SenderGroup),
    ("fromscope", ConditionOn::Other),
    ("senderdomainis", ConditionOn::SenderDomain),
    ("fromaddresscontainswords", ConditionOn::Sender),
    ("fromaddressmatchespatterns", ConditionOn::Sender),
    ("senderipranges", ConditionOn::SourceAddress),
    ("sentto", ConditionOn::Recipient),
    ("senttomemberof", ConditionOn::RecipientGroup),
    ("senttoscope", ConditionOn::Other),
    ("recipientdomainis", ConditionOn::RecipientDomain),
    ("recipientaddresscontainswords", ConditionOn::Recipient),
    ("recipientaddressmatchespatterns", ConditionOn::Recipient),
    ("anyoftoheader", ConditionOn::Recipient),
    ("anyoftoheadermemberof", ConditionOn::RecipientGroup),
    ("anyofccheader", ConditionOn::Recipient),
    ("anyofccheadermemberof", ConditionOn::RecipientGroup),
    ("anyoftoccheader", ConditionOn::Recipient),
    ("anyoftoccheadermemberof", ConditionOn::RecipientGroup),
    ("anyofrecipientaddresscontainswords", ConditionOn::Recipient),
    ("anyofrecipientaddressmatchespatterns", ConditionOn::Recipient),
    ("betweenmemberof1", ConditionOn::Other),
    ("betweenmemberof2", ConditionOn::Other),
    ("manageraddresses", ConditionOn::Other),
    ("managerforevaluateduser", ConditionOn::Other),
    ("sendermanagementrelationship", ConditionOn::Other),
    ("adcomparisonattribute", ConditionOn::Other),
    ("adcomparisonoperator", ConditionOn::Other),
    ("senderadattributecontainswords", ConditionOn::Sender),
    ("senderadattributematchespatterns", ConditionOn::Sender),
    ("recipientadattributecontainswords", ConditionOn::Recipient),
    ("recipientadattributematchespatterns", ConditionOn::Recipient),
    ("senderinrecipientlist", ConditionOn::Sender),
    ("recipientinsenderlist", ConditionOn::Recipient),
    ("hasclassification", ConditionOn::Other),
    ("hasnoclassification", ConditionOn::Other),
    ("hassenderoverride", ConditionOn::Other),
    ("messagecontainsdataclassifications", ConditionOn::Other),
    ("contentcharactersetcontainswords", ConditionOn::Other),
    ("headercontainsmessageheader", ConditionOn::Other),
    ("headercontainswords", ConditionOn::Other),
    ("headermatchesmessageheader", ConditionOn::Other),
    ("headermatchespatterns", ConditionOn::Other),
    ("subjectcontainswords", ConditionOn::Other),
    ("subjectmatchespatterns", ConditionOn::Other),
    ("subjectorbodycontainswords", ConditionOn::Other),
    ("subjectorbodymatchespatterns", ConditionOn::Other),
    ("attachmentextensionmatcheswords", ConditionOn::Other),
    ("attachmenthasexecutablecontent", ConditionOn::Other),
    ("attachmentispasswordprotected", ConditionOn::Other),
    ("attachmentnamematchespatterns", ConditionOn::Other),
    ("attachmentcontainswords", ConditionOn::Other),
    ("attachmentmatchespatterns", ConditionOn::Other),
    ("attachmentpropertycontainswords", ConditionOn::Other),
    ("attachmentisunsupported", ConditionOn::Other),
    ("attachmentprocessinglimitexceeded", ConditionOn::Other),
    ("attachmentsizeover", ConditionOn::Other),
    ("messagesizeover", ConditionOn::Other),
    ("messagetypematches", ConditionOn::Other),
    ("sclover", ConditionOn::Other),
    ("withimportance", ConditionOn::Other),
];

const NAMES: SettingNames = SettingNames {
    name: &["name", "identity"],
    id: &["guid", "immutableid"],
    enabled: &["state", "enabled"],
    priority: &["priority"],
    changed: &["whenchangedutc", "whenchanged"],
    changed_by: &["lastmodifiedby"],
    starts: &["activationdate"],
    expires: &["expirydate"],
    conditions: CONDITIONS,
    exception_prefix: Some("exceptif"),
    ..SettingNames::NONE
};

/// Transport rules of Exchange Online.
pub(crate) struct TransportRules;

impl Source for TransportRules {
    fn id(&self) -> SourceId {
        "exchange-online/transport-rules"
    }

    fn title(&self) -> &'static str {
        "Exchange Online transport rules"
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
                "Get-TransportRule | ConvertTo-Json -Depth 6 | Set-Content transport_rules.json -Encoding utf8",
            ),
            clicks: Some("Exchange admin center > Mail flow > Rules (shows them; only PowerShell exports them)"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which message a rule acted on: that is in the trace detail",
            "what a rule was before: take the export again, or read the audit log",
            "what a rule does with values that ConvertTo-Json cut; export with -Depth 6",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if collection::is_collection(head.text) {
            return Recognition::Certain;
        }
        table::recognise(head, NEEDS, &["eventid", "creationtime", "connectortype", "ruleidentity"], None)
    }
}

impl Table for TransportRules {
    const DATE_NAMES: &'static [&'static str] = &[];
    const INSTANT_NAMES: &'static [&'static str] = &["whenchanged", "activationdate", "expirydate"];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.text(NAMES.name).is_some() { Ok(()) } else { Err(missing("Name", "the row has other keys")) }
    }

    fn has_own_grammar(&self, start: &str) -> bool {
        collection::is_collection(start)
    }

    fn own_rows(&self, input: &Input<'_>) -> Result<Vec<Parsed>, ReadError> {
        collection::rows(input)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let mut rule = setting(row, SettingClass::TransportRule, &NAMES, facts);
        // A rule that is switched on acts only in the mode that enforces it.
        let mode = row.text(&["mode"]).and_then(|mode| CODES.means("Mode", mode));
        if rule.effect == Effect::Acts && mode == Some("report_only") {
            rule.effect = Effect::ReportOnly;
        }
        facts.say_setting(rule, &["mode", "state"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| ["enforced", "report_only"].contains(&code.means.as_str()));
    }
}
