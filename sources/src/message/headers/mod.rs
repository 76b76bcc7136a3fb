//! Header fields without their message: pasted into a ticket, quoted, cut, or saved from a portal.

mod view;

use evidence::{CopyKey, FileName, Reading, SourceId, Unit};

use super::keep::keep;
use super::sheet::Sheet;
use super::{fields, headers_of};
use crate::{Export, Head, Input, MatchedBy, Query, ReadError, Reader, Recognition, Source, ZoneRule};

/// The reader of pasted headers.
pub(crate) struct Headers;

impl Source for Headers {
    fn id(&self) -> SourceId {
        "message/headers"
    }

    fn title(&self) -> &'static str {
        "pasted message headers"
    }

    fn unit(&self) -> Unit {
        Unit::Field
    }

    fn zone(&self) -> ZoneRule {
        ZoneRule::Stated
    }

    fn matched_by(&self) -> MatchedBy {
        MatchedBy::IdsOrLooks
    }

    fn export(&self) -> Export {
        Export {
            // `Get-QuarantineMessageHeader -Identity` takes the identity of a held copy alone (GUID\GUID), which no id of the ticket is.
            command: None,
            clicks: Some(
                "Outlook: open the message in its own window > File > Properties > Internet headers; Outlook on the web: ... > View > View message details; a delivered one, Defender portal: Email & collaboration > Explorer > the message > View header; a held one: Review > Quarantine > the message > View message headers",
            ),
        }
    }

    fn cannot_show(&self) -> &'static [&'static str] {
        CANNOT_SHOW
    }

    fn page(&self) -> &'static str {
        include_str!("README.md")
    }

    fn recognise(&self, head: &Head<'_>) -> Recognition {
        let sheet = sheet_of(head.bytes);
        let name: FileName = "".into();
        let found = fields::pasted(&sheet, &name);
        let telling = found.fields.iter().filter(|field| fields::is_telling(&field.name)).count();
        let traced = found.fields.iter().any(|field| {
            ["received", "message-id", "return-path", "authentication-results"].iter().any(|name| field.is(name))
                || field.name.to_ascii_lowercase().starts_with("x-")
        });
        match telling {
            0 => Recognition::No,
            _ if traced && telling >= 2 => Recognition::Fits,
            _ if telling >= 3 => Recognition::Fits,
            1 if traced && found.fields.len() == 1 && found.prose.is_empty() => Recognition::Fits,
            // Nothing but fields, and an author: a short header, however short.
            _ if found.prose.is_empty() && found.fields.len() == telling && has_author(&found) => Recognition::Fits,
            _ => Recognition::Near { missing: "a field such as `Received:` or `Message-ID:`".to_owned() },
        }
    }
}

impl Reader for Headers {
    fn read(&self, input: &Input<'_>, query: &Query<'_>) -> Result<Reading, ReadError> {
        let sheet = sheet_of(input.bytes);
        let header = fields::pasted(&sheet, &input.name);
        if header.fields.is_empty() {
            return Err(ReadError::Broken {
                file: input.name.to_string(),
                place: "line 1".to_owned(),
                expected: "header fields such as `Received: ...`".to_owned(),
                found: crate::text::first_words(&String::from_utf8_lossy(&input.bytes[..input.bytes.len().min(400)])),
                hint: "paste the internet headers as they are, each field on a line of its own".to_owned(),
            });
        }
        let mut reading = Reading::default();
        let ids = headers_of::state(&header, input.bytes, &CopyKey::default(), query.clock, &mut reading);
        reading.coverage.limits.extend(CANNOT_SHOW.iter().map(|limit| (*limit).to_owned()));
        query.progress.advance(input.bytes.len() as u64);
        Ok(keep(reading, &ids, &[], query))
    }
}

/// The text in which the fields stand: the file's, or the value of a record that holds the header.
pub(crate) fn sheet_of(bytes: &[u8]) -> Sheet<'_> {
    view::sheet(bytes).unwrap_or_else(|| Sheet::of(bytes))
}

/// Whether a From field names an address.
fn has_author(header: &fields::Header) -> bool {
    header.first("from").is_some_and(|from| from.value.contains('@'))
}

const CANNOT_SHOW: &[&str] = &[
    "pasted headers may be cut: a field that is missing here may have been there",
    "they show the way of this one copy up to where they were read, never what happened afterwards",
];
