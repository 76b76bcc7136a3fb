//! Which kind a file is of, by its names.

use std::collections::BTreeSet;

use super::clixml;
use super::row::{Torn, block_line};
use super::shape::{Shape, shape_of};
use crate::codes::folded;
use crate::records::{column_names, csv_header, is_one_a_line};
use crate::{Head, Recognition};

/// Something that a kind needs: any one of these folded names, and how to call it.
pub(crate) type Need = (&'static str, &'static [&'static str]);

/// Judges a file by its names: certain if one header or object has all `needs` and none of `strangers`, near if it
/// lacks one of at least three.
pub(crate) fn recognise(
    head: &Head<'_>,
    needs: &[Need],
    strangers: &[&str],
    positions: Option<&'static [&'static str]>,
) -> Recognition {
    let Some(shape) = shape_of(head.text, positions) else { return Recognition::No };
    let (noun, objects) = match &shape {
        Shape::Clixml => ("property", clixml::names_of(head.text)),
        Shape::Csv => {
            let Some((header, _)) = csv_header(head.text) else { return Recognition::No };
            ("column", vec![folded_names(&column_names(header))])
        }
        Shape::Log { columns } => ("column", vec![folded_names(columns)]),
        Shape::Json => ("key", json_objects(head.text)),
        Shape::Own => return Recognition::No,
        Shape::Blocks => {
            let names = head.text.trim_start().lines().take_while(|line| !line.trim().is_empty());
            ("name", vec![names.filter_map(block_line).map(|(name, _)| folded(name)).collect()])
        }
    };
    let mut near = None;
    for names in objects {
        if strangers.iter().any(|stranger| names.contains(*stranger)) {
            continue;
        }
        let missing: Vec<&Need> =
            needs.iter().filter(|(_, any)| !any.iter().any(|name| names.contains(*name))).collect();
        match missing.as_slice() {
            [] => return Recognition::Certain,
            [(name, _)] if needs.len() >= 4 => near = near.or_else(|| Some(format!("{noun} `{name}`"))),
            _ => {}
        }
    }
    near.map_or(Recognition::No, |missing| Recognition::Near { missing })
}

pub(super) fn folded_names(names: &[String]) -> BTreeSet<String> {
    names.iter().map(|name| folded(name)).collect()
}

/// How many objects of a JSON text are looked at, and how deep they may lie.
pub(super) const OBJECTS_MAX: usize = 64;
pub(super) const OBJECT_DEPTH_MAX: usize = 5;

/// The folded keys of the first objects of a JSON text, which may be cut; of JSON lines each line is looked at by itself, so
/// that a torn one hides no other.
pub(super) fn json_objects(text: &str) -> Vec<BTreeSet<String>> {
    if !is_one_a_line(text.as_bytes()) {
        return objects_in(text);
    }
    let mut objects: Vec<BTreeSet<String>> = Vec::new();
    for line in text.lines() {
        objects.extend(objects_in(line));
        if objects.len() >= OBJECTS_MAX {
            break;
        }
    }
    objects
}

/// The folded keys of the first objects of a JSON text, which may be cut. No recursion: any depth.
pub(super) fn objects_in(text: &str) -> Vec<BTreeSet<String>> {
    let bytes = text.as_bytes();
    let mut objects: Vec<BTreeSet<String>> = Vec::new();
    // Number of the object that each open bracket belongs to; `None` for an array or an object too deep.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => {
                let counts = open.len() < OBJECT_DEPTH_MAX && objects.len() < OBJECTS_MAX;
                open.push(counts.then_some(objects.len()));
                if counts {
                    objects.push(BTreeSet::new());
                }
            }
            b'[' => open.push(None),
            b'}' | b']' => {
                open.pop();
            }
            b'"' => {
                let start = at + 1;
                at = start;
                while at < bytes.len() && bytes[at] != b'"' {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                let is_key = bytes.get(at + 1..).is_some_and(|rest| {
                    rest.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte == b':')
                });
                let object = open.last().copied().flatten().and_then(|number| objects.get_mut(number));
                if let (true, Some(object), Some(key)) = (is_key, object, text.get(start..at))
                    && !key.contains('@')
                {
                    object.insert(folded(key));
                }
            }
            _ => {}
        }
        at += 1;
    }
    objects
}

/// The best of what several lists of needs recognised: for kinds whose rows have more than one set of names.
pub(crate) fn any_of(found: impl IntoIterator<Item = Recognition>) -> Recognition {
    let rank = |found: &Recognition| match found {
        Recognition::Certain => 0,
        Recognition::Fits => 1,
        Recognition::Near { .. } => 2,
        Recognition::No => 3,
    };
    found.into_iter().min_by_key(rank).unwrap_or(Recognition::No)
}

/// What is missing in a row, as a problem says it.
pub(crate) fn missing(name: &str, row_has: &str) -> Torn {
    Torn { expected: format!("a value under `{name}`"), found: format!("none; {row_has}") }
}
