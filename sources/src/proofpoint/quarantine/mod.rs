//! Proofpoint quarantine: the answer of a search, one row a held message.

use std::sync::LazyLock;

use evidence::{
    Action, Address, Arrival, Fact, Identifier, Identity, Outcome, Peer, Product, Quarantine, QuarantineState, Release,
    ReleaseStep, Scope, SourceId, System, Unit, Verdict, VerdictKind,
};

use super::{HOST, id};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Table, missing};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const NEEDS: &[Need] = &[
    ("guid", &["guid", "localguid"]),
    ("processingserver", &["processingserver"]),
    ("folder", &["folder"]),
    ("rcpts", &["rcpts"]),
    ("messageid", &["messageid"]),
];

/// The quarantine of Proofpoint Protection Server.
pub(crate) struct QuarantineSearch;

impl Source for QuarantineSearch {
    fn id(&self) -> SourceId {
        "proofpoint/quarantine"
    }

    fn title(&self) -> &'static str {
        "Proofpoint quarantine search"
    }

    fn unit(&self) -> Unit {
        Unit::Message
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Unstated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "curl -s -u \"$USER:$PASSWORD\" \"https://$SERVER:10000/rest/v1/quarantine?from={sender}&rcpt={recipient}&startdate={start}&enddate={end}&folder=Quarantine\" -o quarantine.json",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "that a released message arrived: see the maillog of the message log",
            "messages of folders that were not asked for, or that were deleted when their time ran out",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["filter", "threatsinfomap"], None)
    }
}

impl Table for QuarantineSearch {
    const WRAPPERS: &'static [&'static str] = &["records", "success", "results", "messages"];
    const ID_NAMES: &'static [&'static str] = &["messageid", "guid", "localguid"];
    const DATE_NAMES: &'static [&'static str] = &["date"];
    const QUEUE_HOST: Option<&'static str> = Some(HOST);

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        let message_id = row.text(&["messageid"]).and_then(Identifier::message_id);
        message_id.into_iter().chain(row.text(&["guid", "localguid"]).and_then(id)).collect()
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &crate::Likeness) -> bool {
        likeness.fits(&row.addresses(&["from"]), &row.addresses(&["rcpts"]), row.text(&["subject"]), at)
    }

    fn parties(&self, row: &Row) -> (Vec<evidence::Address>, Vec<evidence::Address>) {
        (row.addresses(&["from"]), row.addresses(&["rcpts"]))
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        match row.text(&["folder"]) {
            Some(_) => Ok(()),
            None => Err(missing("folder", "the row has other keys")),
        }
    }

    fn zoneless<'c>(&self, _row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        Zoneless::AsAsked(clock)
    }

    fn speaker(&self, _row: &Row) -> System {
        System::of(Product::Proofpoint)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        facts.about.envelope_recipients = row.addresses(&["rcpts"]);
        facts.say(Fact::Identity(Identity {
            envelope_sender: row.text(&["from"]).map(Address::new),
            subject: row.text(&["subject"]).map(str::to_owned),
            size_bytes: row.text(&["size"]).and_then(|size| size.parse().ok()),
            ..Identity::default()
        }));
        if let Some(client) = row.text(&["hostip"]).map(peer) {
            let arrival = Arrival {
                client: Some(client),
                outcome: Outcome::Accepted,
                reply: None,
                connector: None,
                earlier: None,
                scope: Scope::Enforced,
            };
            facts.say_by(&["hostip"], Fact::Arrival(arrival));
        }
        held(row, facts);
    }
}

/// What the folder and the states of the row say.
fn held(row: &Row, facts: &mut Facts<'_>) {
    let folder = row.text(&["folder"]).unwrap_or_default();
    let kind = CODES.means("folder", folder).and_then(crate::codes::verdict_kind).unwrap_or(VerdictKind::Unknown);
    let verdict = Verdict {
        kind,
        action: Action::Quarantined,
        said: format!("folder={folder} spamscore={}", row.text(&["spamscore"]).unwrap_or("-")),
        policy: None,
        scope: Scope::Enforced,
    };
    facts.say_by(&["folder"], Fact::Verdict(verdict));
    let states = row.objects(&["messagestatus"]);
    let word = |state: &serde_json::Map<String, serde_json::Value>, name: &str| {
        state.get(name).and_then(serde_json::Value::as_str).map(str::to_owned).filter(|text| !text.is_empty())
    };
    let released = states.iter().find(|state| {
        word(state, "statusdesc").is_some_and(|said| CODES.means("statusdesc", &said) == Some("released"))
    });
    let last = states.last().and_then(|state| word(state, "statusdesc"));
    let hold = Quarantine {
        state: if released.is_some() { QuarantineState::Released } else { QuarantineState::Held },
        store: format!("Proofpoint quarantine ({folder})"),
        policy: None,
        id: None,
        until: None,
        said: last.map_or(format!("folder={folder}"), |last| format!("folder={folder} statusdesc={last}")),
    };
    facts.say_by(&["folder"], Fact::Quarantine(hold));
    if let Some(state) = released {
        facts.when = word(state, "date").and_then(|said| facts.instant(&said)).or(facts.when.take());
        let release = Release {
            step: ReleaseStep::Released,
            by: word(state, "user"),
            for_recipients: facts.about.envelope_recipients.clone(),
            next: None,
            said: word(state, "statusdesc").unwrap_or_default(),
        };
        facts.say_key("messagestatus", Fact::Release(release));
    }
}

/// `mx.example.com [192.0.2.1]`.
fn peer(said: &str) -> Peer {
    let (name, ip) = match said.split_once('[') {
        Some((name, rest)) => (name.trim(), rest.split(']').next().map(str::to_owned)),
        None => ("", Some(said.to_owned())),
    };
    Peer { name: (!name.is_empty()).then(|| name.to_lowercase()), ip, port: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| match code.field.as_str() {
            "folder" => codes::verdict_kind(&code.means).is_some(),
            _ => code.means == "released",
        });
    }
}
