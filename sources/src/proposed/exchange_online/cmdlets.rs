//! The cmdlets that change settings, their parameters, and which argument is which parameter's.

use std::collections::HashMap;
use std::sync::LazyLock;

use evidence::ChangeKind;
use serde::Deserialize;

use super::harmless::acts;
use super::value::{Argument, Fault, Value, Variables};

static CMDLETS: LazyLock<HashMap<String, Cmdlet>> = LazyLock::new(|| {
    let page: Page =
        toml::from_str(include_str!("cmdlets.toml")).expect("cmdlets.toml is part of the program and tested");
    page.cmdlet.into_iter().map(|cmdlet| (cmdlet.name.to_lowercase(), cmdlet)).collect()
});

#[derive(Deserialize)]
struct Page {
    cmdlet: Vec<Cmdlet>,
}

/// A cmdlet and its parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cmdlet {
    /// Its name, in its proper case.
    pub(super) name: String,
    /// Which kind of thing it sets.
    pub(super) row: String,
    /// Parameters whose names may be left out, in their order.
    #[serde(default)]
    first: Vec<String>,
    #[serde(default)]
    lists: Vec<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    switches: Vec<String>,
    #[serde(default)]
    dates: Vec<String>,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    tables: Vec<String>,
    #[serde(default)]
    values: Vec<String>,
    /// The page, and the day it was read.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people and for the test that every cmdlet has one"))]
    source: String,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Several texts.
    List,
    /// A yes or no.
    Flag,
    /// Nothing; it is said or not.
    Switch,
    /// An instant.
    Date,
    /// A text for people.
    Words,
    /// Hash tables.
    Tables,
    /// One text or number.
    Value,
    /// What says only how the command is run.
    Ignored,
}

/// What is given for a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Given {
    /// Nothing: what was there is taken away.
    Nothing,
    /// One text.
    Text(String),
    /// A yes or no.
    Flag(bool),
    /// All values of a list, none if it is emptied.
    All(Vec<String>),
    /// Values that are added to a list, and values that are taken out of it.
    Altered {
        /// Added.
        add: Vec<String>,
        /// Taken out.
        remove: Vec<String>,
    },
}

/// What a command gives for the parameters of its cmdlet, by their proper names, in the order of the command.
pub(super) struct Bound {
    /// The cmdlet.
    pub(super) cmdlet: &'static Cmdlet,
    /// Its parameters.
    pub(super) given: Vec<(&'static str, Given)>,
}

/// Parameters of every cmdlet that say how it is run, with those that take nothing first.
const RUN_SWITCHES: &[&str] = &["Verbose", "Debug"];
const RUN_VALUES: &[&str] = &[
    "ErrorAction",
    "ErrorVariable",
    "WarningAction",
    "WarningVariable",
    "InformationAction",
    "InformationVariable",
    "OutVariable",
    "OutBuffer",
    "PipelineVariable",
    "ProgressAction",
];
const ALIASES: &[(&str, &str)] = &[
    ("vb", "Verbose"),
    ("db", "Debug"),
    ("ea", "ErrorAction"),
    ("ev", "ErrorVariable"),
    ("wa", "WarningAction"),
    ("wv", "WarningVariable"),
    ("infa", "InformationAction"),
    ("iv", "InformationVariable"),
    ("ov", "OutVariable"),
    ("ob", "OutBuffer"),
    ("pv", "PipelineVariable"),
    ("proga", "ProgressAction"),
    ("wi", WHAT_IF),
    ("cf", CONFIRM),
];
const WHAT_IF: &str = "WhatIf";
const CONFIRM: &str = "Confirm";

/// The cmdlet of this name.
pub(super) fn cmdlet(name: &str) -> Option<&'static Cmdlet> {
    CMDLETS.get(&name.to_lowercase())
}

impl Cmdlet {
    /// What it does, by the verb of its name.
    pub(super) fn kind(&self) -> ChangeKind {
        match self.name.split('-').next() {
            Some("New") => ChangeKind::Created,
            Some("Set") => ChangeKind::Changed,
            Some("Remove") => ChangeKind::Removed,
            Some("Enable") => ChangeKind::Enabled,
            Some("Disable") => ChangeKind::Disabled,
            _ => ChangeKind::Other,
        }
    }

