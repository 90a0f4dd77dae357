//! The one error type of the crate: a kind to switch on, a sentence to show, a source to follow.
//!
//! No type of a dependency appears in it. The sentence says *doing what, to what, why*; a source is
//! linked, never printed twice.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Shared, so that all who wait for one commit can be told why it failed.
type Source = Arc<dyn StdError + Send + Sync>;

/// What went wrong, to what, and why.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Source>,
}

/// What a caller can do about an [`Error`].
///
/// Each kind maps to exactly one gRPC status code ([`ErrorKind::grpc_code`]), so that a server on top
/// of this crate needs no table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An entity, a commit or a store does not exist, or is deleted.
    NotFound,
    /// A name, an id or a key is taken.
    AlreadyExists,
    /// Somebody else changed the entity in between.
    Conflict,
    /// The caller's input breaks a rule: an empty key, a name too long, a negative page.
    InvalidArgument,
    /// The input is legal in ModelDB's protocol, and without a meaning there: a struct to compare with.
    Unimplemented,
    /// The input is legal but larger than this engine accepts; the message names the limit.
    LimitExceeded,
    /// Another handle or process has the store open; or a call wants the store to itself, and somebody holds a snapshot
    /// of it.
    Locked,
    /// The store is open for reading only; or cannot be so, because it has to be recovered first.
    ReadOnly,
    /// A write was started inside a write on the same thread.
    NestedWrite,
    /// Stored bytes are damaged; the message names the place.
    Corrupt,
    /// The store was written by another format or layout; the message names both.
    Incompatible,
    /// A commit failed while becoming durable: it may or may not have happened. Reopen the store and
    /// ask for the sequence number, or for the outcome of the idempotency id.
    CommitUnknown,
    /// An earlier storage error made this handle unusable for writing. Reopen the store.
    Poisoned,
    /// The store was closed.
    Closed,
    /// A call was cancelled by its caller.
    Cancelled,
    /// A call took longer than its caller would have it.
    DeadlineExceeded,
    /// The disk or the quota is full.
    StorageFull,
    /// Any other failure of the operating system.
    Io,
}

impl ErrorKind {
    /// The gRPC status code of this kind.
    pub fn grpc_code(self) -> u8 {
        match self {
            ErrorKind::Cancelled => 1,
            ErrorKind::InvalidArgument | ErrorKind::LimitExceeded => 3,
            ErrorKind::DeadlineExceeded => 4,
            ErrorKind::NotFound => 5,
            ErrorKind::AlreadyExists => 6,
            ErrorKind::StorageFull => 8,
            ErrorKind::Incompatible | ErrorKind::NestedWrite | ErrorKind::ReadOnly => 9,
            ErrorKind::Conflict => 10,
            ErrorKind::Unimplemented => 12,
            ErrorKind::Io => 13,
            ErrorKind::Locked | ErrorKind::Closed | ErrorKind::Poisoned => 14,
            ErrorKind::Corrupt => 15,
            ErrorKind::CommitUnknown => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            ErrorKind::NotFound => "not found",
            ErrorKind::AlreadyExists => "already exists",
            ErrorKind::Conflict => "conflict",
            ErrorKind::InvalidArgument => "invalid argument",
            ErrorKind::Unimplemented => "unimplemented",
            ErrorKind::LimitExceeded => "limit exceeded",
            ErrorKind::Locked => "locked",
            ErrorKind::ReadOnly => "read only",
            ErrorKind::NestedWrite => "nested write",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Incompatible => "incompatible",
            ErrorKind::CommitUnknown => "commit outcome unknown",
            ErrorKind::Poisoned => "poisoned",
            ErrorKind::Closed => "closed",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::DeadlineExceeded => "deadline exceeded",
            ErrorKind::StorageFull => "storage full",
            ErrorKind::Io => "i/o",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Error {
    /// An error of `kind` with a sentence. For programs that add rules of their own inside a write:
    /// returning it takes the whole write back.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    /// The same error with the cause behind it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence, without the kind and without the source.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The same error for somebody else.
    pub(crate) fn share(&self) -> Self {
        let Inner { kind, message, source } = &*self.0;
        Error(Box::new(Inner { kind: *kind, message: message.clone(), source: source.clone() }))
    }

    /// The same error, said of a larger undertaking: "`doing`: ...".
    #[must_use]
    pub(crate) fn context(mut self, doing: impl fmt::Display) -> Self {
        self.0.message = format!("{doing}: {}", self.0.message);
        self
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    pub(crate) fn exists(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::AlreadyExists, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::LimitExceeded, message)
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Corrupt, message)
    }

    /// An error of the operating system, met while `doing` something.
    pub(crate) fn io(doing: impl fmt::Display, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::StorageFull,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("{doing}: {source}")).with_source(source)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
