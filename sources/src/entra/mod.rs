//! Exports of Microsoft Entra ID: who signed in, who changed the directory, under which conditions one may sign in.

pub(crate) mod audit_log;
pub(crate) mod conditional_access;
pub(crate) mod directory;
pub(crate) mod risk_detections;
pub(crate) mod sign_ins;
