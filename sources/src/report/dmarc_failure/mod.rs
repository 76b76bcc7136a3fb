//! Authentication failure reports (RFC 6591): one message that did not pass at a receiver.

use evidence::{Reading, SourceId, Unit};

use super::feedback::{self, Class};
use crate::{Export, Head, Input, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Authentication failure reports (RFC 6591): one message that did not pass at a receiver.
pub(crate) struct DmarcFailure;

impl Source for DmarcFailure {
    fn id(&self) -> SourceId {
        "report/dmarc-failure"
    }

    fn title(&self) -> &'static str {
        "DMARC failure report"
    }

    fn unit(&self) -> Unit {
        Unit::Field
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn export(&self) -> Export {
        Export {
            command: None,
            clicks: Some("save the report mail (.eml) from the mailbox that the ruf tag of the DMARC record names"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        feedback::CANNOT_SHOW
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        match feedback::class_of(head) {
            Some(Class::AuthFailure) => Recognition::Certain,
            _ => Recognition::No,
        }
    }
}

impl Reader for DmarcFailure {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        Ok(feedback::read(input, query))
    }
}
