//! Tries `job/windows-task-history` with rubbish.
#![no_main]

doors::door!("job/windows-task-history");
