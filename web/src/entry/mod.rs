//! Who may come in: users and their roles, one-time login links, sessions, tokens, and the checks in front of every page.

mod guard;
mod login;
mod origin;
mod roles;
mod secret;
mod sessions;
mod steady;
mod tokens;

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

pub use guard::{Visitor, guard, own_host, token_guard};
pub use login::{enter, leave, login, welcome};
pub use origin::Origins;
pub use roles::{Role, RoleError, Roles, User};
pub use secret::secret;
pub use steady::steady;

use secret::hash;
use sessions::Sessions;
use tokens::Tokens;

/// How long a login link can be used.
const LINK_LASTS: SignedDuration = SignedDuration::from_mins(60);

/// Who may come in, and from where.
pub struct Doors {
    users: Vec<User>,
    origins: Origins,
    links: Mutex<Vec<Link>>,
    sessions: Sessions,
    tokens: Tokens,
}

/// A login link that was not used yet.
struct Link {
    hash: [u8; 32],
    user: User,
    ends: Timestamp,
}

impl Doors {
    /// Doors for these users, reached at these origins.
    pub fn new(users: Vec<User>, origins: Origins) -> Doors {
        Doors { users, origins, links: Mutex::default(), sessions: Sessions::default(), tokens: Tokens::default() }
    }

    /// The names of those who have a role.
    pub fn users_with(&self, role: Role) -> Vec<String> {
        self.users.iter().filter(|user| user.roles.has(role)).map(|user| user.name.clone()).collect()
    }

    /// Where the workbench is reached.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The user of a name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|user| user.name == name)
    }

    /// The open sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The tokens of the API.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// A new login link for each user: it can be used once, for an hour.
    pub fn links(&self) -> Vec<(User, String)> {
        let ends = Timestamp::now() + LINK_LASTS;
        let made: Vec<(User, String)> = self.users.iter().map(|user| (user.clone(), secret())).collect();
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|link| link.ends > Timestamp::now());
        let told = |(user, text): (User, String)| {
            let url = format!("{}/login/{}", self.origins.first(), text);
            links.push(Link { hash: hash(&text), user: user.clone(), ends });
            (user, url)
        };
        made.into_iter().map(told).collect()
    }

    /// Whether a link is there to be used; nothing is done to it.
    fn is_link(&self, text: &str) -> bool {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.iter().any(|link| link.ends > Timestamp::now() && link.hash == hash(text))
    }

    /// Uses a link up.
    fn take_link(&self, text: &str) -> Option<User> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let at = links.iter().position(|link| link.ends > Timestamp::now() && link.hash == hash(text))?;
        Some(links.remove(at).user)
    }
}
