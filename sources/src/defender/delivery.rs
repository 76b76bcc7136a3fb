//! Where a copy lies, as the words for delivery locations say.

use evidence::{
    Action, Address, AuthMethod, Authentication, Fact, Folder, Handover, NextHop, Outcome, Quarantine, QuarantineState,
    Release, ReleaseStep, Status, Stored, TraceStatus,
};

use super::CODES;
use crate::exchange_online::STORE;
use crate::message::auth_results::result_of;
use crate::table::Facts;

/// Where a copy lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the mailbox; whether in the inbox or in a folder of a rule is not told.
    Mailbox,
    /// In a folder of the mailbox.
    Folder(Folder),
    /// Kept back.
    Quarantine,
    /// Handed to another organisation or to servers on premises.
    Outside,
    /// Not delivered.
    Failed,
    /// Thrown away.
    Dropped,
}

/// The place that a code table means.
pub(crate) fn place_of(means: &str) -> Option<Place> {
    Some(match means {
        "mailbox" => Place::Mailbox,
        "inbox" => Place::Folder(Folder::Inbox),
        "junk" => Place::Folder(Folder::Junk),
        "deleted" => Place::Folder(Folder::Deleted),
        "quarantine" => Place::Quarantine,
        "outside" => Place::Outside,
        "failed" => Place::Failed,
        "dropped" => Place::Dropped,
        _ => return None,
    })
}

/// The place that a record's word names; `None` for a word that no page lists.
pub(crate) fn place(said: &str) -> Option<Place> {
    place_of(CODES.means("DeliveryLocation", said)?)
}

/// The folder to which a copy was moved; a word that no page lists is the name of a folder.
pub(crate) fn folder(said: &str) -> Option<Folder> {
    match place(said) {
        Some(Place::Mailbox) => Some(Folder::Inbox),
        Some(Place::Folder(folder)) => Some(folder),
        Some(Place::Quarantine) => Some(Folder::Quarantine),
        Some(_) => None,
        None => (!said.trim().is_empty()).then(|| Folder::Other(said.trim().to_owned())),
    }
}

/// States where a copy was put on delivery; the value under `names` decides.
pub(crate) fn say_place(facts: &mut Facts<'_>, names: &[&str], location: &str, said: String) {
    let word = |status| Fact::Status(Status { status, said: said.clone(), to: None, from: None });
    let fact = match place(location) {
        Some(Place::Mailbox) => Fact::Stored(Stored { folder: None, chosen_by: None }),
        Some(Place::Folder(folder)) => Fact::Stored(Stored { folder: Some(folder), chosen_by: None }),
        Some(Place::Quarantine) => Fact::Quarantine(Quarantine {
            state: QuarantineState::Held,
            store: STORE.to_owned(),
            policy: None,
            id: None,
            until: None,
            said,
        }),
        // The next system took it; what became of it there is not told.
        Some(Place::Outside) => Fact::Handover(Handover {
            to: None,
            next_hop: NextHop::MailServer,
            outcome: Outcome::Accepted,
            reply: None,
            spoken_by_next_hop: false,
            next: None,
            attempt: None,
            connector: None,
            tls: None,
        }),
        Some(Place::Failed) => word(TraceStatus::Failed),
        Some(Place::Dropped) => Fact::Discarded { said },
        None => word(TraceStatus::Other(location.to_owned())),
    };
    facts.say_by(names, fact);
}

/// States where a copy lies now; no instant is told. Where it was put on delivery is a note only.
pub(crate) fn say_latest(facts: &mut Facts<'_>, names: &[&str], first: Option<&str>, latest: Option<&str>) {
    let (Some(first), Some(latest)) = (first.and_then(place), latest) else { return };
    let said = format!("latest delivery location: {latest}");
    let unmoved = || Fact::Note { said: format!("{}: {latest}", evidence::UNMOVED) };
    let fact = match (first, place(latest)) {
        (before, Some(now)) if before == now => unmoved(),
        (Place::Mailbox, Some(Place::Folder(Folder::Inbox))) | (Place::Folder(_), Some(Place::Mailbox)) => unmoved(),
        (Place::Quarantine, Some(now @ (Place::Mailbox | Place::Folder(_)))) => {
            return facts.at(None, |facts| {
                facts.say_by(names, released(None, facts.about.envelope_recipients.clone(), said));
                facts.say_by(names, stored(now));
            });
        }
        (Place::Mailbox | Place::Folder(_), Some(Place::Quarantine)) => moved(Action::Quarantined, latest, said),
        (Place::Mailbox | Place::Folder(_), Some(Place::Folder(Folder::Junk))) => moved(Action::Junked, latest, said),
        (Place::Mailbox | Place::Folder(_), Some(Place::Folder(Folder::Deleted) | Place::Dropped)) => {
            moved(Action::Discarded, latest, said)
        }
        _ => Fact::Note { said },
    };
    facts.at(None, |facts| facts.say_by(names, fact));
}

/// Moved after delivery.
pub(crate) fn moved(action: Action, to: &str, said: String) -> Fact {
    Fact::PostDelivery { action, folder: folder(to), by: None, said }
}

/// Lies in the mailbox, at a place that is the mailbox or one of its folders.
pub(crate) fn stored(place: Place) -> Fact {
    let folder = match place {
        Place::Folder(folder) => Some(folder),
        _ => None,
    };
    Fact::Stored(Stored { folder, chosen_by: None })
}

/// Let go by the service or a person.
pub(crate) fn released(by: Option<String>, recipients: Vec<Address>, said: String) -> Fact {
    Fact::Release(Release { step: ReleaseStep::Released, by, for_recipients: recipients, next: None, said })
}

/// States the results of authentication, given by the names of the methods.
///
/// `client` is the address that was checked, where the record names it: SPF is about that one.
pub(crate) fn say_authentications(
    facts: &mut Facts<'_>,
    names: &[&str],
    results: &[(String, String)],
    client: Option<&str>,
) {
    for (name, result) in results {
        let method = match name.to_ascii_lowercase().replace([' ', '-', '_'], "").as_str() {
            "spf" => AuthMethod::Spf,
            "dkim" => AuthMethod::Dkim,
            "dmarc" => AuthMethod::Dmarc,
            "arc" => AuthMethod::Arc,
            "compauth" => AuthMethod::CompAuth,
            _ => continue,
        };
        if result.trim().is_empty() {
            continue;
        }
        facts.say_by(
            names,
            Fact::Authentication(Authentication {
                method,
                result: result_of(&result.trim().replace(' ', "").to_ascii_lowercase()),
                domain: None,
                authserv_id: None,
                arc_instance: None,
                client: client.filter(|_| method == AuthMethod::Spf).map(str::to_owned),
                fault: None,
                disposition: None,
                reason: None,
                said: format!("{name}={result}"),
            }),
        );
    }
}
