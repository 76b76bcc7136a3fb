//! The filter that has to look at the message does not answer.
//!
//! What it is: The scanner, milter or sandbox is down or too slow, and the mail server puts the message off rather than
//! let it through unseen.
//!
//! What proves it: the deferral that says that the scan failed, as the mail server or the filter logs it.
//!
//! What looks alike: a find of malware; a sandbox at work; greylisting; a scan that failed once and was overcome.
//!
//! Narrow fix: bring the filter back; the queue goes on by itself. Do not let mail pass unscanned meanwhile.
//!
//! Owner: who runs the filter.

use crate::causes::Stated;

/// `connector-routing/filter-unavailable`
pub(super) const CAUSE: Stated =
    Stated { id: "connector-routing/filter-unavailable", page: include_str!("filter_unavailable.rs"), stated_as: &[] };
