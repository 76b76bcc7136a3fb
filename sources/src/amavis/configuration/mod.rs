//! Configuration of amavis (`amavisd.conf`): the well-known variables that decide whom it lets through. The file is a program; only plain
//! assignments are read, and nothing of it is run.

mod statements;

use std::sync::LazyLock;

use evidence::{
    Condition, ConditionOn, Effect, ListEntry, ListWord, Product, Property, Reading, Setting, SettingClass, SourceId,
    Unit,
};

use crate::codes::Codes;
use crate::setup::{self, Part, Says};
use crate::table::setting::bare;
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};
use statements::{Statement, Word, statements};

/// Configuration of amavis.
pub(crate) struct Configuration;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

impl Source for Configuration {
    fn id(&self) -> SourceId {
        "amavis/configuration"
    }

    fn title(&self) -> &'static str {
        "amavis configuration"
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
            command: Some("cat /etc/amavis/conf.d/* > amavisd.conf  # or /etc/amavisd/amavisd.conf"),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what the program makes of it: variables that are put in, loops and conditions are not followed",
            "what a file holds that is read in by `read_hash` or `read_array`, and what SQL or LDAP say of a recipient",
            "scores and lists of SpamAssassin: those are in its own files",
            "who changed it, and when; whether amavis was reloaded",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if is_configuration(head.text) { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for Configuration {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        setup::read(input, query, &Product::Amavis, parts)
    }
}

/// The statements of a text.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let of = |one: Statement| {
        let body = text.get(one.span.clone()).unwrap_or("");
        let says = match assigned(&one.words) {
            _ if !one.is_whole => {
                Says::Torn { expected: "a statement with its `;`", found: crate::text::first_words(body) }
            }
            Some((name, key, value)) => match settings(&name, key.as_deref(), value) {
                found if found.is_empty() => Says::PassedOver("statement that lets nothing through"),
                found => Says::Settings(found),
            },
            None => Says::PassedOver("statement that lets nothing through"),
        };
        Part { span: one.span, says }
    };
    statements(text).into_iter().map(of).collect()
}

/// A variable (without its sign), the key of a hash that is set, and the words of its value.
fn assigned(words: &[Word]) -> Option<(String, Option<String>, &[Word])> {
    let variable = |word: &Word| match word {
        Word::Name(name) => name.strip_prefix(['$', '@', '%']).map(str::to_owned),
        _ => None,
    };
    match words {
        [Word::Name(function), rest @ ..]
            if matches!(function.as_str(), "read_hash" | "read_array" | "push" | "unshift") =>
        {
            let at = rest.iter().position(|word| variable(word).is_some())?;
            let name = rest.get(at).and_then(variable)?;
            let is_read = function.starts_with("read");
            let value = if is_read { words } else { rest.get(at + 1..)? };
            Some((name, None, value))
        }
        [first, Word::Mark('{'), Word::Text(key) | Word::Name(key), Word::Mark('}'), Word::Mark('='), value @ ..] => {
            Some((variable(first)?, Some(key.clone()), value))
        }
        [Word::Name(mine), first, Word::Mark('='), value @ ..] if matches!(mine.as_str(), "my" | "our" | "local") => {
            Some((variable(first)?, None, value))
        }
        [first, Word::Mark('='), value @ ..] => Some((variable(first)?, None, value)),
        _ => None,
    }
}

/// What a variable's value says; nothing if it bears on nothing.
fn settings(name: &str, key: Option<&str>, value: &[Word]) -> Vec<Setting> {
    match CODES.means("variable", name) {
        Some("allow_sender") => listed(name, key, value, Some(ListWord::Allow)),
        Some("block_sender") => listed(name, key, value, Some(ListWord::Block)),
        Some("score_sender") => listed(name, key, value, None),
        Some("recipients") => vec![whole(name, key, value, ConditionOn::Recipient)],
        Some("networks") => vec![whole(name, key, value, ConditionOn::SourceAddress)],
        Some("value") => vec![whole(name, key, value, ConditionOn::Other)],
        Some("bank") => vec![bank(name, key, value)],
        _ => Vec::new(),
    }
}

