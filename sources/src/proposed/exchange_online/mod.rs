//! Commands of Exchange Online PowerShell.
//!
//! A text goes through the modules in this order: [`script`] (statements and their commands), [`value`] (arguments and
//! variables), [`cmdlets`] (which parameter is meant), [`rows`] (the row that the export would show, read by its own reader). What
//! a command is cannot be told where PowerShell would have to run for it: loops, pipes, computed names. It is unread then.

mod cmdlets;
mod harmless;
mod rows;
mod script;
#[cfg(test)]
mod tests;
mod value;

use std::borrow::Cow;

use evidence::FileName;

use super::{Candidate, Dialect, READS_ONLY, Step, Unread};
use crate::Clock;
use harmless::{acts, is_harmless, runs_text};
use script::{Statement, statements};
use value::{
    Argument, Command, Fault, Value, Variables, added, assignment, command, expression, shortened, without_casts,
};

/// Commands of Exchange Online PowerShell.
pub(super) struct PowerShell;

impl Dialect for PowerShell {
    fn is_written_in(&self, text: &str) -> bool {
        is_powershell(text)
    }

    fn read(&self, file: &FileName, text: &str, clock: &Clock) -> Candidate {
        let text = &with_line_ends(text);
        let mut reader = Reader { file, clock, variables: Variables::new(), candidate: Candidate::default(), kept: 0 };
        for statement in statements(text) {
            if reader.candidate.unread.len() == UNREAD_MAX {
                let fault = Fault::new("fewer statements that cannot be read", "this one and those after it");
                reader.leave(&statement, fault);
                break;
            }
            reader.statement(&statement);
        }
        let Candidate { steps, unread } = &reader.candidate;
        if steps.is_empty() && unread.is_empty() { Candidate::unread(READS_ONLY.to_owned()) } else { reader.candidate }
    }
}

/// A text whose lines end with line feeds: to PowerShell a carriage return alone ends a line too.
fn with_line_ends(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_alone = |at: usize| bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) != Some(&b'\n');
    if !memchr::memchr_iter(b'\r', bytes).any(is_alone) {
        return Cow::Borrowed(text);
    }
    text.char_indices().map(|(at, c)| if is_alone(at) { '\n' } else { c }).collect()
}

/// How much of a command is repeated with each of its steps, in characters.
const SAID_CHARS: usize = 4_000;
/// How much of what could not be read is repeated, in characters.
const UNREAD_CHARS: usize = 300;
/// How many statements that could not be read are told one by one; the next stands for the rest.
const UNREAD_MAX: usize = 1_000;
/// How much is kept of all steps, in bytes: what comes after is unread.
const KEPT_MAX_BYTES: usize = 16 << 20;

/// Whether a text is written in PowerShell: it begins like it, or one of its statements is a command that changes a setting or runs
/// a text.
fn is_powershell(text: &str) -> bool {
    let text = &with_line_ends(text);
    let start = text.trim_start_matches(script::is_blank);
    let is_other = start.starts_with('[') && !start.starts_with("[PS]") && !without_casts(start).starts_with('$');
    if is_other || start.starts_with('{') || start.starts_with('<') && !start.starts_with("<#") {
        return false;
    }
    let mut variables = Variables::new();
    let statements = statements(text);
    let names = |text: &str, variables: &mut Variables| {
        let text = assignment(text).map_or(text, |assignment| assignment.value);
        command(text, variables).map(|command| command.name).ok().or_else(|| first_word(text))
    };
    let mut is_first = true;
    let begins = |text: &str| {
        text.starts_with(['&', '\'', '"', '(', '@', '%']) || first_word(text).is_some_and(|word| is_keyword(&word))
    };
    if statements.first().is_some_and(|first| begins(first.text)) && mentions_cmdlet(start) {
        return true;
    }
    for text in statements.iter().flat_map(|statement| &statement.commands) {
        let Some(name) = names(text, &mut variables) else { continue };
        let is_known = cmdlets::cmdlet(&name).is_some() || runs_text(&name);
        if is_known || is_first && harmless::is_cmdlet_name(&name) {
            return true;
        }
        is_first = false;
    }
    false
}

fn is_keyword(word: &str) -> bool {
    const KEYWORDS: &[&str] =
        &["foreach", "for", "if", "try", "while", "do", "function", "switch", "param", "begin", "process", "trap"];
    KEYWORDS.contains(&word.to_ascii_lowercase().as_str())
}

/// Whether the name of a cmdlet that changes settings stands anywhere in a text.
fn mentions_cmdlet(text: &str) -> bool {
    let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.any(|word| word.contains('-') && cmdlets::cmdlet(word).is_some())
}

fn first_word(text: &str) -> Option<String> {
    let text = text.trim_start_matches(['&', '.', '(', '{', '$', ' ']);
    let word = text.split(|c: char| script::is_blank(c) || "({;,'\"".contains(c)).next()?;
    Some(word.to_owned())
}

struct Reader<'a> {
    file: &'a FileName,
    clock: &'a Clock,
    variables: Variables,
    candidate: Candidate,
    /// How many bytes the steps so far take, about.
    kept: usize,
}

