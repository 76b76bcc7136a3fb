//! Which file a few lines would stand in, by their content; else by the path into which they are written.

use evidence::{Product, Property, Setting};

use crate::postfix::{access_map, configuration};
use crate::rspamd::configuration as configuration_of_rspamd;
use crate::setup::Part;
use crate::spamassassin::preferences;

/// A kind of file, and how its parts are read.
pub(super) struct Kind {
    /// Whose it is.
    pub(super) product: Product,
    /// What a part is called.
    pub(super) operation: &'static str,
    /// Whether a text is of it.
    is: fn(&str) -> bool,
    /// Its parts.
    pub(super) parts: fn(&str) -> Vec<Part>,
}

/// All kinds, those that are told most surely first.
const KINDS: &[Kind] = &[
    Kind {
        product: Product::Rspamd,
        operation: "rspamd snippet",
        is: configuration_of_rspamd::is_configuration,
        parts: configuration_of_rspamd::parts,
    },
    Kind {
        product: Product::Amavis,
        operation: "SpamAssassin directive",
        is: preferences::is_configuration,
        parts: preferences::parts,
    },
    Kind {
        product: Product::Postfix,
        operation: "Postfix parameter",
        is: configuration::is_parameters,
        parts: configuration::parts,
    },
    Kind {
        product: Product::Postfix,
        operation: "access table entry",
        is: access_map::is_entries,
        parts: access_map::parts,
    },
];

/// The kind of some lines; `None` if they are of none.
pub(super) fn of(text: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| (kind.is)(text))
}

/// Values of a list of rspamd: what an entry means is said where the list is used.
const RSPAMD_LIST: Kind =
    Kind { product: Product::Rspamd, operation: "map entry", is: |_| false, parts: configuration_of_rspamd::values };

/// Values of a list of amavis.
const AMAVIS_LIST: Kind =
    Kind { product: Product::Amavis, operation: "map entry", is: |_| false, parts: configuration_of_rspamd::values };

const ACCESS: Kind =
    Kind { product: Product::Postfix, operation: "access table entry", is: |_| false, parts: access_map::parts };

/// The kind of lines that nothing in them tells, by the path of their file.
pub(super) fn by_path(text: &str, path: &str) -> Option<&'static Kind> {
    let path = path.to_ascii_lowercase();
    let is_settings = [".conf", ".inc", ".cf", ".lua"].iter().any(|end| path.ends_with(end));
    let is_list = || {
        text.lines()
            .map(str::trim)
            .all(|line| line.is_empty() || line.starts_with('#') || configuration_of_rspamd::is_value(line))
    };
    match () {
        () if path.contains("postfix") && !is_settings => Some(&ACCESS),
        () if path.contains("rspamd") && !is_settings && is_list() => Some(&RSPAMD_LIST),
        () if path.contains("amavis") && !is_settings && is_list() => Some(&AMAVIS_LIST),
        () => None,
    }
}

/// Notes into which file an entry goes.
pub(super) fn put_table(setting: &mut Setting, into: Option<&str>) {
    if let Some(into) = into {
        setting.properties.push(Property { name: "table".to_owned(), values: vec![into.to_owned()] });
    }
}