/// A variable as one setting; texts are the values of its condition.
fn whole(name: &str, key: Option<&str>, value: &[Word], on: ConditionOn) -> Setting {
    let is_paired = |at: usize| value.get(at + 1) == Some(&Word::Mark('>'));
    let text = |word: &Word| match word {
        Word::Text(text) | Word::Pattern(text) => Some(text.clone()),
        _ => None,
    };
    let texts: Vec<String> = value.iter().filter_map(text).collect();
    let full = key.map_or_else(|| name.to_owned(), |key| format!("{name}{{{key}}}"));
    let mut setting = Setting { name: full, ..setup::parameter(name, words(value)) };
    let has_others =
        value.iter().enumerate().any(|(at, word)| is_one(word) && !is_paired(at) && !follows_pair(value, at));
    // A bare 1 in a list takes in everybody, whatever stands beside it.
    if on != ConditionOn::Other && !texts.is_empty() && !has_others {
        setting.conditions.push(Condition { on, name: name.to_owned(), values: texts });
    }
    setting
}

fn is_one(word: &Word) -> bool {
    matches!(word, Word::Name(name) if name == "1")
}

fn follows_pair(value: &[Word], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| value.get(before)) == Some(&Word::Mark('>'))
}

/// The words of a value without marks.
fn words(value: &[Word]) -> Vec<String> {
    let of = |word: &Word| match word {
        Word::Name(text) | Word::Text(text) | Word::Pattern(text) => Some(text.clone()),
        Word::Mark(_) => None,
    };
    value.iter().filter_map(of).collect()
}

/// A policy bank: its parameters, each as a property.
fn bank(name: &str, key: Option<&str>, value: &[Word]) -> Setting {
    let mut setting = Setting { properties: Vec::new(), ..setup::parameter(name, Vec::new()) };
    setting.name = key.unwrap_or(name).to_owned();
    let mut depth = 0_usize;
    for (at, word) in value.iter().enumerate() {
        match word {
            Word::Mark('{' | '[' | '(') => depth += 1,
            Word::Mark('}' | ']' | ')') => depth = depth.saturating_sub(1),
            Word::Name(text) | Word::Text(text) if depth == 1 && value.get(at + 1) == Some(&Word::Mark('>')) => {
                setting.properties.push(Property { name: text.clone(), values: Vec::new() });
            }
            Word::Name(text) | Word::Text(text) | Word::Pattern(text) => {
                if let Some(last) = setting.properties.last_mut() {
                    last.values.push(text.clone());
                }
            }
            Word::Mark(_) => {}
        }
    }
    setting
}

/// The senders of a list, each an entry; `says` of a list of points is told by their sign.
fn listed(name: &str, key: Option<&str>, value: &[Word], says: Option<ListWord>) -> Vec<Setting> {
    let mut found = Vec::new();
    // For whom the list is that is open, and at which depth it began.
    let mut scopes: Vec<(usize, String)> = key.map(|key| (0, key.to_owned())).into_iter().collect();
    let mut depth = 1_usize;
    let mut is_file = false;
    for (at, word) in value.iter().enumerate() {
        let next = |ahead: usize| value.get(at + ahead);
        match word {
            Word::Mark('{' | '[' | '(') => depth += 1,
            Word::Mark('}' | ']' | ')') => {
                depth = depth.saturating_sub(1);
                is_file = false;
                while scopes.last().is_some_and(|(from, _)| *from > depth) {
                    scopes.pop();
                }
            }
            Word::Name(function) if function == "read_hash" || function == "read_array" => is_file = true,
            Word::Text(text) if next(1) == Some(&Word::Mark('>')) && matches!(next(2), Some(Word::Mark('[' | '{'))) => {
                scopes.push((depth + 1, text.clone()));
            }
            Word::Text(text)
                if next(1) == Some(&Word::Mark('>'))
                    && matches!(next(2), Some(Word::Name(read)) if read.starts_with("read_")) =>
            {
                scopes.push((depth + 1, text.clone()));
            }
            Word::Text(text) | Word::Pattern(text) => {
                let points = match (next(1), next(2)) {
                    (Some(Word::Mark('>')), Some(Word::Name(points))) => Some(points.clone()),
                    _ => None,
                };
                let on = match word {
                    Word::Pattern(_) => "pattern",
                    _ if is_file => "map",
                    _ if text.contains('@') && !text.starts_with('@') => "sender",
                    _ => "domain",
                };
                found.push(entry(name, text, on, said(says.as_ref(), points.as_deref()), points, scopes.last()));
            }
            _ => {}
        }
    }
    found
}

