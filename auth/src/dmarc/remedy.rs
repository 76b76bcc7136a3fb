//! What would have made a failed message pass, in one sentence.

use evidence::{AuthMethod, AuthResult};

use super::note::method_name;
use super::{Alignment, AlignmentCheck, AlignmentMode, DmarcCheck};

/// Most identifiers that the sentence names.
const MAX_NAMED: usize = 4;

/// Says of each identifier what it lacks, and what would do.
pub(super) fn sentence(check: &DmarcCheck) -> String {
    let mut lacks: Vec<String> = Vec::new();
    // What is closest to a pass comes first.
    for near in [nearly_passed, nearly_aligned, passed_elsewhere] {
        for identifier in &check.alignment {
            if let Some(lack) = near(identifier).filter(|lack| !lacks.contains(lack)) {
                lacks.push(lack);
            }
        }
    }
    let more = lacks.len().saturating_sub(MAX_NAMED);
    lacks.truncate(MAX_NAMED);
    if more > 0 {
        lacks.push(format!("{more} more lack the same"));
    }
    lacks.push(what_would_do(check));
    let mut sentence = lacks.join("; ");
    sentence.push('.');
    sentence
}

/// Aligned, and only the pass is missing.
fn nearly_passed(identifier: &AlignmentCheck) -> Option<String> {
    let AlignmentCheck { method, domain, .. } = identifier;
    (identifier.alignment.is_aligned() && !identifier.passed()).then(|| match method {
        AuthMethod::Dkim => format!("{domain} signed and is aligned, but DKIM gave {}", word(identifier)),
        _ => format!("{domain} of the envelope is aligned, but {} gave {}", method_name(*method), word(identifier)),
    })
}

/// Passed, and only the strict mode is in the way.
fn nearly_aligned(identifier: &AlignmentCheck) -> Option<String> {
    let AlignmentCheck { method, domain, alignment, .. } = identifier;
    let tag = if *method == AuthMethod::Spf { "aspf" } else { "adkim" };
    (*alignment == Alignment::OnlyRelaxed && identifier.passed()).then(|| {
        format!(
            "{} passed for {domain}, which relaxed alignment would take, but the record asks for strict (`{tag}=s`)",
            method_name(*method)
        )
    })
}

/// Passed for somebody else.
fn passed_elsewhere(identifier: &AlignmentCheck) -> Option<String> {
    let AlignmentCheck { method, domain, alignment, .. } = identifier;
    (*alignment == Alignment::NotAligned && identifier.passed())
        .then(|| format!("{} passed for {domain}, which is not aligned", method_name(*method)))
}

fn what_would_do(check: &DmarcCheck) -> String {
    let domain = check.organizational_domain.as_deref().unwrap_or(&check.author_domain);
    let of = |mode: AlignmentMode| match mode {
        AlignmentMode::Strict => check.author_domain.clone(),
        AlignmentMode::Relaxed => format!("{domain} or a name below it"),
    };
    let (spf, dkim) = match &check.record {
        Some(record) => (of(record.spf_alignment), of(record.dkim_alignment)),
        None => (of(AlignmentMode::Relaxed), of(AlignmentMode::Relaxed)),
    };
    if spf == dkim {
        format!("a DKIM signature or an SPF pass of {spf} would have passed")
    } else {
        format!("a DKIM signature of {dkim} or an SPF pass of {spf} would have passed")
    }
}

fn word(identifier: &AlignmentCheck) -> &str {
    match &identifier.result {
        Some(AuthResult::Pass) => "pass",
        Some(AuthResult::Fail) => "fail",
        Some(AuthResult::SoftFail) => "softfail",
        Some(AuthResult::Neutral) => "neutral",
        Some(AuthResult::None) => "none",
        Some(AuthResult::Policy) => "policy",
        Some(AuthResult::TempError) => "temperror",
        Some(AuthResult::PermError) => "permerror",
        Some(AuthResult::Other(word)) => word,
        None => "no result",
    }
}
