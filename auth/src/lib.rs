//! Re-checks SPF, DKIM, DMARC and ARC from a raw sample and saved DNS answers, as a speaker of its own.
//!
//! It never overrides what a receiving system said, and never resolves a name: what the DNS says comes in through [`Dns`].
//! A check whose answers are missing is no check: its result is `None`, and the questions are listed.
//!
//! ```text
//!  sample bytes -> message::Raw --> dkim, arc --\
//!  client, envelope ------------------> spf ----+--> dmarc --> Checked
//!  Dns (saved answers) --------------^
//! ```

pub mod arc;
mod checked;
pub mod dkim;
pub mod dmarc;
pub mod dns;
pub mod domain;
pub mod message;
pub mod spf;
pub mod tags;

pub use checked::{Checked, Envelope, Extent, check};
pub use dns::{Answer, Answers, Dns, Question, RecordType};
