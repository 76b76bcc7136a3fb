//! Proofpoint: Targeted Attack Protection, the log stream of Proofpoint on Demand, the quarantine.

pub(crate) mod message_log;
pub(crate) mod quarantine;
pub(crate) mod tap;
#[cfg(test)]
mod tests;

use evidence::{Identifier, VerdictKind};

/// The host under which Proofpoint's own ids stand: its GUID and queue ids are unique within the account.
const HOST: &str = "proofpoint";

/// A GUID or queue id.
fn id(said: &str) -> Option<Identifier> {
    let said = said.trim();
    (!said.is_empty()).then(|| Identifier::queue_id(HOST, None, said))
}

/// A queue id, also without the number of the message within its session (`-1`), as the other log writes it. The id of a
/// session is none: several messages share it.
fn queue_ids(said: &str, session: Option<&str>) -> Vec<Identifier> {
    let bare = said.rsplit_once('-').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let bare = bare.map(|(bare, _)| bare).filter(|bare| Some(*bare) != session);
    bare.into_iter().chain([said]).filter_map(id).collect()
}

/// What a classification stands for.
fn classified(means: Option<&str>) -> VerdictKind {
    means.and_then(crate::codes::verdict_kind).unwrap_or(VerdictKind::Unknown)
}