    fn parameters(&'static self) -> impl Iterator<Item = (&'static str, Takes)> {
        let own = [
            (&self.lists, Takes::List),
            (&self.flags, Takes::Flag),
            (&self.switches, Takes::Switch),
            (&self.dates, Takes::Date),
            (&self.words, Takes::Words),
            (&self.tables, Takes::Tables),
            (&self.values, Takes::Value),
        ];
        let own = own.into_iter().flat_map(|(names, takes)| names.iter().map(move |name| (name.as_str(), takes)));
        let run = RUN_SWITCHES.iter().chain(&[WHAT_IF, CONFIRM]).map(|name| (*name, Takes::Switch));
        own.chain(run).chain(RUN_VALUES.iter().map(|name| (*name, Takes::Ignored)))
    }

    /// The parameter that a name means: its own, an alias, or the beginning of only one.
    fn parameter(&'static self, written: &str) -> Result<(&'static str, Takes), Fault> {
        let is = |name: &str| name.eq_ignore_ascii_case(written);
        let alias = ALIASES.iter().find(|(alias, _)| is(alias)).map(|(_, name)| *name);
        let exactly = self.parameters().find(|(name, _)| is(name) || alias == Some(name));
        if let Some(parameter) = exactly {
            return Ok(parameter);
        }
        let begins = |(name, _): &(&'static str, Takes)| {
            name.get(..written.len()).is_some_and(|start| start.eq_ignore_ascii_case(written))
        };
        let fits: Vec<_> = self.parameters().filter(begins).collect();
        match fits.as_slice() {
            [only] => Ok(*only),
            [] => Err(Fault::new(&format!("a parameter of {}", self.name), format!("-{written}"))),
            several => {
                let names: Vec<&str> = several.iter().take(4).map(|(name, _)| *name).collect();
                let found = format!("-{written}, which could be -{}", names.join(", -"));
                Err(Fault::new("a name that only one parameter begins with", found))
            }
        }
    }
}

/// Finds out which argument is which parameter's.
///
/// # Errors
/// [`Fault`] if a parameter is unknown, is given twice, lacks its value, or has one that nobody can tell from the text.
pub(super) fn bind(
    cmdlet: &'static Cmdlet,
    arguments: Vec<Argument>,
    variables: &mut Variables,
) -> Result<Bound, Fault> {
    let mut binder = Binder { cmdlet, given: Vec::new(), unnamed: Vec::new() };
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        match argument {
            Argument::Splat(name) => binder.splat(&name, variables.get(&name))?,
            Argument::Value(value) => binder.unnamed.push(value),
            Argument::Named(name, value) => {
                let (name, takes) = cmdlet.parameter(&name)?;
                let value = match value {
                    None if takes != Takes::Switch => {
                        let next = arguments.next_if(|next| matches!(next, Argument::Value(_)));
                        let Some(Argument::Value(value)) = next else { return Err(without_value(name)) };
                        Some(value)
                    }
                    value => value,
                };
                binder.give(name, takes, value)?;
            }
        }
    }
    binder.bound()
}

fn without_value(name: &str) -> Fault {
    Fault::new(&format!("a value for -{name}"), "none")
}

struct Binder {
    cmdlet: &'static Cmdlet,
    given: Vec<(&'static str, Given)>,
    unnamed: Vec<Value>,
}

impl Binder {
    fn splat(&mut self, name: &str, value: Value) -> Result<(), Fault> {
        let Value::Table(members) = value else {
            return Err(Fault::new("a hash table that the text assigns before", format!("@{name}")));
        };
        for (key, value) in members {
            let (name, takes) = self.cmdlet.parameter(&key)?;
            self.give(name, takes, Some(value))?;
        }
        Ok(())
    }

    fn give(&mut self, name: &'static str, takes: Takes, value: Option<Value>) -> Result<(), Fault> {
        if self.given.iter().any(|(known, _)| *known == name) {
            return Err(Fault::new("each parameter once", format!("-{name} again")));
        }
        let given = match value {
            None => Given::Flag(true),
            Some(value) => given(name, takes, value)?,
        };
        self.given.push((name, given));
        Ok(())
    }

