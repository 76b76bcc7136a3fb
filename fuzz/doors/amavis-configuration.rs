//! Tries `amavis/configuration` with rubbish.
#![no_main]

doors::door!("amavis/configuration");