impl Reader<'_> {
    fn statement(&mut self, statement: &Statement<'_>) {
        if let Err(fault) = self.read(statement) {
            self.leave(statement, fault);
        }
    }

    /// Notes a statement that could not be read.
    fn leave(&mut self, statement: &Statement<'_>, fault: Fault) {
        let said = shortened(statement.text, UNREAD_CHARS);
        let unread = Unread { said, line: statement.line, expected: fault.expected, found: fault.found };
        self.candidate.unread.push(unread);
    }

    /// Reads a statement: an assignment, or a pipeline.
    fn read(&mut self, statement: &Statement<'_>) -> Result<(), Fault> {
        if statement.is_torn {
            return Err(Fault::new("the end of the quotes and brackets", statement.text));
        }
        let Some((first, sinks)) = statement.commands.split_first() else { return Ok(()) };
        match assignment(first) {
            Some(assigned) => {
                let is_value = sinks.is_empty() && !begins_command(assigned.value);
                let value = match is_value {
                    true => expression(assigned.value, &mut self.variables),
                    false => Value::Unknown(assigned.value.to_owned()),
                };
                if is_value && value.unknown().is_some() && acts(assigned.value) {
                    return Err(Fault::new("a value, or a command by its name", assigned.value));
                }
                let unknown = || Value::Unknown(assigned.value.to_owned());
                match (&assigned.member, assigned.adds) {
                    (None, false) => self.variables.set(&assigned.name, value),
                    (None, true) => {
                        let sum = added(self.variables.get(&assigned.name), value).unwrap_or_else(unknown);
                        self.variables.set(&assigned.name, sum);
                    }
                    (Some(member), false) => self.variables.set_member(&assigned.name, member, value),
                    (Some(_), true) => self.variables.set(&assigned.name, unknown()),
                }
                if is_value { Ok(()) } else { self.pipeline(assigned.value, sinks, statement) }
            }
            None => self.pipeline(first, sinks, statement),
        }
    }

    /// Reads a command whose results nobody takes, or only somebody who shows them.
    fn pipeline(&mut self, first: &str, sinks: &[&str], statement: &Statement<'_>) -> Result<(), Fault> {
        if is_comment_only(first) && sinks.is_empty() {
            return Ok(());
        }
        for sink in sinks {
            if let Some(name) = is_change(sink, &mut self.variables) {
                let found = format!("what `{}` hands over", shortened(first, 60));
                return Err(Fault::new(&format!("what {name} is to change, named in the command"), found));
            }
            harmless_command(sink, &mut self.variables)?;
        }
        let parsed = command(first, &mut self.variables)?;
        forget(&parsed, &mut self.variables);
        match cmdlets::cmdlet(&parsed.name) {
            None => harmless_command(first, &mut self.variables),
            Some(cmdlet) => {
                let bound = cmdlets::bind(cmdlet, parsed.arguments, &mut self.variables)?;
                let said = shortened(statement.text, SAID_CHARS);
                let steps = rows::steps(bound, &said, statement.line, self.file, self.clock)?;
                self.keep(steps)
            }
        }
    }

    fn keep(&mut self, steps: Vec<Step>) -> Result<(), Fault> {
        self.kept += steps.iter().map(|step| step.said.len() + 1_000).sum::<usize>();
        if self.kept > KEPT_MAX_BYTES {
            return Err(Fault::new("fewer steps", format!("{} steps before this", self.candidate.steps.len())));
        }
        self.candidate.steps.extend(steps);
        Ok(())
    }
}

/// Whether what is assigned is a command's answer rather than a value.
fn begins_command(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic())
}

fn is_comment_only(text: &str) -> bool {
    let mut rest = text.trim_start_matches(script::is_blank);
    while !rest.is_empty() {
        let after = match rest {
            rest if rest.starts_with("<#") => rest.find("#>").map_or("", |end| &rest[end + 2..]),
            rest if rest.starts_with('#') => rest.split_once('\n').map_or("", |(_, after)| after),
            _ => return false,
        };
        rest = after.trim_start_matches(script::is_blank);
    }
    true
}

/// The cmdlet that a command is, if it changes a setting.
fn is_change(text: &str, variables: &mut Variables) -> Option<&'static str> {
    let name = command(text, variables).map_or_else(|_| first_word(text), |command| Some(command.name))?;
    cmdlets::cmdlet(&name).map(|cmdlet| cmdlet.name.as_str())
}

/// Forgets variables into which a command puts what it finds.
fn forget(command: &Command, variables: &mut Variables) {
    const INTO: &[&str] = &[
        "outvariable",
        "ov",
        "pipelinevariable",
        "pv",
        "errorvariable",
        "ev",
        "warningvariable",
        "wv",
        "informationvariable",
        "iv",
        "variable",
    ];
    let mut is_named = false;
    for argument in &command.arguments {
        let (name, value) = match argument {
            Argument::Named(name, value) => (Some(name.to_ascii_lowercase()), value.as_ref()),
            Argument::Value(value) => (None, Some(value).filter(|_| is_named)),
            Argument::Splat(_) => (None, None),
        };
        is_named = name.as_ref().map_or(is_named, |name| INTO.iter().any(|into| into.starts_with(name.as_str())));
        if let (true, Some(Value::Text(variable))) = (is_named, value) {
            let variable = variable.trim_start_matches('+');
            variables.set(variable, Value::Unknown(format!("${variable}")));
        }
        is_named &= name.is_some();
    }
}

/// Passes over a command that changes nothing.
fn harmless_command(text: &str, variables: &mut Variables) -> Result<(), Fault> {
    let parsed = command(text, variables)?;
    forget(&parsed, variables);
    if !is_harmless(&parsed.name) {
        return Err(Fault::new("a cmdlet that is known to change a setting, or to change none", parsed.name));
    }
    let loads = parsed.name.to_ascii_lowercase().ends_with("-module");
    for argument in &parsed.arguments {
        let value = match argument {
            Argument::Named(_, Some(value)) | Argument::Value(value) => value,
            _ => continue,
        };
        let is_file = |value: &Value| matches!(value, Value::Text(text) if text.contains(['/', '\\']));
        let unknown = value.unknown().filter(|unknown| acts(unknown));
        if unknown.is_some() || loads && (is_file(value) || value.unknown().is_some()) {
            return Err(Fault::new(&format!("{} with values that run no other command", parsed.name), text));
        }
    }
    Ok(())
}
