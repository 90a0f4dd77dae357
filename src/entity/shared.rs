//! Calls that projects, experiments and runs have in common, written once.

/// Implements them for `$mut`, whose entities are of the `KIND` in scope, have ids of type `$id`, and operations
/// that begin with `$name` in the log.
macro_rules! shared_calls {
    ($mut:ident, $id:ident, $name:literal) => {
        impl $mut<'_, '_> {
            /// Replaces the description; it may be empty.
            ///
            /// # Errors
            /// `NotFound`.
            pub fn describe(&mut self, id: &$id, text: impl Into<String>) -> Result<()> {
                let text = Some(FieldValue::Text(text.into()));
                on(id, concat!($name, ".describe")).edit(self.0, vec![(Field::Description, text)])
            }

            /// Adds tags; those that are there stay.
            ///
            /// # Errors
            /// `NotFound`; `InvalidArgument` for no tag, an empty or a long one.
            pub fn add_tags<T: Into<String>>(&mut self, id: &$id, tags: impl IntoIterator<Item = T>) -> Result<()> {
                let tags = tags.into_iter().map(Into::into).collect();
                entries::add_tags(self.0, on(id, concat!($name, ".add_tags")), tags)
            }

            /// Deletes these tags; unknown ones are ignored.
            ///
            /// # Errors
            /// `NotFound`; `InvalidArgument` for no tag.
            pub fn delete_tags<T: Into<String>>(&mut self, id: &$id, tags: impl IntoIterator<Item = T>) -> Result<()> {
                let tags = tags.into_iter().map(Into::into).collect();
                entries::delete_tags(self.0, on(id, concat!($name, ".delete_tags")), tags)
            }

            /// Deletes all tags.
            ///
            /// # Errors
            /// `NotFound`.
            pub fn delete_all_tags(&mut self, id: &$id) -> Result<()> {
                entries::delete_all_tags(self.0, on(id, concat!($name, ".delete_all_tags")))
            }

            /// Logs attributes, all or none.
            ///
            /// # Errors
            /// `NotFound`; `AlreadyExists` if a key is there; `InvalidArgument` for an empty or a repeated key.
            pub fn log_attributes<T: Into<KeyValue>>(
                &mut self,
                id: &$id,
                entries: impl IntoIterator<Item = T>,
            ) -> Result<()> {
                let entries = entries.into_iter().map(Into::into).collect();
                entries::log(self.0, on(id, concat!($name, ".log_attributes")), Container::Attributes, entries)
            }

            /// Sets attributes, in place of those that are there and beside them.
            ///
            /// # Errors
            /// `NotFound`; `InvalidArgument` for an empty or a repeated key.
            pub fn set_attributes<T: Into<KeyValue>>(
                &mut self,
                id: &$id,
                entries: impl IntoIterator<Item = T>,
            ) -> Result<()> {
                let entries = entries.into_iter().map(Into::into).collect();
                entries::set(self.0, on(id, concat!($name, ".set_attributes")), Container::Attributes, entries)
            }

            /// Deletes the attributes of these keys; unknown ones are ignored.
            ///
            /// # Errors
            /// `NotFound`; `InvalidArgument` for no key.
            pub fn delete_attributes<T: Into<String>>(
                &mut self,
                id: &$id,
                keys: impl IntoIterator<Item = T>,
            ) -> Result<()> {
                let keys = keys.into_iter().map(Into::into).collect();
                entries::delete(self.0, on(id, concat!($name, ".delete_attributes")), Container::Attributes, keys)
            }

            /// Deletes all attributes.
            ///
            /// # Errors
            /// `NotFound`.
            pub fn delete_all_attributes(&mut self, id: &$id) -> Result<()> {
                entries::delete_all(self.0, on(id, concat!($name, ".delete_all_attributes")), Container::Attributes)
            }

            /// Logs the metadata of artifacts, all or none. A path that is given is kept; an empty one becomes
            /// ModelDB's, of the kind, the id, the key and the extension.
            ///
            /// # Errors
            /// `NotFound`; `AlreadyExists` if a key is there; `InvalidArgument` for an empty or a repeated key, or
            /// for an artifact that is only a path, and has none; `NotFound` if the bytes it names are not there.
            pub fn log_artifacts(&mut self, id: &$id, artifacts: impl IntoIterator<Item = Artifact>) -> Result<()> {
                let artifacts = artifacts.into_iter().collect();
                artifacts::log(self.0, on(id, concat!($name, ".log_artifacts")), artifacts)
            }

            /// Deletes an artifact; an unknown key is ignored. Its bytes stay until a collection finds that nothing
            /// names them.
            ///
            /// # Errors
            /// `NotFound`; `InvalidArgument` for an empty key.
            pub fn delete_artifact(&mut self, id: &$id, key: &str) -> Result<()> {
                artifacts::delete(self.0, on(id, concat!($name, ".delete_artifact")), key)
            }

            /// Logs where the code came from, once.
            ///
            /// # Errors
            /// `NotFound`, also for an archive whose bytes are not there; `AlreadyExists` if it is logged already.
            pub fn log_code_version(&mut self, id: &$id, code: CodeVersion) -> Result<()> {
                let on = on(id, concat!($name, ".log_code_version"));
                artifacts::require_bytes(self.0, code.blob())?;
                if on.load(self.0)?.code_version_snapshot().is_some() {
                    return Err(Error::exists(format!("the code version of {KIND} {id} is logged already")));
                }
                on.edit(self.0, vec![(Field::CodeVersionSnapshot, Some(FieldValue::CodeVersion(Box::new(code))))])
            }

            /// Takes a deletion back: it is there again, and so is everything under it that was not deleted
            /// itself. [`Listing::deleted`](crate::Listing::deleted) lists what can be restored; what was purged
            /// is gone.
            ///
            /// # Errors
            /// `NotFound` if it is not there, not deleted or being purged, or if what it belongs to is deleted;
            /// `AlreadyExists` if its name is taken by now.
            pub fn restore(&mut self, id: &$id) -> Result<()> {
                deletion::restore(self.0, on(id, concat!($name, ".restore")))
            }
        }

        fn on<'i>(id: &'i $id, operation: &'static str) -> On<'i> {
            On { operation, kind: KIND, id: id.as_str() }
        }
    };
}
pub(super) use shared_calls;
