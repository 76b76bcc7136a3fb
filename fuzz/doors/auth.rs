//! Tries our own check of SPF, DKIM, ARC and DMARC with rubbish.
#![no_main]

doors::door!("auth");
