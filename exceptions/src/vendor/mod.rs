//! The contract of a vendor, and all vendors.
//!
//! A vendor is one folder (`mod.rs`, `rows.toml`) and one line in [`ALL`]. What its settings mean is read here and nowhere else; who judges, counts
//! or proposes sees [`Grant`]s and [`Reason`]s.

pub(crate) mod common;
mod exchange_online;
mod mimecast;
pub(crate) mod own;
mod rows;
mod self_hosted;
mod written;

use evidence::{Product, Setting, SettingClass};
use sources::proposed::{About, Step};

use crate::{Grant, Need, On, Proposal, Reason, Scope, Value, World};

pub use rows::{Row, Rows};
pub(crate) use written::by_itself;

/// How one vendor lets mail through.
pub trait Vendor: Sync {
    /// Whose settings it knows.
    fn products(&self) -> &'static [Product];

    /// Its dated tables of narrow and broad changes.
    fn rows(&self) -> &'static Rows;

    /// What a step lets through that a filter would stop; empty if it lets nothing through (it may still take a protection away).
    fn grants(&self, step: &Step) -> Vec<Grant>;

    /// Which rows of the tables a step is, and why; empty if none.
    fn judge(&self, step: &Step, grants: &[Grant], world: &World<'_>) -> Vec<Reason>;

    /// The marks that a step puts on mail, by which others may know it; empty if none.
    fn stamps(&self, step: &Step) -> Vec<Stamp> {
        let _ = step;
        Vec::new()
    }

    /// Whether a step does nothing but what its grants say, so that an approval in our own form can cover it: entries of lists and acts do.
    fn only_grants(&self, step: &Step) -> bool {
        match &step.about {
            About::Setting(setting) => setting.entry.is_some(),
            About::Act(_) => true,
        }
    }

    /// Whether a property, by its name as written, is a remark for people, or is told by the grants already: for whom something is, until when.
    fn is_told_elsewhere(&self, name: &str) -> bool {
        is_remark(name)
    }

    /// The ways of letting through what a sample needs, the narrowest first; each is narrow by [`crate::check`].
    fn proposals(&self, need: &Need, world: &World<'_>) -> Vec<Proposal>;
}

/// A mark that something of the organisation's own puts on mail.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamp {
    /// What puts it there.
    pub name: String,
    /// Where a condition would look for it.
    pub on: On,
    /// What it says.
    pub value: Value,
    /// On which mail.
    pub scope: Scope,
}

/// All vendors.
pub const ALL: &[&dyn Vendor] = &[
    &exchange_online::ExchangeOnline,
    &mimecast::Mimecast,
    &self_hosted::Rspamd,
    &self_hosted::Amavis,
    &self_hosted::Postfix,
];

/// Who knows the settings of a product.
pub fn of(product: &Product) -> Option<&'static dyn Vendor> {
    ALL.iter().copied().find(|vendor| vendor.products().contains(product))
}

/// Whether a setting is an exception in our own form.
pub fn is_own_form(setting: &Setting) -> bool {
    matches!(&setting.class, SettingClass::Other(word) if word == "exception")
}

/// Whether a property of this name is a remark for people.
pub fn is_remark(name: &str) -> bool {
    ["comment", "comments", "note", "notes", "description", "name"].contains(&&*name.to_lowercase())
}
