//! A filter counted the message as bulk mail over the threshold of the policy.
//!
//! What it is: It is a mailing whose sender draws complaints; the complaint level is at or over what the policy
//! tolerates. It is not called spam.
//!
//! What proves it: the filter's record that names bulk (its level and the threshold stand beside it where they are told),
//! with what it did to this copy.
//!
//! What looks alike: a level under the threshold that only stands in the header; a spam verdict on a mailing; a rule of
//! the user that files newsletters.
//!
//! Narrow fix: let the recipient put the sender on their own safe list, or raise nothing and release the one mailing; a
//! lower or higher threshold changes it for everybody.
//!
//! Owner: who runs the anti-spam policy; the user for their own list.

use evidence::VerdictKind;

use crate::causes::Stated;

/// `content-verdict/bulk`
pub(super) const CAUSE: Stated =
    Stated { id: "content-verdict/bulk", page: include_str!("bulk.rs"), stated_as: &[VerdictKind::Bulk] };
