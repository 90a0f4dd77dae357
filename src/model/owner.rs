/// What ModelDB's `owner_tracking` names beside the owner's text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnerTracking {
    /// A user's number.
    User(u64),
    /// A group.
    Group(GroupId),
}

/// A group of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct GroupId {
    pub org_id: String,
    pub group_id: String,
}

impl GroupId {
    /// The group `group_id` of the organisation `org_id`.
    pub fn new(org_id: impl Into<String>, group_id: impl Into<String>) -> Self {
        GroupId { org_id: org_id.into(), group_id: group_id.into() }
    }
}
