//! The canonical encodings of the model. Field numbers are never reused; new fields take new numbers.
//!
//! Numbers below [`RARE`] are fields a record keeps in its archive; the others share one encoding in it.

use crate::codec::canon::{Canon, DecodeError, DecodeResult, Decoder, Digest, Encoder, canon_enum, canon_struct};
use crate::digest::BlobDigest;
use crate::id::{CommentId, EdgeId, EntityId, EntityKind, ExperimentId, JobId, ProjectId, RunId, Sequence};
use crate::model::series::Sum;
use crate::model::{
    Actor, ActorKind, Artifact, ArtifactPart, ArtifactType, BlobRef, Code, CodeVersion, CollaboratorPermissions,
    CollaboratorType, Comment, DockerEnvironment, Environment, EnvironmentContent, EnvironmentVariable, Experiment,
    Feature, GitSnapshot, GroupId, Job, JobStatus, JobType, KeyValue, KeyValues, LineageEdge, LineageEntry, Location,
    OwnerTracking, Project, PythonEnvironment, PythonRequirement, Run, RunStatus, Series, SeriesEnd, SoftwareVersion,
    Ternary, Upload, ValueType, VersionedInputs, Visibility,
};
use crate::time::Timestamp;

/// The first number of the fields that records keep in one encoding.
pub(crate) const RARE: u64 = 32;

canon_struct!(Project {
    0: id,
    1: name,
    2: description,
    3: date_created,
    4: date_updated,
    5: version_number,
    6: attributes,
    7: tags,
    8: owner,
    32: short_name,
    33: readme_text,
    34: workspace,
    35: workspace_service_id,
    36: visibility,
    37: custom_permission,
    38: owner_tracking,
    39: code_version_snapshot,
    40: artifacts,
});

canon_struct!(Experiment {
    0: id,
    1: name,
    2: description,
    3: date_created,
    4: date_updated,
    5: version_number,
    6: attributes,
    7: tags,
    8: owner,
    9: project_id,
    32: owner_tracking,
    33: code_version_snapshot,
    34: artifacts,
});

canon_struct!(Run {
    0: id,
    1: name,
    2: description,
    3: date_created,
    4: date_updated,
    5: version_number,
    6: attributes,
    7: tags,
    8: owner,
    9: project_id,
    10: experiment_id,
    11: start_time,
    12: end_time,
    13: hyperparameters,
    14: metrics,
    15: status,
    32: code_version,
    33: code_version_snapshot,
    34: parent_id,
    35: environment,
    36: artifacts,
    37: datasets,
    38: series,
    39: features,
    40: job_id,
    41: owner_tracking,
    42: versioned_inputs,
});

canon_enum!(RunStatus { 0: Running, 1: Finished, 2: Failed, 3: Abandoned, 4: Crashed });

canon_struct!(Comment {
    0: id,
    3: date_created,
    4: date_updated,
    5: version_number,
    9: run_id,
    32: user_id,
    33: verta_id,
    34: message,
    35: date_time,
});

canon_struct!(Job {
    0: id,
    3: date_created,
    4: date_updated,
    5: version_number,
    32: description,
    33: start_time,
    34: end_time,
    35: metadata,
    36: status,
    37: job_type,
    38: owner,
    39: owner_tracking,
});
canon_enum!(JobStatus { 0: NotStarted, 1: InProgress, 2: Completed });
canon_enum!(JobType { 0: Kubernetes });

canon_struct!(LineageEdge { 0: id, 3: date_created, 4: date_updated, 5: version_number, 32: input, 33: output });

canon_struct!(Artifact {
    0: key,
    1: path,
    2: path_only,
    3: artifact_type,
    4: linked_artifact_id,
    5: filename_extension,
    6: serialization,
    7: artifact_subtype,
    8: upload_completed,
    9: blob,
    10: upload,
});
canon_struct!(Upload { 0: id, 1: parts });
canon_enum!(ArtifactType { 0: Image, 1: Model, 2: Tensorboard, 3: Data, 4: Blob, 5: String, 6: Code, 7: Container });

