//! Configuration of rspamd: rules of lists, settings of users, lists of the whitelist module, forced actions, thresholds and scores; as
//! `rspamadm configdump` prints it (also with `-j`), or as snippets of `local.d`.

mod ucl;

use std::ops::Range;

use evidence::{
    Condition, ConditionOn, Effect, ListEntry, ListWord, Product, Property, Reading, Setting, SettingClass, SourceId,
    Unit,
};

use crate::page::lines;
use crate::setup::{self, Part, Says};
use crate::table::setting::bare;
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};
use ucl::{Entry, Value};

/// Configuration of rspamd.
pub(crate) struct Configuration;

/// How many properties of one setting are kept.
const PROPERTIES_MAX: usize = 256;

/// Words of which any such text holds one.
const WORDS: &[&str] = &[
    "multimap",
    "apply",
    "valid_",
    "symbol",
    "*** Section",
    "reject",
    "greylist",
    "add_header",
    "map",
    "whitelist",
    "expression",
    "local_addrs",
];

impl Source for Configuration {
    fn id(&self) -> SourceId {
        "rspamd/configuration"
    }

    fn title(&self) -> &'static str {
        "rspamd configuration"
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
        Export { command: Some("rspamadm configdump > rspamd_configuration.txt"), clicks: None }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what a list holds that is not written into the configuration: its file, its address, or the controller's page shows it",
            "settings that come from Redis, from a map, or with each request",
            "what Lua of one's own does",
            "whether the running process works with it, who changed it, and when",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if is_configuration(head.text) || is_named_list(head.text) { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for Configuration {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        setup::read(input, query, &Product::Rspamd, |text| if is_named_list(text) { values(text) } else { parts(text) })
    }
}

/// What the blocks and parameters of a text say, in its order.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let parsed = ucl::parse(text);
    let mut parts: Vec<Part> = Vec::new();
    for entry in &parsed.entries {
        top(entry, &mut parts);
    }
    let torn = |span: Range<usize>| Part {
        says: Says::Torn {
            expected: "`name = value` or `name { ... }`",
            found: crate::text::first_words(text.get(span.clone()).unwrap_or("")),
        },
        span,
    };
    parts.extend(parsed.torn.into_iter().map(torn));
    parts.sort_by_key(|part| (part.span.start, part.span.end));
    parts
}

/// One entry at the top: a section, or what stands in a section's own file.
fn top(entry: &Entry, parts: &mut Vec<Part>) {
    let name = entry.name.to_ascii_lowercase();
    match (name.as_str(), &entry.value) {
        ("multimap", Value::Block(rules)) => each(rules, parts, &|rule| is_rule_of_list(rule).then(|| of_list(rule))),
        ("settings", Value::Block(rules)) => each(rules, parts, &|rule| rule.value.block().map(|_| of_users(rule))),
        ("whitelist" | "rules", Value::Block(_)) => rules(entry, parts),
        ("force_actions", Value::Block(_)) => rules(entry, parts),
        ("actions", Value::Block(thresholds)) => each(thresholds, parts, &|one| Some(threshold(one))),
        ("group" | "groups" | "metric", Value::Block(inner)) => {
            inner.iter().for_each(|group| scores(group, parts));
        }
        ("symbols", Value::Block(_)) => symbols(entry, parts),
        ("options", Value::Block(inner)) => each(inner, parts, &|one| networks(one)),
        (_, Value::Block(_)) if is_rule_of_list(entry) => parts.push(said(entry, of_list(entry))),
        (_, Value::Block(_)) if entry.value.get("apply").is_some() => parts.push(said(entry, of_users(entry))),
        (_, Value::Block(_)) if is_of_senders(entry) => parts.push(said(entry, of_senders(entry))),
        (_, Value::Block(inner)) => module(entry, inner, parts),
        (_, Value::Text(_)) if is_threshold(entry) => parts.push(said(entry, threshold(entry))),
        _ => match networks(entry) {
            Some(setting) => parts.push(said(entry, setting)),
            None => parts.push(passed(entry)),
        },
    }
}

fn said(entry: &Entry, setting: Setting) -> Part {
    Part { span: entry.span.clone(), says: Says::Settings(vec![setting]) }
}

