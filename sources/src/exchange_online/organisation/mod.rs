//! Settings of the whole organisation: accepted and remote domains, DKIM signing, transport and organisation configuration, audit
//! log, trusted ARC sealers, alert policies.

use evidence::{Effect, SettingClass, SourceId, Unit};

use super::object::{INSTANTS, OBJECT};
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

/// One kind of object: what it needs, what it is, and its own names.
struct Kind {
    needs: &'static [Need],
    class: fn() -> SettingClass,
    names: SettingNames,
}

const KINDS: &[Kind] = &[
    // Get-AcceptedDomain.
    Kind {
        needs: &[
            ("DomainName", &["domainname"]),
            ("DomainType", &["domaintype"]),
            ("Default", &["default", "matchsubdomains", "initialdomain"]),
        ],
        class: || SettingClass::AcceptedDomain,
        names: DOMAIN,
    },
    // Get-RemoteDomain.
    Kind {
        needs: &[
            ("DomainName", &["domainname"]),
            ("AutoForwardEnabled", &["autoforwardenabled"]),
            ("AllowedOOFType", &["allowedooftype", "ndrenabled"]),
        ],
        class: || SettingClass::RemoteDomain,
        names: DOMAIN,
    },
    // Get-DkimSigningConfig.
    Kind {
        needs: &[
            ("Domain", &["domain", "name"]),
            ("Enabled", &["enabled"]),
            ("Selector1CNAME", &["selector1cname"]),
            ("Selector2CNAME", &["selector2cname"]),
        ],
        class: || SettingClass::DkimSigning,
        names: SettingNames {
            name: &["domain", "name"],
            enabled: &["enabled"],
            created: &["keycreationtime"],
            ..OBJECT
        },
    },
    // Get-TransportConfig.
    Kind {
        needs: &[
            ("MaxReceiveSize", &["maxreceivesize"]),
            ("ExternalDsnSendHtml", &["externaldsnsendhtml"]),
            ("JournalingReportNdrTo", &["journalingreportndrto"]),
        ],
        class: || SettingClass::Organisation,
        names: OBJECT,
    },
    // Get-OrganizationConfig, whole or a few columns of it.
    Kind {
        needs: &[
            ("Name", OBJECT.name),
            ("AuditDisabled", &["auditdisabled", "hybridconfigurationstatus", "rejectdirectsend"]),
            ("OAuth2ClientProfileEnabled", &["oauth2clientprofileenabled", "sendfromaliasenabled", "rejectdirectsend"]),
        ],
        class: || SettingClass::Organisation,
        names: OBJECT,
    },
    // Get-AdminAuditLogConfig.
    Kind {
        needs: &[
            ("AdminAuditLogEnabled", &["adminauditlogenabled"]),
            ("UnifiedAuditLogIngestionEnabled", &["unifiedauditlogingestionenabled"]),
        ],
        class: || SettingClass::Organisation,
        names: OBJECT,
    },
    // Get-ArcConfig.
    Kind {
        needs: &[("ArcTrustedSealers", &["arctrustedsealers"])],
        class: || SettingClass::Other("trusted ARC sealers".to_owned()),
        names: OBJECT,
    },
    // Get-ProtectionAlert.
    Kind {
        needs: &[
            ("Name", OBJECT.name),
            ("Severity", &["severity"]),
            ("NotifyUser", &["notifyuser"]),
            ("AggregationType", &["aggregationtype"]),
            ("ThreatType", &["threattype"]),
        ],
        class: || SettingClass::AlertPolicy,
        names: SettingNames { changed_by: &["lastmodifiedby"], ..OBJECT },
    },
];

const DOMAIN: SettingNames = SettingNames { name: &["domainname"], ..OBJECT };

/// Names that audit records have and these rows have not.
const STRANGERS: &[&str] = &["creationtime", "auditdata", "recordtype"];

/// Settings of an Exchange Online organisation.
pub(crate) struct Organisation;

impl Source for Organisation {
    fn id(&self) -> SourceId {
        "exchange-online/organisation"
    }

    fn title(&self) -> &'static str {
        "Exchange Online organisation settings"
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
                "Get-AcceptedDomain | ConvertTo-Json -Depth 4 | Set-Content accepted_domains.json -Encoding utf8 (in the same way Get-RemoteDomain, Get-DkimSigningConfig, Get-TransportConfig, Get-OrganizationConfig, Get-AdminAuditLogConfig, Get-ArcConfig, Get-ProtectionAlert)",
            ),
            clicks: Some(
                "Exchange admin center > Mail flow > Accepted domains, Remote domains; Microsoft Defender portal > Email authentication settings > DKIM (show them; only PowerShell exports them)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what a setting was before: take the export again, or read the audit log",
            "whether the DNS holds what a domain needs: ask the DNS",
            "which message a setting acted on",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::any_of(KINDS.iter().map(|kind| table::recognise(head, kind.needs, STRANGERS, None)))
    }
}

impl Table for Organisation {
    const DATE_NAMES: &'static [&'static str] = &[];
    const INSTANT_NAMES: &'static [&'static str] = INSTANTS;
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if kind(row).is_some() {
            Ok(())
        } else {
            Err(missing("DomainName", "the row has other keys than any setting of an organisation"))
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let Some(kind) = kind(row) else { return };
        let mut object = setting(row, (kind.class)(), &kind.names, facts);
        if object.class == SettingClass::AlertPolicy {
            object.effect = match row.flag(&["disabled"]) {
                Some(true) => Effect::Off,
                Some(false) => Effect::Acts,
                None => Effect::NotSaid,
            };
        }
        facts.say_setting(object, MARKED);
    }
}

/// The kind of which a row has all that it needs.
fn kind(row: &Row) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.needs.iter().all(|(_, names)| row.has(names)))
}

/// What is marked: the word that most tickets ask for.
const MARKED: &[&str] = &["rejectdirectsend", "domaintype", "autoforwardenabled", "enabled", "disabled"];
