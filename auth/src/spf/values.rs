//! What the macros of a check stand for: the client and the identity, brought into shape.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{Client, Identity};
use crate::domain;

/// Longest part of an identity that a macro stands for; RFC 5321 allows a quarter of it.
const MAX_VALUE_BYTES: usize = 1_024;

/// What macros stand for, except for the domain.
pub(super) struct Values<'a> {
    pub ip: IpAddr,
    pub sender: Cow<'a, str>,
    pub local_part: &'a str,
    pub domain: Cow<'a, str>,
    pub helo: Cow<'a, str>,
    pub receiver: &'a str,
}

impl<'a> Values<'a> {
    /// RFC 7208, 2.3, 2.4, 4.3: the null sender and HELO are `postmaster` at the HELO name, and so is an empty local part.
    pub(super) fn of(client: &'a Client, identity: Identity) -> Values<'a> {
        let helo = domain::ascii(clip(client.helo.trim()));
        let sender = client.sender.trim().trim_start_matches('<').trim_end_matches('>');
        let (local_part, domain) = match identity {
            Identity::MailFrom if !sender.is_empty() => {
                let (local_part, domain) = sender.rsplit_once('@').unwrap_or(("", sender));
                (local_part, domain::ascii(clip(domain)))
            }
            _ => ("", helo.clone()),
        };
        let local_part = if local_part.is_empty() { "postmaster" } else { clip(local_part) };
        Values {
            ip: client.ip.to_canonical(),
            sender: Cow::Owned(format!("{local_part}@{domain}")),
            local_part,
            domain,
            helo,
            receiver: client.receiver.as_deref().map_or("unknown", clip),
        }
    }
}

/// The first bytes of a text.
fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_VALUE_BYTES)]
}
