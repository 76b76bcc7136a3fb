//! Puts a ticket's values into a command, so that nothing in them can do more than be looked for.
//!
//! Senders choose their Message-IDs, addresses and subjects, and the commands are made to be copied into a shell. A template
//! names a value in braces, never within quotes of its own: what is put there is one whole word of the shell, quoted here. A
//! part in brackets is left out if a value in it is not known, or cannot be carried.

use serde::Deserialize;

/// By whose rules a command's words are quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shell {
    /// PowerShell.
    PowerShell,
    /// The shell of POSIX.
    Sh,
}

impl Shell {
    /// The name in the report.
    pub fn id(self) -> &'static str {
        match self {
            Shell::PowerShell => "powershell",
            Shell::Sh => "sh",
        }
    }
}

/// Values longer than this stand in no id or address that a mail system takes (RFC 5322 ends a line at 998 characters).
const MAX_VALUE_BYTES: usize = 998;

/// Fills a command. `value` gives a place's value, without quotes.
///
/// `None` if a value outside brackets is not known or cannot be carried: a command with a hole in it does something else.
pub fn command(template: &str, shell: Shell, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    filled(template, &|place| quoted(&value(place)?, shell))
}

/// Fills a click path, which no shell reads: values stand as they are, if a person can see all of them.
pub fn words(template: &str, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    filled(template, &|place| value(place).filter(|value| is_visible(value)))
}

/// Fills a sentence for a person. Every face of the report makes harmless what it shows.
pub fn sentence(template: &str, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    filled(template, value)
}

/// A value as one word of a shell; `None` if no quoting makes it harmless in a terminal, where control characters end lines
/// and close what was pasted, and marks of direction hide what follows.
pub fn quoted(value: &str, shell: Shell) -> Option<String> {
    if !is_visible(value) {
        return None;
    }
    match shell {
        // PowerShell takes the typographic single quotes for quotes, too; each doubled stands for itself.
        Shell::PowerShell => {
            let mut word = String::from("'");
            for c in value.chars() {
                word.extend(std::iter::repeat_n(c, if is_powershell_quote(c) { 2 } else { 1 }));
            }
            word.push('\'');
            Some(word)
        }
        // Quoting does not keep a program from taking a word for an option.
        Shell::Sh if value.starts_with('-') => None,
        Shell::Sh => Some(format!("'{}'", value.replace('\'', "'\\''"))),
    }
}

fn is_powershell_quote(c: char) -> bool {
    matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}')
}

/// Whether all of a value can be seen: no control, no line or paragraph separator, nothing that turns the direction, has no
/// width or no shape. What the report writes as an escape (`report/src/text.rs`) is among them: a command that was changed on
/// its way to the screen looks for something else.
fn is_visible(value: &str) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}'
            )
            || matches!(c, '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fffd}')
            || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}')
            || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
    };
    !value.trim().is_empty() && value.len() <= MAX_VALUE_BYTES && !value.chars().any(hidden)
}