fn passed(entry: &Entry) -> Part {
    Part { span: entry.span.clone(), says: Says::PassedOver("part that lets nothing through") }
}

fn each(entries: &[Entry], parts: &mut Vec<Part>, read: &dyn Fn(&Entry) -> Option<Setting>) {
    parts.extend(entries.iter().map(|entry| read(entry).map_or_else(|| passed(entry), |setting| said(entry, setting))));
}

/// Rules of a module of which the block `rules` holds them: lists of senders by proof, or forced actions.
fn rules(entry: &Entry, parts: &mut Vec<Part>) {
    let inner = entry.value.get("rules").or((entry.name.eq_ignore_ascii_case("rules")).then_some(&entry.value));
    let Some(found) = inner.and_then(Value::block) else {
        return module(entry, entry.value.block().unwrap_or_default(), parts);
    };
    each(found, parts, &|rule| match () {
        () if is_of_senders(rule) => Some(of_senders(rule)),
        () if rule.value.get("action").is_some() => Some(forced(rule)),
        () => None,
    });
}

/// Any other module: whom it leaves alone, and whether it is switched off.
fn module(entry: &Entry, inner: &[Entry], parts: &mut Vec<Part>) {
    let mut found: Vec<Setting> = inner.iter().filter_map(|one| left_alone(&entry.name, one)).collect();
    let is_off = entry.value.get("enabled").and_then(Value::text).is_some_and(is_no);
    if is_off {
        found
            .push(Setting { effect: Effect::Off, ..setup::parameter(&entry.name, vec!["enabled = false".to_owned()]) });
    }
    parts.push(match found.is_empty() {
        true => passed(entry),
        false => Part { span: entry.span.clone(), says: Says::Settings(found) },
    });
}

/// A parameter by which a module leaves somebody alone: `whitelisted_ip`, `whitelist_domains`, `exclude_...`.
fn left_alone(module: &str, one: &Entry) -> Option<Setting> {
    let name = one.name.to_ascii_lowercase();
    let leaves = ["whitelist", "welcomelist", "exclude", "allowlist", "exceptions", "skip_"]
        .iter()
        .any(|word| name.starts_with(word));
    let values = one.value.texts();
    let is_it = leaves && !values.is_empty() && !values.iter().all(|value| is_no(value));
    is_it.then(|| {
        let full = format!("{module}.{}", one.name);
        let is_address = name.contains("ip") || name.contains("networks");
        let on = if is_address { ConditionOn::SourceAddress } else { ConditionOn::Other };
        let condition = Condition { on, name: one.name.clone(), values: values.clone() };
        Setting { conditions: vec![condition], ..setup::parameter(&full, values) }
    })
}

/// Networks that are taken for our own, and skipped checks, among the options.
fn networks(one: &Entry) -> Option<Setting> {
    let name = one.name.to_ascii_lowercase();
    let is_network = matches!(name.as_str(), "local_addrs" | "local_networks" | "local_addresses");
    if !is_network {
        return left_alone("options", one);
    }
    let values = one.value.texts();
    let condition = Condition { on: ConditionOn::SourceAddress, name: one.name.clone(), values: values.clone() };
    Some(Setting { conditions: vec![condition], ..setup::parameter(&name, values) })
}

fn is_no(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "0")
}

fn is_yes(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1")
}

/// A setting of a block: its name, whether it acts, and all its parameters.
fn of_block(class: &str, entry: &Entry) -> Setting {
    let mut properties = Vec::new();
    flat(&entry.value, "", &mut properties);
    let is_off = entry.value.get("enabled").and_then(Value::text).is_some_and(is_no)
        || entry.value.get("disabled").and_then(Value::text).is_some_and(is_yes);
    let effect = if is_off { Effect::Off } else { Effect::Acts };
    let class = SettingClass::GatewayPolicy(class.to_owned());
    Setting { effect, properties, ..bare(class, entry.name.clone()) }
}

/// The parameters of a block, those of inner blocks with dots between the names. It goes no deeper than [`ucl::DEPTH_MAX`].
fn flat(value: &Value, before: &str, properties: &mut Vec<Property>) {
    let full = |name: &str| if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") };
    let Some(entries) = value.block() else { return };
    for entry in entries {
        if properties.len() >= PROPERTIES_MAX {
            return;
        }
        let name = full(&entry.name);
        match &entry.value {
            Value::Block(_) => flat(&entry.value, &name, properties),
            value => properties.push(Property { name, values: value.texts() }),
        }
    }
}

