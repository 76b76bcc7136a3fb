//! What must hold of a proposed change, whatever it is written in.

use std::sync::Arc;

use sources::Input;
use sources::proposed::read;

use crate::clock;

/// Reads `bytes` as a proposed change: something is understood or said to be unread, each part stands on a line of the text, and what
/// could not be read says what was expected.
pub fn proposed_change(bytes: &[u8]) {
    let candidate = read(&Input { name: Arc::from("change"), bytes }, &clock());
    assert!(!candidate.steps.is_empty() || !candidate.unread.is_empty(), "neither a step nor unread");
    let ends = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() as u64;
    for line in candidate.steps.iter().map(|step| step.line).chain(candidate.unread.iter().map(|unread| unread.line)) {
        assert!((1..=ends + 1).contains(&line), "line {line} of {}", ends + 1);
    }
    for step in &candidate.steps {
        assert!(!step.operation.is_empty() && !step.said.is_empty(), "{step:?}");
    }
    for unread in &candidate.unread {
        assert!(!unread.expected.is_empty() && !unread.found.is_empty(), "{unread:?}");
        assert!(unread.said.chars().count() <= 300, "{} characters", unread.said.chars().count());
    }
}
