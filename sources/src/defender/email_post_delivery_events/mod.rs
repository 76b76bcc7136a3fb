//! The hunting table `EmailPostDeliveryEvents`.

use evidence::{Reading, SourceId, Unit};

use super::hunting;
use crate::{Export, Head, Input, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Defender hunting table EmailPostDeliveryEvents.
pub(crate) struct EmailPostDeliveryEvents;

impl Source for EmailPostDeliveryEvents {
    fn id(&self) -> SourceId {
        "defender/email-post-delivery-events"
    }

    fn title(&self) -> &'static str {
        "Defender hunting table EmailPostDeliveryEvents"
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
                "POST https://graph.microsoft.com/v1.0/security/runHuntingQuery {\"Query\": \"EmailPostDeliveryEvents | join kind=inner (EmailEvents | where InternetMessageId == '<{message_id}>' | distinct NetworkMessageId) on NetworkMessageId\"}",
            ),
            clicks: Some("Microsoft Defender portal > Hunting > Advanced hunting > (query) > Run query > Export"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "moves by the user or by a rule of the mailbox: see the audit log",
            "what was done before 30 days ago",
            "who released a message: only what triggered it",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        hunting::recognise(head, hunting::POST_DELIVERY, hunting::STRANGERS)
    }
}

impl Reader for EmailPostDeliveryEvents {
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