/// What an entry says: by its list, but a 0 takes it out; else by the sign of its points.
fn said(says: Option<&ListWord>, points: Option<&str>) -> ListWord {
    let number = points.and_then(|points| points.parse::<f64>().ok());
    match (says, number) {
        (Some(_), Some(0.0)) => ListWord::Other("not listed".to_owned()),
        (Some(says), _) => says.clone(),
        (None, Some(number)) if number < 0.0 => ListWord::Allow,
        (None, Some(number)) if number > 0.0 => ListWord::Block,
        (None, _) => ListWord::Other("points".to_owned()),
    }
}

fn entry(
    list: &str,
    value: &str,
    on: &str,
    says: ListWord,
    points: Option<String>,
    scope: Option<&(usize, String)>,
) -> Setting {
    let mut properties = vec![Property { name: "variable".to_owned(), values: vec![list.to_owned()] }];
    properties.extend(points.map(|points| Property { name: "score".to_owned(), values: vec![points] }));
    let for_whom = scope.map(|(_, recipient)| recipient).filter(|recipient| *recipient != ".");
    let conditions = for_whom.map(|recipient| Condition {
        on: ConditionOn::Recipient,
        name: "recipient".to_owned(),
        values: vec![recipient.clone()],
    });
    Setting {
        effect: Effect::Acts,
        conditions: conditions.into_iter().collect(),
        entry: Some(ListEntry { says, on: on.to_owned(), value: value.to_owned() }),
        properties,
        ..bare(SettingClass::ListEntry, value.to_owned())
    }
}

