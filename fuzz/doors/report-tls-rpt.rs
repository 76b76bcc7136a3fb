//! Tries `report/tls-rpt` with rubbish.
#![no_main]

doors::door!("report/tls-rpt");
