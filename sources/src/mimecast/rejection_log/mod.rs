//! The rejection log (`get-rejections`, and the console's export of it): what was refused at the door, and why.

use std::sync::LazyLock;

use evidence::{
    Action, Arrival, Fact, Identifier, Outcome, Reading, Scope, SourceId, System, Unit, Verdict, VerdictKind,
};

use super::rows;
use super::siem::refusal_verdict;
use super::tables::{self, MessageNames};
use super::values::{peer, reply};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, Likeness, MatchedBy, Recognition, Source, ZoneRule};

/// The rejection log.
pub(crate) struct RejectionLog;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const DATES: &[&str] =
    &["created", "createds", "createdt", "createdtutc", "datetime", "daterejected", "rejectiondate", "date"];
const TYPE: &[&str] = &["type", "types", "typed", "rejectiontype"];
const INFO: &[&str] = &["info", "infos", "rejectioninfo", "rejectioninformation", "rejectionreason"];
const DESCRIPTION: &[&str] = &["description", "descriptions"];
const ADDRESS: &[&str] = &["ipaddress", "ipaddresss", "remoteip", "remoteipaddress", "ip"];
const HOST: &[&str] = &["remotename", "remotenames", "remotehost", "remoteehlo", "remoteehlos", "ehlo"];

const MESSAGE: MessageNames = MessageNames {
    id: &["messageid"],
    envelope_sender: &["fromaddress", "fromaddresss", "fromenvelope", "senderaddress", "from", "sender"],
    header_from: &["fromheader"],
    // The address before the check is the one that the other side gave.
    recipients: &[
        "toaddressprecheck",
        "toaddressprechecks",
        "toaddress",
        "toaddresss",
        "recipientaddress",
        "to",
        "recipient",
    ],
    subject: &["subject"],
    direction: &["route", "direction"],
};

const NEEDS: &[table::Need] = &[
    ("fromAddress", MESSAGE.envelope_sender),
    ("toAddress", MESSAGE.recipients),
    ("created", DATES),
    ("type", TYPE),
    ("info", INFO),
    ("ipAddress", ADDRESS),
];

/// Names of other logs that have as much.
const STRANGERS: &[&str] = &["spamprocessingdetail", "rejectioncode", "acode", "aggregateid", "status", "delivered"];

impl Source for RejectionLog {
    fn id(&self) -> SourceId {
        "mimecast/rejection-log"
    }

    fn title(&self) -> &'static str {
        "Mimecast rejection log"
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
                "curl -X POST -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \
                 https://api.services.mimecast.com/api/gateway/get-rejections -d '{\"data\":[{\"admin\":true,\
                 \"start\":\"{start}\",\"end\":\"{end}\",\"searchBy\":{\"fieldName\":\"to\",\"value\":\"{recipient}\"}}]}'",
            ),
            clicks: Some("Administration Console > Message Center > Rejected and Deferred Messages > Export Data"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "kept for 7 days",
            "rows carry no Message-ID and no subject: they are matched by sender, recipient and time",
            "one row a refused recipient and attempt: a sender that tries again gives several",
            "the message itself: a refusal in the session keeps no content",
            "connections that were refused before a recipient was named may have no row",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, STRANGERS, None)
    }
}

impl Table for RejectionLog {
    const WRAPPERS: &'static [&'static str] = &["data", "rejections", "rejectionLogs", "value", "fail"];
    const DATE_NAMES: &'static [&'static str] = DATES;

    fn ids(&self, row: &Row) -> Vec<Identifier> {
        MESSAGE.ids(row)
    }

    fn looks_like(&self, row: &Row, at: Option<jiff::Timestamp>, likeness: &Likeness) -> bool {
        // An alias is known to others by the address that it stands for.
        const RESOLVED: MessageNames =
            MessageNames { recipients: &["toaddresspostcheck", "toaddresspostchecks", "toaddress"], ..MESSAGE };
        MESSAGE.look_like(row, at, likeness) || RESOLVED.look_like(row, at, likeness)
    }

    fn by_looks(&self) -> bool {
        true
    }

    fn check(&self, row: &Row) -> Result<(), Torn> {
        const REASON: &[&str] = &[
            "info",
            "infos",
            "rejectioninfo",
            "rejectioninformation",
            "rejectionreason",
            "type",
            "types",
            "rejectiontype",
        ];
        tables::check(row, &[("toAddress", MESSAGE.recipients), ("info", REASON)])
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, DATES, clock)
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        MESSAGE.introduce(row, facts);
        let outcome = outcome(row);
        let text = [INFO, DESCRIPTION, TYPE].iter().find_map(|names| row.text(names)).unwrap_or_default();
        let name = row.text(HOST).map(str::to_owned);
        let arrival = Arrival {
            client: peer(name, row.text(ADDRESS).map(str::to_owned)),
            outcome,
            reply: reply(None, text),
            connector: None,
            earlier: None,
            scope: Scope::Enforced,
        };
        facts.say_by(INFO, Fact::Arrival(arrival));
        state_why(row, facts, outcome);
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

/// Refused for good, unless the reply or the type tells that the sender was asked to try again.
fn outcome(row: &Row) -> Outcome {
    let texts = || [INFO, DESCRIPTION, TYPE].into_iter().filter_map(|names| row.text(names));
    let code = texts().find_map(|text| reply(None, text)?.reply_code);
    match code {
        Some(400..=499) => Outcome::Deferred,
        Some(_) => Outcome::Refused,
        None if texts().any(|text| CODES.within("deferral", text).is_some()) => Outcome::Deferred,
        None => Outcome::Refused,
    }
}

/// Says why, where the text or type of the refusal names a filter, list or policy; the text is more exact than the type.
fn state_why(row: &Row, facts: &mut Facts<'_>, outcome: Outcome) {
    let texts = [INFO, DESCRIPTION, TYPE];
    let found = texts.iter().find_map(|names| Some((refusal_verdict(row.text(names)?)?, *names)));
    let said = [TYPE, INFO].iter().filter_map(|names| row.text(names)).collect::<Vec<_>>().join(": ");
    let kind = match found {
        Some((Some(kind), names)) => Some((kind, names)),
        // Nobody's verdict: an unknown recipient, a loop, a missing TLS.
        Some((None, _)) => None,
        None => Some((VerdictKind::Unknown, TYPE)),
    };
    if let Some((kind, names)) = kind {
        let action = if outcome == Outcome::Deferred { Action::Deferred } else { Action::Rejected };
        facts.say_by(names, Fact::Verdict(Verdict { kind, action, said, policy: None, scope: Scope::Enforced }));
    }
}
