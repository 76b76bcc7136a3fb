//! Reports that other organisations send: DMARC aggregate and failure reports, complaints, TLS reports.

pub(crate) mod arf;
pub(crate) mod dmarc_aggregate;
pub(crate) mod dmarc_failure;
mod feedback;
mod packed;
#[cfg(test)]
mod tests;
pub(crate) mod tls_rpt;
