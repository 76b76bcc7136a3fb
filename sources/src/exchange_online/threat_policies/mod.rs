//! Anti-spam, anti-phishing, anti-malware, Safe Links, Safe Attachments, presets and quarantine policies: what is done about
//! a verdict, and the rules that say for whom.

use std::sync::LazyLock;

use evidence::{ConditionOn, Effect, ListWord, Setting, SettingClass, SourceId, Tier, Unit};

use super::connection_filter;
use super::object::{INSTANTS, List, OBJECT, say_entries};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// The properties by which a rule names the policies that it gives their scope, and what these are.
const LINKS: &[(&str, SettingClass)] = &[
    ("hostedcontentfilterpolicy", SettingClass::AntiSpam),
    ("antiphishpolicy", SettingClass::AntiPhish),
    ("malwarefilterpolicy", SettingClass::AntiMalware),
    ("safelinkspolicy", SettingClass::UrlProtection),
    ("safeattachmentpolicy", SettingClass::AttachmentProtection),
    ("hostedoutboundspamfilterpolicy", SettingClass::OutboundSpam),
];
const LINK_NAMES: &[&str] = &[
    "hostedcontentfilterpolicy",
    "antiphishpolicy",
    "malwarefilterpolicy",
    "safelinkspolicy",
    "safeattachmentpolicy",
    "hostedoutboundspamfilterpolicy",
];

/// The properties by which a policy shows what it is; the first that a row has counts.
const MARKS: &[(&str, SettingClass)] = &[
    ("highconfidencespamaction", SettingClass::AntiSpam),
    ("allowedsenderdomains", SettingClass::AntiSpam),
    ("blockedsenderdomains", SettingClass::AntiSpam),
    ("autoforwardingmode", SettingClass::OutboundSpam),
    ("recipientlimitexternalperhour", SettingClass::OutboundSpam),
    ("phishthresholdlevel", SettingClass::AntiPhish),
    ("authenticationfailaction", SettingClass::AntiPhish),
    ("honordmarcpolicy", SettingClass::AntiPhish),
    ("enablefilefilter", SettingClass::AntiMalware),
    ("enablesafelinksforemail", SettingClass::UrlProtection),
    ("donotrewriteurls", SettingClass::UrlProtection),
    ("scanurls", SettingClass::UrlProtection),
    ("enableatpforspoteamsodb", SettingClass::AttachmentProtection),
    ("redirectaddress", SettingClass::AttachmentProtection),
    ("enable", SettingClass::AttachmentProtection),
    ("enduserquarantinepermissions", SettingClass::QuarantinePolicy),
    ("enduserquarantinepermissionsvalue", SettingClass::QuarantinePolicy),
];

/// What each of them needs; a name that only one kind has, and some that it shares.
const NEEDS: &[&[Need]] = &[
    &[
        NAME,
        ("HostedContentFilterPolicy", LINK_NAMES),
        ("State", &["state", "priority", "sentto", "recipientdomainis"]),
    ],
    &[NAME, ("SpamAction", &["spamaction"]), ("HighConfidenceSpamAction", &["highconfidencespamaction"])],
    &[
        NAME,
        ("AllowedSenders", &["allowedsenders", "blockedsenders"]),
        ("AllowedSenderDomains", &["allowedsenderdomains", "blockedsenderdomains"]),
    ],
    &[NAME, ("AutoForwardingMode", &["autoforwardingmode"])],
    &[
        NAME,
        ("AuthenticationFailAction", &["authenticationfailaction", "phishthresholdlevel", "honordmarcpolicy"]),
        (
            "EnableSpoofIntelligence",
            &["enablespoofintelligence", "enablemailboxintelligence", "dmarcrejectaction", "targeteduserstoprotect"],
        ),
    ],
    &[
        NAME,
        ("EnableFileFilter", &["enablefilefilter"]),
        ("ZapEnabled", &["zapenabled", "filetypes", "filetypeaction"]),
    ],
    &[
        NAME,
        ("ScanUrls", &["scanurls", "enablesafelinksforemail"]),
        ("AllowClickThrough", &["allowclickthrough", "donotrewriteurls", "disableurlrewrite"]),
    ],
    &[
        NAME,
        ("Enable", &["enable"]),
        ("Action", &["action"]),
        ("RedirectAddress", &["redirectaddress", "isbuiltinprotection", "quarantinetag"]),
    ],
    &[NAME, ("EnableATPForSPOTeamsODB", &["enableatpforspoteamsodb"]), ("EnableSafeDocs", &["enablesafedocs"])],
    &[
        NAME,
        ("EndUserQuarantinePermissions", &["enduserquarantinepermissions", "enduserquarantinepermissionsvalue"]),
        ("ESNEnabled", &["esnenabled", "quarantineretentiondays"]),
    ],
];
const NAME: Need = ("Name", OBJECT.name);

