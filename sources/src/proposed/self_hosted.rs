//! Changes to servers of one's own: lines of Postfix's tables and parameters, snippets of rspamd, SpamAssassin and amavis, and the commands
//! of their shells that write them, or let a held message go.
//!
//! Lines and snippets are read by the readers of the files into which they go, so that a change and an export state the same setting.

mod commands;
mod kinds;

use evidence::{ChangeKind, FileName, Product};

use super::shell::{self, Command};
use super::{About, Candidate, Dialect, Step, Unread};
use crate::Clock;
use crate::setup::Says;

/// Lines of maps and settings, and commands.
pub(super) struct Maps;

impl Dialect for Maps {
    fn is_written_in(&self, text: &str) -> bool {
        let has_command = || text.lines().any(commands::is_ours);
        kinds::of(text).is_some() || has_command()
    }

    fn read(&self, _file: &FileName, text: &str, _clock: &Clock) -> Candidate {
        let mut told = Told::default();
        if !text.lines().any(commands::is_ours) {
            told.lines(text, 1, None);
            return told.candidate;
        }
        let (mut at, mut number) = (0, 1);
        let mut plain: Option<(usize, u64)> = None;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let line = rest.split_inclusive('\n').next().unwrap_or(rest);
            let used = if commands::begins(line) {
                told.plain(text, plain.take(), at);
                let (commands, used) = shell::first_line(rest, number);
                told.commands(&commands);
                used.max(1)
            } else {
                plain.get_or_insert((at, number));
                line.len()
            };
            number += rest.get(..used).map_or(0, |used| used.matches('\n').count() as u64);
            at += used;
        }
        told.plain(text, plain.take(), text.len());
        told.candidate
    }
}

/// What was read so far.
#[derive(Default)]
struct Told {
    candidate: Candidate,
}

impl Told {
    fn unread(&mut self, said: &str, line: u64, expected: &str, found: &str) {
        let said = said.trim().chars().take(300).collect();
        self.candidate.unread.push(Unread { said, line, expected: expected.to_owned(), found: found.to_owned() });
    }

    fn step(&mut self, said: &str, line: u64, product: Product, operation: &str, kind: ChangeKind, about: About) {
        let (said, operation) = (said.trim().to_owned(), operation.to_owned());
        self.candidate.steps.push(Step { said, line, product, operation, kind, about, replaces: Vec::new() });
    }

    /// Lines between commands, from a place and line of the text to another place.
    fn plain(&mut self, text: &str, from: Option<(usize, u64)>, to: usize) {
        let Some((from, line)) = from else { return };
        let lines = text.get(from..to).unwrap_or("");
        let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if !lines.lines().all(is_blank) {
            self.lines(lines, line, None);
        }
    }

    /// Lines of a table or of settings, as they would stand in their file; `into` is that file, if it is known.
    fn lines(&mut self, text: &str, first: u64, into: Option<&str>) {
        let Some(kind) = kinds::of(text).or_else(|| into.and_then(|into| kinds::by_path(text, into))) else {
            let expected = "lines of an access table, parameters, directives, or a snippet";
            return self.unread(text, first, expected, &crate::text::first_words(text.trim()));
        };
        let (mut counted, mut line) = (0, first);
        for part in (kind.parts)(text) {
            line += text.get(counted..part.span.start).map_or(0, |passed| passed.matches('\n').count() as u64);
            counted = part.span.start;
            let said = text.get(part.span).unwrap_or("").to_owned();
            match part.says {
                Says::Settings(settings) => {
                    for mut setting in settings {
                        kinds::put_table(&mut setting, into);
                        self.step(
                            &said,
                            line,
                            kind.product.clone(),
                            kind.operation,
                            ChangeKind::Created,
                            About::Setting(Box::new(setting)),
                        );
                    }
                }
                Says::PassedOver(_) => {}
                Says::Torn { expected, found } => self.unread(&said, line, expected, &found),
            }
        }
    }

    /// Commands of one line: what one writes, the next may be given.
    fn commands(&mut self, commands: &[Command]) {
        let mut written: Option<(String, u64)> = None;
        for command in commands {
            let given = command.given.clone().or_else(|| written.take().filter(|_| command.is_piped));
            written = commands::read(self, command, given);
        }
        if let (Some((text, line)), Some(last)) = (written, commands.last()) {
            let _ = text;
            self.unread(&last.said, line, "a file into which it is written", "none");
        }
    }
}

#[cfg(test)]
mod tests;
