//! A filter judged a link in the message bad.
//!
//! What it is: A link leads to a place that a reputation list, a sandbox or a check of look-alike domains calls bad. The
//! mail may be right and the link too: lists of newsletters and of file shares are hit often.
//!
//! What proves it: the filter's record that names the link or the URL check as its reason, with what it did to this copy.
//!
//! What looks alike: a click that was blocked later (the message had been delivered); a link that was rewritten and let
//! through; a spam verdict to which a URL list only added points.
//!
//! Narrow fix: release this one message for this one recipient; have the vendor look at the one link; no entry for a
//! whole domain of a file share or a link shortener.
//!
//! Owner: who runs the link protection named in the record; the vendor for a wrong reputation.

use evidence::VerdictKind;

use crate::causes::Stated;

/// `content-verdict/url`
pub(super) const CAUSE: Stated =
    Stated { id: "content-verdict/url", page: include_str!("url.rs"), stated_as: &[VerdictKind::Url] };
