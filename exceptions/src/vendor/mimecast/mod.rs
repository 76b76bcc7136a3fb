//! To be written.

use std::sync::LazyLock;

use evidence::Product;
use sources::proposed::Step;

use super::{Rows, Vendor};
use crate::{Grant, Need, Proposal, Reason, World};

static ROWS: LazyLock<Rows> = LazyLock::new(|| Rows::of(include_str!("rows.toml")));

/// To be written.
pub(super) struct Mimecast;

impl Vendor for Mimecast {
    fn products(&self) -> &'static [Product] {
        &[Product::Mimecast]
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