/// `Get-ExoPhishSimOverrideRule`: who may send simulated phishing past all filters.
const SIMULATION: &[Need] =
    &[NAME, ("Policy", &["policy"]), ("Domains", &["domains"]), ("SenderIpRanges", &["senderipranges"])];

/// Names that transport rules and audit records have, and these rows have not.
const STRANGERS: &[&str] = &["mode", "operation", "creationtime", "workload", "auditdata"];

const NAMES: SettingNames = SettingNames {
    priority: &["priority"],
    conditions: &[
        ("sentto", ConditionOn::Recipient),
        ("senttomemberof", ConditionOn::RecipientGroup),
        ("recipientdomainis", ConditionOn::RecipientDomain),
        ("from", ConditionOn::Sender),
        ("frommemberof", ConditionOn::SenderGroup),
        ("senderdomainis", ConditionOn::SenderDomain),
    ],
    ..OBJECT
};

/// Threat policies of Exchange Online and Defender for Office 365, and their rules.
pub(crate) struct ThreatPolicies;

impl Source for ThreatPolicies {
    fn id(&self) -> SourceId {
        "exchange-online/threat-policies"
    }

    fn title(&self) -> &'static str {
        "Exchange Online and Defender threat policies and their rules"
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
                "@(Get-HostedContentFilterPolicy) + @(Get-HostedContentFilterRule) + @(Get-AntiPhishPolicy) + @(Get-AntiPhishRule) + @(Get-MalwareFilterPolicy) + @(Get-MalwareFilterRule) + @(Get-SafeLinksPolicy) + @(Get-SafeLinksRule) + @(Get-SafeAttachmentPolicy) + @(Get-SafeAttachmentRule) + @(Get-HostedOutboundSpamFilterPolicy) + @(Get-HostedOutboundSpamFilterRule) + @(Get-EOPProtectionPolicyRule) + @(Get-ATPProtectionPolicyRule) + @(Get-ATPBuiltInProtectionRule) + @(Get-QuarantinePolicy) + @(Get-HostedConnectionFilterPolicy) + @(Get-ExoPhishSimOverrideRule) | ConvertTo-Json -Depth 6 | Set-Content threat_policies.json -Encoding utf8",
            ),
            clicks: Some(
                "Microsoft Defender portal > Email & collaboration > Policies & rules > Threat policies (shows them; only PowerShell exports them)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which policy acted on a message: that is in the message's verdict and in advanced hunting (EmailActionPolicy)",
            "what a policy was before: take the export again, or read the audit log",
            "who is a member of the groups that a rule names",
            "what Microsoft's filters conclude: a policy only chooses what is done about it",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::any_of(
            NEEDS
                .iter()
                .map(|needs| (*needs, STRANGERS))
                .chain([(SIMULATION, &[][..])])
                .map(|(needs, strangers)| table::recognise(head, needs, strangers, None)),
        )
    }
}

impl Table for ThreatPolicies {
    const DATE_NAMES: &'static [&'static str] = &[];
    const INSTANT_NAMES: &'static [&'static str] = INSTANTS;
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.text(NAMES.name).is_some() { Ok(()) } else { Err(missing("Name", "the row has other keys")) }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        if SIMULATION.iter().all(|(_, names)| row.has(names)) {
            return simulation(row, facts);
        }
        if connection_filter::is_one(row) {
            return connection_filter::state(row, facts);
        }
        let links: Vec<&(&str, SettingClass)> = LINKS.iter().filter(|(name, _)| row.has(&[name])).collect();
        if links.is_empty() {
            policy(row, facts);
        } else {
            rule(row, &links, facts);
        }
    }
}

/// States a rule; one of a preset gives several policies their scope, and is stated once for each of them too.
fn rule(row: &Row, links: &[&(&str, SettingClass)], facts: &mut Facts<'_>) {
    let names = SettingNames { enabled: &["state"], policy: LINK_NAMES, ..NAMES };
    let several = SettingNames { policy: &[], ..names };
    let of_preset = links.len() > 1;
    let class = match links {
        [(_, class)] => class.clone(),
        _ => SettingClass::Preset,
    };
    let mut rule = setting(row, class, if of_preset { &several } else { &names }, facts);
    rule.tier = tier_by_name(&rule.name);
    facts.say_setting(rule.clone(), &["state"]);
    let linked = links.iter().filter_map(|(name, class)| Some((name, class, row.text(&[name])?)));
    for (name, class, policy) in linked.filter(|_| of_preset) {
        let of_one =
            Setting { class: class.clone(), policy: Some(policy.to_owned()), properties: Vec::new(), ..rule.clone() };
        facts.say_setting(of_one, &[name]);
    }
}

