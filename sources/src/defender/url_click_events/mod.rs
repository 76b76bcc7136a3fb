//! The hunting table `UrlClickEvents`.

use evidence::{Reading, SourceId, Unit};

use super::hunting;
use crate::{Export, Head, Input, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Defender hunting table UrlClickEvents.
pub(crate) struct UrlClickEvents;

impl Source for UrlClickEvents {
    fn id(&self) -> SourceId {
        "defender/url-click-events"
    }

    fn title(&self) -> &'static str {
        "Defender hunting table UrlClickEvents"
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
                "POST https://graph.microsoft.com/v1.0/security/runHuntingQuery {\"Query\": \"UrlClickEvents | where Timestamp between (datetime({start}) .. datetime({end}))\"}",
            ),
            clicks: Some("Microsoft Defender portal > Hunting > Advanced hunting > (query) > Run query > Export"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "clicks outside Safe Links, and clicks on links that are not protected",
            "the message of a click in Drafts or Sent Items, in Teams or Office",
            "clicks of more than 30 days ago",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        hunting::recognise(head, hunting::URL_CLICKS, hunting::STRANGERS)
    }
}

impl Reader for UrlClickEvents {
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
