//! The SQL log of amavis: one row a message and recipient, with what became of a quarantined copy.

use std::sync::LazyLock;

use evidence::{
    Action, Address, Fact, Handover, Identifier, Identity, NextHop, Outcome, Product, Quarantine, QuarantineState,
    Release, ReleaseStep, Scope, SourceId, System, Unit, Verdict, VerdictKind,
};

use crate::codes::{Codes, verdict_kind};
use crate::postfix::event::{queued_as, reply};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Likeness, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const NEEDS: &[Need] = &[
    ("mail_id", &["mailid"]),
    ("ds", &["ds"]),
    ("rs", &["rs"]),
    ("content", &["content"]),
    ("quar_type", &["quartype"]),
];

const MESSAGE_ID: &[&str] = &["messageid"];
const SENDER: &[&str] = &["sender"];
const RECIPIENT: &[&str] = &["recipient"];

/// The SQL log of amavis.
pub(crate) struct AmavisSql;

impl Source for AmavisSql {
    fn id(&self) -> SourceId {
        "amavis/sql-log"
    }

    fn title(&self) -> &'static str {
        "amavis SQL log"
    }

    fn unit(&self) -> Unit {
        Unit::Recipient
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "psql --csv amavis -c \"SELECT m.mail_id, m.time_num, m.content, m.quar_type, m.quar_loc, m.message_id, m.from_addr, m.subject, m.size, m.spam_level, m.host, convert_from(s.email,'UTF8') AS sender, convert_from(r.email,'UTF8') AS recipient, mr.ds, mr.rs, mr.bl, mr.smtp_resp FROM msgs m JOIN msgrcpt mr USING (partition_tag, mail_id) JOIN maddr s ON s.id = m.sid JOIN maddr r ON r.id = mr.rid WHERE m.message_id LIKE '%{message_id}%'\" > amavis_sql.csv",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "`rs` is written by the interface of the quarantine, not by amavis: a release stands only in its log line and in the queue id that follows.",
            "Old rows are deleted by a job of the administrator (often after 3 weeks).",
            "`ds` P says that amavis handed the copy back to the mail server, not that it was delivered.",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &[], None)
    }
}

impl Table for AmavisSql {
    const ID_NAMES: &'static [&'static str] = MESSAGE_ID;
    const DATE_NAMES: &'static [&'static str] = &["timenum", "timeiso"];

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let message = row.text(MESSAGE_ID).and_then(Identifier::message_id);
        let mail = row.text(&["mailid"]).map(|id| Identifier::MailId(id.to_owned()));
        message.into_iter().chain(mail).collect()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        likeness.fits(&addresses(row, SENDER), &addresses(row, RECIPIENT), row.text(&["subject"]), at)
    }

    fn by_looks(&self) -> bool {
        true
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        let shown = format!("mail_id {}", row.text(&["mailid"]).unwrap_or("none"));
        row.text(&["mailid"]).map(drop).ok_or_else(|| missing("mail_id", &shown))?;
        row.text(&["ds"]).map(drop).ok_or_else(|| missing("ds", &shown))
    }

    fn speaker(&self, row: &Row) -> System {
        match host(row) {
            Some(host) => System::at(Product::Amavis, host),
            None => System::of(Product::Amavis),
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = addresses(row, RECIPIENT);
        facts.say(Fact::Identity(Identity {
            envelope_sender: row.has(SENDER).then(|| addresses(row, SENDER).into_iter().next().unwrap_or_default()),
            header_from: row.text(&["fromaddr"]).map(|from| Address::new(from.rsplit('<').next().unwrap_or(from))),
            subject: row.text(&["subject"]).map(str::to_owned),
            size_bytes: row.text(&["size"]).and_then(|size| size.parse().ok()),
            ..Identity::default()
        }));
        let (kind, action) = judged(row);
        let said = said(row);
        let verdict = |kind, action| {
            Fact::Verdict(Verdict { kind, action, said: said.clone(), policy: None, scope: Scope::Enforced })
        };
        facts.say_by(&["ds"], verdict(kind, action.clone()));
        if row.text(&["bl"]).is_some_and(|listed| listed.eq_ignore_ascii_case("y")) {
            facts.say_by(&["bl"], verdict(VerdictKind::BlockEntry, Action::NotSaid));
        }
        if action == Action::Quarantined {
            quarantined(row, facts, &said);
        }
        if row.text(&["ds"]).is_some_and(|ds| ds.eq_ignore_ascii_case("p")) {
            handed_back(row, facts);
        }
    }
}

/// The first label of the host's name.
fn host(row: &Row) -> Option<String> {
    let name = row.text(&["host"])?;
    Some(name.split('.').next().unwrap_or(name).to_ascii_lowercase())
}

