//! A web address that each alert is posted to, signed as Standard Webhooks 1.0.0 describes
//! (standardwebhooks.com, "Signature scheme" and "Webhook headers", read 2026-08-20).

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::{Secret, fault, is_loopback};
use crate::alert::{Alert, Level};
use crate::config::{ConfigError, Webhook};
use crate::world::{Before, Fault, NotSent, Sink};

/// A web address that each alert is posted to.
pub struct WebhookSink {
    name: String,
    least: Level,
    uri: Uri,
    key: Vec<u8>,
    agent: Option<ureq::Agent>,
}

/// From the name look-up to the answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A secret has at least so many bytes, says the standard.
const KEY_MIN_BYTES: usize = 24;

impl WebhookSink {
    /// An address as it is configured.
    ///
    /// # Errors
    /// [`ConfigError`] if the address is none that alerts may go to, or if the secret cannot be read.
    pub fn new(name: String, least: Level, webhook: &Webhook) -> Result<WebhookSink, ConfigError> {
        let secret = Secret::read(&name, &webhook.secret)?;
        let uri = address(&name, webhook)?;
        let key = key(&name, &secret)?;
        Ok(WebhookSink { name, least, uri, key, agent: None })
    }

    fn agent(&mut self) -> &ureq::Agent {
        let (is_local, is_tls) = (self.uri.host().is_some_and(is_loopback), self.uri.scheme_str() == Some("https"));
        self.agent.get_or_insert_with(|| {
            let mut config = ureq::Agent::config_builder()
                .timeout_global(Some(TIMEOUT))
                .http_status_as_error(false)
                // What is signed for one address goes to no other.
                .max_redirects(0)
                .max_redirects_will_error(false)
                .user_agent("throughline")
                .max_idle_connections(0);
            if is_local {
                config = config.proxy(None);
            }
            if is_tls {
                config = config.tls_config(tls());
            }
            config.build().new_agent()
        })
    }
}

impl Sink for WebhookSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn least(&self) -> Level {
        self.least
    }

    fn send(&mut self, alert: &Alert, at: Timestamp, _: Before) -> Result<(), NotSent> {
        let not_sent = |fault, said: String| NotSent { fault, said };
        let body = serde_json::to_vec(alert).map_err(|error| not_sent(Fault::Alert, error.to_string()))?;
        let signed = signature(&self.key, &alert.id, at.as_second(), &body);
        let uri = self.uri.clone();
        let request = self.agent().post(uri).content_type("application/json");
        let request = request.header("webhook-id", &alert.id);
        let request = request.header("webhook-timestamp", at.as_second().to_string());
        let answer = request.header("webhook-signature", signed).send(&body[..]);
        let status = answer.map_err(|error| not_sent(Fault::Place, said(&error)))?.status().as_u16();
        match status {
            200..=299 => Ok(()),
            400 | 413 | 415 | 422 => Err(not_sent(Fault::Alert, format!("the status {status}"))),
            300..=399 => Err(not_sent(Fault::Place, format!("the status {status}; no redirection is followed"))),
            _ => Err(not_sent(Fault::Place, format!("the status {status}"))),
        }
    }
}

/// The content of `webhook-signature`: HMAC-SHA256 over id, instant (seconds since 1970) and body, with full stops between them.
pub fn signature(key: &[u8], id: &str, at_second: i64, body: &[u8]) -> String {
    let mut signed = format!("{id}.{at_second}.").into_bytes();
    signed.extend_from_slice(body);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &signed);
    format!("v1,{}", BASE64.encode(tag.as_ref()))
}

fn address(name: &str, webhook: &Webhook) -> Result<Uri, ConfigError> {
    // The address may hold a token, so no message repeats it.
    let wrong = |found: &str| fault(name, "an address that begins with https://", found, "See docs/watch.md");
    let uri: Uri = webhook.url.parse().map_err(|_| wrong("something else"))?;
    let host = uri.host().ok_or_else(|| wrong("one without a host"))?;
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(wrong("one with a user name in it"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if webhook.allow_http || is_loopback(host) => Ok(uri),
        Some("http") => {
            Err(wrong("one that begins with http:// and is not on this machine (allow_http = true lets it be)"))
        }
        _ => Err(wrong("one that begins otherwise")),
    }
}

/// The bytes of a secret: behind `whsec_` they are in Base64, else they are the text itself.
fn key(name: &str, secret: &Secret) -> Result<Vec<u8>, ConfigError> {
    let wrong = |found: &str| {
        let hint = "Make one: (printf whsec_; head -c 32 /dev/urandom | base64) > secret";
        fault(name, "a secret of at least 24 bytes, written as whsec_ and Base64", found, hint)
    };
    let key = match secret.text().strip_prefix("whsec_") {
        Some(encoded) => BASE64.decode(encoded).map_err(|_| wrong("no Base64 behind whsec_"))?,
        None => secret.text().as_bytes().to_vec(),
    };
    if key.len() < KEY_MIN_BYTES { Err(wrong("a shorter one")) } else { Ok(key) }
}

/// TLS by the authorities that the machine trusts.
fn tls() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<Certificate<'static>> =
        found.certs.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
    TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build()
}

/// What went wrong, without the address.
fn said(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("no answer in {} s", TIMEOUT.as_secs()),
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::HostNotFound => "no such host".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::Tls(said) => format!("TLS: {said}"),
        ureq::Error::Rustls(error) => format!("TLS: {error}"),
        _ => "no answer that can be read".to_owned(),
    }
}
