//! The message is larger than a system on the way takes.
//!
//! What it is: The size as sent, a third over that of the attachments, is over the limit of a server, connector or
//! mailbox.
//!
//! What proves it: the refusal that names the size.
//!
//! What looks alike: a full mailbox (`mailbox-full`); an attachment that is forbidden.
//!
//! Narrow fix: send the file another way, or in parts.
//!
//! Owner: the sender; who runs the limit named.

use crate::causes::Stated;

/// `connector-routing/message-too-large`
pub(super) const CAUSE: Stated =
    Stated { id: "connector-routing/message-too-large", page: include_str!("message_too_large.rs"), stated_as: &[] };
