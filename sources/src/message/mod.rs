//! Message samples: a saved message, pasted headers, an Outlook item, a bounce.
//!
//! All four end in header fields, and [`headers_of`] says what a field states. A row is one header field; the body is
//! one more row that is never read.

pub(crate) mod auth_results;
pub(crate) mod bounce;
pub(crate) mod boundary;
mod carrier;
pub(crate) mod dates;
pub(crate) mod eml;
pub(crate) mod encoded;
pub(crate) mod fields;
pub(crate) mod header_sheet;
pub(crate) mod headers;
pub(crate) mod headers_of;
pub(crate) mod keep;
pub(crate) mod msg;
pub(crate) mod received;
mod services;
pub(crate) mod sheet;
#[cfg(test)]
mod tests;
pub(crate) mod vendor;

pub use bounce::status::reply as reply_of;
pub use boundary::addresses;
pub use services::{Service, ServiceRole, service_of_host, service_of_name, service_within};
