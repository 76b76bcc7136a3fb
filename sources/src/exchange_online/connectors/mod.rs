//! Inbound and outbound connectors: who may bring mail in by which marks, and where mail goes out.

use evidence::{ConditionOn, Setting, SettingClass, SourceId, Unit};

use super::object::{INSTANTS, OBJECT};
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

const INBOUND: &[Need] = &[
    ("Name", OBJECT.name),
    ("ConnectorType", &["connectortype", "restrictdomainstocertificate", "restrictdomainstoipaddresses"]),
    ("SenderDomains", &["senderdomains", "senderipaddresses", "tlssendercertificatename"]),
];

const OUTBOUND: &[Need] = &[
    ("Name", OBJECT.name),
    ("ConnectorType", &["connectortype", "istransportrulescoped", "routeallmessagesviaonpremises"]),
    ("RecipientDomains", &["recipientdomains", "usemxrecord", "smarthosts"]),
];

/// `Get-IntraOrganizationConnector`.
const WITHIN: &[Need] = &[
    ("Name", OBJECT.name),
    ("Enabled", &["enabled"]),
    ("TargetAddressDomains", &["targetaddressdomains"]),
    ("DiscoveryEndpoint", &["discoveryendpoint", "targetsharingepr"]),
];

const NAMES: SettingNames = SettingNames {
    enabled: &["enabled"],
    conditions: &[
        ("senderdomains", ConditionOn::SenderDomain),
        ("senderipaddresses", ConditionOn::SourceAddress),
        ("tlssendercertificatename", ConditionOn::Other),
        ("recipientdomains", ConditionOn::RecipientDomain),
        ("targetaddressdomains", ConditionOn::RecipientDomain),
    ],
    ..OBJECT
};

/// Connectors of Exchange Online.
pub(crate) struct Connectors;

impl Source for Connectors {
    fn id(&self) -> SourceId {
        "exchange-online/connectors"
    }

    fn title(&self) -> &'static str {
        "Exchange Online connectors"
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
                "@(Get-InboundConnector) + @(Get-OutboundConnector) | ConvertTo-Json -Depth 6 | Set-Content connectors.json -Encoding utf8",
            ),
            clicks: Some("Exchange admin center > Mail flow > Connectors (shows them; only PowerShell exports them)"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which connector a message used: that is in the trace detail (ConnectorId)",
            "what a connector was before: take the export again, or read the audit log",
            "whether the other side answers: ValidationRecipients were tried once, at LastValidationTimestamp",
            "outbound connectors that are in test mode, unless asked for with -IncludeTestModeConnectors $true",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::any_of([INBOUND, OUTBOUND, WITHIN].map(|needs| table::recognise(head, needs, &[], None)))
    }
}

impl Table for Connectors {
    const DATE_NAMES: &'static [&'static str] = &[];
    const INSTANT_NAMES: &'static [&'static str] = INSTANTS;
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        match (row.text(NAMES.name), class(row)) {
            (None, _) => Err(missing("Name", "the row has other keys")),
            (_, None) => Err(missing("SenderDomains` or `RecipientDomains", "the row has other keys")),
            _ => Ok(()),
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let Some(class) = class(row) else { return };
        let connector: Setting = setting(row, class, &NAMES, facts);
        facts.say_setting(connector, &["enabled"]);
    }
}

/// Which way it leads, by the properties that only one way has.
fn class(row: &Row) -> Option<SettingClass> {
    if row.has(&["usemxrecord", "smarthosts", "recipientdomains"]) {
        Some(SettingClass::OutboundConnector)
    } else if row.has(&["targetaddressdomains"]) {
        Some(SettingClass::Other("intra-organization connector".to_owned()))
    } else if row.has(&["senderdomains", "senderipaddresses", "tlssendercertificatename"]) {
        Some(SettingClass::InboundConnector)
    } else {
        None
    }
}
