//! A record of the evidence, raw and decoded.

use sources::Input;
use web::{RecordPlace, RecordShown};

/// How many bytes of a record are shown.
const MAX_SHOWN_BYTES: usize = 256 << 10;

/// The record at a place; `None` if no file of the evidence has that fingerprint, or if it ends before.
pub fn shown(inputs: &[Input<'_>], place: &RecordPlace) -> Option<RecordShown> {
    let input = inputs.iter().find(|input| RecordPlace::fingerprint(&input.name) == place.file)?;
    let [start, end] = place.bytes.map(|at| usize::try_from(at).unwrap_or(usize::MAX));
    let whole = input.bytes.get(start..end)?;
    let shown = &whole[..whole.len().min(MAX_SHOWN_BYTES)];
    let kind = sources::recognise(input.bytes, &input.name).ok();
    Some(RecordShown {
        file: input.name.to_string(),
        kind: kind.map(|kind| kind.title().to_owned()),
        raw: vec![(false, String::from_utf8_lossy(shown).into_owned())],
        is_cut: shown.len() < whole.len(),
        limits: kind.iter().flat_map(|kind| kind.cannot_show()).map(|limit| (*limit).to_owned()).collect(),
        ..RecordShown::default()
    })
}
