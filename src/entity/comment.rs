//! Comments on runs (ModelDB 5.6).

use std::sync::Arc;

use crate::entity::state::{self, State};
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::{CommentId, EntityKind, Row, RunId, Sequence};
use crate::keys::Key;
use crate::log::change::{Field, FieldValue};
use crate::log::read::Recent;
use crate::model::{Comment, Entity, NewComment, Parents};

const KIND: EntityKind = EntityKind::Comment;

/// Comments on a snapshot.
#[derive(Clone)]
pub struct Comments<'s> {
    state: &'s Arc<State>,
    at: Sequence,
}

impl<'s> Comments<'s> {
    pub(crate) fn new(state: &'s Arc<State>, at: Sequence) -> Self {
        Comments { state, at }
    }

    /// The comment of an id.
    ///
    /// # Errors
    /// `NotFound` if there is none, or it, or something above it, is deleted.
    pub fn get(&self, id: &CommentId) -> Result<Comment> {
        self.state.get(KIND, id.as_str(), self.at).and_then(state::comment)
    }

    /// The comments on a run, in order of their dates: the one that was rewritten last comes last. All of them
    /// are read, since there is no other way to that order.
    ///
    /// # Errors
    /// `NotFound` if the run is not there.
    pub fn list(&self, run: &RunId) -> Result<Vec<Comment>> {
        let row = self.state.row(EntityKind::Run, run.as_str(), self.at)?;
        let key = Key::children(KIND, row);
        let rows = self.state.keys.page(&self.state.tables, key, 0, u32::MAX, false, usize::MAX)?;
        let mut comments = Vec::new();
        let recent = Recent::default();
        for row in rows {
            if let Some(stored) = self.state.visible(KIND, Row(row), self.at, &recent)? {
                comments.push(state::comment(stored)?);
            }
        }
        comments.sort_by_key(|comment| comment.date_time);
        Ok(comments)
    }
}

/// Comments inside a write.
pub struct CommentsMut<'w, 'a>(&'w mut Txn<'a>);

impl<'w, 'a> CommentsMut<'w, 'a> {
    pub(crate) fn new(txn: &'w mut Txn<'a>) -> Self {
        CommentsMut(txn)
    }

    /// Adds a comment to a run, whose own dates stay.
    ///
    /// # Errors
    /// `NotFound` if the run is not there; `InvalidArgument` for an empty message; `AlreadyExists` if the id is
    /// taken.
    pub fn add(&mut self, run: &RunId, new: impl Into<NewComment>) -> Result<CommentId> {
        let NewComment(mut comment) = new.into();
        check_message(&comment.message)?;
        let row = self.0.require(EntityKind::Run, run.as_str())?;
        comment.id = CommentId::new(self.0.new_id(KIND, comment.id.as_str())?)?;
        comment.run_id = run.clone();
        comment.user_id.clone_from(&self.0.actor().principal);
        comment.date_time = self.0.time();
        comment.date_created = self.0.time();
        comment.date_updated = self.0.time();
        comment.version_number = 1;
        let id = comment.id.clone();
        self.0.create(Entity::Comment(comment), Parents::Run(row))?;
        self.0.end("comment.add")?;
        Ok(id)
    }

    /// The comment of an id, as this write sees it.
    ///
    /// # Errors
    /// `NotFound` if there is none, or it, or something above it, is deleted.
    pub fn get(&mut self, id: &CommentId) -> Result<Comment> {
        let row = self.0.require(KIND, id.as_str())?;
        state::comment(self.0.load(KIND, row)?.clone())
    }

    /// Rewrites a comment: its message, and with it its date and its author.
    ///
    /// # Errors
    /// `NotFound` if there is no such comment on the run; `InvalidArgument` for an empty message.
    pub fn update(&mut self, run: &RunId, id: &CommentId, message: impl Into<String>) -> Result<()> {
        let message = message.into();
        check_message(&message)?;
        let row = self.on(run, id)?;
        let fields = vec![
            (Field::Message, Some(FieldValue::Text(message))),
            (Field::UserId, Some(FieldValue::Text(self.0.actor().principal.clone()))),
            (Field::DateTime, Some(FieldValue::Time(self.0.time()))),
        ];
        self.0.edit("comment.update", KIND, row, fields)
    }

    /// Deletes a comment of a run. Answers whether there was one.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if it cannot be read.
    pub fn delete(&mut self, run: &RunId, id: &CommentId) -> Result<bool> {
        match self.on(run, id) {
            Ok(row) => {
                self.0.edit("comment.delete", KIND, row, vec![(Field::Deleted, Some(FieldValue::Present))])?;
                Ok(true)
            }
            Err(error) if error.kind() == crate::error::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The row of a comment that is on `run`.
    fn on(&mut self, run: &RunId, id: &CommentId) -> Result<Row> {
        let row = self.0.require(KIND, id.as_str())?;
        match &self.0.load(KIND, row)?.entity {
            Entity::Comment(comment) if comment.run_id == *run => Ok(row),
            _ => Err(Error::not_found(format!("there is no comment {:?} on run {run}", id.as_str()))),
        }
    }
}

fn check_message(message: &str) -> Result<()> {
    if message.is_empty() { Err(Error::invalid("the message of a comment is empty")) } else { Ok(()) }
}
