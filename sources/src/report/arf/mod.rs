//! Complaints (RFC 5965): somebody marked one message as spam at a receiver with a feedback loop.

use evidence::{Reading, SourceId, Unit};

use super::feedback::{self, Class};
use crate::{Export, Head, Input, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Complaints (RFC 5965): somebody marked one message as spam at a receiver with a feedback loop.
pub(crate) struct Complaint;

impl Source for Complaint {
    fn id(&self) -> SourceId {
        "report/arf"
    }

    fn title(&self) -> &'static str {
        "complaint (ARF feedback report)"
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
            clicks: Some("save the complaint (.eml) from the mailbox that is registered for the feedback loop"),
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
            Some(Class::Complaint) => Recognition::Certain,
            _ => Recognition::No,
        }
    }
}

impl Reader for Complaint {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        Ok(feedback::read(input, query))
    }
}