canon_struct!(CodeVersion { 0: code, 1: date_logged });
canon_struct!(GitSnapshot { 0: filepaths, 1: repo, 2: hash, 3: is_dirty });
canon_enum!(Ternary { 0: Unknown, 1: True, 2: False });

canon_struct!(Environment { 0: content, 1: variables, 2: command_line, 3: apt_packages });
canon_struct!(EnvironmentVariable { 0: name, 1: value });
canon_struct!(SoftwareVersion { 0: major, 1: minor, 2: patch, 3: suffix });
canon_struct!(PythonRequirement { 0: library, 1: constraint, 2: version });
canon_struct!(PythonEnvironment {
    0: version,
    1: requirements,
    2: constraints,
    3: raw_requirements,
    4: raw_constraints
});
canon_struct!(DockerEnvironment { 0: repository, 1: tag, 2: sha });

canon_enum!(ValueType { 0: String, 1: Number, 2: List, 3: Blob });
canon_struct!(GroupId { 0: org_id, 1: group_id });
canon_enum!(Visibility { 0: Private, 1: OrgDefault, 2: OrgCustom, 3: WorkspaceDefault });
canon_struct!(CollaboratorPermissions { 0: collaborator_type, 1: can_deploy, 2: can_predict });
canon_enum!(CollaboratorType { 0: ReadOnly, 1: ReadWrite });
canon_struct!(VersionedInputs { 0: repository_id, 1: commit, 2: key_locations });
canon_struct!(SeriesEnd { 0: epoch_number, 1: index, 2: number });
canon_struct!(Series {
    0: key,
    1: count,
    2: numbers,
    3: nans,
    4: min,
    5: max,
    6: first,
    7: last,
    8: unordered,
    9: sum,
    10: generation,
    11: added,
});

/// `[digest, length]`.
impl Canon for BlobRef {
    fn encode(&self, to: &mut Encoder) {
        to.array(2).bytes(self.digest.as_bytes()).uint(self.len);
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        from.array_of(2)?;
        Ok(BlobRef { digest: BlobDigest::from_bytes(from.fixed()?), len: from.uint()? })
    }
    fn is_default(&self) -> bool {
        false
    }
}

/// `[number, bytes]`.
impl Canon for ArtifactPart {
    fn encode(&self, to: &mut Encoder) {
        to.array(2).uint(self.part_number);
        self.blob.encode(to);
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        from.array_of(2)?;
        Ok(ArtifactPart { part_number: from.uint()?, blob: Canon::decode(from)? })
    }
    fn is_default(&self) -> bool {
        false
    }
}

impl Canon for Sum {
    fn encode(&self, to: &mut Encoder) {
        to.float(self.0);
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        from.float().map(Sum)
    }
    fn is_default(&self) -> bool {
        self.0.to_bits() == 0
    }
}

impl Canon for Digest {
    fn encode(&self, to: &mut Encoder) {
        to.bytes(self);
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        from.fixed()
    }
    fn is_default(&self) -> bool {
        *self == [0; 32]
    }
}

canon_struct!(Actor {
    0: principal,
    1: kind,
    2: on_behalf_of,
    3: session,
    4: client,
    5: source_address,
    6: request_id,
    7: reason,
});
canon_enum!(ActorKind { 0: User, 1: Service, 2: System });

macro_rules! canon_id {
    ($($ty:ident),*) => {
        $(impl Canon for $ty {
            fn encode(&self, to: &mut Encoder) { to.short_text(self.as_str()); }
            fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
                $ty::new(from.short_text()?).map_err(DecodeError::Value)
            }
            fn is_default(&self) -> bool { self.as_str().is_empty() }
        })*
    };
}
canon_id!(ProjectId, ExperimentId, RunId, CommentId, JobId, EdgeId);

impl Canon for EntityId {
    fn encode(&self, to: &mut Encoder) {
        to.array(2).uint(u64::from(self.kind().code())).short_text(self.as_str());
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        from.array_of(2)?;
        let code = from.uint()?;
        let kind = EntityKind::from_code(code).ok_or(DecodeError::Code { what: "EntityKind", code })?;
        Ok(EntityId::new(kind, from.short_text()?))
    }
    fn is_default(&self) -> bool {
        false
    }
}

