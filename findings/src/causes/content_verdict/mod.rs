//! `content-verdict`: a filter's conclusion about the message itself.

mod attachment;
mod bulk;
mod impersonation;
mod malware;
mod phish;
mod spam;
mod spoof;
mod url;

use super::Cause;

/// The causes of the family.
pub(super) const ALL: &[&dyn Cause] = &[
    &malware::CAUSE,
    &phish::CAUSE,
    &impersonation::CAUSE,
    &spoof::CAUSE,
    &url::CAUSE,
    &attachment::CAUSE,
    &bulk::CAUSE,
    &spam::Rule,
];
