//! Grants: any number at once, before and after the projections that they are about.

use std::sync::Arc;

use event_core::adapter::Adapter as _;
use event_core::error::{BoxError, with_causes};
use event_core::{EventStore, ExpectedVersion, RecordedEvent};
use event_postgres::{PgAdapter, PgProjection};
use event_testing::Noted;
use sqlx::PgConnection;

use crate::row_security::role;
use crate::{pg, stream};

#[derive(event_core::Event)]
enum Notes {
    Noted(Noted),
}

/// Counts events.
struct Counted<const BUILD: u32>;

impl<const BUILD: u32> PgProjection for Counted<BUILD> {
    type Event = Notes;
    const NAME: &'static str = "counted";
    const BUILD: u32 = BUILD;

    async fn create(&self, connection: &mut PgConnection) -> Result<(), BoxError> {
        let tables = "CREATE TABLE counts (id bigint GENERATED ALWAYS AS IDENTITY, n bigint NOT NULL); \
                      CREATE TABLE serials (id bigserial, n bigint NOT NULL)";
        sqlx::raw_sql(tables).execute(connection).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        let n = i64::try_from(events.len())?;
        for table in ["INSERT INTO counts (n) VALUES ($1)", "INSERT INTO serials (n) VALUES ($1)"] {
            sqlx::query(table).bind(n).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

async fn append(adapter: &Arc<PgAdapter>, count: usize) {
    let store = EventStore::new(Arc::clone(adapter)).unwrap();
    store.append(&stream("s"), ExpectedVersion::Any, Noted::many(count)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn grants_at_once_take_turns() {
    let database = pg::shared().database().await;
    let owner = Arc::new(database.adapter().await);
    let mut connection = database.connection().await;
    let roles: Vec<String> = (0..6).map(|n| format!("many_{n}_{}", database.name())).collect();
    for role in &roles {
        pg::run(&mut connection, &format!("CREATE ROLE {role}")).await;
    }
    let mut failures = Vec::new();
    for _ in 0..10 {
        let grants: Vec<_> = roles
            .iter()
            .map(|role| {
                let (owner, role) = (Arc::clone(&owner), role.clone());
                tokio::spawn(async move { owner.grant_to(&role).await })
            })
            .collect();
        for grant in grants {
            failures.extend(grant.await.unwrap().err().map(|error| with_causes(&error)));
        }
    }
    assert!(failures.is_empty(), "{} of 60: {failures:?}", failures.len());
    pg::run(&mut connection, &format!("DROP OWNED BY {0}; DROP ROLE {0}", roles.join(", "))).await;
}

#[tokio::test]
async fn a_role_runs_projections_that_begin_before_and_after_its_grant() {
    let database = pg::shared().database().await;
    let owner = Arc::new(database.adapter().await);
    append(&owner, 5).await;
    owner.projector(Counted::<1>).await.unwrap();
    let (url, other) = role(&database).await;
    owner.projector(Counted::<2>).await.unwrap();
    let app = Arc::new(PgAdapter::connect(&url).await.unwrap());
    assert_eq!(app.projector(Counted::<1>).await.unwrap().catch_up().await.unwrap(), 5, "before");
    assert_eq!(app.projector(Counted::<2>).await.unwrap().catch_up().await.unwrap(), 5, "after");
    let mut direct = pg::connect(&url).await;
    assert_eq!(pg::number(&mut direct, "SELECT sum(n)::bigint FROM counted_2.counts").await, 5);

    // A build of the role's own is the owner's to read and to run, too.
    let mut connection = database.connection().await;
    let grant = format!("GRANT CREATE ON DATABASE {} TO app_{}", database.name(), database.name());
    pg::run(&mut connection, &grant).await;
    app.projector(Counted::<3>).await.unwrap().catch_up().await.unwrap();
    append(&owner, 1).await;
    assert_eq!(owner.projector(Counted::<3>).await.unwrap().catch_up().await.unwrap(), 1);
    app.close().await;
    owner.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_missing_right_is_not_a_dropped_schema() {
    let database = pg::shared().database().await;
    let (url, owner) = role(&database).await;
    let owner = Arc::new(owner);
    append(&owner, 5).await;
    let app = Arc::new(PgAdapter::connect(&url).await.unwrap());
    let error = app.projector(Counted::<1>).await.unwrap_err();
    let words = with_causes(&error);
    assert!(words.contains("create schemas") && !words.contains("dropped"), "{words}");

    owner.projector(Counted::<1>).await.unwrap();
    let mut connection = database.connection().await;
    let name = format!("app_{}", database.name());
    pg::run(&mut connection, &format!("REVOKE USAGE ON SCHEMA counted_1 FROM {name}")).await;
    let mut projector = app.projector(Counted::<1>).await.unwrap();
    let words = with_causes(&projector.catch_up().await.unwrap_err());
    assert!(words.contains("grant_to") && words.contains(&name), "{words}");
    assert!(!words.contains("dropped"), "{words}");
    owner.grant_to(&name).await.unwrap();
    assert_eq!(projector.catch_up().await.unwrap(), 5, "the grant is all that was missing");

    pg::run(&mut connection, "DROP SCHEMA counted_1 CASCADE").await;
    append(&owner, 1).await;
    let words = with_causes(&projector.catch_up().await.unwrap_err());
    assert!(words.contains("counted_1") && words.contains("does not exist"), "{words}");
    app.close().await;
    owner.close().await;
}

#[tokio::test]
async fn an_owner_grants_through_the_store_and_is_told_what_backs_it_up() {
    let database = pg::shared().database().await;
    let store = EventStore::connect(&database.url).await.unwrap();
    let role = format!("told_{}", database.name());
    let mut connection = database.connection().await;
    pg::run(&mut connection, &format!("CREATE ROLE {role}")).await;
    store.grant(&role).await.unwrap();
    let may = format!("SELECT has_schema_privilege('{role}', 'event_store', 'USAGE')::int::bigint");
    assert_eq!(pg::number(&mut connection, &may).await, 1);
    let error = store.backup("copy.db").await.unwrap_err();
    assert!(error.to_string().contains("pg_dump"), "{error}");
}