/// Whether a block is a rule of the module `multimap`.
fn is_rule_of_list(entry: &Entry) -> bool {
    entry.value.get("type").is_some() && (entry.value.get("map").is_some() || entry.value.get("rules").is_some())
}

/// A rule that looks something up in a list.
fn of_list(entry: &Entry) -> Setting {
    let text = |name: &str| entry.value.get(name).and_then(Value::text);
    let kind = text("type").unwrap_or_default().to_ascii_lowercase();
    let by_domain = text("filter").is_some_and(|filter| filter.contains("domain") || filter.contains("tld"));
    let (condition, on) = match (kind.as_str(), by_domain) {
        ("from", false) => (ConditionOn::Sender, "sender"),
        ("from", true) => (ConditionOn::SenderDomain, "domain"),
        ("rcpt", false) => (ConditionOn::Recipient, "recipient"),
        ("rcpt", true) => (ConditionOn::RecipientDomain, "recipient domain"),
        ("ip", _) => (ConditionOn::SourceAddress, "connecting address"),
        (other, _) => (ConditionOn::Other, other),
    };
    let detail = text("header").or_else(|| text("extract_from")).or_else(|| text("selector"));
    let name = detail.map_or_else(|| kind.clone(), |detail| format!("{kind} ({detail})"));
    let values = entry.value.get("map").map(mapped).unwrap_or_default();
    let says = told_by(text("action"), text("score").or_else(|| text("weight")));
    let list = ListEntry { says, on: on.to_owned(), value: values.join(", ") };
    Setting {
        name: text("symbol").map_or_else(|| entry.name.clone(), str::to_owned),
        conditions: vec![Condition { on: condition, name, values }],
        entry: Some(list),
        ..of_block("multimap", entry)
    }
}