/// Whether a text is such a file: it sets a variable of amavis, and its first statements are plain ones.
pub(crate) fn is_configuration(text: &str) -> bool {
    if !text.contains(['$', '@', '%']) || !text.contains(';') && !text.contains("read_hash") {
        return false;
    }
    let all = statements(text);
    let is_plain = |one: &&Statement| match one.words.as_slice() {
        [Word::Name(name), ..]
            if matches!(name.as_str(), "use" | "1" | "no" | "package" | "include_config_files" | "require") =>
        {
            true
        }
        words => assigned(words).is_some(),
    };
    let plain = all.iter().filter(is_plain).count();
    let is_known =
        |one: &&Statement| assigned(&one.words).is_some_and(|(name, ..)| CODES.means("variable", &name).is_some());
    all.first().is_some_and(|first| is_plain(&first)) && all.iter().any(|one| is_known(&one)) && plain * 2 > all.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let of = |setting: Setting| {
            let when: Vec<String> =
                setting.conditions.iter().map(|one| format!(" if {:?} {}", one.on, one.values.join("|"))).collect();
            match (setting.entry, setting.class) {
                (Some(entry), _) => format!("{:?} {} {}{}", entry.says, entry.on, entry.value, when.concat()),
                (None, class) => {
                    let values: Vec<String> = setting
                        .properties
                        .iter()
                        .map(|one| format!(" {}={}", one.name, one.values.join(",")))
                        .collect();
                    format!("{class:?} {}{}{}", setting.name, values.concat(), when.concat())
                }
            }
        };
        let mut found = Vec::new();
        for part in parts(text) {
            match part.says {
                Says::Settings(settings) => found.extend(settings.into_iter().map(of)),
                Says::PassedOver(_) => found.push("passed over".to_owned()),
                Says::Torn { found: what, .. } => found.push(format!("torn {what}")),
            }
        }
        found
    }

    #[test]
    fn ok_parts() {
        for (name, text, expected) in [
            (
                "senders",
                "@whitelist_sender_maps = ( ['.partner.example', 'ann@b.example'], new_RE(qr'^desk@'i) );",
                vec!["Allow domain .partner.example", "Allow sender ann@b.example", "Allow pattern qr'^desk@'i"],
            ),
            (
                "a file of senders",
                "read_hash(\\%whitelist_sender, '/etc/amavis/whitelist_sender');",
                vec!["Allow map /etc/amavis/whitelist_sender"],
            ),
            ("words", "@blacklist_sender_acl = qw( .spam.example );", vec!["Block domain .spam.example"]),
            (
                "points",
                "@score_sender_maps = ({ 'bob@example.com' => [{'.b.example' => -3.0}], '.' => [ new_RE([qr'^a@'i => 5.0]), {'ann@b.example' => -7} ] });",
                vec![
                    "Allow domain .b.example if Recipient bob@example.com",
                    "Block pattern qr'^a@'i",
                    "Allow sender ann@b.example",
                ],
            ),
            (
                "no check for anybody",
                "@bypass_virus_checks_maps = (1);",
                vec!["GatewayPolicy(\"bypass_virus_checks_maps\") bypass_virus_checks_maps bypass_virus_checks_maps=1"],
            ),
            (
                "no check for one",
                "@bypass_spam_checks_maps = ( { 'bob@example.com' => 1 } );",
                vec![
                    "GatewayPolicy(\"bypass_spam_checks_maps\") bypass_spam_checks_maps bypass_spam_checks_maps=bob@example.com,1 if Recipient bob@example.com",
                ],
            ),
            (
                "a level",
                "$sa_kill_level_deflt = 999;",
                vec!["GatewayPolicy(\"sa_kill_level_deflt\") sa_kill_level_deflt sa_kill_level_deflt=999"],
            ),
            (
                "a destiny",
                "$final_virus_destiny = D_PASS;",
                vec!["GatewayPolicy(\"final_virus_destiny\") final_virus_destiny final_virus_destiny=D_PASS"],
            ),
            (
                "networks",
                "@mynetworks = qw( 192.0.2.0/24 [::1] );",
                vec![
                    "GatewayPolicy(\"mynetworks\") mynetworks mynetworks=192.0.2.0/24,[::1] if SourceAddress 192.0.2.0/24|[::1]",
                ],
            ),
            (
                "a bank",
                "$policy_bank{'PARTNER'} = { bypass_spam_checks_maps => [1], spam_kill_level_maps => [ 20 ] };",
                vec!["GatewayPolicy(\"policy_bank\") PARTNER bypass_spam_checks_maps=1 spam_kill_level_maps=20"],
            ),
            ("something else", "$max_servers = 2;", vec!["passed over"]),
            ("torn", "$sa_kill_level_deflt = (6", vec!["torn `$sa_kill_level_deflt = (6`"]),
            ("a comment", "# @bypass_virus_checks_maps = (1);\n1;", vec!["passed over"]),
        ] {
            assert_eq!(told(text), expected, "{name}");
        }
    }

    #[test]
    fn ok_recognised() {
        for (name, text, expected) in [
            ("one statement", "@bypass_spam_checks_maps = (1);", true),
            ("a file", "use strict;\n$max_servers = 2;\n$sa_kill_level_deflt = 6.3;\n1;\n", true),
            ("another program", "my $x = 1;\nprint $x;\n", false),
            ("shell", "x=$HOME; echo $x;\n", false),
            ("prose", "It costs $5; that is 100% sure.", false),
            ("nothing", "", false),
        ] {
            assert_eq!(is_configuration(text), expected, "{name}");
        }
    }

    #[test]
    fn every_code_is_dated() {
        for code in &CODES.all {
            assert!(!code.means.is_empty() && code.source.contains("read 20"), "{code:?}");
        }
    }
}
