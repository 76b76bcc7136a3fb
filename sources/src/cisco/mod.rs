//! Cisco Secure Email Gateway (ESA).

pub(crate) mod esa_log;
