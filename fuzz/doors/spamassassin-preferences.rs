//! Tries `spamassassin/preferences` with rubbish.
#![no_main]

doors::door!("spamassassin/preferences");
