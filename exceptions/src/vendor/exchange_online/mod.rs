//! Exchange Online with its filtering: lists, rules, policies, connectors and releases.
//!
//! `grants` reads what a setting or an act lets through, `judge` which rows of the tables it is, a file a group of rows.

mod grants;
mod judge;
mod proposals;
mod rule;
mod words;

use std::sync::LazyLock;

use evidence::Product;
use sources::proposed::Step;

use super::{Rows, Vendor};
use crate::{Grant, Need, Proposal, Reason, World};

static ROWS: LazyLock<Rows> = LazyLock::new(|| Rows::of(include_str!("rows.toml")));

/// How Exchange Online lets mail through.
pub(super) struct ExchangeOnline;

impl Vendor for ExchangeOnline {
    fn products(&self) -> &'static [Product] {
        &[Product::ExchangeOnline]
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
        // When it ends, and which mail it is for, stand in the grants.
        const TOLD: [&str; 6] = ["expirationdate", "expirydate", "removeafter", "noexpiration", "entries", "value"];
        super::is_remark(name) || TOLD.contains(&&*name.to_lowercase())
    }

    fn proposals(&self, need: &Need, world: &World<'_>) -> Vec<Proposal> {
        proposals::proposals(need, world)
    }
}