/// Addresses; a column of bytes is printed as `\x` and hexadecimal digits.
fn addresses(row: &Row, names: &[&str]) -> Vec<Address> {
    row.list(names)
        .into_iter()
        .map(|said| bytes(said).map_or_else(|| Address::new(said), |text| Address::new(&text)))
        .collect()
}

fn bytes(said: &str) -> Option<String> {
    let digits = said.strip_prefix("\\x")?;
    let pairs = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    Some(String::from_utf8_lossy(&pairs.collect::<Option<Vec<u8>>>()?).into_owned())
}

/// What was found, and what was done with this recipient's copy.
fn judged(row: &Row) -> (VerdictKind, Action) {
    let content = row.text(&["content"]).unwrap_or_default();
    let kind = CODES.means("content", content).and_then(verdict_kind).unwrap_or(VerdictKind::Unknown);
    let is_held = row.text(&["quartype"]).is_some();
    let action = match row.text(&["ds"]).and_then(|ds| CODES.means("ds", ds)) {
        Some("passed") if matches!(content, "S" | "Y" | "s" | "y") => Action::Tagged,
        Some("passed") => Action::None,
        _ if is_held => Action::Quarantined,
        Some("rejected") => Action::Rejected,
        Some("bounced") => Action::Bounced,
        Some("discarded") => Action::Discarded,
        Some("deferred") => Action::Deferred,
        _ => Action::NotSaid,
    };
    (kind, action)
}

/// The columns that decide, as written.
fn said(row: &Row) -> String {
    let names: [(&str, &[&str]); 5] = [
        ("content", &["content"]),
        ("ds", &["ds"]),
        ("rs", &["rs"]),
        ("quar_type", &["quartype"]),
        ("spam_level", &["bspamlevel", "spamlevel"]),
    ];
    let parts = names.iter().filter_map(|(name, columns)| Some(format!("{name}={}", row.text(columns)?)));
    parts.collect::<Vec<_>>().join(" ")
}

fn quarantined(row: &Row, facts: &mut Facts<'_>, said: &str) {
    let rs = row.text(&["rs"]).and_then(|rs| CODES.means("rs", rs));
    let state = match rs {
        Some("released") => QuarantineState::Released,
        Some("deleted") => QuarantineState::Gone,
        _ => QuarantineState::Held,
    };
    let place = row.text(&["quarloc"]).map_or_else(|| said.to_owned(), |place| format!("{said} quar_loc={place}"));
    let store = "amavis quarantine".to_owned();
    facts.say_by(
        &["rs", "quartype"],
        Fact::Quarantine(Quarantine { state, store, policy: None, id: None, until: None, said: place }),
    );
    let step = match rs {
        Some("released") => ReleaseStep::Released,
        Some("pending") => ReleaseStep::Requested,
        _ => return,
    };
    let for_recipients = facts.about.envelope_recipients.clone();
    // The row's instant is that of the arrival: nothing says when the interface was used.
    let arrived_at = facts.when.take();
    facts.say_by(&["rs"], Fact::Release(Release { step, by: None, for_recipients, next: None, said: said.to_owned() }));
    facts.when = arrived_at;
}

/// amavis gave the copy back to the mail server, which answered.
fn handed_back(row: &Row, facts: &mut Facts<'_>) {
    let Some(answer) = row.text(&["smtpresp"]) else { return };
    let next = queued_as(answer).zip(host(row)).map(|(id, host)| Identifier::queue_id(&host, None, id));
    facts.say_by(
        &["smtpresp"],
        Fact::Handover(Handover {
            to: None,
            next_hop: NextHop::ContentFilter,
            outcome: Outcome::Accepted,
            reply: Some(reply(answer)),
            spoken_by_next_hop: true,
            next,
            attempt: None,
            connector: None,
            tls: None,
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::check_codes;

    #[test]
    fn every_code_is_known() {
        let done = ["passed", "rejected", "bounced", "discarded", "deferred"];
        let steps = ["released", "deleted", "pending", "viewed"];
        check_codes(&CODES, |code| match code.field.as_str() {
            "content" => verdict_kind(&code.means).is_some(),
            "ds" => done.contains(&code.means.as_str()),
            "rs" => steps.contains(&code.means.as_str()),
            _ => false,
        });
    }

    #[test]
    fn ok_bytes() {
        assert_eq!(bytes("\\x6140622e6578616d706c65").as_deref(), Some("a@b.example"));
        for said in ["a@b.example", "\\x6", "\\xzz", "\\xé"] {
            assert!(bytes(said).is_none_or(|text| text.len() < 2), "{said}");
        }
    }
}
