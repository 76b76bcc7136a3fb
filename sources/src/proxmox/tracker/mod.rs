//! Tracking centre and quarantine lists of Proxmox Mail Gateway, as its API gives them.

use std::sync::LazyLock;

use evidence::{
    Action, Address, Arrival, Fact, Identifier, Identity, Outcome, Peer, Product, Quarantine, QuarantineState, Scope,
    SourceId, Status, System, TraceStatus, Unit, Verdict, VerdictKind,
};

use crate::codes::{Codes, trace_status};
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::{Export, Head, Likeness, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const TRACKED: &[Need] =
    &[("dstatus", &["dstatus"]), ("from", &["from"]), ("to", &["to"]), ("time", &["time"]), ("id", &["id"])];
const HELD: &[Need] = &[
    ("envelope_sender", &["envelopesender"]),
    ("receiver", &["receiver"]),
    ("bytes", &["bytes"]),
    ("time", &["time"]),
    ("subject", &["subject"]),
];

/// Tracking centre and quarantine lists of Proxmox Mail Gateway.
pub(crate) struct ProxmoxTracker;

impl Source for ProxmoxTracker {
    fn id(&self) -> SourceId {
        "proxmox/tracker"
    }

    fn title(&self) -> &'static str {
        "Proxmox Mail Gateway tracking and quarantine"
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
                "pmgsh get /nodes/localhost/tracker --starttime {start} --endtime {end} --greylist 1 --ndr 1 > tracker.json",
            ),
            clicks: Some(
                "Administration > Tracking Center, and Administration > Spam/Virus/Attachment Quarantine (show the same; the API gives JSON)",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "The quarantine lists show only what is still held: released and deleted copies are gone from them alike.",
            "The tracker reads at most 2,000 messages at once, and only as far back as the mail log goes.",
            "Which rule decided, and where a released copy went: the mail log says it.",
            "Rows of greylisted or refused messages, and of the quarantine, carry no Message-ID: they are matched by sender, recipient and time.",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        match table::recognise(head, TRACKED, &[], None) {
            Recognition::Certain => Recognition::Certain,
            tracked => match table::recognise(head, HELD, &[], None) {
                Recognition::Certain => Recognition::Certain,
                held if tracked == Recognition::No => held,
                _ => tracked,
            },
        }
    }
}

const SENDER: &[&str] = &["envelopesender", "from"];
const RECIPIENT: &[&str] = &["receiver", "to"];

impl Table for ProxmoxTracker {
    const PAGE_ROWS: &'static [u64] = &[2_000];
    const WRAPPERS: &'static [&'static str] = &["data"];
    const ID_NAMES: &'static [&'static str] = &["msgid"];
    const DATE_NAMES: &'static [&'static str] = &["time"];

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        row.text(&["msgid"]).and_then(Identifier::message_id).into_iter().collect()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        likeness.fits(&row.addresses(SENDER), &row.addresses(RECIPIENT), row.text(&["subject"]), at)
    }

    fn by_looks(&self) -> bool {
        true
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        let shown = format!("id {}", row.text(&["id"]).unwrap_or("none"));
        row.text(RECIPIENT).map(drop).ok_or_else(|| missing("to", &shown))?;
        match is_held(row) || row.text(&["dstatus"]).is_some() {
            true => Ok(()),
            false => Err(missing("dstatus", &shown)),
        }
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::ProxmoxMailGateway)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = row.addresses(RECIPIENT);
        if is_held(row) { held(row, facts) } else { tracked(row, facts) }
    }
}

/// Whether the row is one of a quarantine list.
fn is_held(row: &Row) -> bool {
    row.has(&["envelopesender"])
}

/// The address of `Name <a@b>`.
fn author(said: &str) -> Address {
    Address::new(said.rsplit_once('<').map_or(said, |(_, address)| address))
}