impl Canon for Sequence {
    fn encode(&self, to: &mut Encoder) {
        to.uint(self.get());
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        Ok(Sequence::new(from.uint()?))
    }
    fn is_default(&self) -> bool {
        *self == Sequence::ZERO
    }
}

impl Canon for Timestamp {
    fn encode(&self, to: &mut Encoder) {
        to.int(self.millis());
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        Ok(Timestamp::from_millis(from.int()?))
    }
    fn is_default(&self) -> bool {
        self.millis() == 0
    }
}

impl Canon for Feature {
    fn encode(&self, to: &mut Encoder) {
        to.text(&self.name);
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        Ok(Feature::new(from.text()?))
    }
    fn is_default(&self) -> bool {
        false
    }
}

impl Canon for Location {
    fn encode(&self, to: &mut Encoder) {
        to.array(self.components().len());
        for component in self.components() {
            to.text(component);
        }
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        Ok(Location::from_components(Canon::decode(from)?))
    }
    fn is_default(&self) -> bool {
        false
    }
}

/// `[key, value]`, with the declared type behind it only where it does not follow from the value.
impl Canon for KeyValue {
    fn encode(&self, to: &mut Encoder) {
        to.array(if self.type_follows() { 2 } else { 3 }).text(&self.key);
        self.encode_value(to);
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        let len = from.array()?;
        let key = from.text()?;
        decode_value(key, len, from)
    }
    fn is_default(&self) -> bool {
        false
    }
}

impl KeyValue {
    pub(crate) fn type_follows(&self) -> bool {
        KeyValue::default_type(&self.value) == self.value_type
    }

    fn encode_value(&self, to: &mut Encoder) {
        self.value.encode(to);
        if !self.type_follows() {
            self.value_type.encode(to);
        }
    }
}

fn decode_value(key: String, len: u64, from: &mut Decoder<'_>) -> DecodeResult<KeyValue> {
    let entry = KeyValue::new(key, crate::value::Value::decode(from)?);
    match len {
        2 => Ok(entry),
        3 => Ok(entry.value_type(ValueType::decode(from)?)),
        _ => Err(DecodeError::Other("a key-value of another length")),
    }
}

impl Canon for KeyValues {
    fn encode(&self, to: &mut Encoder) {
        to.array(self.len());
        for entry in self {
            entry.encode(to);
        }
    }
    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        let entries: Vec<KeyValue> = Canon::decode(from)?;
        if !entries.is_sorted_by(|a, b| a.key < b.key) {
            return Err(DecodeError::Other("keys out of order"));
        }
        Ok(KeyValues::from_sorted(entries))
    }
    fn is_default(&self) -> bool {
        self.is_empty()
    }
}

/// A choice of two: `[code, value]`.
macro_rules! canon_choice {
    ($ty:ident { $($number:literal: $variant:ident($inner:ty)),+ $(,)? }) => {
        impl Canon for $ty {
            fn encode(&self, to: &mut Encoder) {
                match self {
                    $($ty::$variant(value) => {
                        to.array(2).uint($number);
                        value.encode(to);
                    })+
                }
            }
            fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
                from.array_of(2)?;
                match from.uint()? {
                    $($number => Ok($ty::$variant(<$inner>::decode(from)?)),)+
                    code => Err(DecodeError::Code { what: stringify!($ty), code }),
                }
            }
            fn is_default(&self) -> bool { false }
        }
    };
}

canon_choice!(LineageEntry { 1: Run(RunId), 2: DatasetVersion(String) });
canon_choice!(Code { 0: Git(GitSnapshot), 1: Archive(Artifact) });
canon_choice!(EnvironmentContent { 0: Python(PythonEnvironment), 1: Docker(DockerEnvironment) });
canon_choice!(OwnerTracking { 0: User(u64), 1: Group(GroupId) });
