//! The unified audit log: who changed, released, moved, clicked, signed in; whatever container the records come in.

mod change;
mod mail;
mod people;

use std::sync::LazyLock;

use evidence::{Actor, ActorKind, Fact, Identifier, Product, SourceId, System, Unit};

use crate::codes::Codes;
use crate::microsoft::{self, peer};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, Likeness, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// In order: the record's own time, the tables that hold copies of it, the containers around it.
const DATE: &[&str] = &["creationtime", "timegenerated", "timegeneratedutc", "createddatetime", "creationdate"];
const OPERATION: &[&str] = &["operation", "operations"];
const CLIENT: &[&str] = &["clientip", "clientipaddress", "actoripaddress"];
const RECORD_TYPE: &[&str] = &["recordtype", "auditlogrecordtype"];

/// Cells of `Search-UnifiedAuditLog` and of both portals.
const CONTAINER: &[Need] =
    &[("AuditData", &["auditdata"]), ("Operations", OPERATION), ("CreationDate", &["creationdate", "createddatetime"])];

/// A record as it is, from the Management Activity API or within a container.
const RECORD: &[Need] = &[
    ("CreationTime", &["creationtime"]),
    ("Operation", &["operation"]),
    ("RecordType", &["recordtype"]),
    ("OrganizationId", &["organizationid"]),
    ("UserId", &["userid", "userkey"]),
];

/// A row of the `OfficeActivity` table of Log Analytics.
const TABLE: &[Need] = &[
    ("TimeGenerated", &["timegenerated", "timegeneratedutc"]),
    ("OfficeWorkload", &["officeworkload"]),
    ("Operation", &["operation"]),
    ("RecordType", &["recordtype"]),
];

/// Words of which every record that stays holds one: parts of the cmdlets, and of the operations on the directory.
const WORDS: &[&str] = &[
    "TransportRule",
    "JournalRule",
    "BlockedSender",
    "Connector",
    "FilterPolicy",
    "FilterRule",
    "PhishPolicy",
    "PhishRule",
    "SafeAttachment",
    "SafeLinks",
    "AtpPolicy",
    "ProtectionPolicyRule",
    "ProtectionRule",
    "QuarantinePolicy",
    "QuarantineTag",
    "AllowBlockList",
    "Override",
    "InboxRule",
    "SweepRule",
    "MailboxJunk",
    "Forward",
    "AcceptedDomain",
    "RemoteDomain",
    "DkimSigning",
    "ArcConfig",
    "TransportConfig",
    "OrganizationConfig",
    "AuditLogConfig",
    "AuditBypass",
    "ReportSubmission",
    "ExternalInOutlook",
    "DlpCompliance",
    "onditional access",
    "amed location",
    " domain",
];

/// Unified audit log of Microsoft 365.
pub(crate) struct AuditLog;

impl Source for AuditLog {
    fn id(&self) -> SourceId {
        "exchange-online/audit-log"
    }

    fn title(&self) -> &'static str {
        "Microsoft 365 unified audit log"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    /// Most events show within an hour or two, some only after a day.
    fn lag(&self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_mins(24 * 60)
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "Search-UnifiedAuditLog -StartDate '{start}' -EndDate '{end}' -SessionId throughline -SessionCommand \
                 ReturnLargeSet -ResultSize 5000 | Export-Csv audit_log.csv -NoTypeInformation -Encoding UTF8 (again \
                 with the same SessionId, until nothing comes)",
            ),
            clicks: Some("Microsoft Purview portal > Audit > Search > (the search) > Export"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "the last one to two hours: records come after 60 to 90 minutes, without a promise",
            "events of more than 180 days ago (one year with an E5-type licence), or from before auditing was switched on",
            "rows beyond 50,000 of one download, or beyond 5,000 of one call of Search-UnifiedAuditLog",
            "changes that Microsoft makes to preset policies without a record in the tenant",
            "what a release came to: the message trace after it shows the delivery",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let container = table::recognise(head, CONTAINER, &[], None);
        if container == Recognition::Certain {
            return container;
        }
        match table::recognise(head, TABLE, &["networkmessageid"], None) {
            Recognition::Certain => Recognition::Certain,
            _ => table::recognise(head, RECORD, &[], None),
        }
    }
}

