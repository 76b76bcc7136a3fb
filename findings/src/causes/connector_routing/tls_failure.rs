//! The two sides did not agree on TLS.
//!
//! What it is: One side requires TLS, a version, or a certificate that can be verified, and the other does not offer it.
//!
//! What proves it: the sending system's log or the refusal that names TLS, the certificate or the version.
//!
//! What looks alike: a connection that fell back to plain text and went through; a certificate that is not trusted but
//! was not asked for; a connector that is bound to a certificate (`connector-restriction`).
//!
//! Narrow fix: renew or complete the certificate, or permit the version on the one host; do not take the requirement off
//! for a partner.
//!
//! Owner: who runs the host whose certificate or version is named; for a policy (MTA-STS, DANE) who publishes it.

use crate::causes::Stated;

/// `connector-routing/tls-failure`
pub(super) const CAUSE: Stated =
    Stated { id: "connector-routing/tls-failure", page: include_str!("tls_failure.rs"), stated_as: &[] };
