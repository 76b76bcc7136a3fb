//! Tries `proxmox/tracker` with rubbish.
#![no_main]

doors::door!("proxmox/tracker");
