//! Managed URLs: links and domains that the organisation permits or blocks.

use std::sync::LazyLock;

use evidence::{Effect, ListEntry, ListWord, Reading, Setting, SettingClass, SourceId, System, Unit};

use super::rows;
use super::tables;
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Staying, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, MatchedBy, Recognition, Source, ZoneRule};

/// Managed URLs.
pub(crate) struct ManagedUrls;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const ACTION: &[&str] = &["action"];
const MATCH: &[&str] = &["matchtype"];
const URL: &[&str] = &["url", "domain"];
const SWITCHES: &[&str] = &["disablerewrite", "disablelogclick", "disableuserawareness"];

const NAMES: SettingNames = SettingNames {
    id: &["id"],
    created: &["created", "createtime", "creationdatetime"],
    expires: &["expirationdatetime", "expires"],
    ..SettingNames::NONE
};

const NEEDS: &[table::Need] = &[("action", ACTION), ("matchType", MATCH), ("url", URL), ("disableRewrite", SWITCHES)];

impl Source for ManagedUrls {
    fn id(&self) -> SourceId {
        "mimecast/managed-urls"
    }

    fn title(&self) -> &'static str {
        "Mimecast managed URLs"
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
                "curl -X POST -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \
                 https://api.services.mimecast.com/api/ttp/url/get-all-managed-urls -d '{\"data\":[{}]}'",
            ),
            clicks: Some("Administration Console > Services > URL Protection > Managed URLs > Export Data"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "which message or click an entry acted on: the URL protection log",
            "who made an entry, and when: audit events",
            "that an entry acts at once: it does so at the next click or scan",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        table::recognise(head, NEEDS, &["messageid", "subject"], None)
    }
}

impl Table for ManagedUrls {
    const WRAPPERS: &'static [&'static str] = &["data", "managedUrls", "value", "fail"];
    const DATE_NAMES: &'static [&'static str] = &[];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        tables::check(row, &[("action", ACTION), ("url", URL)])
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, NAMES.created, clock)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        let word = row.text(ACTION).unwrap_or_default();
        let says = match CODES.means("action", word) {
            Some("allow") => ListWord::Allow,
            Some("block") => ListWord::Block,
            _ => ListWord::Other(word.to_owned()),
        };
        let is_domain = row.text(MATCH).and_then(|word| CODES.means("matchType", word)) == Some("domain");
        let on = if is_domain { "domain" } else { "URL" }.to_owned();
        let value = row.text(&["domain"]).filter(|_| is_domain).map_or_else(|| url(row), str::to_owned);
        let entry = Setting {
            name: value.clone(),
            effect: Effect::Acts,
            entry: Some(ListEntry { says, on, value }),
            ..setting(row, SettingClass::ListEntry, &NAMES, facts)
        };
        facts.say_setting(entry, ACTION);
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

/// The link in one piece; the API gives it whole, or in parts, with port -1 for none.
fn url(row: &Row) -> String {
    if let Some(whole) = row.text(&["url"]) {
        return whole.to_owned();
    }
    let part = |name: &str| row.text(&[name]);
    let mut url = part("scheme").map(|scheme| format!("{}://", scheme.trim_end_matches("://"))).unwrap_or_default();
    url.push_str(part("domain").unwrap_or_default());
    if let Some(port) = part("port").filter(|port| *port != "-1") {
        url.push_str(&format!(":{port}"));
    }
    url.push_str(part("path").unwrap_or_default());
    if let Some(query) = part("querystring") {
        url.push_str(&format!("?{}", query.trim_start_matches('?')));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        for code in &CODES.all {
            assert!(
                ["allow", "block", "domain", "url"].contains(&code.means.as_str()) && code.source.contains("read 20"),
                "{code:?}"
            );
        }
    }
}
