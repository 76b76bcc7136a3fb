//! The junk filter of a mailbox: its lists of trusted and blocked senders, and how strict it is.

use evidence::{ListWord, Setting, SettingClass, SourceId, Unit};

use super::object::{LISTED, List, mailbox, say_entries};
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

const NEEDS: &[Need] = &[
    ("TrustedSendersAndDomains", &["trustedsendersanddomains"]),
    ("BlockedSendersAndDomains", &["blockedsendersanddomains"]),
];

const NAMES: SettingNames =
    SettingNames { name: &["mailbox", "identity", "mailboxownerid"], enabled: &["enabled"], ..SettingNames::NONE };

/// Its lists, what an entry of each says, and about whom.
const LISTS: [List; 3] = [
    List { name: "trustedsendersanddomains", says: ListWord::Allow, on: "sender or sender domain" },
    List { name: "trustedrecipientsanddomains", says: ListWord::Allow, on: "recipient, such as a mailing list" },
    List { name: "blockedsendersanddomains", says: ListWord::Block, on: "sender or sender domain" },
];

/// Junk mail settings of Exchange Online mailboxes.
pub(crate) struct JunkConfiguration;

impl Source for JunkConfiguration {
    fn id(&self) -> SourceId {
        "exchange-online/junk-configuration"
    }

    fn title(&self) -> &'static str {
        "Exchange Online junk mail settings of mailboxes"
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
                "Get-MailboxJunkEmailConfiguration {recipient} | Select-Object *,@{n='Mailbox';e={'{recipient}'}} | ConvertTo-Json -Depth 4 | Set-Content junk_configuration.json -Encoding utf8",
            ),
            clicks: Some("Outlook on the web: Settings > Mail > Junk email (shows it; only PowerShell exports it)"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "whether an entry decided about a message: that is in its X-Microsoft-Antispam-Mailbox-Delivery header (UTF, SFV:SFE, SFV:BLK)",
            "what the lists were before: the audit log shows Set-MailboxJunkEmailConfiguration",
            "the contacts that are trusted where ContactsTrusted is true",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["operation", "auditdata"], None)
    }
}

impl Table for JunkConfiguration {
    const DATE_NAMES: &'static [&'static str] = &[];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.has(&["trustedsendersanddomains", "blockedsendersanddomains"]) {
            Ok(())
        } else {
            Err(missing("TrustedSendersAndDomains", "the row has other keys"))
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let mut filter = setting(row, SettingClass::JunkFilter, &NAMES, facts);
        filter.mailbox = mailbox(row, NAMES.name);
        if filter.mailbox.is_none() {
            facts.limit(NO_MAILBOX);
        }
        facts.say_setting(filter.clone(), &["enabled"]);
        // `Enabled` is about moves by the mailbox only: the service heeds the lists in any case.
        let holder = Setting { effect: LISTED, ..filter };
        for list in &LISTS {
            say_entries(row, facts, &holder, &SettingClass::UserListEntry, list);
        }
    }
}

/// Said where the mailbox is named by an id only.
const NO_MAILBOX: &str = "a mailbox is named by an id or not at all: it cannot be matched with a recipient; export again with the address added, as \
                          the page of this kind shows";
