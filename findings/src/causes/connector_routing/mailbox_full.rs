//! The mailbox has no room.
//!
//! What it is: The quota of the recipient is used up. Some systems put off for days, some refuse at once.
//!
//! What proves it: the deferral or refusal of the store that names quota or storage for this recipient.
//!
//! What looks alike: a message that is too large for any mailbox (`message-too-large`); a server that has no disk space;
//! another recipient's full mailbox.
//!
//! Narrow fix: make room or raise the quota of the one mailbox.
//!
//! Owner: the recipient; who runs the mailboxes.

use crate::causes::Stated;

/// `connector-routing/mailbox-full`
pub(super) const CAUSE: Stated =
    Stated { id: "connector-routing/mailbox-full", page: include_str!("mailbox_full.rs"), stated_as: &[] };
