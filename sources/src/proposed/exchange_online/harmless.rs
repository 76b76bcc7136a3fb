//! Which commands change nothing, and which words of a text could be commands that do.

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
    "using",
    "new-timespan",
    "start-historicalsearch",
    "compare",
    "whoami",
    "hostname",
    "date",
    "h",
    "history",
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

/// Whether a part of a text, computed or in a block, could change something: a word that is named like a cmdlet and not known to
/// be harmless, a call, a method.
pub(super) fn acts(text: &str) -> bool {
    let computes = text.contains(['(', '{', '&', '`']);
    computes && (calls(text) || words(text).any(|word| is_cmdlet_name(word) && !is_harmless(word) || runs_text(word)))
}

/// Whether something is called otherwise than as a cmdlet by its name.
fn calls(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let dates = text.replace("[datetime]::", "").replace("[system.datetime]::", "");
    dates.contains("::") || text.contains(['&', '`']) || text.contains("invoke") || text.contains(".create(")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '.')).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_acts() {
        for (text, expected) in [
            ("Get-Date", false),
            ("(Get-Date).AddDays(30)", false),
            ("[datetime]::UtcNow.AddDays(30)", false),
            ("{ $_.Name -like 'x-y' }", false),
            ("{ Remove-TransportRule $_ }", true),
            ("$(Set-X)", true),
            ("(iex 'x')", true),
            ("& 'x'", true),
            ("[scriptblock]::Create('x')", true),
        ] {
            assert_eq!(acts(text), expected, "{text}");
        }
    }
}
