//! Where alerts go: a file, a web address, a mailbox.

mod file;
mod mail;
mod secret;
mod webhook;

use crate::config::{ConfigError, Place};
use crate::world::Sink;

pub use file::FileSink;
pub use mail::MailSink;
pub use secret::Secret;
pub use webhook::{WebhookSink, signature};

/// Opens a sink as it is configured. Nothing is sent yet, and no connection is made.
///
/// # Errors
/// [`ConfigError`] if it is none, or two, or cannot be used as it is.
pub fn open(place: &Place) -> Result<Box<dyn Sink>, ConfigError> {
    let (name, least) = (place.name.clone(), place.takes());
    match (&place.file, &place.webhook, &place.mail) {
        (Some(file), None, None) => Ok(Box::new(FileSink::new(name, least, file.clone()))),
        (None, Some(webhook), None) => Ok(Box::new(WebhookSink::new(name, least, webhook)?)),
        (None, None, Some(mail)) => Ok(Box::new(MailSink::new(name, least, mail)?)),
        _ => Err(fault(
            &place.name,
            "one of file, webhook and mail",
            "none, or several",
            "Make a sink of its own for each place",
        )),
    }
}

fn fault(name: &str, expected: &str, found: impl Into<String>, hint: &str) -> ConfigError {
    ConfigError {
        what: format!("sink `{}`", name.escape_debug()),
        expected: expected.to_owned(),
        found: found.into(),
        hint: hint.to_owned(),
    }
}

/// Whether a host is this machine by its very name: what goes there does not leave it.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}