/// Fills places in braces and leaves out parts in brackets of which a place stays empty. What is put in is not read again.
fn filled(template: &str, value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '[']) {
        out.push_str(&rest[..at]);
        let is_place = rest[at..].starts_with('{');
        let close = if is_place { '}' } else { ']' };
        let (inner, after) = rest[at + 1..].split_once(close)?;
        match is_place {
            true => out.push_str(&value(inner)?),
            false => out.push_str(&filled(inner, value).unwrap_or_default()),
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}

/// The places that a template names.
#[cfg(test)]
pub(crate) fn places(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|part| part.split('}').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_quoted() {
        for (name, value, powershell, sh) in [
            ("plain", "<inv-1@supplier.example>", "'<inv-1@supplier.example>'", "'<inv-1@supplier.example>'"),
            ("subexpression", "<$(reboot)@x.example>", "'<$(reboot)@x.example>'", "'<$(reboot)@x.example>'"),
            ("backticks", "<`id`@x.example>", "'<`id`@x.example>'", "'<`id`@x.example>'"),
            ("double quote", "<a\"; id #@x.example>", "'<a\"; id #@x.example>'", "'<a\"; id #@x.example>'"),
            ("single quote", "<a'; id #@x.example>", "'<a''; id #@x.example>'", "'<a'\\''; id #@x.example>'"),
            ("quotes only", "''", "''''''", "''\\'''\\'''"),
            (
                "typographic quotes",
                "<a\u{2019}; id@x.example>",
                "'<a\u{2019}\u{2019}; id@x.example>'",
                "'<a\u{2019}; id@x.example>'",
            ),
            (
                "low quote",
                "a\u{201a}\u{201b}\u{2018}",
                "'a\u{201a}\u{201a}\u{201b}\u{201b}\u{2018}\u{2018}'",
                "'a\u{201a}\u{201b}\u{2018}'",
            ),
            ("backslash at the end", "a\\", "'a\\'", "'a\\'"),
            ("history and home", "!! ~root $HOME %PATH%", "'!! ~root $HOME %PATH%'", "'!! ~root $HOME %PATH%'"),
            ("places of ours", "{recipient}[x]", "'{recipient}[x]'", "'{recipient}[x]'"),
        ] {
            assert_eq!(quoted(value, Shell::PowerShell).as_deref(), Some(powershell), "{name}");
            assert_eq!(quoted(value, Shell::Sh).as_deref(), Some(sh), "{name}");
        }
    }

    #[test]
    fn refused_values() {
        for (name, value) in [
            ("empty", ""),
            ("blank", "  "),
            ("line feed", "<a@x.example>\nreboot"),
            ("carriage return", "<a@x.example>\rreboot"),
            ("escape that ends a paste", "<a\u{1b}[201~;id@x.example>"),
            ("next line", "a\u{85}b"),
            ("line separator", "a\u{2028}b"),
            ("right to left", "a\u{202e}b"),
            ("no width", "a\u{200b}b"),
            ("no shape", "a\u{3164}b"),
            ("variation of what stands before", "a\u{fe0f}b"),
            ("private use", "a\u{e000}b"),
            ("nothing decoded", "a\u{fffd}b"),
        ] {
            assert_eq!(quoted(value, Shell::PowerShell), None, "{name}");
            assert_eq!(quoted(value, Shell::Sh), None, "{name}");
            assert_eq!(words("look for {id}", &|_| Some(value.to_owned())), None, "{name}");
        }
        assert_eq!(quoted(&"a".repeat(999), Shell::Sh), None);
        assert_eq!(quoted("--exec=id", Shell::Sh), None, "an option");
        assert_eq!(quoted("--exec=id", Shell::PowerShell).as_deref(), Some("'--exec=id'"));
    }

    /// What a real shell makes of the word is the value again, and nothing runs.
    #[test]
    fn ok_read_back_by_sh() {
        for value in
            ["<a'; echo no; '@x.example>", "$(echo no)`echo no`\"\\", "'", "a'b''c", "*", "a b\u{e9} # ~ ! \\'"]
        {
            let word = quoted(value, Shell::Sh).unwrap();
            let output = std::process::Command::new("sh").args(["-c", &format!("printf %s {word}")]).output();
            let Ok(output) = output else { return };
            assert_eq!(String::from_utf8_lossy(&output.stdout), value);
        }
    }

    #[test]
    fn ok_filled() {
        let value = |place: &str| match place {
            "id" => Some("{to}[x]'".to_owned()),
            "to" => Some("ana@example.com".to_owned()),
            "bad" => Some("a\nb".to_owned()),
            _ => None,
        };
        for (template, expected) in [
            ("Get -Id {id} -To {to}", Some("Get -Id '{to}[x]''' -To 'ana@example.com'")),
            ("Get[ -Id {none}] -To {to}", Some("Get -To 'ana@example.com'")),
            ("Get[ -Id {bad}] -To {to}", Some("Get -To 'ana@example.com'")),
            ("Get[ -From {to} -Till {none}]", Some("Get")),
            ("Get -Id {none}", None),
            ("Get -Id {bad}", None),
            ("Get", Some("Get")),
        ] {
            assert_eq!(command(template, Shell::PowerShell, &value).as_deref(), expected, "{template}");
        }
    }
}
