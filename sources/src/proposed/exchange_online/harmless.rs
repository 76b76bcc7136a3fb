//! Which commands change nothing, and which words of a text could be commands that do.

use super::script::is_blank;

/// Verbs of cmdlets that show, search, format or connect.
const VERBS: &[&str] = &[
    "get",
    "connect",
    "disconnect",
    "write",
    "format",
    "select",
    "sort",
    "where",
    "out",
    "export",
    "convertto",
    "convertfrom",
    "measure",
    "test",
    "compare",
    "group",
    "search",
    "read",
    "show",
    "resolve",
    "split",
    "join",
    "tee",
    "trace",
    "wait",
    "find",
];

/// Other commands that change no setting of mail.
const NAMES: &[&str] = &[
    "import-module",
    "install-module",
    "update-module",
    "start-transcript",
    "stop-transcript",
    "start-sleep",
    "clear-host",
    "cls",
    "clear",
    "set-location",
    "cd",
    "pwd",
    "ls",
    "dir",
    "echo",
    "select",
    "sort",
    "where",
    "?",
    "ft",
    "fl",
    "fw",
    "measure",
    "group",
    "sleep",
    "set-content",
    "add-content",
    "set-strictmode",
    "set-executionpolicy",
    "exit",
    "tee",
    "more",
    "new-timespan",
    "start-historicalsearch",
    "compare",
    "whoami",
    "hostname",
];

/// Commands that run a text or a program, so that the change is hidden in what they are given.
const RUNNERS: &[&str] =
    &["invoke-expression", "iex", "powershell", "powershell.exe", "pwsh", "pwsh.exe", "invoke-command", "icm"];

/// Approved verbs beside the harmless ones: a text that begins with one of them is PowerShell.
const OTHER_VERBS: &[&str] = &[
    "new",
    "set",
    "remove",
    "add",
    "enable",
    "disable",
    "release",
    "invoke",
    "update",
    "import",
    "start",
    "stop",
    "clear",
    "delete",
    "install",
    "uninstall",
    "foreach",
    "grant",
    "revoke",
    "register",
    "send",
    "save",
    "push",
    "suspend",
    "resume",
    "unblock",
    "block",
];

/// Whether a command changes nothing by itself; what it is given may.
pub(super) fn is_harmless(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str())
        || name.split_once('-').is_some_and(|(verb, noun)| !noun.is_empty() && VERBS.contains(&verb))
}

/// Whether a command runs a text.
pub(super) fn runs_text(name: &str) -> bool {
    RUNNERS.contains(&name.to_ascii_lowercase().as_str())
}

/// Whether it is named as cmdlets are: an approved verb, a dash, a noun.
pub(super) fn is_cmdlet_name(name: &str) -> bool {
    let Some((verb, noun)) = name.split_once('-') else { return false };
    let verb = verb.to_ascii_lowercase();
    let is_verb = VERBS.contains(&verb.as_str()) || OTHER_VERBS.contains(&verb.as_str());
    is_verb && noun.starts_with(char::is_alphabetic) && noun.chars().all(char::is_alphanumeric)
}

/// Whether a part of a text that PowerShell would have to compute could change something.
///
/// It could not if all commands in it are harmless, nothing is called otherwise, and no method runs a text. Whatever stands at the
/// start of brackets counts as a command, in strings too: rather once too often than never.
pub(super) fn acts(text: &str) -> bool {
    let folded = text.to_ascii_lowercase();
    if folded.contains(['&', '`']) || folded.contains("invoke") || calls_types(&folded) {
        return true;
    }
    let mut starts_command = true;
    let mut rest = folded.as_str();
    while let Some(c) = rest.chars().next() {
        let word_len = rest.find(|c: char| !(is_word(c))).unwrap_or(rest.len());
        let word = &rest[..word_len];
        if word.is_empty() {
            starts_command = "({|;=\n".contains(c) || starts_command && is_blank(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let is_value = word.starts_with(['$', '-']) || word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if starts_command && !is_value && !is_harmless(word) || runs_text(word) {
            return true;
        }
        starts_command = false;
        rest = &rest[word_len..];
    }
    false
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '$' | '-' | '_' | '.' | '\\' | '/' | '%' | '?')
}

/// Whether members of types are asked that do more than tell a date.
fn calls_types(folded: &str) -> bool {
    const DATES: [&str; 3] = ["[datetime]::", "[system.datetime]::", "[timespan]::"];
    folded.matches("::").count() > DATES.iter().map(|of| folded.matches(of).count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_acts() {
        for (text, expected) in [
            ("(Get-Date).AddDays(30)", false),
            ("(Get-Date).AddDays( 30 )", false),
            ("[datetime]::UtcNow.AddDays(30)", false),
            ("{ $_.Name -like 'x-y' }", false),
            ("{$_.State -eq 'Enabled' -and $_.Priority -lt 3}", false),
            ("(Get-TransportRule 'x').Identity", false),
            ("\"Ticket $id for ann\"", false),
            ("{ Remove-TransportRule $_ }", true),
            ("$(Set-X)", true),
            ("(iex 'x')", true),
            ("& 'x'", true),
            ("(.\\x.ps1)", true),
            ("(foo)", true),
            ("(Get-Date; foo)", true),
            ("$x.Invoke()", true),
            ("[scriptblock]::Create('x')", true),
        ] {
            assert_eq!(acts(text), expected, "{text}");
        }
    }
}
