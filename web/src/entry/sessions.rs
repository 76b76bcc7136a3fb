//! Open sessions, in memory: they end with the program.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::roles::User;
use super::secret::{hash, secret};

/// A session ends when nothing was asked for so long.
const IDLE: SignedDuration = SignedDuration::from_hours(12);
/// And when it is so old, however much it is used.
const LASTS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many are open at most; the one that was used longest ago goes first.
const MAX_OPEN: usize = 256;

/// Open sessions.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

#[derive(Clone)]
struct Session {
    user: User,
    csrf: String,
    opened: Timestamp,
    used: Timestamp,
}

impl Session {
    fn is_over(&self, now: Timestamp) -> bool {
        now.duration_since(self.used) >= IDLE || now.duration_since(self.opened) >= LASTS
    }
}

impl Sessions {
    /// Opens one; gives what the cookie holds.
    pub fn open(&self, user: User) -> String {
        let (cookie, csrf) = (secret(), secret());
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        open.retain(|_, session| !session.is_over(now));
        if open.len() >= MAX_OPEN {
            let oldest = open.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            oldest.and_then(|key| open.remove(&key));
        }
        open.insert(hash(&cookie), Session { user, csrf, opened: now, used: now });
        cookie
    }

    /// Whose session a cookie is of, and the token that its forms carry.
    pub fn of(&self, cookie: &str) -> Option<(User, String)> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(&hash(cookie))?;
        let now = Timestamp::now();
        if session.is_over(now) {
            open.remove(&hash(cookie));
            return None;
        }
        session.used = now;
        Some((session.user.clone(), session.csrf.clone()))
    }

    /// Ends one.
    pub fn close(&self, cookie: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(cookie));
    }
}
