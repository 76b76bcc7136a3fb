//! Tries `dovecot/sieve` with rubbish.
#![no_main]

doors::door!("dovecot/sieve");
