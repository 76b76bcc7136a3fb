//! A filter concluded that the message is phishing.
//!
//! What it is: Content, links and sender together look like an attempt to steal a login or money. With high confidence no
//! allow entry of the organisation or the user reaches it.
//!
//! What proves it: the filter's record that names phishing together with what it did to this copy.
//!
//! What looks alike: a quarantine list that puts what the anti-phishing policy held for spoofing or imitation under
//! `Phish` as well (the copy's own header names the class); a report by a user of a message that was delivered; a spam
//! verdict.
//!
//! Narrow fix: after a look at the sample release this one message for this one recipient, and submit it as wrongly
//! judged; no allow entry.
//!
//! Owner: the security team, with who runs the policy named in the record.

use evidence::VerdictKind;

use crate::causes::Stated;

/// `content-verdict/phish`
pub(super) const CAUSE: Stated = Stated {
    id: "content-verdict/phish",
    page: include_str!("phish.rs"),
    stated_as: &[VerdictKind::Phish, VerdictKind::HighConfidencePhish],
};
