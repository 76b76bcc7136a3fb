//! E-mail log search of the Google Admin console: one row a delivery step of a message.

use std::sync::LazyLock;

use evidence::{
    Access, Action, Address, Arrival, Fact, Folder, Handover, Identifier, Identity, NextHop, Outcome, Peer, Product,
    Quarantine, QuarantineState, Reply, Scope, SourceId, Status, Stored, System, TraceStatus, Unit, Verdict,
    VerdictKind,
};

use super::message_id;
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const NEEDS: &[Need] = &[
    ("Message ID", &["messageid"]),
    ("Start date", &["startdate"]),
    ("Sender", &["sender"]),
    ("Recipient address", &["recipientaddress", "recipient"]),
    ("Event target", &["eventtarget"]),
    ("Event status", &["eventstatus"]),
];

/// The export of the e-mail log search.
pub(crate) struct EmailLogSearch;

impl Source for EmailLogSearch {
    fn id(&self) -> SourceId {
        "google/email-log-search"
    }

    fn title(&self) -> &'static str {
        "Google Workspace e-mail log search"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Unstated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn export(&self) -> Export {
        Export {
            command: None,
            clicks: Some(
                "Google Admin console > Reporting > Email log search > Message ID {message_id} > Search > Download (CSV)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "steps after delivery, such as a message that was moved or deleted: the console shows them, the export does not",
            "messages older than 30 days, except by recipient and Message-ID, and then without a status",
            "more than 1,000 messages or 15,000 lines an export",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["threatsinfomap"], None)
    }
}

impl Table for EmailLogSearch {
    const PAGE_ROWS: &'static [u64] = &[15_000];
    const ID_NAMES: &'static [&'static str] = &["messageid"];
    const DATE_NAMES: &'static [&'static str] = &["eventdate", "startdate"];

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        row.text(&["messageid"]).and_then(message_id).into_iter().collect()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &crate::Likeness) -> bool {
        likeness.fits(&row.addresses(&["sender"]), &recipients(row), row.text(&["subject"]), at)
    }

    fn by_looks(&self) -> bool {
        true
    }

    fn parties(&self, row: &Row) -> (Vec<evidence::Address>, Vec<evidence::Address>) {
        (row.addresses(&["sender"]), recipients(row))
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        match row.text(&["messageid", "sender"]) {
            Some(_) => Ok(()),
            None => Err(missing("Message ID", "the row has other cells")),
        }
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        // A zone's word at the end counts by itself.
        if row.text(Self::DATE_NAMES).is_some_and(|said| said.ends_with(char::is_alphabetic)) {
            return Zoneless::Utc;
        }
        Zoneless::AsAsked(clock)
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::GoogleWorkspace)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = recipients(row);
        facts.say(Fact::Identity(Identity {
            envelope_sender: row.text(&["sender"]).map(Address::new),
            subject: row.text(&["subject"]).map(str::to_owned),
            size_bytes: row.text(&["messagesize"]).and_then(|size| size.replace(',', "").parse().ok()),
            direction: match row.text(&["direction"]).and_then(|word| CODES.means("Direction", word)) {
                Some("inbound") => Some(Access::Inbound),
                Some("outbound") => Some(Access::Outbound),
                _ => None,
            },
            ..Identity::default()
        }));
        if row.text(&["eventtarget", "eventstatus"]).is_some() {
            step(row, facts);
        }
    }
}

fn recipients(row: &Row) -> Vec<Address> {
    row.addresses(&["recipientaddress", "recipient"])
}

/// What one step says: who the target is, and what its status word means there.
fn step(row: &Row, facts: &mut Facts<'_>) {
    let target = row.text(&["eventtarget"]).unwrap_or_default();
    let word = row.text(&["eventstatus"]).unwrap_or_default();
    let said = format!("{target}: {word}");
    let status = CODES.means("Event status", word);
    let outcome = match status {
        Some("taken") => Outcome::Accepted,
        Some("refused") => Outcome::Refused,
        Some("deferred") => Outcome::Deferred,
        _ => Outcome::NotSaid,
    };
    let peer = row.text(&["eventtargetipaddress", "eventip", "eventipaddress"]);
    let peer = peer.map(|ip| Peer { ip: Some(ip.to_owned()), ..Peer::default() });
    let reply = reply(row);
    let fact = match (CODES.means("Event target", target), status) {
        (_, Some("quarantined")) => Fact::Quarantine(Quarantine {
            state: QuarantineState::Held,
            store: "Gmail admin quarantine".to_owned(),
            policy: None,
            id: None,
            until: None,
            said: said.clone(),
        }),
        (Some("door"), _) if outcome != Outcome::NotSaid => Fact::Arrival(Arrival {
            client: peer,
            outcome,
            reply,
            connector: None,
            earlier: None,
            scope: Scope::Enforced,
        }),
        (Some("next_hop"), _) => Fact::Handover(Handover {
            to: peer,
            next_hop: NextHop::MailServer,
            outcome,
            spoken_by_next_hop: reply.is_some(),
            reply,
            next: None,
            attempt: None,
            connector: None,
            tls: row.text(&["hasencryption"]).map(str::to_owned),
        }),
        (_, Some("junked")) => Fact::Stored(Stored { folder: Some(Folder::Junk), chosen_by: Some(said.clone()) }),
        (_, Some("viewed")) => Fact::Note { said: format!("the message was viewed ({said})") },
        (_, Some("bypassed")) => {
            Fact::Note { said: format!("marked as spam, and let through by a setting of the spam filter ({said})") }
        }
        (Some("inbox"), Some("taken")) => {
            Fact::Stored(Stored { folder: Some(Folder::Inbox), chosen_by: Some(said.clone()) })
        }
        (Some("junk"), Some("taken")) => {
            Fact::Stored(Stored { folder: Some(Folder::Junk), chosen_by: Some(said.clone()) })
        }
        (Some("mailbox"), Some("taken")) => Fact::Stored(Stored { folder: None, chosen_by: Some(said.clone()) }),
        _ => Fact::Status(Status {
            status: TraceStatus::Other(word.to_owned()),
            said: said.clone(),
            to: peer,
            from: None,
        }),
    };
    let is_junk = matches!(&fact, Fact::Stored(Stored { folder: Some(Folder::Junk), .. }));
    facts.say_by(&["eventstatus"], fact);
    if is_junk {
        let verdict =
            Verdict { kind: VerdictKind::Spam, action: Action::Junked, said, policy: None, scope: Scope::Enforced };
        facts.say_by(&["eventtarget"], Fact::Verdict(verdict));
    }
}

fn reply(row: &Row) -> Option<Reply> {
    let code = row.text(&["eventsmtpreplycode", "eventsmtpcode"]);
    let text = row.text(&["eventdescription", "eventstatusdetail"]).unwrap_or_default().to_owned();
    (code.is_some() || !text.is_empty()).then(|| Reply {
        reply_code: code.and_then(|code| code.parse().ok()),
        enhanced_status_code: None,
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| {
            let words: &[&str] = match code.field.as_str() {
                "Direction" => &["inbound", "outbound"],
                "Event target" => &["door", "next_hop", "inbox", "junk", "mailbox", "internal"],
                "Event status" => &["taken", "refused", "deferred", "junked", "quarantined", "viewed", "bypassed"],
                _ => &[],
            };
            words.contains(&code.means.as_str())
        });
    }
}
