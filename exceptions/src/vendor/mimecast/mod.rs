//! Mimecast: managed senders, permits, bypass policies, managed URLs, and the release of what is held.

mod grants;
mod judge;
mod policy;
mod proposals;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use evidence::Product;
use sources::proposed::Step;

use super::{Rows, Vendor};
use crate::{Grant, Need, Proposal, Reason, World};

static ROWS: LazyLock<Rows> = LazyLock::new(|| Rows::of(include_str!("rows.toml")));

/// The exceptions of Mimecast.
pub(super) struct Mimecast;

impl Vendor for Mimecast {
    fn products(&self) -> &'static [Product] {
        &[Product::Mimecast]
    }

    fn rows(&self) -> &'static Rows {
        &ROWS
    }

    fn grants(&self, step: &Step) -> Vec<Grant> {
        grants::grants(step)
    }

    fn judge(&self, step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason> {
        judge::judge(step, grants, world)
    }

    fn is_told_elsewhere(&self, name: &str) -> bool {
        super::is_remark(name) || grants::TOLD.contains(&&*policy::fold(name))
    }

    fn proposals(&self, need: &Need, world: &World<'_>) -> Vec<Proposal> {
        proposals::proposals(need, world)
    }
}