/// States from where simulated phishing is let through: a domain and an address both have to fit.
fn simulation(row: &Row, facts: &mut Facts<'_>) {
    let names = SettingNames {
        policy: &["policy"],
        enabled: &["state", "mode"],
        conditions: &[("domains", ConditionOn::SenderDomain), ("senderipranges", ConditionOn::SourceAddress)],
        ..NAMES
    };
    let rule = setting(row, SettingClass::Other("phishing simulation override".to_owned()), &names, facts);
    facts.say_setting(rule, &["domains"]);
}

/// States a policy, and each sender that it lets through or keeps out.
fn policy(row: &Row, facts: &mut Facts<'_>) {
    let class = MARKS.iter().find(|(name, _)| row.has(&[name])).map(|(_, class)| class.clone());
    let class = class.unwrap_or_else(|| SettingClass::Other("threat policy".to_owned()));
    let switch: &[&str] = match class {
        SettingClass::AntiPhish => &["enabled"],
        SettingClass::UrlProtection => &["enablesafelinksforemail"],
        SettingClass::AttachmentProtection => &["enable", "enableatpforspoteamsodb"],
        // The others have none: their rule switches them, and the default is always on.
        _ => &[],
    };
    let names = SettingNames { enabled: switch, conditions: &[], ..NAMES };
    let mut policy = setting(row, class, &names, facts);
    policy.tier = tier(row, &policy.name);
    if policy.tier == Tier::Default && switch.is_empty() {
        policy.effect = Effect::Acts;
    }
    let monitors = row.text(&["action"]).and_then(|said| CODES.means("Action", said)) == Some("report_only");
    if policy.class == SettingClass::AttachmentProtection && policy.effect == Effect::Acts && monitors {
        policy.effect = Effect::ReportOnly;
    }
    facts.say_setting(policy.clone(), MARKED);
    for list in LISTS {
        say_entries(row, facts, &policy, &SettingClass::SenderPolicy, list);
    }
}

/// What is marked in a policy: what it does about its main verdict.
const MARKED: &[&str] =
    &["highconfidencespamaction", "autoforwardingmode", "authenticationfailaction", "filetypeaction", "action"];

/// Lists of senders that a policy holds.
const LISTS: &[List] = &[
    List { name: "allowedsenders", says: ListWord::Allow, on: "sender" },
    List { name: "allowedsenderdomains", says: ListWord::Allow, on: "sender domain" },
    List { name: "blockedsenders", says: ListWord::Block, on: "sender" },
    List { name: "blockedsenderdomains", says: ListWord::Block, on: "sender domain" },
    List { name: "excludedsenders", says: ListWord::Allow, on: "sender, from impersonation protection" },
    List { name: "excludeddomains", says: ListWord::Allow, on: "sender domain, from impersonation protection" },
];

fn tier(row: &Row, name: &str) -> Tier {
    let recommended = row.text(&["recommendedpolicytype"]).and_then(|said| CODES.means("RecommendedPolicyType", said));
    match recommended {
        Some("strict_preset") => Tier::StrictPreset,
        Some("standard_preset") => Tier::StandardPreset,
        _ if row.flag(&["isbuiltinprotection"]) == Some(true) => Tier::BuiltIn,
        // There is one policy for files only.
        _ if row.flag(&["isdefault"]) == Some(true) || row.has(&["enableatpforspoteamsodb"]) => Tier::Default,
        _ if !row.has(&["isdefault"]) && ["Default", "Office365 AntiPhish Default"].contains(&name) => Tier::Default,
        _ => tier_by_name(name),
    }
}

/// The tier that the vendor's own names carry: rules have no other mark.
fn tier_by_name(name: &str) -> Tier {
    let name = name.to_ascii_lowercase();
    if name.starts_with("strict preset security policy") {
        Tier::StrictPreset
    } else if name.starts_with("standard preset security policy") {
        Tier::StandardPreset
    } else if name.starts_with("built-in protection policy") || name == "atp built-in protection rule" {
        Tier::BuiltIn
    } else if name == "evaluation policy" {
        Tier::Evaluation
    } else {
        Tier::Custom
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| match code.field.as_str() {
            "Action" => ["report_only", "enforced"].contains(&code.means.as_str()),
            _ => ["strict_preset", "standard_preset", "custom"].contains(&code.means.as_str()),
        });
    }
}
