use crate::id::{CommentId, RunId};
use crate::time::Timestamp;

/// A comment on a run (ModelDB's `Comment`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Comment {
    /// Its id.
    pub id: CommentId,
    /// The run it is on.
    pub run_id: RunId,
    /// Who wrote it: the acting principal at that time.
    pub user_id: String,
    /// The author's id at the host's platform, if the host keeps such.
    pub verta_id: String,
    /// What it says.
    pub message: String,
    /// When it was written, or last rewritten.
    pub date_time: Timestamp,
    /// When it was written first.
    pub date_created: Timestamp,
    /// When it was last changed, by deletion too; never goes backwards.
    pub date_updated: Timestamp,
    /// 1 at creation, one more with each operation that changes the comment.
    pub version_number: u64,
}

/// What a comment is made from.
#[derive(Debug, Clone, Default)]
pub struct NewComment(pub(crate) Comment);

impl NewComment {
    /// A comment that says this.
    pub fn new(message: impl Into<String>) -> Self {
        NewComment(Comment { message: message.into(), ..Comment::default() })
    }

    /// The id, instead of a UUIDv7 given by the store.
    #[must_use]
    pub fn id(mut self, id: impl Into<CommentId>) -> Self {
        self.0.id = id.into();
        self
    }

    /// The author's id at the host's platform.
    #[must_use]
    pub fn verta_id(mut self, id: impl Into<String>) -> Self {
        self.0.verta_id = id.into();
        self
    }
}

impl From<&str> for NewComment {
    fn from(message: &str) -> Self {
        NewComment::new(message)
    }
}

impl From<String> for NewComment {
    fn from(message: String) -> Self {
        NewComment::new(message)
    }
}
