//! What the words of the Mimecast folders' code tables stand for.

use evidence::{AuthMethod, AuthResult, TraceStatus, VerdictKind};

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
