//! The journal of a systemd unit that is no mail daemon: when it ran, how it ended, and what it wrote.

use std::sync::LazyLock;

use evidence::{Fact, JobStage, JobStep, Product, SourceId, System, Unit};
use serde_json::Value;

use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::{self, Facts, Need, Staying, Table, missing};
use crate::{Export, Head, MatchedBy, Recognition, Source, ZoneRule};

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const NEEDS: &[Need] = &[
    ("__REALTIME_TIMESTAMP", &["realtimetimestamp"]),
    ("MESSAGE", &["message"]),
    ("_SYSTEMD_UNIT", &["systemdunit", "unit", "userunit"]),
    ("__CURSOR", &["cursor", "monotonictimestamp"]),
];

/// Programs whose lines speak of messages: their journal is a mail log.
const MAIL_PROGRAMS: &[&str] = &[
    "postfix",
    "dovecot",
    "exim",
    "amavis",
    "rspamd",
    "opendkim",
    "opendmarc",
    "spamd",
    "postgrey",
    "policyd-spf",
    "sendmail",
    "pmg",
];

/// How many lines at the front of a journal are looked at for mail programs.
const GLANCE_LINES: usize = 400;

/// The journal of a unit.
pub(crate) struct SystemdJournal;

impl Source for SystemdJournal {
    fn id(&self) -> SourceId {
        "job/systemd-journal"
    }

    fn title(&self) -> &'static str {
        "systemd journal of a job"
    }

    fn unit(&self) -> Unit {
        Unit::Event
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
                "journalctl -u mail-export.service -u mail-export.timer --since \"{start}\" --until \"{end}\" -o json > journal.json",
            ),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what was lost: the journal drops lines of a unit that writes too fast, and rotates by size",
            "runs before the last boot, if the journal is kept in memory only",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if table::recognise(head, NEEDS, &[], None) != Recognition::Certain || speaks_of_mail(head.text) {
            return Recognition::No;
        }
        Recognition::Certain
    }
}

/// Whether a mail program wrote one of the first lines.
fn speaks_of_mail(front: &str) -> bool {
    front.lines().take(GLANCE_LINES).any(|line| {
        let rest = line.split_once("\"SYSLOG_IDENTIFIER\"").map_or("", |(_, rest)| rest);
        let name = rest.trim_start_matches([' ', ':', '"']);
        MAIL_PROGRAMS.iter().any(|program| name.starts_with(program))
    })
}

impl Table for SystemdJournal {
    const DATE_NAMES: &'static [&'static str] = &["realtimetimestamp"];
    const STAYING: Staying = Staying::All;
    const OTHERS: &'static str = "not about one message";

    fn check(&self, row: &Row) -> Result<(), Torn> {
        match row.text(&["realtimetimestamp"]) {
            Some(_) => Ok(()),
            None => Err(missing("__REALTIME_TIMESTAMP", "the row has other keys")),
        }
    }

    fn speaker(&self, row: &Row) -> System {
        let product = Product::Other("systemd".to_owned());
        match row.text(&["hostname"]) {
            Some(host) => System::at(product, host.to_lowercase()),
            None => System::of(product),
        }
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let result = row.text(&["exitstatus", "jobresult", "unitresult"]);
        let step = JobStep {
            job: row.text(&["unit", "userunit", "systemdunit"]).unwrap_or_default().to_owned(),
            stage: stage(row),
            identity: row.text(&["uid"]).map(|uid| format!("uid {uid}")),
            host: row.text(&["hostname"]).map(str::to_lowercase),
            run: row.text(&["invocationid", "systemdinvocationid", "pid"]).map(str::to_owned),
            code: match (row.text(&["exitcode"]), result) {
                (Some(how), Some(code)) => Some(format!("{how} {code}")),
                (_, code) => code.map(str::to_owned),
            },
            said: message(row),
        };
        facts.say_by(&["message"], Fact::Job(step));
    }
}

/// How far the unit got, by the kind of message, else by its priority (RFC 5424, 6.2.1).
fn stage(row: &Row) -> JobStage {
    let by_id = row.text(&["messageid"]).and_then(|id| CODES.means("MESSAGE_ID", id));
    match by_id {
        // A process that ends with 0 ended well.
        Some("process_exit") => match (row.text(&["exitcode"]), row.text(&["exitstatus"])) {
            (Some("exited"), Some("0")) => JobStage::Ended,
            _ => JobStage::Error,
        },
        Some("unit_started") => match row.text(&["jobresult"]) {
            // A unit that runs once and ends has finished when its start job is done.
            None | Some("done") if message(row).starts_with("Finished ") => JobStage::Succeeded,
            None | Some("done") => JobStage::Started,
            Some(_) => JobStage::Failed,
        },
        Some(word) => super::stage(word).unwrap_or(JobStage::Output),
        None => match row.text(&["priority"]).and_then(|level| level.parse::<u8>().ok()) {
            Some(0..=3) => JobStage::Error,
            Some(4) => JobStage::Warning,
            _ => JobStage::Output,
        },
    }
}

/// The message; one that is no text stands as a list of its bytes.
fn message(row: &Row) -> String {
    let bytes: Option<Vec<u8>> = match row.list(&["message"]).as_slice() {
        [] | [_] => None,
        several => several.iter().map(|byte| byte.parse().ok()).collect(),
    };
    match (bytes, row.tree(&["message"]).as_deref()) {
        (Some(bytes), _) => String::from_utf8_lossy(&bytes).into_owned(),
        (None, Some(Value::Array(_))) | (None, _) => row.list(&["message"]).join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn every_code_is_known() {
        codes::check_codes(&CODES, |code| {
            ["process_exit", "unit_started"].contains(&code.means.as_str())
                || super::super::stage(&code.means).is_some()
        });
    }
}