impl Table for AuditLog {
    const WRAPPERS: &'static [&'static str] = &["value", "records", "results", "result"];
    const INNER: &'static [&'static str] = &["log", "properties", "raweventdata", "auditdata", "raw"];
    const ID_NAMES: &'static [&'static str] = &["networkmessageid", "internetmessageid", "auditdata"];
    const DATE_NAMES: &'static [&'static str] = DATE;
    const STAYING: Staying = Staying::Holding(WORDS);
    // What `Search-UnifiedAuditLog` gives without `-ResultSize`.
    const PAGE_ROWS: &'static [u64] = &[100];

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        mail::ids(row)
    }

    fn mentions(&self, row: &Row) -> Vec<Identifier> {
        mail::mentions(row)
    }

    /// Only threat intelligence says what a message looks like.
    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        let senders = [row.addresses(&["p1sender"]), row.addresses(&["p2sender"])].concat();
        likeness.fits(&senders, &row.addresses(&["recipients"]), row.text(&["subject"]), at)
    }

    /// Only what was done with items of a mailbox names its owner: a log without such rows was not searched for them.
    fn parties(&self, row: &Row) -> (Vec<evidence::Address>, Vec<evidence::Address>) {
        let is_of_items = row.text(OPERATION).is_some_and(|said| CODES.means("ItemOperation", said).is_some());
        (Vec::new(), if is_of_items { row.addresses(&["mailboxownerupn"]) } else { Vec::new() })
    }

    fn stays(&self, row: &Row) -> bool {
        change::stays(row)
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        if row.has(&["auditdata"]) {
            let found = row.text(&["auditdata"]).map_or("nothing".to_owned(), crate::text::first_words);
            return Err(Torn { expected: "a whole JSON object under `AuditData`".to_owned(), found });
        }
        if row.text(OPERATION).is_some() { Ok(()) } else { Err(missing("Operation", "the row has other keys")) }
    }

    fn speaker(&self, row: &Row) -> System {
        match row.text(&["workload", "officeworkload", "service"]) {
            Some(workload) if workload.eq_ignore_ascii_case("AzureActiveDirectory") => System::of(Product::Entra),
            _ => System::of(Product::ExchangeOnline),
        }
    }

    /// The operation decides; what is no release, change, removal, sign-in or alert is an act.
    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let operation = row.text(OPERATION).unwrap_or_default();
        match operation {
            "TIMailData" => mail::threat(row, facts),
            "TIUrlClickData" => mail::click(row, facts),
            "UpdateInboxRules" => change::inbox_rule(row, facts),
            "DlpRuleMatch" | "DLPRuleMatch" if row.has(&["exchangemetadata"]) => mail::data_loss(row, facts),
            "UserLoggedIn" | "UserLoginFailed" | "PasswordLogonInitialAuthUsingPassword" => people::sign_in(row, facts),
            _ if row.has(&["alertid", "alertdisplayname"]) => people::alert(row, facts),
            _ if mail::is_quarantine(row, operation) => mail::quarantine(row, operation, facts),
            _ if CODES.means("ItemOperation", operation).is_some() && !mail::items(row).is_empty() => {
                mail::removed(row, operation, facts)
            }
            _ => match change::of(row, operation) {
                Some(change) => facts.say_by(OPERATION, Fact::Change(change)),
                None => people::act(row, operation, facts),
            },
        }
    }
}

/// The tenant in which it was done.
fn tenant(row: &Row) -> Option<String> {
    row.text(&["organizationid"]).filter(|id| !id.is_empty()).map(str::to_owned)
}

/// Who did what the record says.
fn actor(row: &Row) -> Actor {
    let name = row.text(&["userid", "userids", "userkey"]);
    let kind = match row.text(&["usertype"]).and_then(|said| CODES.means("UserType", said)) {
        Some("person") => ActorKind::Person,
        Some("administrator") => ActorKind::Administrator,
        Some("application") => ActorKind::Application,
        // Operations on the directory say `System` of every service principal.
        Some("vendor") if name.is_some_and(|name| name.starts_with("ServicePrincipal_")) => ActorKind::Application,
        Some("vendor") => ActorKind::Vendor,
        _ => ActorKind::NotSaid,
    };
    Actor { name: name.map(str::to_owned), kind, client: peer(row, CLIENT) }
}

/// Whether it was done.
fn done(row: &Row) -> evidence::Done {
    microsoft::done(row.text(&["resultstatus"]))
}

/// The thing that was acted upon, by name or id.
fn object(row: &Row) -> Option<String> {
    row.text(&["objectid", "officeobjectid"]).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A large file is searched for these words before it is parsed.
    #[test]
    fn every_change_that_stays_holds_one_of_the_words() {
        for code in CODES.all.iter().filter(|code| code.field == "Noun") {
            let class = class_of(&code.means).expect("a class");
            let stays = change::bears_on_mail(&class);
            let has_word = WORDS.iter().any(|word| code.value.contains(word));
            assert!(has_word || !stays, "{}: no word for it", code.value);
        }
    }
    use crate::codes::{self, Code};
    use crate::entra::directory::{class_of, kind_of};

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |Code { field, means, .. }| match field.as_str() {
            "UserType" => ["person", "administrator", "application", "vendor"].contains(&means.as_str()),
            "Verb" | "RuleOperation" => means == "act" || kind_of(means).is_some(),
            "Noun" => class_of(means).is_some(),
            "QuarantineOperation" | "RequestType" | "ActionType" => {
                ["released", "requested", "denied", "gone", "act"].contains(&means.as_str())
            }
            "DlpAction" => codes::action(means).is_some(),
            "RuleMode" => ["enforced", "report_only"].contains(&means.as_str()),
            "ItemOperation" => ["deleted", "removed", "moved"].contains(&means.as_str()),
            _ => false,
        });
    }
}
