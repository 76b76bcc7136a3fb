//! The next system takes mail for this domain only from named addresses or certificates.
//!
//! What it is: A connector is bound to a certificate or to addresses, and the server that came is not one of them: a
//! gateway with a new address, mail that goes round the gateway, a certificate that was renewed under another name.
//!
//! What proves it: the refusal of the next system that names the connector or tenant attribution, in the sending system's
//! log or a notice.
//!
//! What looks alike: relaying that is denied for want of any connector (`relay-denied` goes by other words); a connection
//! filter entry against the address; TLS that was not offered.
//!
//! Narrow fix: enter the one address or certificate name of the sending server in that one connector; do not remove the
//! restriction.
//!
//! Owner: who runs the connector of the receiving organisation, with who runs the gateway.

use crate::causes::Stated;

/// `connector-routing/connector-restriction`
pub(super) const CAUSE: Stated = Stated {
    id: "connector-routing/connector-restriction",
    page: include_str!("connector_restriction.rs"),
    stated_as: &[],
};
