//! The hunting table `EmailAttachmentInfo`.

use evidence::{Reading, SourceId, Unit};

use super::hunting;
use crate::{Export, Head, Input, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Defender hunting table EmailAttachmentInfo.
pub(crate) struct EmailAttachmentInfo;

impl Source for EmailAttachmentInfo {
    fn id(&self) -> SourceId {
        "defender/email-attachment-info"
    }

    fn title(&self) -> &'static str {
        "Defender hunting table EmailAttachmentInfo"
    }

    fn unit(&self) -> Unit {
        Unit::Event
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "POST https://graph.microsoft.com/v1.0/security/runHuntingQuery {\"Query\": \"EmailAttachmentInfo | join kind=inner (EmailEvents | where InternetMessageId == '<{message_id}>' | distinct NetworkMessageId) on NetworkMessageId\"}",
            ),
            clicks: Some("Microsoft Defender portal > Hunting > Advanced hunting > (query) > Run query > Export"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what was done with the message: see EmailEvents",
            "attachments of messages of more than 30 days ago",
            "the content: only name, type, size and hash",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        hunting::recognise(head, hunting::ATTACHMENT_INFO, &[hunting::STRANGERS, &["deliveryaction"]].concat())
    }
}

impl Reader for EmailAttachmentInfo {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        hunting::read(input, query)
    }

    fn read_in_parts(
        &self,
        input: &Input<'_>,
        query: &Query<'_>,
        take: &mut dyn FnMut(Reading),
    ) -> Result<(), ReadError> {
        hunting::read_in_parts(input, query, take)
    }
}
