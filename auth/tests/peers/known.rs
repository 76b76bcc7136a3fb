//! Where peers differ from us, who is right, and what settles it.

/// Whom we compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Dkimpy,
    Mailauth,
}

/// Who is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    Ours,
    Theirs,
    /// The standard leaves it open.
    Open,
}

/// A difference that is settled.
pub struct Known {
    pub peer: Peer,
    pub case: &'static str,
    pub what: &'static str,
    pub ours: &'static str,
    pub theirs: &'static str,
}

pub const SAMPLES: &[&str] = &[];
pub const ALL: &[Known] = &[];
