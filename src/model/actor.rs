use std::env;

use crate::error::{Error, Result};
use crate::limits;

/// Who makes a change, and what the host knows about the request.
///
/// Only the principal and its kind are required; everything else is what an auditor may ask a host for. No field
/// may be longer than [`limits::ACTOR_FIELD_BYTES`]: a write by such an actor is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Actor {
    /// Name or id of the principal.
    pub principal: String,
    /// What the principal is.
    pub kind: ActorKind,
    /// On whose behalf the principal acts.
    pub on_behalf_of: String,
    /// The session or the way of authentication.
    pub session: String,
    /// The program, with its version.
    pub client: String,
    /// The address the request came from.
    pub source_address: String,
    /// The request or trace id of the host.
    pub request_id: String,
    /// Why: a ticket, a comment.
    pub reason: String,
}

/// What a principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ActorKind {
    /// A person.
    #[default]
    User,
    /// An account of a program.
    Service,
    /// A job of the system itself.
    System,
}

impl Actor {
    /// A person.
    pub fn user(principal: impl Into<String>) -> Self {
        Actor { principal: principal.into(), kind: ActorKind::User, ..Actor::default() }
    }

    /// An account of a program.
    pub fn service(principal: impl Into<String>) -> Self {
        Actor { principal: principal.into(), kind: ActorKind::Service, ..Actor::default() }
    }

    /// A job of the system itself: the store's own acts are those of `modeldb`.
    pub fn system(principal: impl Into<String>) -> Self {
        Actor { principal: principal.into(), kind: ActorKind::System, ..Actor::default() }
    }

    /// The user of the process, from `USER`, `LOGNAME` or `USERNAME`; empty if none is set.
    pub fn process_user() -> Self {
        let name =
            ["USER", "LOGNAME", "USERNAME"].iter().find_map(|key| env::var(key).ok().filter(|name| !name.is_empty()));
        Actor::user(name.unwrap_or_default())
    }

    /// Why the change is made: a ticket, a comment.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// The session, or the way of authentication.
    #[must_use]
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = session.into();
        self
    }

    /// The program, with its version.
    #[must_use]
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = client.into();
        self
    }

    /// The address the request came from.
    #[must_use]
    pub fn source_address(mut self, address: impl Into<String>) -> Self {
        self.source_address = address.into();
        self
    }

    /// The request or trace id of the host.
    #[must_use]
    pub fn request_id(mut self, id: impl Into<String>) -> Self {
        self.request_id = id.into();
        self
    }

    /// On whose behalf the principal acts.
    #[must_use]
    pub fn on_behalf_of(mut self, principal: impl Into<String>) -> Self {
        self.on_behalf_of = principal.into();
        self
    }

    /// Refuses what does not fit into a commit.
    pub(crate) fn check(&self) -> Result<()> {
        let fields = [
            ("principal", &self.principal),
            ("on_behalf_of", &self.on_behalf_of),
            ("session", &self.session),
            ("client", &self.client),
            ("source_address", &self.source_address),
            ("request_id", &self.request_id),
            ("reason", &self.reason),
        ];
        match fields.iter().find(|(_, text)| text.len() > limits::ACTOR_FIELD_BYTES) {
            Some((field, text)) => Err(Error::limit(format!(
                "the actor's {field} has {} bytes; at most {} fit",
                text.len(),
                limits::ACTOR_FIELD_BYTES
            ))),
            None => Ok(()),
        }
    }
}
