//! A runbook as text: what programs read stands in front, between two lines `+++`, what people read behind it.

use std::ops::Range;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::{client_name, is_slug};

/// The name and version of the form of a runbook.
pub const RUNBOOK_SCHEMA: &str = "throughline.runbook.v1";

/// A runbook is not larger, in bytes.
pub(super) const MAX_BYTES: usize = 256 << 10;

/// The line before and behind what programs read.
const FENCE: &str = "+++";

/// What a ticket taught about one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runbook {
    /// Always `throughline.runbook.v1`.
    pub schema: String,
    /// Whose it is.
    pub client: String,
    /// Its name among the client's: lower-case letters, digits and dashes.
    pub slug: String,
    /// What it is about, in one line.
    pub title: String,
    /// Which version it is, from 1.
    pub version: u64,
    /// Whether its signal was tried on the verified evidence.
    pub status: RunbookStatus,
    /// The cause, `family/specific`, or the symptom.
    pub root_cause: String,
    /// When it is there again: an expression in CEL over what evidence shows.
    pub signal: String,
    /// Kinds of export that the signal reads: it is quiet only if one of them was looked at.
    pub needs: Vec<String>,
    /// What shows that the mend holds.
    pub validation: String,
    /// When to take the mend back.
    pub rollback: String,
    /// Who looks after it.
    pub owner: String,
    /// Who wrote this version.
    pub written_by: String,
    /// When.
    pub written_at: Timestamp,
    /// Which verification of the ticket the signal was quiet on; empty if on none yet.
    pub verified_by: String,
    /// The ticket that taught it.
    pub case: SourceCase,
    /// What people read, in Markdown.
    #[serde(default)]
    pub text: String,
}

/// Whether a runbook's signal was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunbookStatus {
    /// It fires on the ticket's evidence; there is none yet on which it has to be quiet.
    Draft,
    /// It fires on the ticket's evidence, and is quiet on what was verified.
    Tested,
}

impl RunbookStatus {
    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            RunbookStatus::Draft => "draft",
            RunbookStatus::Tested => "tested",
        }
    }
}

/// The ticket that taught a runbook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceCase {
    /// Its number in the store in which it was written.
    pub number: u64,
    /// Its name everywhere.
    pub uid: String,
    /// Its number in the ticket system; empty if it has none.
    pub ticket: String,
}

