//! The hunting table `EmailUrlInfo`.

use evidence::{Reading, SourceId, Unit};

use super::hunting;
use crate::{Export, Head, Input, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// Defender hunting table EmailUrlInfo.
pub(crate) struct EmailUrlInfo;

impl Source for EmailUrlInfo {
    fn id(&self) -> SourceId {
        "defender/email-url-info"
    }

    fn title(&self) -> &'static str {
        "Defender hunting table EmailUrlInfo"
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
                "POST https://graph.microsoft.com/v1.0/security/runHuntingQuery {\"Query\": \"EmailUrlInfo | join kind=inner (EmailEvents | where InternetMessageId == '<{message_id}>' | distinct NetworkMessageId) on NetworkMessageId\"}",
            ),
            clicks: Some("Microsoft Defender portal > Hunting > Advanced hunting > (query) > Run query > Export"),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        &[
            "whether a link was judged bad: see EmailEvents and UrlClickEvents",
            "to which recipient the copy with the link went",
            "links of messages of more than 30 days ago",
        ]
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        hunting::recognise(head, hunting::URL_INFO, &[hunting::STRANGERS, &["accountupn", "teamsmessageid"]].concat())
    }
}

impl Reader for EmailUrlInfo {
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
