//! The dated code tables of the Mimecast folders.

use evidence::{AuthMethod, AuthResult, TraceStatus, VerdictKind};

/// One word of the vendor and what it means to us.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct Code {
    /// The field that carries the word.
    pub(super) field: String,
    /// The word, or the part of a text that decides.
    pub(super) value: String,
    /// Our word for it.
    pub(super) means: String,
    /// Who says so, and the day on which that was read.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by people and by the test of the table"))]
    pub(super) source: String,
}

/// The codes of one folder, in the order of the file.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub(super) struct Codes {
    code: Vec<Code>,
}

impl Codes {
    /// Reads a table; the unit test of each folder proves that this gives all its lines.
    pub(super) fn load(table: &str) -> Codes {
        toml::from_str(table).unwrap_or_default()
    }

    /// What `word` means in `field`, whatever its case.
    pub(super) fn exact<'c>(&'c self, field: &str, word: &str) -> Option<&'c str> {
        let word = word.trim();
        self.of(field).find(|code| code.value.eq_ignore_ascii_case(word)).map(|code| code.means.as_str())
    }

    /// What the first code of `field` means whose value stands in `text`, whatever the case; hyphens count as blanks,
    /// because the vendor writes both `header-based` and `header based`.
    pub(super) fn within<'c>(&'c self, field: &str, text: &str) -> Option<&'c str> {
        let text = folded(text);
        self.of(field).find(|code| text.contains(&folded(&code.value))).map(|code| code.means.as_str())
    }

    fn of<'c, 'f>(&'c self, field: &'f str) -> impl Iterator<Item = &'c Code> + use<'c, 'f> {
        self.code.iter().filter(move |code| code.field == field)
    }

    /// All codes, for tests.
    #[cfg(test)]
    pub(super) fn all(&self) -> &[Code] {
        &self.code
    }
}

fn folded(text: &str) -> String {
    text.to_lowercase().replace(['-', '_'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The verdict that a code table means; `None` for `no_verdict` (the reply alone says it) and for foreign words.
pub(super) fn verdict(means: &str) -> Option<VerdictKind> {
    Some(match means {
        "clean" => VerdictKind::Clean,
        "spam" => VerdictKind::Spam,
        "phish" => VerdictKind::Phish,
        "malware" => VerdictKind::Malware,
        "bulk" => VerdictKind::Bulk,
        "spoof" => VerdictKind::Spoof,
        "impersonation" => VerdictKind::Impersonation,
        "url" => VerdictKind::Url,
        "attachment" => VerdictKind::Attachment,
        "content_policy" => VerdictKind::TransportRule,
        "data_loss" => VerdictKind::DataLoss,
        "block_entry" => VerdictKind::BlockEntry,
        "user_block" => VerdictKind::UserBlock,
        "connection_filter" => VerdictKind::ConnectionFilter,
        "spf" => VerdictKind::Authentication(AuthMethod::Spf),
        "dkim" => VerdictKind::Authentication(AuthMethod::Dkim),
        "dmarc" => VerdictKind::Authentication(AuthMethod::Dmarc),
        "unknown" => VerdictKind::Unknown,
        _ => return None,
    })
}

/// The authentication result that a code table means.
pub(super) fn auth_result(means: &str) -> Option<AuthResult> {
    Some(match means {
        "pass" => AuthResult::Pass,
        "fail" => AuthResult::Fail,
        "softfail" => AuthResult::SoftFail,
        "neutral" => AuthResult::Neutral,
        "none" => AuthResult::None,
        "temperror" => AuthResult::TempError,
        "permerror" => AuthResult::PermError,
        _ => return None,
    })
}

/// The summary state that a code table means.
pub(super) fn status(means: &str) -> Option<TraceStatus> {
    Some(match means {
        "delivered" => TraceStatus::Delivered,
        "pending" => TraceStatus::Pending,
        "held" => TraceStatus::Held,
        "released" => TraceStatus::Released,
        "archived" => TraceStatus::Archived,
        "rejected" => TraceStatus::Rejected,
        "bounced" => TraceStatus::Bounced,
        "failed" => TraceStatus::Failed,
        _ => return None,
    })
}