/// What is wrong with a runbook's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}, found {found}")]
pub struct RunbookError {
    /// On which line, from 1.
    pub line: usize,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Runbook {
    /// Reads a runbook. It takes what it knows and nothing else, so that a slip of the pen is seen.
    ///
    /// # Errors
    /// [`RunbookError`] with the line.
    pub fn read(text: &str) -> Result<Runbook, RunbookError> {
        let error =
            |line: usize, expected: &str, found: String| RunbookError { line, expected: expected.to_owned(), found };
        if text.len() > MAX_BYTES {
            return Err(error(1, "at most 256 KiB", format!("{} bytes", text.len())));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let Some(front) = text.strip_prefix("+++\n") else {
            let first = text.lines().next().unwrap_or_default();
            return Err(error(1, "a line `+++` before what programs read", quoted_start(first)));
        };
        let Some((front, behind)) = split(front) else {
            return Err(error(text.lines().count().max(1), "a second line `+++`", "the end of the file".to_owned()));
        };
        let line_of = |span: Option<Range<usize>>| {
            let before = span.and_then(|span| front.get(..span.start)).unwrap_or_default();
            2 + before.matches('\n').count()
        };
        let mut runbook: Runbook = toml::from_str(front).map_err(|wrong: toml::de::Error| {
            let said = wrong.message().lines().next().unwrap_or_default().to_owned();
            error(line_of(wrong.span()), "a key of a runbook and its value, as TOML", said)
        })?;
        if !runbook.text.is_empty() {
            return Err(error(
                line_of_key(front, "text"),
                "the text behind the second line `+++`",
                "a key `text`".to_owned(),
            ));
        }
        behind.trim().clone_into(&mut runbook.text);
        runbook.checked(front)
    }

    /// What a text that is well formed may not say.
    fn checked(self, front: &str) -> Result<Runbook, RunbookError> {
        let wrong = |key: &str, expected: &str, found: &str| {
            let line = line_of_key(front, key);
            Err(RunbookError { line, expected: expected.to_owned(), found: quoted_start(found) })
        };
        if self.schema != RUNBOOK_SCHEMA {
            return wrong("schema", &format!("`{RUNBOOK_SCHEMA}`"), &self.schema);
        }
        if !is_slug(&self.slug) {
            return wrong("slug", "lower-case letters, digits and single dashes, 80 at most", &self.slug);
        }
        if client_name(&self.client) != self.client {
            return wrong(
                "client",
                "a client's name without blanks around it and controls, 200 characters at most",
                &self.client,
            );
        }
        if self.version == 0 {
            return wrong("version", "a number from 1", "0");
        }
        let lines = [("title", &self.title), ("root_cause", &self.root_cause), ("written_by", &self.written_by)];
        for (key, value) in lines {
            if value.trim().is_empty() || value.chars().any(char::is_control) {
                return wrong(key, "one line of text", value);
            }
        }
        for (key, value) in [("signal", &self.signal), ("validation", &self.validation), ("rollback", &self.rollback)] {
            if value.trim().is_empty() {
                return wrong(key, "a text", value);
            }
        }
        Ok(self)
    }

    /// The runbook as text; [`Runbook::read`] gives it back.
    pub fn write(&self) -> String {
        let needs: Vec<String> = self.needs.iter().map(|need| value(need)).collect();
        let mut front = String::new();
        let mut put = |key: &str, text: String| front.push_str(&format!("{key} = {text}\n"));
        put("schema", value(&self.schema));
        put("client", value(&self.client));
        put("slug", value(&self.slug));
        put("title", value(&self.title));
        put("version", self.version.to_string());
        put("status", value(self.status.word()));
        put("root_cause", value(&self.root_cause));
        put("signal", value(&self.signal));
        put("needs", format!("[{}]", needs.join(", ")));
        put("validation", value(&self.validation));
        put("rollback", value(&self.rollback));
        put("owner", value(&self.owner));
        put("written_by", value(&self.written_by));
        put("written_at", value(&self.written_at.to_string()));
        put("verified_by", value(&self.verified_by));
        front.push_str("\n[case]\n");
        let mut put = |key: &str, text: String| front.push_str(&format!("{key} = {text}\n"));
        put("number", self.case.number.to_string());
        put("uid", value(&self.case.uid));
        put("ticket", value(&self.case.ticket));
        format!("{FENCE}\n{front}{FENCE}\n\n{}\n", self.text.trim())
    }
}

/// What stands before and behind the second fence.
fn split(text: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == FENCE {
            return Some((text.get(..at)?, text.get(at + line.len()..)?));
        }
        at += line.len();
    }
    None
}

/// The line of a key in the file; that of the first line of the front if it is not there.
fn line_of_key(front: &str, key: &str) -> usize {
    let is_key = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    2 + front.lines().position(is_key).unwrap_or(0)
}

fn quoted_start(text: &str) -> String {
    let start: String = text.chars().take(60).collect();
    format!("`{}`", start.escape_debug())
}

/// A text as a value of TOML: plain where that can be read as it stands, else with escapes.
fn value(text: &str) -> String {
    let is_plain = |c: char| !c.is_control() && c != '\'' && !is_mark(c);
    if !text.is_empty() && text.chars().all(is_plain) && text.contains(['"', '\\']) {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || is_mark(c) => quoted.push_str(&format!("\\U{:08x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Marks of direction and line ends that editors may take for what they are not.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runbook() -> Runbook {
        Runbook {
            schema: RUNBOOK_SCHEMA.to_owned(),
            client: "contoso".to_owned(),
            slug: "released-and-refused".to_owned(),
            title: "Released, and refused by the next system".to_owned(),
            version: 1,
            status: RunbookStatus::Tested,
            root_cause: "release-handoff/released-rejected".to_owned(),
            signal: "copies.filter(c, c.cause == \"release-handoff/released-rejected\")".to_owned(),
            needs: vec!["exchange-online/message-trace".to_owned()],
            validation: "A later message arrives.".to_owned(),
            rollback: "If others are refused.".to_owned(),
            owner: "mail team".to_owned(),
            written_by: "ben".to_owned(),
            written_at: "2026-11-20T09:00:00Z".parse().unwrap(),
            verified_by: "entry 12".to_owned(),
            case: SourceCase { number: 42, uid: "0f".repeat(16), ticket: "INC-1".to_owned() },
            text: "# What it is\n\nTwo connectors.\n\n+++ is no fence within a line".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = runbook().write();
        assert_eq!(Runbook::read(&written), Ok(runbook()), "{written}");
        assert_eq!(Runbook::read(&written.replace('\n', "\r\n")), Ok(runbook()), "CRLF");
        assert_eq!(Runbook::read(&format!("\u{feff}{written}")), Ok(runbook()), "a byte order mark");
        assert!(written.contains("signal = 'copies.filter(c, c.cause == \"release"), "{written}");
    }

    #[test]
    fn what_is_no_runbook() {
        let good = runbook().write();
        for (name, from, to, line, said) in [
            ("no fence", "+++\nschema", "schema", 1, "a line `+++`"),
            ("no second fence", "+++\n\n# What", "# What", 0, "+++"),
            ("another schema", "runbook.v1", "runbook.v2", 2, "throughline.runbook.v1"),
            ("an unknown key", "owner = ", "onwer = ", 13, "unknown field"),
            ("a key twice", "owner = ", "title = \"x\"\nowner = ", 13, "duplicate key"),
            ("a key is missing", "owner = \"mail team\"\n", "", 0, "missing field"),
            ("no TOML", "version = 1", "version = ", 6, "TOML"),
            ("no version", "version = 1", "version = 0", 6, "a number from 1"),
            ("a slug that leads elsewhere", "released-and-refused\"", "../x\"", 4, "lower-case"),
            ("a slug with capitals", "released-and-refused\"", "X\"", 4, "lower-case"),
            ("a client with a control", "\"contoso\"", "\"a\\u0000b\"", 3, "client"),
            ("no signal", "'copies.filter(c, c.cause == \"release-handoff/released-rejected\")'", "\" \"", 9, "a text"),
            ("another status", "\"tested\"", "\"good\"", 7, "unknown variant"),
            ("no instant", "2026-11-20T09:00:00Z", "yesterday", 15, "TOML"),
            ("text as a key", "version = 1", "version = 1\ntext = \"x\"", 7, "second line"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_ne!(text, good, "{name}: nothing was replaced");
            let error = Runbook::read(&text).expect_err(name);
            assert!(error.to_string().contains(said), "{name}: {error}");
            assert!(line == 0 || error.line == line, "{name}: {error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_texts_are_read_back(title in "[^\\p{Cc}]{1,40}", signal in "\\PC{1,80}|[\\n\\t'\"\\\\a]{1,20}", words in any::<String>(), needs in proptest::collection::vec(any::<String>(), 0..3)) {
            prop_assume!(!title.trim().is_empty() && !signal.trim().is_empty());
            let one = Runbook { title, signal: signal.clone(), validation: format!("x{words}"), needs, owner: words, ..runbook() };
            prop_assert_eq!(Runbook::read(&one.write()), Ok(one));
        }

        #[test]
        fn rubbish_is_refused(text in any::<String>()) {
            let _ = Runbook::read(&text);
            let _ = Runbook::read(&format!("+++\n{text}\n+++\n"));
        }
    }
}
