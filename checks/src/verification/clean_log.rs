//! (b) The log is clean at that timestamp: in every system on its way a log covers the moment, and says nothing against the copy.

use evidence::{Cite, Fact, SourceId, System};
use jiff::{SignedDuration, Timestamp};
use layers::exports::logs_of;

use super::workflow::{carriers, products, traces};
use super::{Check, Later, Log, Scene, shown};

/// The id of the check.
const ID: &str = "clean_log";

/// Alerts are raised some time after what they are about.
const ALERT_WITHIN: SignedDuration = SignedDuration::from_hours(2);

/// Whether the logs are clean at the moment of the later message: of the last one of which they tell.
pub(super) fn check(scene: &Scene<'_>, later: &[Later]) -> Check {
    let mut good = later.iter().rev().filter(|one| one.is_good());
    let Some(last) = good.next() else {
        let since = scene.since_when();
        let told = format!("there is no later message in the inbox at whose moment the logs could be looked at{since}");
        return Check::cannot_tell(ID, told, traces(scene));
    };
    // A log that covers an earlier good message and is clean is as good as one that covers the last.
    let looks: Vec<Look> = std::iter::once(last).chain(good).map(|one| look(scene, one)).collect();
    if let Some(unclean) = looks.iter().find(|look| !look.trouble.is_empty()) {
        return unclean.came_back();
    }
    match looks.iter().find(|look| look.missing.is_empty()).or(looks.first()) {
        Some(look) if look.missing.is_empty() => look.held(),
        Some(look) => look.cannot_tell(),
        None => Check::cannot_tell(ID, "no later message is shown".to_owned(), traces(scene)),
    }
}

/// What the logs say of the moment of one message.
struct Look {
    name: String,
    at: Timestamp,
    systems: Vec<String>,
    trouble: Vec<(String, Cite)>,
    missing: Vec<(String, Vec<SourceId>)>,
    cites: Vec<Cite>,
}

fn look(scene: &Scene<'_>, later: &Later) -> Look {
    let mut look = Look {
        name: later.message.name(),
        at: later.at,
        systems: Vec::new(),
        trouble: alerts(scene, later),
        missing: Vec::new(),
        cites: Vec::new(),
    };
    let Some(copy) = later.copy() else { return look };
    for stop in &copy.way {
        let name = stop.system.to_string();
        look.trouble.extend(stop.trouble.iter().cloned());
        look.cites.extend(stop.cites.iter().cloned());
        let kinds = logs_of(&stop.system.product);
        match &stop.log {
            Log::Covers => {}
            Log::NotRead => {}
            Log::Falls(why) => {
                look.missing.push((format!("the log of {name}: {why}"), kinds.iter().take(1).copied().collect()))
            }
            Log::NotSupplied => {
                look.missing
                    .push((format!("the log of {name} was not supplied"), kinds.iter().take(1).copied().collect()));
            }
        }
        if !look.systems.contains(&name) {
            look.systems.push(name);
        }
    }
    let way = products(copy);
    for product in carriers(scene).into_iter().filter(|product| !way.contains(product)) {
        let told =
            format!("{}, through which the mail of the ticket came, has no record of it", System::of(product.clone()));
        look.missing.push((told, logs_of(&product).iter().take(1).copied().collect()));
    }
    if copy.way.is_empty() {
        look.missing.push(("no system has a record of its way".to_owned(), traces(scene)));
    }
    look
}

/// Alerts that name the message, or its sender together with its recipient.
fn alerts(scene: &Scene<'_>, later: &Later) -> Vec<(String, Cite)> {
    let entries = scene.ledger.entries().iter();
    let found = entries.filter_map(|entry| {
        let Fact::Alert(alert) = &entry.observation.fact else { return None };
        let at = entry.observation.when.as_ref()?.at;
        let since = at.duration_since(later.at);
        let names =
            |text: &str| alert.entities.iter().any(|entity| entity.to_lowercase().contains(&text.to_lowercase()));
        let is_of_message = later.message.ids.iter().any(|id| id.len() > 8 && names(id));
        let senders = later.message.envelope_sender.iter().chain(&later.message.header_from);
        let is_of_pair =
            senders.into_iter().any(|sender| names(sender.as_str())) && names(later.envelope_recipient.as_str());
        let is_then = !since.is_negative() && since <= ALERT_WITHIN;
        (is_of_message || is_of_pair && is_then)
            .then(|| (format!("an alert: {}", alert.title), entry.observation.cite.clone()))
    });
    found.collect()
}

impl Look {
    fn came_back(&self) -> Check {
        let told: Vec<&str> = self.trouble.iter().take(3).map(|(told, _)| told.as_str()).collect();
        let statement = format!("the log is not clean for {} at {}: {}", self.name, shown(self.at), told.join("; "));
        Check::came_back(ID, statement, self.trouble.iter().map(|(_, cite)| cite.clone()).collect())
    }

    fn held(&self) -> Check {
        let statement = format!(
            "no deferral, refusal, error or alert about {} at {}, in the logs of {}, which cover the moment",
            self.name,
            shown(self.at),
            self.systems.join(", ")
        );
        Check::held(ID, statement, self.cites.clone())
    }

    fn cannot_tell(&self) -> Check {
        let told: Vec<&str> = self.missing.iter().map(|(told, _)| told.as_str()).collect();
        let statement = format!("nothing is said against {} at {}, but {}", self.name, shown(self.at), told.join("; "));
        let asked = self.missing.iter().flat_map(|(_, asked)| asked.clone()).collect();
        Check::cannot_tell(ID, statement, asked).citing(self.cites.iter().take(3).cloned().collect())
    }
}
