//! Exchange Online with its filtering: lists, rules, policies, connectors and releases.
//!
//! `grants` reads what a setting or an act lets through, `judge` which rows of the tables it is, a file a group of rows.

mod grants;
mod judge;
mod proposals;
mod rule;
mod words;

use std::sync::LazyLock;

use evidence::{Product, SettingClass};
use sources::proposed::{About, Step};

use super::{Rows, Stamp, Vendor};
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

    fn stamps(&self, step: &Step) -> Vec<Stamp> {
        match &step.about {
            About::Setting(setting) if setting.class == SettingClass::TransportRule => rule::stamps(step, setting),
            _ => Vec::new(),
        }
    }

    fn only_grants(&self, step: &Step) -> bool {
        match &step.about {
            About::Setting(setting) if setting.class == SettingClass::TransportRule => rule::only_stands_aside(setting),
            About::Setting(setting) => setting.entry.is_some(),
            About::Act(_) => true,
        }
    }

    fn is_told_elsewhere(&self, name: &str) -> bool {
        super::is_remark(name) || rule::TOLD.contains(&&*words::folded(name))
    }

    fn proposals(&self, need: &Need, world: &World<'_>) -> Vec<Proposal> {
        proposals::proposals(need, world)
    }
}
