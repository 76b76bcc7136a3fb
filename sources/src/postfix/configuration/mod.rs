//! Parameters of Postfix (`postconf -n`, `main.cf`) that bear on what is let in.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use evidence::{Condition, ConditionOn, Product, Reading, Setting, SourceId, Unit};

use super::logical::{Logical, logical};
use crate::codes::Codes;
use crate::setup::{self, Part, Says};
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Parameters of Postfix.
pub(crate) struct Configuration;

static CODES: LazyLock<Codes> = LazyLock::new(|| Codes::of(include_str!("codes.toml")));

/// How many logical lines are looked at to tell the kind.
const GLANCE_LINES: usize = 400;

impl Source for Configuration {
    fn id(&self) -> SourceId {
        "postfix/configuration"
    }

    fn title(&self) -> &'static str {
        "Postfix configuration"
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
        Export { command: Some("postconf -n > postconf.txt"), clicks: None }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "parameters of single services: those are in master.cf (`postconf -M -P`)",
            "what a table holds: each is a file of its own",
            "parameters that have their default: `postconf -n` leaves them out",
            "whether the server was reloaded after a change, who made it, and when",
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
        setup::read(input, query, &Product::Postfix, parts)
    }
}

/// The parameters of a text.
pub(crate) fn parts(text: &str) -> Vec<Part> {
    let lines = logical(text);
    let named = |line: &Logical| {
        let (name, value) = assignment(&line.text)?;
        (CODES.means("parameter", name) == Some("classes")).then(|| words(value))
    };
    let classes: BTreeSet<String> = lines.iter().filter_map(named).flatten().collect();
    let says = |text: &str| match assignment(text) {
        Some((name, value)) => match parameter(name, value, classes.contains(name)) {
            Some(setting) => Says::Settings(vec![setting]),
            None => Says::PassedOver("parameter that lets nothing in"),
        },
        None => Says::Torn { expected: "`name = value` (postconf(5))", found: crate::text::first_words(text) },
    };
    lines.into_iter().map(|line| Part { span: line.span, says: says(&line.text) }).collect()
}

/// `name = value`.
pub(crate) fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
    (is_name && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')).then(|| (name, value.trim()))
}

/// A parameter, if it bears on what is let in.
pub(crate) fn parameter(name: &str, value: &str, is_class: bool) -> Option<Setting> {
    let means = CODES.means("parameter", name).or(is_class.then_some("restrictions"))?;
    let values = match means {
        "restrictions" => restrictions(value),
        "passed" => return None,
        _ => words(value),
    };
    let mut setting = setup::parameter(name, values.clone());
    if means == "networks" && !values.is_empty() {
        setting.conditions.push(Condition { on: ConditionOn::SourceAddress, name: name.to_owned(), values });
    }
    Some(setting)
}

/// Whether a parameter is one that is known by its name.
pub(crate) fn is_known(name: &str) -> bool {
    CODES.means("parameter", name).is_some()
}

/// The words of a value; what stands in braces is one.
fn words(value: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut depth = 0_usize;
    for c in value.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' | ' ' | '\t' if depth == 0 => {
                found.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                continue;
            }
            _ => {}
        }
        word.push(c);
    }
    found.extend(Some(word).filter(|word| !word.is_empty()));
    found
}

/// Restrictions in their order, each with what it takes.
fn restrictions(value: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut takes_more = false;
    for word in words(value) {
        let is_open = CODES.means("restriction", &word).is_some();
        match found.last_mut().filter(|_| takes_more) {
            Some(last) => {
                last.push(' ');
                last.push_str(&word);
            }
            None => found.push(word),
        }
        takes_more = is_open;
    }
    found
}

/// Whether a text is such a list of parameters: nearly all lines are, the first is, and one of them is of Postfix.
fn is_configuration(text: &str) -> bool {
    let (mut good, mut torn, mut known) = (0, 0, 0);
    for (place, line) in logical(text).iter().take(GLANCE_LINES).enumerate() {
        match assignment(&line.text) {
            Some((name, value)) => {
                good += 1;
                let is_other = value.ends_with(';') || value.starts_with(['"', '\'', '{']);
                known += usize::from(!is_other && is_known(name));
            }
            None if place == 0 => return false,
            None => torn += 1,
        }
    }
    known > 0 && good > torn * 4 && known * 10 >= good
}

/// Whether every line of a text is a parameter, and one of them of Postfix.
pub(crate) fn is_parameters(text: &str) -> bool {
    is_configuration(text) && logical(text).iter().all(|line| assignment(&line.text).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_parameters() {
        for (line, expected) in [
            ("mynetworks = 127.0.0.0/8, 192.0.2.0/24 [::1]/128", "127.0.0.0/8|192.0.2.0/24|[::1]/128 on mynetworks"),
            (
                "smtpd_recipient_restrictions = permit_mynetworks, check_sender_access hash:/etc/postfix/s warn_if_reject reject_rbl_client dnsbl.example, reject",
                "permit_mynetworks|check_sender_access hash:/etc/postfix/s|warn_if_reject reject_rbl_client dnsbl.example|reject",
            ),
            (
                "smtpd_milters = { inet:127.0.0.1:11332, default_action=accept }, unix:/run/x",
                "{ inet:127.0.0.1:11332, default_action=accept }|unix:/run/x",
            ),
            ("content_filter =", ""),
            ("myhostname = mx.example.com", "none"),
            ("made_up = 1", "none"),
        ] {
            let (name, value) = assignment(line).expect("an assignment");
            let told = parameter(name, value, false).map_or("none".to_owned(), |setting| {
                let values: Vec<String> = setting.properties.into_iter().flat_map(|one| one.values).collect();
                let on: Vec<String> = setting.conditions.into_iter().map(|one| format!(" on {}", one.name)).collect();
                format!("{}{}", values.join("|"), on.concat())
            });
            assert_eq!(told, expected, "{line}");
        }
    }

    #[test]
    fn ok_recognised() {
        for (name, text, expected) in [
            ("one parameter", "mynetworks = 192.0.2.0/24\n", true),
            ("with comments", "# main.cf\nsmtpd_client_restrictions =\n  permit_mynetworks,\n  reject\n", true),
            ("settings of another program", "name = value\nport = 25\n", false),
            ("UCL", "content_filter = \"x\";\n", false),
            ("prose", "mynetworks is set\n", false),
            ("nothing", "", false),
        ] {
            assert_eq!(is_configuration(text), expected, "{name}");
        }
    }
}
