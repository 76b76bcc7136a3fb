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
//! nor is what is broad narrow by saying so:
//!
//! ```
//! fn narrow(checked: exceptions::Checked) -> bool {
//!     exceptions::Exception::narrow(checked).is_ok()
//! }
//! ```
//!
//! ```compile_fail,E0308
//! fn narrow(broad: exceptions::Broad) -> bool {
//!     exceptions::Exception::narrow(broad).is_ok()
//! }
//! ```
//!
//! nor is one made out of its parts, with an approval or without:
//!
//! ```
//! use exceptions::{Approval, Checked, Exception};
//! fn parts(exception: &Exception) -> (&Checked, Option<&Approval>) {
//!     (exception.checked(), exception.approval())
//! }
//! ```
//!
//! ```compile_fail,E0451
//! use exceptions::{Approval, Checked, Exception};
//! fn of_parts(checked: Checked, approval: Option<Approval>) -> Exception {
//!     Exception { checked, approval }
//! }
//! ```
//!
//! nor an approval of anything but what was recorded:
//!
//! ```
//! use exceptions::{Approval, ApprovalError};
//! fn recorded(file: &sources::Input<'_>, clock: &sources::Clock) -> Result<Approval, ApprovalError> {
//!     Approval::recorded(file, clock)
//! }
//! ```
//!
//! ```compile_fail,E0599
//! let approval = exceptions::Approval::default();
//! ```
//!
//! ```compile_fail,E0277
//! let approval: exceptions::Approval = serde_json::from_str("{}").unwrap();
//! ```

mod approval;
mod audit;
mod exception;
mod fit;
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
pub use fit::Fit;
pub use grant::{Ends, Grant};
pub use guard::{Answer, Checked, JudgedStep, Level, Reason, World, check};
pub use history::{History, Judged, Measured, Radius, User, measure, users};
pub use lattice::{MAX_CANDIDATES, Neighbours, candidates, front, narrow_to_wide, neighbours};
pub use need::{Held, Need};
pub use propose::{Cure, Done, Proposal, Way, propose};
pub use scope::{On, Scope, Term, Value};
pub use unrelated::{Compared, Explained, Missing, unrelated, unrelated_to};
pub use vendor::{ALL, Vendor};
