//! redb's errors as ours.

use crate::error::{Error, ErrorKind};

/// Turns an error of redb, met while `doing` something, into ours.
pub(crate) fn storage<E: Into<redb::Error>>(doing: impl std::fmt::Display) -> impl FnOnce(E) -> Error {
    move |error| convert(&doing, error.into())
}

fn convert(doing: &dyn std::fmt::Display, error: redb::Error) -> Error {
    use redb::Error as E;
    let kind = match &error {
        E::Io(io) => match io.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => ErrorKind::StorageFull,
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => ErrorKind::Corrupt,
            _ => ErrorKind::Io,
        },
        E::DatabaseAlreadyOpen | E::LockProtocolMismatch | E::WouldBlock | E::TransactionInProgress => {
            ErrorKind::Locked
        }
        E::Corrupted(_) | E::RepairAborted | E::UnorderedKey => ErrorKind::Corrupt,
        E::UpgradeRequired(_)
        | E::TableTypeMismatch { .. }
        | E::TypeDefinitionChanged { .. }
        | E::TableIsMultimap(_)
        | E::TableDoesNotExist(_) => ErrorKind::Incompatible,
        E::PreviousIo | E::TransactionPoisoned | E::LockPoisoned(_) => ErrorKind::Poisoned,
        E::DatabaseClosed => ErrorKind::Closed,
        E::ValueTooLarge(_) => ErrorKind::LimitExceeded,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{doing}: {error}")).with_source(error)
}
