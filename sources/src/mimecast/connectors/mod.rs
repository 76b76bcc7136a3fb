//! Delivery route definitions, which say where mail goes on, and the connectors to other services.

use std::sync::LazyLock;

use evidence::{Effect, Property, Reading, Setting, SettingClass, SourceId, System, Unit};

use super::rows;
use super::tables;
use super::values::{Object, text_at};
use crate::codes::Codes;
use crate::table::row::{Row, Torn};
use crate::table::setting::{SettingNames, setting};
use crate::table::{self, Facts, Staying, Table};
use crate::time::Zoneless;
use crate::{Clock, Export, Head, Input, MatchedBy, Recognition, Source, ZoneRule};

/// Delivery routes and connectors.
pub(crate) struct Connectors;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

const ALTERNATE: &[&str] = &["alternaterouteid", "alternateroute", "smtpauthentication"];

const NAMES: SettingNames =
    SettingNames { name: &["description", "name", "routename"], id: &["id"], ..SettingNames::NONE };

const CONNECTOR: SettingNames = SettingNames {
    name: &["name"],
    id: &["id"],
    enabled: &["status"],
    created: &["createddatetime"],
    changed: &["updateddatetime"],
    ..SettingNames::NONE
};

const ROUTE_NEEDS: &[table::Need] =
    &[("description", &["description", "routename"]), ("hostname", &["hostname"]), ("port", &["port"])];
const CONNECTOR_NEEDS: &[table::Need] =
    &[("name", &["name"]), ("product", &["product"]), ("provider", &["provider"]), ("status", &["status"])];

impl Source for Connectors {
    fn id(&self) -> SourceId {
        "mimecast/connectors"
    }

    fn title(&self) -> &'static str {
        "Mimecast delivery routes and connectors"
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
                "curl -H \"Authorization: Bearer $TOKEN\" \
                 https://api.services.mimecast.com/policy-management/cloud-gateway/v1/delivery-route/definitions",
            ),
            clicks: Some("Administration Console > Gateway > Policies > Definitions > Delivery Routes"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "for which mail a route is chosen: that is in the delivery routing policies (`mimecast/policies`), by the definition's id",
            "whether the other end answers: delivery events of the SIEM log",
            "authorised outbound addresses",
            "what a route was before: export again later and compare",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let is_route = table::recognise(head, ROUTE_NEEDS, &["alternatehostname", "lastsyncdatetime"], None);
        let is_ours = head.text.contains("\"definitions\"")
            || table::recognise(head, &[("alternateRouteId", ALTERNATE)], &[], None) == Recognition::Certain;
        if is_route == Recognition::Certain && is_ours {
            return Recognition::Certain;
        }
        let is_connector = table::recognise(head, CONNECTOR_NEEDS, &[], None) == Recognition::Certain;
        if is_connector && head.text.contains("\"connectors\"") { Recognition::Certain } else { Recognition::No }
    }
}

impl Table for Connectors {
    const WRAPPERS: &'static [&'static str] = &["data", "definitions", "connectors", "value", "fail"];
    const DATE_NAMES: &'static [&'static str] = &[];
    const STAYING: Staying = Staying::All;

    fn check(&self, row: &Row) -> Result<(), Torn> {
        tables::check(row, &[])?;
        let needs: &[tables::Need<'_>] =
            if is_connector(row) { &[("name", CONNECTOR.name)] } else { &[("hostname", &["hostname"])] };
        tables::check(row, needs)
    }

    fn speaker(&self, _row: &Row) -> System {
        tables::speaker()
    }

    fn zoneless<'c>(&self, row: &Row, clock: &'c Clock) -> Zoneless<'c> {
        tables::zoneless(row, CONNECTOR.created, clock)
    }

    fn state(&self, row: &Row, facts: &mut Facts<'_>) {
        if is_connector(row) {
            let mut connector = setting(row, SettingClass::Application, &CONNECTOR, facts);
            connector.effect = match row.text(CONNECTOR.enabled).and_then(|word| CODES.means("status", word)) {
                Some("acts") => Effect::Acts,
                Some("off") => Effect::Off,
                _ => Effect::NotSaid,
            };
            return facts.say_setting(connector, &["status"]);
        }
        let mut route = setting(row, SettingClass::DeliveryRoute, &NAMES, facts);
        without_secrets(row, &mut route);
        facts.say_setting(route, &["hostname"]);
    }

    fn conclude(&self, input: &Input<'_>, reading: &mut Reading) {
        rows::say_what_is_missing(input, reading);
    }
}

fn is_connector(row: &Row) -> bool {
    row.has(&["product", "provider"]) && !row.has(&["hostname"])
}

/// Keeps of the settings for submission how and as whom, never the password.
fn without_secrets(row: &Row, route: &mut Setting) {
    route.properties.retain(|property| {
        let name = property.name.to_ascii_lowercase();
        name != "smtpauthentication" && !name.contains("password")
    });
    let text = |object: &Object, key: &str| text_at(object, key);
    for object in row.objects(&["smtpauthentication"]) {
        let mechanisms = object.get("authMechanisms").and_then(serde_json::Value::as_array);
        let mechanisms = mechanisms.into_iter().flatten().filter_map(|word| Some(word.as_str()?.trim().to_owned()));
        let mechanisms: Vec<String> = mechanisms.filter(|word| !word.is_empty()).collect();
        let parts = [
            ("authMechanisms", mechanisms),
            ("username", text(&object, "username").into_iter().collect()),
            ("domain", text(&object, "domain").into_iter().collect()),
        ];
        let parts = parts.into_iter().filter(|(_, values)| !values.is_empty());
        route.properties.extend(parts.map(|(name, values)| Property { name: name.to_owned(), values }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known() {
        for code in &CODES.all {
            assert!(["acts", "off"].contains(&code.means.as_str()) && code.source.contains("read 20"), "{code:?}");
        }
    }
}
