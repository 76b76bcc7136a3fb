//! A filter forbids or distrusts an attachment.
//!
//! What it is: The type of a file is forbidden (by ending, by content, inside an archive, because it is encrypted), or a
//! sandbox called it bad.
//!
//! What proves it: the filter's record that names the attachment, its type or the sandbox as the reason, with what it did
//! to this copy.
//!
//! What looks alike: malware with a name (`content-verdict/malware`); a sandbox that was still at work and then let the
//! copy go on; an attachment that was taken out and replaced while the message was delivered.
//!
//! Narrow fix: ask the sender for the file in a permitted form, or release this one message after the file was looked at;
//! do not permit the type for everybody.
//!
//! Owner: who runs the attachment policy named in the record.

use evidence::VerdictKind;

use crate::causes::Stated;

/// `content-verdict/attachment`
pub(super) const CAUSE: Stated = Stated {
    id: "content-verdict/attachment",
    page: include_str!("attachment.rs"),
    stated_as: &[VerdictKind::Attachment],
};
