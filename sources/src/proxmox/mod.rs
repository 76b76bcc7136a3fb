//! Proxmox Mail Gateway: its lines in the mail log, its tracking centre and quarantine lists.

pub(crate) mod filter;
pub(crate) mod tracker;
