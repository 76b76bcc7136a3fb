//! The recipient does not exist where the server looks.
//!
//! What it is: A typing error, an alias that was removed, a directory that was not synchronised, or a gateway that does
//! not know a new mailbox yet.
//!
//! What proves it: the refusal for this recipient, as the refusing system or the sending one logs it.
//!
//! What looks alike: an access list that refuses in similar words; a mailbox that is full or disabled for a while; a
//! group that takes no mail from outside (`recipient-restriction`); a bounce of an earlier message.
//!
//! Narrow fix: correct the address, or add the one alias; see that the directory of the gateway has it too.
//!
//! Owner: the sender for a wrong address; who runs the recipient's directory.

use crate::causes::Stated;

/// `connector-routing/recipient-unknown`
pub(super) const CAUSE: Stated =
    Stated { id: "connector-routing/recipient-unknown", page: include_str!("recipient_unknown.rs"), stated_as: &[] };
