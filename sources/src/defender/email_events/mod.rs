//! The hunting table `EmailEvents`.

use evidence::{Reading, SourceId, Unit};

use super::hunting;
use crate::{Export, Head, Input, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Defender hunting table EmailEvents.
pub(crate) struct EmailEvents;

impl Source for EmailEvents {
    fn id(&self) -> SourceId {
        "defender/email-events"
    }

    fn title(&self) -> &'static str {
        "Defender hunting table EmailEvents"
    }

    fn unit(&self) -> Unit {
        Unit::Recipient
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn export(&self) -> Export {
        Export {
            command: Some(
                "POST https://graph.microsoft.com/v1.0/security/runHuntingQuery {\"Query\": \"EmailEvents | where InternetMessageId == '<{message_id}>'\"}",
            ),
            clicks: Some("Microsoft Defender portal > Hunting > Advanced hunting > (query) > Run query > Export"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "what a user moved or deleted later: see the audit log",
            "a verdict that changed after the row was written, in a stream: a new row comes for it",
            "events of more than 30 days ago in the portal; rows beyond 100,000 of the API's answer, or 30,000 of the portal's",
            "which rule or setting made a policy apply to the recipient: only the policy's class and id",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        hunting::recognise(
            head,
            hunting::EMAIL_EVENTS,
            &[hunting::STRANGERS, &["actiontrigger", "actionresult"]].concat(),
        )
    }
}

impl Reader for EmailEvents {
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
