//! Computes the narrowest exception, measures what it lets through, and refuses a broad one.
//!
//! A [`Grant`] is one way of letting mail through, planned or there already: by which device, for which mail ([`Scope`]), until when. The guard
//! ([`check`]) judges the steps of a candidate by the dated tables of each vendor; [`Exception`] is what may be done: a narrow one,
//! or a broad one together with the [`Approval`] that covers it. [`measure`] counts what grants would have let through over a history.
//! Nothing here reads files or a clock.
//!
//! A broad exception cannot be made without an approval:
//!
//! ```
//! use exceptions::{Approval, Broad, Exception};
//! fn approved(broad: Broad, approval: Approval) -> bool {
//!     Exception::approved(broad, approval, &[], None).is_ok()
//! }
//! ```
//!
//! ```compile_fail,E0061
//! use exceptions::{Approval, Broad, Exception};
//! fn approved(broad: Broad) -> bool {
//!     Exception::approved(broad, &[], None).is_ok()
//! }
//! ```
//!
//! nor out of its parts, nor is an approval made of anything but what was recorded:
//!
//! ```compile_fail,E0451
//! use exceptions::{Approval, Checked, Exception};
//! fn of_parts(checked: Checked, approval: Option<Approval>) -> Exception {
//!     Exception { checked, approval }
//! }
//! ```
//!
//! ```compile_fail,E0599
//! let approval = exceptions::Approval::default();
//! ```

mod approval;
mod audit;
mod exception;
mod grant;
mod guard;
mod history;
mod lattice;
mod need;
mod propose;
mod scope;
mod unrelated;
mod vendor;

pub use approval::{APPROVAL_SCHEMA, Approval, ApprovalError};
pub use audit::{Audit, Audited, Fault, audit};
pub use exception::{Broad, Exception, NotCovered, Refused};
pub use grant::{Ends, Grant};
pub use guard::{Answer, Checked, JudgedStep, Level, Reason, World, check};
pub use history::{History, Judged, Measured, Radius, measure};
pub use lattice::{candidates, front};
pub use need::{Held, Need};
pub use propose::{Cure, Done, Proposal, Way, propose};
pub use scope::{On, Scope, Term, Value};
pub use unrelated::{Compared, Explained, Missing, unrelated};
pub use vendor::{ALL, Vendor};
