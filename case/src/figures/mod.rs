//! Figures over the cases of a store: what came in over time, how long it took, and what was changed on tickets.
//!
//! Comes in: what the journals add up to, and their entries about changes and verifications. Goes out: one document, and its page. Nothing
//! here reads a file or a clock. Never a mean: one long case hides behind it; and never a number from which open cases are left out unsaid.

mod changes;
mod incidents;
mod page;
mod periods;
mod times;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Status};
use crate::journal::Entry;

pub use changes::ChangeFigure;
pub use incidents::{IncidentRow, Incidents};
pub use periods::Period;
pub use times::{TimeOf, TimeRow, Times};

/// The name and version of the document's form.
pub const FIGURES_SCHEMA: &str = "throughline.figures.v1";

/// Deeds of which the entries are wanted beside the cases.
pub const FIGURES_DEEDS: [&str; 2] = ["change_made", "verified"];

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedFigures {
    /// Only of this client, letters' case aside.
    pub client: Option<String>,
    /// Only cases that were opened then or later.
    pub from: Option<Timestamp>,
    /// Only cases that were opened before.
    pub to: Option<Timestamp>,
    /// Now: ages are counted up to it.
    pub now: Timestamp,
}

/// Figures over the cases of a store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// Always `throughline.figures.v1`.
    pub schema: String,
    /// Only of this client; null for all.
    pub client: Option<String>,
    /// Only cases that were opened then or later; null for all.
    pub from: Option<Timestamp>,
    /// Only cases that were opened before; null for all.
    pub to: Option<Timestamp>,
    /// Up to when ages are counted.
    pub now: Timestamp,
    /// How many cases there are.
    pub cases: u64,
    /// How many of them are not closed.
    pub open: u64,
    /// What came in over time.
    pub incidents: Incidents,
    /// How long it took.
    pub times: Times,
    /// What was changed on these clients' tickets, whether it lets mail through or not; those that want a look first.
    pub changes: Vec<ChangeFigure>,
    /// How to read the numbers, in sentences.
    pub notes: Vec<String>,
}

impl Figures {
    /// Counts the cases that fit. `entries` are the journals' entries of [`FIGURES_DEEDS`], in any order; those of other cases are left
    /// aside.
    pub fn of(cases: &[Case], entries: &[Entry], asked: &AskedFigures) -> Figures {
        let clients = Clients::of(cases);
        let wanted_client = asked.client.as_deref().map(|client| key(client.trim()));
        let of_client = |case: &&Case| wanted_client.as_ref().is_none_or(|wanted| key(&case.about.client) == *wanted);
        let opened_then = |case: &&Case| {
            asked.from.is_none_or(|from| case.opened_at >= from) && asked.to.is_none_or(|to| case.opened_at < to)
        };
        let mut of_clients: Vec<&Case> = cases.iter().filter(of_client).collect();
        of_clients.sort_by_key(|case| case.number);
        let counted: Vec<&Case> = of_clients.iter().copied().filter(opened_then).collect();
        let mut figures = Figures {
            schema: FIGURES_SCHEMA.to_owned(),
            client: asked.client.as_deref().map(|client| clients.shown(client.trim())),
            from: asked.from,
            to: asked.to,
            now: asked.now,
            cases: counted.len() as u64,
            open: counted.iter().filter(|case| case.status != Status::Closed).count() as u64,
            incidents: Incidents::of(&counted, &clients, asked),
            times: Times::of(&counted, &clients, asked.now),
            // What was changed before the window still lets mail through in it.
            changes: changes::of(&of_clients, &clients, entries, asked),
            notes: Vec::new(),
        };
        figures.notes = notes(&figures);
        figures
    }
}

/// What a reader of the numbers must know.
fn notes(figures: &Figures) -> Vec<String> {
    let mut notes = vec![
        "Days, weeks (from Monday) and months are those of UTC. A case counts once, when it was opened, by the first cause that its \
         last answer shows; without one by its first symptom; else it is not shown."
            .to_owned(),
        "The median and the 90 of 100 are spans that a case really took (nearest rank), over the cases that are done; those that are \
         not done yet stand beside them, and may make both longer when they are. Of fewer than ten cases the 90 of 100 is the longest."
            .to_owned(),
    ];
    if !figures.changes.is_empty() {
        notes.push(
            "Changes are those that journals hold for the clients' tickets, whenever the case was opened, also such as let nothing through: \
             a block, what was taken back, what somebody else mended. What lets mail through does so until it ends. How much each lets \
             through was counted over the evidence of its case, no more. Which change takes back which other one is not told here: \
             `throughline audit-exceptions` on today's exports says what is still there."
                .to_owned(),
        );
    }
    notes
}

/// How clients are written: letters' case aside they are one, spelled as the first case has it.
struct Clients {
    spelled: BTreeMap<String, (u64, String)>,
}

impl Clients {
    fn of(cases: &[Case]) -> Clients {
        let mut spelled: BTreeMap<String, (u64, String)> = BTreeMap::new();
        for case in cases {
            let known = spelled.entry(key(&case.about.client)).or_insert_with(|| (u64::MAX, String::new()));
            if case.number < known.0 {
                *known = (case.number, case.about.client.clone());
            }
        }
        Clients { spelled }
    }

    fn shown(&self, client: &str) -> String {
        self.spelled.get(&key(client)).map_or_else(|| client.to_owned(), |(_, spelled)| spelled.clone())
    }
}

fn key(client: &str) -> String {
    client.to_lowercase()
}

/// Whole seconds between two instants; none if the clock ran back.
fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
