//! `sources`: which exports are read, how to get each, what each cannot show.

use evidence::Unit;
use sources::{Source, ZoneRule};

use crate::failure::Failure;

/// All kinds, or the page of one.
///
/// # Errors
/// [`Failure::Usage`] if there is no such kind.
pub fn run(kind: Option<&str>) -> Result<String, Failure> {
    let Some(kind) = kind else { return Ok(list(sources::ALL)) };
    let near = || {
        let ids = sources::ALL.iter().map(|source| source.id());
        ids.filter(|id| id.contains(kind) || kind.contains(id.rsplit('/').next().unwrap_or(id))).collect::<Vec<_>>()
    };
    match sources::source(kind) {
        Some(source) => Ok(page(source)),
        None => Err(Failure::Usage {
            what: "sources".to_owned(),
            expected: "a kind of export".to_owned(),
            found: format!("`{}`", kind.escape_debug()),
            hint: match near().as_slice() {
                [] => "`throughline sources` lists them".to_owned(),
                near => format!("Did you mean {}?", near.join(" or ")),
            },
        }),
    }
}

fn list(all: &[&dyn Source]) -> String {
    if all.is_empty() {
        return "No kind of export is read yet.\n".to_owned();
    }
    let width = all.iter().map(|source| source.id().len()).max().unwrap_or(0);
    let mut all = all.to_vec();
    all.sort_by_key(|source| source.id());
    let mut text = String::new();
    let mut last = "";
    for source in &all {
        let vendor = source.id().split('/').next().unwrap_or("");
        if !last.is_empty() && last != vendor {
            text.push('\n');
        }
        last = vendor;
        text.push_str(&format!("{:<width$}  {}\n", source.id(), source.title()));
        text.push_str(&format!("{:<width$}    {}; {}\n", "", unit(source.unit()), zone(source.zone())));
    }
    text.push_str("\n`throughline sources KIND` tells how to get one and what it cannot show.\n");
    text
}

fn page(source: &dyn Source) -> String {
    let mut text = format!("{}\n{}\n\n", source.id(), source.title());
    text.push_str(&format!("{}; {}\n", unit(source.unit()), zone(source.zone())));
    let export = source.export();
    if let Some(command) = export.command {
        text.push_str(&format!("\nGet it with\n  {command}\n"));
    }
    if let Some(clicks) = export.clicks {
        text.push_str(&format!("\nClick\n  {clicks}\n"));
    }
    if !source.cannot_show().is_empty() {
        text.push_str("\nIt cannot show\n");
        source.cannot_show().iter().for_each(|limit| text.push_str(&format!("  - {limit}\n")));
    }
    text.push_str(&format!("\n{}\n", source.page().trim_end()));
    text
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Recipient => "one row a message and recipient",
        Unit::Message => "one row a message",
        Unit::Event => "one row an event",
        Unit::Field => "one header field or part of a message",
        Unit::Setting => "one row a setting",
        Unit::Total => "one row a count",
    }
}

fn zone(zone: ZoneRule) -> &'static str {
    match zone {
        ZoneRule::Stated => "states its zone",
        ZoneRule::Unstated => "does not state its zone or year: --tz and --now decide",
    }
}
