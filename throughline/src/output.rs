//! How an answer leaves the program: the face that was asked for, on standard output.

use std::io::{IsTerminal, Write};

use report::{Color, Sheet, Terminal};
use serde::Serialize;

use crate::cli::{Format, Output, When};
use crate::failure::Failure;

/// Columns and colour of the place that the answer goes to.
pub fn terminal(options: &Output) -> Terminal {
    let is_terminal = std::io::stdout().is_terminal();
    let wanted = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let is_plain = wanted("NO_COLOR").is_some() || wanted("TERM").is_some_and(|term| term == "dumb");
    let color = match options.color {
        When::Always => Color::Always,
        When::Auto if is_terminal && !is_plain => Color::Always,
        When::Auto | When::Never => Color::Never,
    };
    let seen = is_terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| width.0.clamp(40, 140));
    Terminal { width: usize::from(options.width.or(seen).unwrap_or(80)), color }
}

/// A document of one page in the form that was asked for.
///
/// # Errors
/// [`Failure::Internal`] if the document is no JSON.
pub fn page(document: &impl Serialize, sheet: &Sheet, options: &Output) -> Result<String, Failure> {
    Ok(match options.format {
        Format::Text => report::sheet_terminal(sheet, terminal(options)),
        Format::Markdown => report::sheet_markdown(sheet),
        Format::Html => report::sheet_html(sheet),
        Format::Json => json(document)?,
    })
}

/// A document as JSON; controls and direction marks are written as `\u` escapes, so that it can be looked at safely.
///
/// # Errors
/// [`Failure::Internal`] if the document is no JSON.
pub fn json(document: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|error| Failure::Internal(error.to_string()))?;
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                safe.push_str(&format!("\\u{:04x}", c as u32));
            }
            _ => safe.push(c),
        }
    }
    safe.push('\n');
    Ok(safe)
}

/// Writes the answer; a reader that has seen enough (`| head`) is no error.
///
/// # Errors
/// [`Failure::Output`] if it cannot be written.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Output(error)),
        _ => Ok(()),
    }
}