    /// Gives the values without a name to the parameters that may do without, and leaves out what says only how it is run.
    fn bound(mut self) -> Result<Bound, Fault> {
        let unnamed = std::mem::take(&mut self.unnamed);
        for value in unnamed {
            let free = self.cmdlet.first.iter().find(|name| self.given.iter().all(|(known, _)| known != name));
            let Some(name) = free else {
                return Err(Fault::new("the name of a parameter before each value", words(&value)));
            };
            let (name, takes) = self.cmdlet.parameter(name)?;
            self.give(name, takes, Some(value))?;
        }
        if self.given.contains(&(WHAT_IF, Given::Flag(true))) {
            return Err(Fault::new("a command that does something", "-WhatIf: it would only be tried"));
        }
        let is_run =
            |name: &str| RUN_SWITCHES.iter().chain(RUN_VALUES).chain(&[WHAT_IF, CONFIRM]).any(|run| *run == name);
        self.given.retain(|(name, _)| !is_run(name));
        Ok(Bound { cmdlet: self.cmdlet, given: self.given })
    }
}

/// A value as a parameter takes it.
fn given(name: &'static str, takes: Takes, value: Value) -> Result<Given, Fault> {
    if let (Some(unknown), true) = (value.unknown(), !matches!(takes, Takes::Date | Takes::Words | Takes::Ignored)) {
        return Err(Fault::new(&format!("a value of -{name} that the text says"), unknown));
    }
    if let Some(unknown) = value.unknown().filter(|unknown| acts(unknown)) {
        return Err(Fault::new(&format!("a value of -{name} that runs no other command"), unknown));
    }
    let wrong = |expected: &str, value: &Value| Err(Fault::new(&format!("{expected} for -{name}"), words(value)));
    Ok(match takes {
        Takes::Ignored => Given::Nothing,
        Takes::Date | Takes::Words | Takes::Tables => match value {
            Value::Null => Given::Nothing,
            value => Given::Text(words(&value)),
        },
        Takes::Flag | Takes::Switch => match &value {
            Value::Null if takes == Takes::Flag => Given::Nothing,
            value => match truth(value) {
                Some(flag) => Given::Flag(flag),
                None => return wrong("$true or $false", value),
            },
        },
        Takes::Value => match value {
            Value::Null => Given::Nothing,
            Value::Text(text) if text.is_empty() => Given::Nothing,
            value @ (Value::Text(_) | Value::Flag(_)) => Given::Text(words(&value)),
            Value::List(values) if values.len() == 1 => Given::Text(words(&Value::List(values))),
            value => return wrong("one value", &value),
        },
        Takes::List => match value {
            Value::Table(members) => altered(name, members)?,
            value => Given::All(texts(value)),
        },
    })
}

/// `@{Add=...; Remove=...}`.
fn altered(name: &str, members: Vec<(String, Value)>) -> Result<Given, Fault> {
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for (key, value) in members {
        match key.to_ascii_lowercase().as_str() {
            "add" => add.extend(texts(value)),
            "remove" => remove.extend(texts(value)),
            _ => return Err(Fault::new(&format!("Add or Remove for -{name}"), key)),
        }
    }
    Ok(Given::Altered { add, remove })
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Flag(flag) => Some(*flag),
        Value::Text(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "$true" => Some(true),
            "0" | "false" | "$false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The texts of a value, those that are empty left out.
fn texts(value: Value) -> Vec<String> {
    let texts: Vec<String> = match value {
        Value::Null => Vec::new(),
        Value::List(values) => values.iter().map(words).collect(),
        value => vec![words(&value)],
    };
    texts.into_iter().filter(|text| !text.trim().is_empty()).collect()
}

/// A value in words.
fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Flag(true) => "True".to_owned(),
        Value::Flag(false) => "False".to_owned(),
        Value::Text(text) | Value::Unknown(text) => text.clone(),
        Value::List(values) => values.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Table(members) => {
            let member = |(key, value): &(String, Value)| format!("{key}={}", words(value));
            members.iter().map(member).collect::<Vec<_>>().join("; ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cmdlet_is_whole() {
        for cmdlet in CMDLETS.values() {
            assert!(cmdlet.source.starts_with(&format!("Microsoft, {}, read 20", cmdlet.name)), "{}", cmdlet.name);
            assert!(super::super::rows::is_row(&cmdlet.row), "{}: {}", cmdlet.name, cmdlet.row);
            for name in &cmdlet.first {
                assert!(cmdlet.parameter(name).is_ok(), "{}: {name}", cmdlet.name);
            }
        }
    }
}
