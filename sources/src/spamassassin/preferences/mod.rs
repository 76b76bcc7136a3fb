//! Configuration and user preferences of SpamAssassin (`local.cf`, `user_prefs`): lists of senders and recipients, networks, scores, own rules.

use std::net::IpAddr;
use std::sync::LazyLock;

use evidence::{
    Condition, ConditionOn, Effect, ListEntry, ListWord, Product, Property, Reading, Setting, SettingClass, SourceId,
    Unit,
};

use crate::codes::Codes;
use crate::page::lines;
use crate::setup::{self, Part, Says};
use crate::table::setting::bare;
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Configuration of SpamAssassin.
pub(crate) struct Preferences;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// How many lines are looked at to tell the kind.
const GLANCE_LINES: usize = 400;

impl Source for Preferences {
    fn id(&self) -> SourceId {
        "spamassassin/preferences"
    }

    fn title(&self) -> &'static str {
        "SpamAssassin configuration"
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
            command: Some("cat /etc/spamassassin/*.cf > local.cf; cat ~/.spamassassin/user_prefs > user_prefs"),
            clicks: None,
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "whose preferences they are: the file does not name its user",
            "what the caller does with a score: amavis, the milter or the mailbox's own rule decides that",
            "lists in SQL or LDAP, and scores that the distribution sets",
            "who made an entry, when, and until when: the file has no dates",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        if is_configuration(head.text) { Recognition::Certain } else { Recognition::No }
    }
}

impl Reader for Preferences {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        setup::read(input, query, &Product::Amavis, parts)
    }
}

/// The lines of a configuration.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let lines = lines(text).filter(|(_, line)| !plain(line).is_empty());
    lines.map(|(span, line)| Part { span, says: says(plain(line)) }).collect()
}

/// A line without its comment; `\#` begins none.
fn plain(line: &str) -> &str {
    let is_comment = |at: &usize| !line.get(..*at).unwrap_or("").ends_with('\\');
    let end = memchr::memchr_iter(b'#', line.as_bytes()).find(is_comment).unwrap_or(line.len());
    line.get(..end).unwrap_or("").trim()
}

