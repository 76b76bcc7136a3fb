//! Runs checks unattended: on a schedule or when evidence arrives, each alert told once.
//!
//! A [`Watcher`] looks after one client. Each [`Watcher::turn`] looks once: was anything missed, did anything arrive, is anything due; it
//! runs the checks if so, tells what is new, and sends what waits to be sent. Clocks, the folder, the checks and the places that alerts go
//! to come in by the traits of [`world`]; what is known stands in the store, so that a watcher can end at any moment and go on where it
//! was: an event and its alerts are written as one whole.

pub mod alert;
pub mod config;
mod deliver;
mod heartbeat;
mod lock;
mod schedule;
mod settle;
pub mod sink;
mod state;
mod tell;
mod watcher;
pub mod world;

pub use alert::{ALERT_SCHEMA, Alert, Kind, Level, Span};
pub use heartbeat::{
    ClientStatus, HEARTBEAT_SCHEMA, Heartbeat, LastRun, STATUS_SCHEMA, Status, Undelivered, alerts, runs, status,
};
pub use lock::{Lock, LockError, slug};
pub use schedule::{Schedule, ScheduleError};
pub use watcher::{Around, Ended, Mode, Rules, Turn, Watcher};
