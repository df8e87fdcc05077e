//! Typed, versioned events and the store that keeps them: traits, registry, migrations, facade, adapter seam,
//! recovery.
//!
//! It is no database, no message broker and no ORM: a backend crate (`event-postgres`) or the in-memory adapter
//! stores the events, and this crate does no I/O of its own.

#[cfg(test)]
extern crate self as event_core;

mod broadcast;
mod catalogue;
mod causes;
mod census;
mod clock;
mod codec;
mod connect;
mod decode;
mod decode_error;
mod digest;
mod durable;
mod envelope;
mod error;
mod event;
mod event_stream;
mod expected_version;
mod facts;
mod guard;
mod health;
mod history;
mod id;
mod inline;
mod json_path;
mod link;
mod live_buffer;
mod memory;
mod metadata;
mod migration;
mod number;
mod operation;
mod options;
mod place;
mod projection;
mod projector;
mod proof;
mod recovery;
mod registration;
mod registry;
mod retry;
mod rows;
mod scope;
mod seam;
mod set;
mod snapshot;
mod store;
mod stored_version;
mod stream;
mod subscription;
mod tables;
mod transaction;
mod transfer;
mod version;

pub mod lock;
pub mod plain_set;
pub mod shape;
#[cfg(feature = "testing")]
pub mod testing;

/// For authors of backends: the seam, and what passes through it.
pub mod adapter {
    pub use inventory::submit;

    pub use crate::connect::AdapterFactory;
    pub use crate::envelope::{EventData, RecordedParts};
    pub use crate::live_buffer::{LiveBuffer, Publisher};
    /// From the rows of a backend that has tables to what they stand for, and the rules about them.
    pub mod rows {
        pub use crate::rows::{
            Column, Owners, Values, applied_migrations, column, event, highest_name, linked,
            owned_snapshot, snapshot, state, state_name, stored_version, stream,
        };
    }
    /// What is done around the statements of a backend that has tables.
    pub mod tables {
        pub use crate::tables::{Failure, StreamPage, StreamUpdate, only_tenant, tenant_of};
    }
    pub use crate::projector::{ProjectedBatch, ProjectionTables, Projector, Switch, wait_for};
    pub use crate::seam::import::judge;
    pub use crate::seam::{
        Adapter, Appended, Attendance, BoxFuture, Checkpoint, CheckpointStore, Commit, ImportBatch,
        Imported, ImportedLink, Lease, LinkEvents, LiveLog, Outcome, OwnedSnapshot, ParkedEvent,
        PartState, Positions, Recent, Registered, SnapshotStore, StoredSnapshot, StreamAppend,
        StreamChange, Stretch, SubscriptionKey, TenantView,
    };
    pub use crate::stored_version::{SeenVersions, StoredVersion};
}

pub use crate::broadcast::{Broadcast, Cached, Copies, EventCache, Listener, Message};
pub use crate::catalogue::{Catalogue, CatalogueMigration, CatalogueType, CatalogueVersion};
pub use crate::causes::with_causes;
pub use crate::census::{Census, Unreadable};
pub use crate::clock::Clock;
pub use crate::codec::{Codec, JsonCodec, Serializer, StoredEvent};
pub use crate::connect::without_password;
pub use crate::decode_error::DecodeError;
pub use crate::digest::Digest;
pub use crate::durable::{
    Consumer, Delivery, DurableSubscription, OnFailure, PartInfo, Stopper, SubscriptionInfo,
    SubscriptionStatus,
};
pub use crate::envelope::{EventData, NewEvent, RecordedEvent};
pub use crate::error::{BoxError, Category, Context, Error, Place, Result, SubscriptionError};
pub use crate::event::{AnyEvent, Event, InvalidEvent, Origin, Payload, Upcast};
pub use crate::event_stream::EventStream;
pub use crate::expected_version::{Conflict, ExpectedVersion};
pub use crate::health::{Blocker, Health, PoolUse, Stall};
pub use crate::id::{EventId, InvalidEventId};
pub use crate::inline::InlineEvent;
pub use crate::memory::MemoryAdapter;
pub use crate::metadata::{InvalidMetadata, Metadata};
pub use crate::migration::{Migration, MigrationError, MigrationFn};
pub use crate::number::{
    BatchSize, InvalidBatchSize, InvalidStartVersion, InvalidStoredNumber, Position, StreamVersion,
};
pub use crate::options::{
    AllOptions, Delete, Direction, ListOptions, ReadOptions, StreamInfo, StreamState,
};
pub use crate::projection::{Live, Projection};
pub use crate::projector::{Progress, ProjectionStatus};
pub use crate::proof::assert_disjoint;
pub use crate::recovery::{
    Aggregate, Problem, ProblemKind, RecoverOptions, Recovered, RecoveryReport, SnapshotFault,
    SnapshotProblem, Violation,
};
pub use crate::registration::Registration;
pub use crate::registry::{Registry, RegistryBuilder, RegistryError, RegistryErrors};
pub use crate::retry::RetryPolicy;
pub use crate::scope::Scope;
pub use crate::seam::{Adapter, Appended, Imported, Outcome, ParkedEvent, Positions};
pub use crate::set::EventSet;
pub use crate::shape::Shape;
pub use crate::snapshot::Snapshots;
pub use crate::store::{EventStore, StoreBuilder};
pub use crate::stream::{Escaped, InvalidStreamId, InvalidTenant, StreamId, Tenant};
pub use crate::subscription::{Filter, StartFrom, Subscription};
pub use crate::transaction::Transaction;
pub use crate::transfer::{
    Copied, CopyOptions, CopyProgress, Export, ExportOptions, Exported, Import, ImportOptions,
    copy, copy_with,
};
pub use crate::version::{EventVersion, InvalidEventVersion};
#[cfg(feature = "derive")]
pub use event_derive::{Event, Shape};
pub use serde_json;

/// What generated code names; no API.
#[doc(hidden)]
pub mod __private {
    pub use core::clone::Clone;
    pub use core::convert::{From, TryFrom};
    pub use core::option::Option::{self, None, Some};
    pub use core::result::Result::{self, Err, Ok};
    pub use core::{env, file, line};

    pub use chrono::{DateTime, Utc};
    pub use inventory::submit;

    pub use crate::__field as field;
    pub use crate::envelope::{NewEvent, RecordedEvent};
    pub use crate::error::Error;
    pub use crate::event::{AnyEvent, Event, InvalidEvent, Origin};
    pub use crate::facts::Facts;
    pub use crate::history::{Also, History, JsonStep, Typed};
    pub use crate::proof::{
        SetVariant, also_from, assert_distinct, json_chain, json_step, json_step_from, not_in_set,
        reappend, set_variant, typed_step,
    };
    pub use crate::registration::{ExtraMigration, Registration};
    pub use crate::set::EventSet;
    pub use core::any::type_name;

    pub use crate::shape::{
        FieldSpec, FieldsSpec, ForeignForm, Form, Probe, Shape, Shapes, Spec, Tagging, VariantSpec,
    };
    pub use crate::version::EventVersion;
}