fn says(line: &str) -> Says {
    let (directive, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let words: Vec<&str> = rest.split_whitespace().collect();
    let means = CODES.means("directive", directive);
    match means {
        _ if means.is_some_and(|means| means != "passed" && means != "switch") && words.is_empty() => {
            Says::Torn { expected: "a directive with its values", found: directive.to_owned() }
        }
        Some("allow_sender" | "allow_recipient" | "allow_url" | "block_sender" | "block_recipient" | "block_url") => {
            Says::Settings(listed(directive, means.unwrap_or_default(), &words))
        }
        Some("allow_relay") => Says::Settings(vec![paired(directive, "relay", &words)]),
        Some("allow_signer") => Says::Settings(vec![paired(directive, "signer", &words)]),
        Some("taken_back") => Says::Settings(words.iter().map(|word| entry(directive, word, "sender", None)).collect()),
        Some("networks") => Says::Settings(vec![networks(directive, &words)]),
        Some("rule") => Says::Settings(vec![rule(directive, rest)]),
        Some("named_list") => Says::Settings(vec![rule(directive, rest)]),
        Some("switch") => {
            Says::Settings(vec![setup::parameter(directive, words.iter().map(|word| (*word).to_owned()).collect())])
        }
        Some(_) => Says::PassedOver("directive that lets nothing through"),
        None if is_directive(directive) => Says::PassedOver("directive that is not known"),
        None => Says::Torn { expected: "a directive of SpamAssassin", found: crate::text::first_words(line) },
    }
}

/// Whether a word may be a directive: plugins bring their own.
fn is_directive(word: &str) -> bool {
    word.contains('_') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// One entry for each value.
fn listed(directive: &str, means: &str, words: &[&str]) -> Vec<Setting> {
    let (says, on) = means.split_once('_').unwrap_or((means, "sender"));
    let says = if says == "allow" { ListWord::Allow } else { ListWord::Block };
    words.iter().map(|word| entry(directive, word, on, Some(says.clone()))).collect()
}

fn entry(directive: &str, value: &str, on: &str, says: Option<ListWord>) -> Setting {
    let says = says.unwrap_or_else(|| ListWord::Other(directive.to_owned()));
    let properties = vec![Property { name: "directive".to_owned(), values: vec![directive.to_owned()] }];
    let entry = ListEntry { says, on: on.to_owned(), value: value.to_owned() };
    let entry = Some(entry);
    Setting { effect: Effect::Acts, entry, properties, ..bare(SettingClass::ListEntry, value.to_owned()) }
}

/// A sender with what has to stand behind it: the name or address of a relay, or the domain of a signature.
fn paired(directive: &str, name: &str, words: &[&str]) -> Setting {
    let mut setting = entry(directive, words.first().unwrap_or(&""), "sender", Some(ListWord::Allow));
    let values: Vec<String> = words.iter().skip(1).map(|word| (*word).to_owned()).collect();
    if !values.is_empty() {
        let is_address = |value: &String| {
            let address = value.trim_start_matches('[').split([']', '/']).next().unwrap_or("");
            value.starts_with('[')
                && (address.parse::<IpAddr>().is_ok() || address.split('.').all(|part| part.parse::<u8>().is_ok()))
        };
        let on = if values.iter().all(is_address) { ConditionOn::SourceAddress } else { ConditionOn::Other };
        setting.conditions.push(Condition { on, name: name.to_owned(), values });
    }
    setting
}

/// Networks whose hosts are believed.
fn networks(directive: &str, words: &[&str]) -> Setting {
    let values: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let condition = Condition { on: ConditionOn::SourceAddress, name: directive.to_owned(), values: values.clone() };
    Setting { conditions: vec![condition], ..setup::parameter(directive, values) }
}

/// What is said of one rule: its score, its test, that it ends all tests.
fn rule(directive: &str, rest: &str) -> Setting {
    let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let values = match directive {
        "score" => value.split_whitespace().map(str::to_owned).collect(),
        _ => vec![value.trim().to_owned()],
    };
    Setting { name: name.to_owned(), ..setup::parameter(directive, values) }
}

/// Whether a text is such a configuration: its first line and most others begin with known directives, and one of them is of
/// SpamAssassin alone.
pub(crate) fn is_configuration(text: &str) -> bool {
    let (mut known, mut torn, mut telling) = (0, 0, 0);
    let lines = text.lines().map(plain).filter(|line| !line.is_empty());
    for (place, line) in lines.take(GLANCE_LINES).enumerate() {
        let (directive, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let is_known = CODES.means("directive", directive).is_some();
        if place == 0 && !is_known {
            return false;
        }
        known += usize::from(is_known);
        torn += usize::from(!is_known && !is_directive(directive));
        telling += usize::from(is_telling(directive, rest));
    }
    telling > 0 && known > torn * 2
}

fn is_telling(directive: &str, rest: &str) -> bool {
    let has = |count: usize| rest.split_whitespace().count() >= count;
    match CODES.means("directive", directive) {
        Some("passed") => rest.contains("Mail::SpamAssassin") || directive == "rewrite_header",
        Some("rule") => {
            let value = rest.split_whitespace().nth(1).unwrap_or("").trim_matches(['(', ')']);
            directive == "score" && value.parse::<f64>().is_ok()
        }
        Some("named_list") => rest.starts_with('('),
        Some(_) => has(1),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Vec<String> {
        match says(line) {
            Says::Settings(settings) => settings
                .into_iter()
                .map(|setting| {
                    let with: Vec<String> = setting
                        .conditions
                        .iter()
                        .map(|one| format!(" with {:?} {}={}", one.on, one.name, one.values.join(" ")))
                        .collect();
                    match setting.entry {
                        Some(entry) => format!("{:?} {} {}{}", entry.says, entry.on, entry.value, with.concat()),
                        None => format!(
                            "{:?} {} {}{}",
                            setting.class,
                            setting.name,
                            setting
                                .properties
                                .iter()
                                .flat_map(|one| &one.values)
                                .cloned()
                                .collect::<Vec<_>>()
                                .join(" "),
                            with.concat()
                        ),
                    }
                })
                .collect(),
            Says::PassedOver(reason) => vec![format!("passed over: {reason}")],
            Says::Torn { found, .. } => vec![format!("torn: {found}")],
        }
    }

    #[test]
    fn ok_lines() {
        for (line, expected) in [
            (
                "whitelist_from ann@partner.example *@b.example",
                vec!["Allow sender ann@partner.example", "Allow sender *@b.example"],
            ),
            (
                "welcomelist_from_rcvd *@b.example [192.0.2.0/24]",
                vec!["Allow sender *@b.example with SourceAddress relay=[192.0.2.0/24]"],
            ),
            (
                "whitelist_from_rcvd *@b.example mail.b.example",
                vec!["Allow sender *@b.example with Other relay=mail.b.example"],
            ),
            (
                "whitelist_from_dkim ann@b.example b.example",
                vec!["Allow sender ann@b.example with Other signer=b.example"],
            ),
            ("whitelist_auth *@b.example", vec!["Allow sender *@b.example"]),
            ("all_spam_to bob@example.com", vec!["Allow recipient bob@example.com"]),
            ("blacklist_from *@spam.example", vec!["Block sender *@spam.example"]),
            ("unwhitelist_from *@b.example", vec!["Other(\"unwhitelist_from\") sender *@b.example"]),
            ("welcomelist_uri_host files.example", vec!["Allow url files.example"]),
            (
                "trusted_networks 192.0.2/24 2001:db8::/32",
                vec![
                    "GatewayPolicy(\"trusted_networks\") trusted_networks 192.0.2/24 2001:db8::/32 with SourceAddress trusted_networks=192.0.2/24 2001:db8::/32",
                ],
            ),
            ("required_score 50", vec!["GatewayPolicy(\"required_score\") required_score 50"]),
            ("score URIBL_BLACK 0", vec!["GatewayPolicy(\"score\") URIBL_BLACK 0"]),
            (
                "header LOCAL_FRIEND From =~ /partner/i",
                vec!["GatewayPolicy(\"header\") LOCAL_FRIEND From =~ /partner/i"],
            ),
            ("skip_rbl_checks 1", vec!["GatewayPolicy(\"skip_rbl_checks\") skip_rbl_checks 1"]),
            ("report_safe 0", vec!["passed over: directive that lets nothing through"]),
            ("razor_timeout 5", vec!["passed over: directive that is not known"]),
            ("whitelist_from", vec!["torn: whitelist_from"]),
            ("hello there", vec!["torn: `hello there`"]),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
    }

    #[test]
    fn ok_recognised() {
        for (name, text, expected) in [
            ("one entry", "whitelist_from ann@partner.example\n", true),
            ("only a score", "score URIBL_BLACK 0 # off\n", true),
            ("a list of scores", "score ann 5\nscore bob 6\nwinner ann\nlast bob\n", false),
            ("prose", "header of the letter\nbody of the letter\n", false),
            ("settings of another program", "timeout 5\nretries 3\n", false),
            ("nothing", "# whitelist_from ann@partner.example\n", false),
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
