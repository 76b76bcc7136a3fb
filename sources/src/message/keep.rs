//! Whether a whole sample is about the followed message.

use evidence::{Address, Fact, Identifier, Reading};

use crate::{Likeness, Query, Wanted};

/// Keeps a reading whose sample carries a known id, or no Message-ID but the looks of the message; otherwise counts all
/// its rows as `other message`. With nothing known of the message a sample names it.
///
/// `senders` are senders known from elsewhere, such as the person to whom a bounce went.
pub(crate) fn keep(mut reading: Reading, ids: &[Identifier], senders: &[Address], query: &Query<'_>) -> Reading {
    let message = match query.wanted {
        Wanted::Everything => {
            ids.iter().for_each(|id| reading.reveal(id.clone()));
            return reading;
        }
        Wanted::Message(message) => message,
    };
    let unknown = message.ids.is_empty() && message.likeness == Likeness::default();
    // A bounce without the returned header carries at most a gateway's own id, which nobody may know yet.
    let named = ids.iter().any(|id| matches!(id, Identifier::MessageId(_)));
    let by_looks = !named || message.ids.is_empty();
    if unknown || message.has_any(ids) || (by_looks && looks_alike(&reading, senders, &message.likeness)) {
        ids.iter().filter(|id| !message.ids.contains(*id)).for_each(|id| reading.reveal(id.clone()));
        return reading;
    }
    let first = reading.observations.first().map(|observation| observation.cite.clone());
    let mut other = Reading { rows: reading.rows, coverage: reading.coverage, ..Reading::default() };
    other.pass_over("other message", other.rows, first);
    other
}

fn looks_alike(reading: &Reading, known: &[Address], likeness: &Likeness) -> bool {
    let mut senders: Vec<Address> = known.to_vec();
    let (mut subject, mut at) = (None, None);
    for observation in &reading.observations {
        if let Fact::Identity(identity) = &observation.fact {
            senders.extend(identity.envelope_sender.iter().chain(&identity.header_from).cloned());
            subject = subject.or(identity.subject.clone());
            at = at.or(identity.sent_at.as_ref().map(|when| when.at));
        }
    }
    let at = at.or(reading.coverage.from);
    senders.truncate(16);
    let recipients = reading.observations.iter().map(|o| &o.about.envelope_recipients).max_by_key(|r| r.len());
    likeness.fits(&senders, recipients.map_or(&[][..], Vec::as_slice), subject.as_deref(), at)
}
