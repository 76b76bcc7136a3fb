//! Reads every row of every file, for questions about many messages.

use evidence::{FileName, Reading, SourceId};
use jiff::Timestamp;
use rayon::prelude::*;

use crate::{Clock, Input, MatchedBy, Progress, Query, ReadError, Source, Wanted, ZoneRule, recognise};

/// What became of one file of which every row was read.
#[derive(Clone, Debug)]
pub struct EveryRow<T> {
    /// The file.
    pub file: FileName,
    /// Its kind, `None` if nobody recognises it.
    pub source: Option<SourceId>,
    /// What its rows were folded into; an error if nothing could be read.
    pub folded: Result<T, ReadError>,
}

/// Reads every row of all files part by part, and folds the parts of each file into a value of its own: in memory that
/// does not grow with the files but by what is kept of them.
///
/// Files are read in parallel, the parts of one in their order. Those that state their zone go first: the earliest instant in
/// them dates the records without a year. The result is in the order of `files`.
pub fn read_every<T: Send>(
    files: &[Input<'_>],
    clock: &Clock,
    progress: &dyn Progress,
    start: &(dyn Fn() -> T + Sync),
    fold: &(dyn Fn(&mut T, SourceId, Reading) + Sync),
) -> Vec<EveryRow<T>> {
    let kinds: Vec<Result<&'static dyn Source, ReadError>> =
        files.par_iter().map(|input| recognise(input.bytes, &input.name)).collect();
    let read = |rule: ZoneRule, clock: &Clock| -> Vec<(usize, Option<Timestamp>, Result<T, ReadError>)> {
        let due = files.par_iter().zip(&kinds).enumerate();
        due.filter_map(|(at, (input, kind))| {
            let kind = kind.as_ref().ok().filter(|kind| kind.zone() == rule)?;
            let (mut folded, mut first) = (start(), None);
            let query = Query { wanted: &Wanted::Everything, clock, progress };
            let ended = kind.read_in_parts(input, &query, &mut |part| {
                if kind.matched_by() != MatchedBy::Nothing {
                    first = first.into_iter().chain(part.coverage.from).min();
                }
                fold(&mut folded, kind.id(), part);
            });
            Some((at, first, ended.map(|()| folded)))
        })
        .collect()
    };
    let mut done = read(ZoneRule::Stated, clock);
    let reference = done.iter().filter_map(|(_, first, _)| *first).min().unwrap_or(clock.reference);
    done.extend(read(ZoneRule::Unstated, &Clock { reference, ..clock.clone() }));
    done.sort_by_key(|(at, ..)| *at);
    let mut done = done.into_iter().peekable();
    let mut all = Vec::with_capacity(files.len());
    for (at, (input, kind)) in files.iter().zip(kinds).enumerate() {
        let folded = match (done.next_if(|(number, ..)| *number == at), &kind) {
            (Some((_, _, folded)), _) => folded,
            (None, Err(error)) => Err(error.clone()),
            (None, Ok(_)) => continue,
        };
        all.push(EveryRow { file: input.name.clone(), source: kind.ok().map(|kind| kind.id()), folded });
    }
    all
}
