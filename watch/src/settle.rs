//! Which files nobody writes to any more.

use std::collections::HashMap;
use std::time::Duration;

use crate::world::Listed;

/// What was seen of the files so far. A file has settled if two looks found the same size and time of change, and long enough lay
/// between them by a clock that nobody sets. The time of change alone says nothing: who copies a file may set it to an old one.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    seen: HashMap<String, (Listed, Duration)>,
}

impl Settling {
    /// Takes a look: gives the files that have settled, and whether some have not.
    pub(crate) fn look(&mut self, listed: Vec<Listed>, passed: Duration, settle: Duration) -> (Vec<Listed>, bool) {
        let before = std::mem::take(&mut self.seen);
        let (mut settled, mut is_any_left) = (Vec::new(), false);
        for file in listed {
            let since = match before.get(&file.name) {
                Some((same, since)) if *same == file => *since,
                _ => passed,
            };
            if passed.saturating_sub(since) >= settle {
                settled.push(file.clone());
            } else {
                is_any_left = true;
            }
            self.seen.insert(file.name.clone(), (file, since));
        }
        (settled, is_any_left)
    }
}
