//! The workbench: the whole ticket in a browser, on one's own machine, and the same over HTTP as JSON.
//!
//! This crate shows; it holds no rule and no join. What a page shows comes through the trait [`Office`], which the program implements with the
//! same functions that its commands use. Pages are written by the server and work without a script; the one script adds comfort.
//!
//! - `entry` says who may come in: login links, sessions, roles, the host and origin checks. It stands in front of every page.
//! - `kept` keeps answers that take time, so that a click is answered from memory.
//! - `upload` takes files to the disk, under names of ours, until they are added together.
//! - `page` has a file a page, `api` the same as JSON.
//!
//! Nothing that a client names is ever opened as a path: files that are dropped get names of ours on the disk, records are asked for by the
//! fingerprint of their file.

mod api;
mod assets;
mod entry;
mod headers;
mod kept;
mod office;
mod page;
mod pasted;
mod progress;
mod server;
mod upload;
mod workbench;

pub use api::openapi;
pub use entry::{Role, RoleError, Roles, User};
pub use office::{
    ChangeMade, EscalationAsked, Field, Meant, Office, Others, Recognised, RecordPlace, RecordShown, Sides, Trouble,
    TroubleKind, Worked,
};
pub use progress::Progress;
pub use server::{Listening, Running, Started, Tls, serve};