fn held(row: &Row, facts: &mut Facts<'_>) {
    facts.say(Fact::Identity(Identity {
        envelope_sender: row.text(&["envelopesender"]).map(Address::new),
        header_from: row.text(&["from"]).map(author),
        subject: row.text(&["subject"]).map(str::to_owned),
        size_bytes: row.text(&["bytes"]).and_then(|size| size.parse().ok()),
        ..Identity::default()
    }));
    let virus = row.text(&["virusname"]);
    let level = row.text(&["spamlevel"]);
    let (kind, store, said) = match (virus, level) {
        (Some(virus), _) => (VerdictKind::Malware, "virus", format!("virusname: {virus}")),
        (None, Some(level)) => (VerdictKind::Spam, "spam", format!("spamlevel: {level}")),
        (None, None) => (VerdictKind::Attachment, "attachment", "attachment quarantine".to_owned()),
    };
    let marks = &["virusname", "spamlevel", "id"];
    let action = Action::Quarantined;
    facts.say_by(
        marks,
        Fact::Verdict(Verdict { kind, action, said: said.clone(), policy: None, scope: Scope::Enforced }),
    );
    facts.say_by(
        marks,
        Fact::Quarantine(Quarantine {
            state: QuarantineState::Held,
            store: format!("Proxmox {store} quarantine"),
            policy: None,
            id: None,
            until: None,
            said,
        }),
    );
}

fn tracked(row: &Row, facts: &mut Facts<'_>) {
    let from = row.has(&["from"]).then(|| Address::new(row.text(&["from"]).unwrap_or("")));
    let size_bytes = row.text(&["size"]).and_then(|size| size.parse().ok()).filter(|size| *size > 0);
    facts.say(Fact::Identity(Identity { envelope_sender: from, size_bytes, ..Identity::default() }));
    let first = row.text(&["dstatus"]).unwrap_or_default();
    let after = row.text(&["rstatus"]);
    let means = CODES.means("dstatus", first);
    let outcome = match means {
        Some("rejected") => Outcome::Refused,
        Some("greylisted") => Outcome::Deferred,
        _ => Outcome::Accepted,
    };
    let client = row.text(&["client"]).map(client);
    facts.say_by(
        &["dstatus"],
        Fact::Arrival(Arrival { client, outcome, reply: None, connector: None, earlier: None, scope: Scope::Enforced }),
    );
    // `A` is the filter's word; what came behind the filter stands in `rstatus`.
    let (last, name) = match (means, after) {
        (Some("accepted"), Some(after)) => (after, "rstatus"),
        _ => (first, "dstatus"),
    };
    let word = CODES.means("dstatus", last);
    let status = match word {
        Some("rejected") => TraceStatus::Rejected,
        Some("bounced") => TraceStatus::Bounced,
        Some(word) => trace_status(word).unwrap_or_else(|| TraceStatus::Other(word.to_owned())),
        None => TraceStatus::Other(last.to_owned()),
    };
    let said = format!("{name} {last}{}", word.map_or(String::new(), |word| format!(" ({word})")));
    facts.say_by(&[name], Fact::Status(Status { status, said: said.clone(), to: None, from: None }));
    let verdict = |action| Verdict {
        kind: VerdictKind::Unknown,
        action,
        said: said.clone(),
        policy: None,
        scope: Scope::Enforced,
    };
    match word {
        Some("quarantined") => {
            facts.say_by(&[name], Fact::Verdict(verdict(Action::Quarantined)));
            facts.say_by(
                &[name],
                Fact::Quarantine(Quarantine {
                    state: QuarantineState::Held,
                    store: "Proxmox quarantine".to_owned(),
                    policy: None,
                    id: None,
                    until: None,
                    said: said.clone(),
                }),
            );
        }
        Some("blocked") => facts.say_by(&[name], Fact::Verdict(verdict(Action::NotSaid))),
        _ => {}
    }
}

/// `name[192.0.2.7]`.
fn client(said: &str) -> Peer {
    crate::postfix::event::peer(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::check_codes;

    #[test]
    fn every_code_is_known() {
        let own = ["rejected", "bounced", "greylisted", "accepted", "blocked"];
        check_codes(&CODES, |code| own.contains(&code.means.as_str()) || trace_status(&code.means).is_some());
    }
}
