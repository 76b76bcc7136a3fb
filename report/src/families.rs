//! The families of causes as a section that every face draws.

use crate::document::{Cite, Family, Standing};
use crate::sheet::{Block, Row, Section, Tone};
use crate::view::{self, View};

/// The families of each group of copies that has something to explain; `None` if all simply arrived.
pub(crate) fn section(view: &View<'_>) -> Option<Section> {
    let weighed: Vec<_> = view.groups.iter().filter(|group| !group.first.families.is_empty()).collect();
    let mut blocks = Vec::new();
    for group in &weighed {
        if view.groups.len() > 1 {
            blocks.push(Block::Text(Tone::Plain, view::recipient(group.first).to_owned()));
        }
        let families = &group.first.families;
        let is_proved = families.iter().any(|family| family.standing == Standing::Proved);
        blocks.push(Block::Rows(families.iter().map(|family| row(family, is_proved)).collect()));
    }
    let title = "The six families of causes".to_owned();
    (!blocks.is_empty()).then_some(Section { id: "families", title, blocks })
}

/// One family; what would settle it is said where no other one is proved.
fn row(family: &Family, is_proved: bool) -> Row {
    let tone = Tone::of(family.standing);
    let is_answer = matches!(family.standing, Standing::Proved | Standing::Likely);
    // The finding itself stands above in full.
    let text = match family.statement.split_once(':') {
        Some((specific, _)) if is_answer => format!("{}: {specific}", family.standing.word()),
        _ => {
            let places: Vec<String> = family.cites.iter().take(2).map(Cite::place).collect();
            let at = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
            format!("{}: {}{at}", family.standing.word(), family.statement)
        }
    };
    let settled = format!("would be settled by: {}", family.ask_for.join(", "));
    let notes = if family.ask_for.is_empty() || is_proved { Vec::new() } else { vec![settled] };
    Row { tone, lead: family.family.clone(), text, notes, ..Row::default() }
}
