//! Users and what they may do.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What somebody may do. Everybody who is let in may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Only reads.
    Reader,
    /// Works on cases.
    Engineer,
    /// Approves what is broad.
    Security,
}

/// What one user may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    works: bool,
    approves: bool,
}

impl Roles {
    /// Whether this role is among them.
    pub fn has(self, role: Role) -> bool {
        match role {
            Role::Reader => true,
            Role::Engineer => self.works,
            Role::Security => self.approves,
        }
    }

    /// Those that are also in `other`: a token never may more than its user.
    #[must_use]
    pub fn and(self, other: Roles) -> Roles {
        Roles { works: self.works && other.works, approves: self.approves && other.approves }
    }

    /// With one more.
    #[must_use]
    pub fn with(mut self, role: Role) -> Roles {
        match role {
            Role::Reader => {}
            Role::Engineer => self.works = true,
            Role::Security => self.approves = true,
        }
        self
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.works, self.approves) {
            (true, true) => "engineer, security approver",
            (true, false) => "engineer",
            (false, true) => "security approver",
            (false, false) => "reader",
        })
    }
}

/// Somebody who may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name that the journal keeps.
    pub name: String,
    /// What they may do.
    pub roles: Roles,
}

/// Why a text names no user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// No name.
    #[error("expected NAME=ROLE, found no name")]
    Name,
    /// Another word.
    #[error("expected reader, engineer or security, several with `+`, found `{0}`")]
    Role(String),
}

impl FromStr for User {
    type Err = RoleError;

    /// Reads `NAME=ROLE` or `NAME=ROLE+ROLE`; a name alone is an engineer's.
    fn from_str(text: &str) -> Result<User, RoleError> {
        let (name, roles) = text.rsplit_once('=').unwrap_or((text, "engineer"));
        // Looked at before it is trimmed: an end of line is a control too.
        let has_controls = name.chars().any(char::is_control);
        let name = name.trim();
        if name.is_empty() || has_controls {
            return Err(RoleError::Name);
        }
        let mut all = Roles::default();
        for word in roles.split('+') {
            all = all.with(match word.trim() {
                "reader" => Role::Reader,
                "engineer" => Role::Engineer,
                "security" => Role::Security,
                other => return Err(RoleError::Role(other.escape_debug().to_string())),
            });
        }
        Ok(User { name: name.to_owned(), roles: all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users() {
        for (text, name, roles) in [
            ("kim", "kim", "engineer"),
            ("sam=security", "sam", "security approver"),
            ("a=b=reader", "a=b", "reader"),
            ("kim = engineer + security", "kim", "engineer, security approver"),
        ] {
            let user: User = text.parse().unwrap();
            assert_eq!((user.name.as_str(), user.roles.to_string().as_str()), (name, roles), "{text}");
        }
        for (text, error) in [
            ("=reader", RoleError::Name),
            ("kim\n=reader", RoleError::Name),
            ("kim=admin", RoleError::Role("admin".to_owned())),
            ("kim=", RoleError::Role(String::new())),
        ] {
            assert_eq!(text.parse::<User>(), Err(error), "{text}");
        }
    }
}
