//! To be written.

use std::sync::LazyLock;

use evidence::Product;
use sources::proposed::Step;

use super::{Rows, Vendor};
use crate::{Grant, Need, Proposal, Reason, World};

static ROWS: LazyLock<Rows> = LazyLock::new(|| Rows::of(include_str!("rows.toml")));

/// To be written.
pub(super) struct Rspamd;

impl Vendor for Rspamd {
    fn products(&self) -> &'static [Product] {
        &[Product::Rspamd]
    }

    fn rows(&self) -> &'static Rows {
        &ROWS
    }

    fn grants(&self, _step: &Step) -> Vec<Grant> {
        Vec::new()
    }

    fn judge(&self, _step: &Step, _grants: &[Grant], _world: &World<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn proposals(&self, _need: &Need, _world: &World<'_>) -> Vec<Proposal> {
        Vec::new()
    }
}

/// To be written.
pub(super) struct Amavis;

impl Vendor for Amavis {
    fn products(&self) -> &'static [Product] {
        &[Product::Amavis]
    }

    fn rows(&self) -> &'static Rows {
        &ROWS
    }

    fn grants(&self, _step: &Step) -> Vec<Grant> {
        Vec::new()
    }

    fn judge(&self, _step: &Step, _grants: &[Grant], _world: &World<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn proposals(&self, _need: &Need, _world: &World<'_>) -> Vec<Proposal> {
        Vec::new()
    }
}

/// To be written.
pub(super) struct Postfix;

impl Vendor for Postfix {
    fn products(&self) -> &'static [Product] {
        &[Product::Postfix]
    }

    fn rows(&self) -> &'static Rows {
        &ROWS
    }

    fn grants(&self, _step: &Step) -> Vec<Grant> {
        Vec::new()
    }

    fn judge(&self, _step: &Step, _grants: &[Grant], _world: &World<'_>) -> Vec<Reason> {
        Vec::new()
    }

    fn proposals(&self, _need: &Need, _world: &World<'_>) -> Vec<Proposal> {
        Vec::new()
    }
}
