//! Mailboxes and groups: addresses, forwarding, limits, restrictions, and who may act on behalf of them.

use evidence::{Effect, ListEntry, ListWord, Setting, SettingClass, SourceId, Unit};

use super::object::{LISTED, List, OBJECT, mailbox, say_entries};
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

const NEEDS: &[&[Need]] = &[
    // Get-Mailbox, Get-EXOMailbox, Get-Recipient.
    &[
        ("PrimarySmtpAddress", &["primarysmtpaddress"]),
        ("RecipientTypeDetails", &["recipienttypedetails"]),
        ("EmailAddresses", &["emailaddresses"]),
        ("DisplayName", &["displayname", "name", "alias"]),
    ],
    // A few columns of Get-Mailbox, chosen to find forwarding.
    &[
        ("PrimarySmtpAddress", ADDRESS),
        ("ForwardingSmtpAddress", &["forwardingsmtpaddress"]),
        ("DeliverToMailboxAndForward", &["delivertomailboxandforward", "forwardingaddress"]),
    ],
    // Get-DistributionGroup.
    &[
        ("PrimarySmtpAddress", &["primarysmtpaddress"]),
        ("GroupType", &["grouptype"]),
        ("RequireSenderAuthenticationEnabled", &["requiresenderauthenticationenabled"]),
    ],
    // Get-CASMailbox.
    &[
        ("SmtpClientAuthenticationDisabled", &["smtpclientauthenticationdisabled"]),
        ("ImapEnabled", &["imapenabled"]),
        ("Name", &["name", "primarysmtpaddress", "displayname"]),
    ],
    // Get-MailboxPermission.
    &[("User", &["user"]), ("AccessRights", &["accessrights"]), ("IsInherited", &["isinherited"]), ("Deny", &["deny"])],
    // Get-RecipientPermission.
    &[("Trustee", &["trustee"]), ("AccessRights", &["accessrights"]), ("AccessControlType", &["accesscontroltype"])],
];

/// Names that audit records and transport rules have, and these rows have not.
const STRANGERS: &[&str] = &["operation", "creationtime", "workload", "auditdata"];

const ADDRESS: &[&str] = &["primarysmtpaddress", "userprincipalname", "windowsemailaddress", "mailbox", "identity"];

const NAMES: SettingNames = SettingNames {
    name: &["displayname", "name", "identity", "primarysmtpaddress", "userprincipalname"],
    id: &["exchangeguid", "guid", "exchangeobjectid", "externaldirectoryobjectid"],
    created: &["whenmailboxcreated", "whencreatedutc", "whencreated"],
    ..OBJECT
};

const PERMISSION: SettingNames = SettingNames { name: &["user", "trustee"], ..SettingNames::NONE };

const FORWARDING: &[&str] = &["forwardingaddress", "forwardingsmtpaddress"];

/// Mailboxes and groups of Exchange Online.
pub(crate) struct Mailboxes;

impl Source for Mailboxes {
    fn id(&self) -> SourceId {
        "exchange-online/mailboxes"
    }

    fn title(&self) -> &'static str {
        "Exchange Online mailboxes, groups and who may act for them"
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
                "Get-Mailbox {recipient} | ConvertTo-Json -Depth 4 | Set-Content mailboxes.json -Encoding utf8; Get-MailboxPermission {recipient} | Select-Object *,@{n='Mailbox';e={'{recipient}'}} | ConvertTo-Json -Depth 4 | Set-Content mailbox_permissions.json -Encoding utf8; Get-RecipientPermission {recipient} | Select-Object *,@{n='Mailbox';e={'{recipient}'}} | ConvertTo-Json -Depth 4 | Set-Content send_as.json -Encoding utf8",
            ),
            clicks: Some(
                "Exchange admin center > Recipients > Mailboxes > the mailbox > Mailbox and Delegation (shows them; Export mailboxes gives fewer columns)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which message was forwarded: that is in the message trace",
            "whether forwarding to the outside is allowed: that is in the outbound spam policy and in the remote domain",
            "what a mailbox was before: the audit log shows Set-Mailbox",
            "more than 1,000 mailboxes, unless asked for with -ResultSize Unlimited",
            "the members of groups",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::any_of(NEEDS.iter().map(|needs| table::recognise(head, needs, STRANGERS, None)))
    }
}

impl Table for Mailboxes {
    const DATE_NAMES: &'static [&'static str] = &[];
    const INSTANT_NAMES: &'static [&'static str] =
        &["whenmailboxcreated", "whenchangedutc", "whenchanged", "whencreatedutc"];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        let is_permission = row.text(PERMISSION.name).is_some() && row.text(&["accessrights"]).is_some();
        if is_permission || row.text(NAMES.name).is_some() {
            Ok(())
        } else {
            Err(missing("PrimarySmtpAddress` or `User", "the row has other keys"))
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        if row.has(&["accessrights"]) {
            permission(row, facts);
        } else {
            recipient(row, facts);
        }
    }
}

/// States a mailbox or group, where it forwards to, and who may send on behalf of it.
fn recipient(row: &Row, facts: &mut Facts<'_>) {
    let kind = row.text(&["recipienttypedetails", "recipienttype", "grouptype"]).unwrap_or_default();
    let is_group = row.has(&["grouptype"]) || kind.to_ascii_lowercase().contains("group");
    let class = if is_group { SettingClass::Group } else { SettingClass::Mailbox };
    let mut recipient: Setting = setting(row, class, &NAMES, facts);
    recipient.mailbox = mailbox(row, ADDRESS);
    facts.say_setting(recipient.clone(), &["primarysmtpaddress"]);
    if let Some(target) = row.text(FORWARDING) {
        let mut forwarding = Setting {
            class: SettingClass::Forwarding,
            name: target.to_owned(),
            effect: Effect::Acts,
            ..recipient.clone()
        };
        let words = ["forwardingaddress", "forwardingsmtpaddress", "delivertomailboxandforward"];
        forwarding.properties.retain(|property| words.contains(&property.name.to_ascii_lowercase().as_str()));
        let name = FORWARDING.iter().find(|name| row.text(&[name]).is_some()).unwrap_or(&"forwardingaddress");
        facts.say_setting(forwarding, &[name]);
    }
    let holder = Setting { effect: LISTED, ..recipient };
    say_entries(row, facts, &holder, &SettingClass::MailboxPermission, &ON_BEHALF);
}

/// Who may send on behalf of a mailbox.
const ON_BEHALF: List = List { name: "grantsendonbehalfto", says: ListWord::Allow, on: "SendOnBehalf" };

/// States who may, or may not, act for a mailbox.
fn permission(row: &Row, facts: &mut Facts<'_>) {
    let mut permission = setting(row, SettingClass::MailboxPermission, &PERMISSION, facts);
    permission.mailbox = mailbox(row, &["mailbox", "identity"]);
    if permission.mailbox.is_none() {
        facts.limit(NO_MAILBOX);
    }
    let denied = row.flag(&["deny"]) == Some(true)
        || row.text(&["accesscontroltype"]).is_some_and(|said| said.eq_ignore_ascii_case("deny"));
    permission.entry = Some(ListEntry {
        says: if denied { ListWord::Block } else { ListWord::Allow },
        on: row.list(&["accessrights"]).join(", "),
        value: permission.name.clone(),
    });
    permission.effect = LISTED;
    facts.say_setting(permission, &["accessrights"]);
}

/// Said where the mailbox of a permission is named otherwise than by its address.
const NO_MAILBOX: &str = "the mailbox of a permission is named by a name or not at all: it cannot be matched with a recipient; export again with the \
                          address added, as the page of this kind shows";
