//! Tokens for programs that use the API. They are made on a page, shown once, and end with the program or when their time is over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::roles::{Roles, User};
use super::secret::{hash, secret};

/// How long a token lasts.
const LASTS: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How many one user may have: nobody takes those of others away.
const MAX_OF_USER: usize = 20;
/// How many there may be.
const MAX_TOKENS: usize = 100;
/// What every token begins with, so that a scanner for leaked secrets knows one.
const BEGINS: &str = "throughline_";

/// The tokens that count.
#[derive(Default)]
pub struct Tokens {
    all: Mutex<Vec<Token>>,
    /// The last number that was given: none is given twice, so that an old page never revokes another token than it shows.
    last: AtomicU64,
}

struct Token {
    number: u64,
    hash: [u8; 32],
    user: User,
    purpose: String,
    made: Timestamp,
    ends: Timestamp,
    used: Option<Timestamp>,
}

/// A token as a page lists it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its number, by which it is revoked.
    pub number: u64,
    /// Whose it is, and what it may do.
    pub user: User,
    /// What it is for, in its maker's words.
    pub purpose: String,
    /// When it was made.
    pub made: Timestamp,
    /// When it ends.
    pub ends: Timestamp,
    /// When it was used last.
    pub used: Option<Timestamp>,
}

/// A token that was just made.
pub struct Made {
    /// Its text: shown now, and never again.
    pub text: String,
    /// When it ends.
    pub ends: Timestamp,
}

impl Tokens {
    /// Makes one that may do what both its user and `roles` may; `None` if there are too many.
    pub fn make(&self, user: &User, roles: Roles, purpose: &str) -> Option<Made> {
        let mut tokens = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let made = Timestamp::now();
        tokens.retain(|token| token.ends > made);
        let own = tokens.iter().filter(|token| token.user.name == user.name).count();
        if tokens.len() >= MAX_TOKENS || own >= MAX_OF_USER {
            return None;
        }
        let text = format!("{BEGINS}{}", secret());
        let ends = made + LASTS;
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        tokens.push(Token {
            number,
            hash: hash(&text),
            user: User { name: user.name.clone(), roles: user.roles.and(roles) },
            purpose: purpose.trim().chars().take(100).collect(),
            made,
            ends,
            used: None,
        });
        Some(Made { text, ends })
    }

    /// Whose a token is.
    pub fn of(&self, text: &str) -> Option<User> {
        let mut tokens = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, hash) = (Timestamp::now(), hash(text));
        let token = tokens.iter_mut().find(|token| token.hash == hash && token.ends > now)?;
        token.used = Some(now);
        Some(token.user.clone())
    }

    /// Those of a user.
    pub fn list(&self, user: &User) -> Vec<Told> {
        let tokens = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let own = tokens.iter().filter(|token| token.user.name == user.name && token.ends > Timestamp::now());
        own.map(|token| Told {
            number: token.number,
            user: token.user.clone(),
            purpose: token.purpose.clone(),
            made: token.made,
            ends: token.ends,
            used: token.used,
        })
        .collect()
    }

    /// Ends one of a user's own.
    pub fn revoke(&self, user: &User, number: u64) {
        let mut tokens = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|token| !(token.number == number && token.user.name == user.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Role;

    #[test]
    fn tokens() {
        let (tokens, kim) = (Tokens::default(), "kim=engineer".parse::<User>().unwrap());
        let wanted = Roles::default().with(Role::Engineer).with(Role::Security);
        let made = tokens.make(&kim, wanted, "night job").unwrap();
        let user = tokens.of(&made.text).unwrap();
        assert!(user.roles.has(Role::Engineer) && !user.roles.has(Role::Security), "never more than its user");
        assert!(tokens.of("throughline_").is_none());
        let number = tokens.list(&kim)[0].number;
        tokens.revoke(&"sam=security".parse().unwrap(), number);
        assert!(tokens.of(&made.text).is_some(), "only its user revokes it");
        tokens.revoke(&kim, number);
        assert!(tokens.of(&made.text).is_none());
    }
}