/// The values of a list that are written into the rule, or where it lies.
fn mapped(map: &Value) -> Vec<String> {
    let texts = map.texts();
    match map.block() {
        Some(_) => {
            ["url", "urls", "data", "external"].iter().filter_map(|name| map.get(name)).flat_map(Value::texts).collect()
        }
        None => texts
            .iter()
            .flat_map(|text| text.lines())
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}

/// What a rule says by its action, else by its points.
fn told_by(action: Option<&str>, score: Option<&str>) -> ListWord {
    let points = score.and_then(|score| score.parse::<f64>().ok());
    match (action.map(str::to_ascii_lowercase).as_deref(), points) {
        (Some("accept" | "no action" | "no_action"), _) => ListWord::Allow,
        (
            Some(
                "reject" | "soft reject" | "soft_reject" | "discard" | "quarantine" | "add header" | "add_header"
                | "greylist",
            ),
            _,
        ) => ListWord::Block,
        (Some(other), _) => ListWord::Other(other.to_owned()),
        (None, Some(points)) if points < 0.0 => ListWord::Allow,
        (None, Some(points)) if points > 0.0 => ListWord::Block,
        (None, _) => ListWord::Other("symbol".to_owned()),
    }
}

/// What the conditions of a rule of the module `settings` look at.
const CONDITIONS: &[(&str, ConditionOn)] = &[
    ("from", ConditionOn::Sender),
    ("from_mime", ConditionOn::Sender),
    ("from_map", ConditionOn::Sender),
    ("rcpt", ConditionOn::Recipient),
    ("rcpt_mime", ConditionOn::Recipient),
    ("rcpt_map", ConditionOn::Recipient),
    ("ip", ConditionOn::SourceAddress),
    ("ip_map", ConditionOn::SourceAddress),
    ("client_ip", ConditionOn::SourceAddress),
    ("user", ConditionOn::Other),
    ("hostname", ConditionOn::Other),
    ("subject", ConditionOn::Other),
    ("authenticated", ConditionOn::Other),
    ("local", ConditionOn::Other),
    ("selector", ConditionOn::Other),
    ("expression", ConditionOn::Other),
];

/// A rule of the module `settings`: for whom, and what is done otherwise.
fn of_users(entry: &Entry) -> Setting {
    let mut setting = of_block("settings", entry);
    for (name, on) in CONDITIONS {
        let values = entry.value.get(name).map(Value::texts).unwrap_or_default();
        if !values.is_empty() {
            setting.conditions.push(Condition { on: on.clone(), name: (*name).to_owned(), values });
        }
    }
    for kind in ["header", "request_header"] {
        for field in entry.value.get(kind).and_then(Value::block).unwrap_or_default() {
            let name = format!("{kind} {}", field.name);
            setting.conditions.push(Condition { on: ConditionOn::Other, name, values: field.value.texts() });
        }
    }
    setting.id = entry.value.get("id").and_then(Value::text).map(str::to_owned);
    setting.priority = entry.value.get("priority").and_then(Value::text).and_then(|text| text.parse().ok());
    let used: Vec<String> = setting.conditions.iter().map(|one| one.name.replace(' ', ".")).collect();
    setting.properties.retain(|property| !used.contains(&property.name) && property.name != "id");
    setting
}

/// Whether a block is a rule of the module `whitelist`.
fn is_of_senders(entry: &Entry) -> bool {
    let is_proof = |name: &str| entry.value.get(name).is_some();
    is_proof("domains") && ["valid_spf", "valid_dkim", "valid_dmarc"].iter().any(|name| is_proof(name))
}

/// A rule of the module `whitelist`: domains that are believed if a proof holds.
fn of_senders(entry: &Entry) -> Setting {
    let values = entry.value.get("domains").map(mapped).unwrap_or_default();
    let is_block = entry.value.get("blacklist").and_then(Value::text).is_some_and(is_yes);
    let says = if is_block { ListWord::Block } else { ListWord::Allow };
    let condition = Condition { on: ConditionOn::SenderDomain, name: "domains".to_owned(), values: values.clone() };
    let list = ListEntry { says, on: "domain".to_owned(), value: values.join(", ") };
    Setting { conditions: vec![condition], entry: Some(list), ..of_block("whitelist", entry) }
}

/// A rule of the module `force_actions`.
fn forced(entry: &Entry) -> Setting {
    of_block("force_actions", entry)
}

/// Names of actions that have a threshold.
const ACTIONS: &[&str] = &[
    "reject",
    "add_header",
    "add header",
    "greylist",
    "rewrite_subject",
    "rewrite subject",
    "soft_reject",
    "soft reject",
    "quarantine",
    "discard",
];

fn is_threshold(entry: &Entry) -> bool {
    let is_number = entry.value.text().is_some_and(|text| text.parse::<f64>().is_ok() || text == "null");
    is_number && ACTIONS.contains(&entry.name.to_ascii_lowercase().as_str())
}

/// From how many points on an action is taken.
fn threshold(entry: &Entry) -> Setting {
    let class = SettingClass::GatewayPolicy("actions".to_owned());
    let properties = vec![Property { name: entry.name.clone(), values: entry.value.texts() }];
    Setting { effect: Effect::Acts, properties, ..bare(class, entry.name.clone()) }
}

/// A group of symbols, or the older `metric`, with the points of each.
fn scores(group: &Entry, parts: &mut Vec<Part>) {
    match (&group.value, group.name.as_str()) {
        (Value::Block(_), "symbols") => symbols(group, parts),
        (Value::Block(_), "actions") => top(group, parts),
        (Value::Block(inner), _) => {
            let held = inner.iter().filter(|one| one.name == "symbols" && one.value.block().is_some());
            let before = parts.len();
            held.for_each(|one| symbols(one, parts));
            if parts.len() == before {
                parts.push(passed(group));
            }
        }
        _ => parts.push(passed(group)),
    }
}

fn symbols(entry: &Entry, parts: &mut Vec<Part>) {
    each(entry.value.block().unwrap_or_default(), parts, &|symbol| {
        let has_points = ["weight", "score"].iter().any(|name| symbol.value.get(name).is_some());
        has_points.then(|| of_block("symbol", symbol))
    });
}

/// Whether a text is such a configuration.
pub(crate) fn is_configuration(text: &str) -> bool {
    if !WORDS.iter().any(|word| text.contains(word)) || text.trim_start().starts_with('[') {
        return false;
    }
    let ucl::Parsed { entries, torn } = ucl::parse(text);
    let telling = entries.iter().filter(|entry| is_telling(entry)).count();
    let is_thresholds = !entries.is_empty() && entries.iter().all(is_threshold) && text.contains(';');
    (telling > 0 && torn.len() <= entries.len() || is_thresholds && torn.is_empty())
        && !text.trim_start().starts_with('<')
}

/// Whether an entry at the top is of rspamd alone.
fn is_telling(entry: &Entry) -> bool {
    let name = entry.name.to_ascii_lowercase();
    let any = |test: &dyn Fn(&Entry) -> bool| entry.value.block().is_some_and(|inner| inner.iter().any(test));
    let is_user_rule = |entry: &Entry| entry.value.get("apply").and_then(Value::block).is_some();
    let has_points = |entry: &Entry| entry.value.get("weight").is_some() || entry.value.get("score").is_some();
    let in_symbols = |entry: &Entry| {
        entry.value.get("symbols").and_then(Value::block).is_some_and(|inner| inner.iter().any(has_points))
    };
    match name.as_str() {
        "multimap" => any(&is_rule_of_list),
        "settings" => any(&is_user_rule),
        "whitelist" | "rules" | "force_actions" => {
            let inner = entry.value.get("rules").unwrap_or(&entry.value);
            let is_forced = |one: &Entry| one.value.get("action").is_some() && one.value.get("expression").is_some();
            inner.block().is_some_and(|inner| inner.iter().any(|one| is_of_senders(one) || is_forced(one)))
        }
        "actions" => any(&is_threshold),
        "group" | "groups" => in_symbols(entry) || any(&in_symbols),
        "symbols" => any(&has_points),
        "local_addrs" => entry.value.texts().iter().any(|text| kind_of_value(text) == "connecting address"),
        "options" => entry.value.get("local_addrs").is_some(),
        _ => is_rule_of_list(entry) && entry.value.get("map").is_some() || is_user_rule(entry) || is_of_senders(entry),
    }
}

/// Whether a text is a list that says of itself that it is rspamd's: its first line is a comment that names it.
fn is_named_list(text: &str) -> bool {
    let mut all = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_named = all.next().is_some_and(|first| {
        let first = first.to_ascii_lowercase();
        first.starts_with('#') && first.contains("rspamd") && ["map", "list"].iter().any(|word| first.contains(word))
    });
    let mut others = all.filter(|line| !line.starts_with('#')).take(400).peekable();
    is_named && others.peek().is_some() && others.all(is_value)
}

/// One value, perhaps with a score or a comment behind it.
pub(crate) fn is_value(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let has_value = words.next().is_some_and(|word| !word.ends_with([';', '{', '}', '=']));
    has_value && words.next().is_none_or(|word| word.starts_with('#') || word.parse::<f64>().is_ok())
}

/// The lines of a list, one value each, with its score if one stands behind it.
pub(crate) fn values(text: &str) -> Vec<Part> {
    let lines = lines(text).filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let part = |(span, line): (Range<usize>, &str)| {
        let mut words = line.split_whitespace();
        let value = words.next().unwrap_or("").to_owned();
        let score = words.next().filter(|word| word.parse::<f64>().is_ok());
        let on = kind_of_value(&value).to_owned();
        let score = score.map(|score| Property { name: "score".to_owned(), values: vec![score.to_owned()] });
        let entry = Some(ListEntry { says: ListWord::Other("map entry".to_owned()), on, value: value.clone() });
        let properties = score.into_iter().collect();
        let setting = Setting { effect: Effect::Acts, entry, properties, ..bare(SettingClass::ListEntry, value) };
        Part { span, says: Says::Settings(vec![setting]) }
    };
    lines.map(part).collect()
}

/// What a value of a list is, by its form.
pub(crate) fn kind_of_value(value: &str) -> &'static str {
    let net = value.split('/').next().unwrap_or("").trim_matches(['[', ']']);
    match () {
        () if net.parse::<std::net::IpAddr>().is_ok() => "connecting address",
        () if value.starts_with('/') && value.len() > 1 => "pattern",
        () if value.contains("://") => "url",
        () if value.contains('@') && !value.starts_with('@') => "address",
        () => "domain",
    }
}

#[cfg(test)]
mod tests;
