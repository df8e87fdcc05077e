//! Every SQLSTATE has one meaning, wherever the server raises it; and a connection is used again only in a known state.
//!
//! `cargo test -p event-tests --features postgres --test postgres -- sqlstates:: --nocapture` prints what callers see.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event_core::adapter::import::{ImportBatch, Positions};
use event_core::adapter::{Adapter, Registered, SubscriptionKey};
use event_core::error::{BoxError, with_causes};
use event_core::{
    EventStore, ExpectedVersion, Filter, Position, ReadOptions, RecordedEvent, Result, RetryPolicy,
    StartFrom, StreamId,
};
use event_postgres::{InlineEvent, PgAdapter, PgInlineProjection, PgOptions, PgProjection};
use event_testing::{Closed, Noted};
use sqlx::PgConnection;

use crate::proxy::Proxy;
use crate::{after, events, one, page, pg, stream};

/// What a caller sees of a code.
const LOST: &str = "connection_error";
const BUSY: &str = "overloaded";
const FINAL: &str = "adapter_error";
const NOTHING: &str = "nothing";

/// Each code and what it means, where the server raises it once. `None`: prepared statements that do not fit, which a
/// single statement repeats on another connection without a word.
const CODES: &[(&str, &str, Option<&str>)] = &[
    ("08000", "", Some(LOST)),
    ("08001", "", Some(LOST)),
    ("08003", "", Some(LOST)),
    ("08004", "", Some(LOST)),
    ("08006", "", Some(LOST)),
    ("08007", "", Some(LOST)),
    ("08P01", "query_wait_timeout", Some(LOST)),
    ("08P01", "server login has been failing, try again later (server_login_retry)", Some(LOST)),
    ("08P01", "no more connections allowed (max_client_conn)", Some(LOST)),
    ("08P01", "unsupported startup parameter: options", Some(FINAL)),
    ("0A000", "", None),
    ("22P02", "", Some(FINAL)),
    ("23502", "", Some(FINAL)),
    ("23514", "", Some(FINAL)),
    ("25001", "", Some(LOST)),
    ("25006", "", Some(LOST)),
    ("25P01", "", Some(LOST)),
    ("25P02", "", Some(LOST)),
    ("25P03", "", Some(LOST)),
    ("25P04", "", Some(LOST)),
    ("26000", "", None),
    ("28000", "", Some(FINAL)),
    ("28P01", "", Some(FINAL)),
    ("3D000", "", Some(FINAL)),
    ("40001", "", Some(BUSY)),
    ("40002", "", Some(FINAL)),
    ("40003", "", Some(LOST)),
    ("40P01", "", Some(BUSY)),
    ("42501", "", Some(FINAL)),
    ("42P01", "", Some(FINAL)),
    ("42P05", "", None),
    ("53000", "", Some(BUSY)),
    ("53100", "", Some(BUSY)),
    ("53200", "", Some(BUSY)),
    ("53300", "", Some(BUSY)),
    ("53400", "", Some(BUSY)),
    ("54000", "", Some(FINAL)),
    ("55000", "", Some(FINAL)),
    ("55006", "", Some(BUSY)),
    ("55P03", "", Some(BUSY)),
    ("57014", "", Some(BUSY)),
    ("57P01", "", Some(LOST)),
    ("57P02", "", Some(LOST)),
    ("57P03", "", Some(LOST)),
    ("57P04", "", Some(LOST)),
    ("57P05", "", Some(LOST)),
    ("58000", "", Some(LOST)),
    ("58030", "", Some(LOST)),
    ("72000", "", Some(BUSY)),
    ("P0001", "", Some(FINAL)),
    ("XX000", "tuple concurrently updated", Some(BUSY)),
    ("XX000", "cache lookup failed for relation 4711", Some(BUSY)),
    ("XX000", "unexpected state", Some(FINAL)),
    ("XX001", "", Some(FINAL)),
    ("XX002", "", Some(FINAL)),
];

/// Raises the code of `raising`, once for each time that it is set.
const RAISE: &str = "
    CREATE TABLE public.raising (code text, message text);
    INSERT INTO public.raising VALUES ('', '');
    CREATE SEQUENCE public.raised;
    SELECT nextval('public.raised');
    CREATE FUNCTION public.raise_once() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE r record;
    BEGIN
        SELECT * INTO r FROM public.raising;
        IF r.code <> '' AND nextval('public.raised') = 1 THEN
            RAISE EXCEPTION USING ERRCODE = r.code, MESSAGE = coalesce(nullif(r.message, ''), 'raised on purpose');
        END IF;
        RETURN true;
    END $$;
    CREATE FUNCTION public.raise_in_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM public.raise_once(); RETURN NEW; END $$;
    CREATE TRIGGER raise BEFORE INSERT ON event_store.events FOR EACH ROW EXECUTE FUNCTION public.raise_in_trigger();
    CREATE TRIGGER raise BEFORE UPDATE ON event_store.subscriptions FOR EACH ROW EXECUTE FUNCTION public.raise_in_trigger();
    CREATE TRIGGER raise BEFORE INSERT ON event_store.subscription_members
        FOR EACH ROW EXECUTE FUNCTION public.raise_in_trigger();
    CREATE TRIGGER raise BEFORE UPDATE ON event_store.projections FOR EACH ROW EXECUTE FUNCTION public.raise_in_trigger();
    CREATE POLICY raising ON event_store.events AS RESTRICTIVE FOR SELECT USING (public.raise_once());
    ALTER TABLE event_store.schema_migrations ENABLE ROW LEVEL SECURITY;
    CREATE POLICY raising ON event_store.schema_migrations FOR SELECT USING (public.raise_once());
";

struct Server {
    admin: PgConnection,
}

impl Server {
    async fn arm(&mut self, code: &str, message: &str) {
        let sql = "UPDATE public.raising SET code = $1, message = $2";
        sqlx::query(sql).bind(code).bind(message).execute(&mut self.admin).await.unwrap();
        pg::run(&mut self.admin, "SELECT setval('public.raised', 1, false)").await;
    }

    async fn disarm(&mut self) {
        pg::run(&mut self.admin, "UPDATE public.raising SET code = ''").await;
    }

    /// Whether the code was raised.
    async fn was_raised(&mut self) -> bool {
        pg::number(&mut self.admin, "SELECT last_value + is_called::int FROM public.raised").await
            > 1
    }
}

fn seen(result: Result<()>) -> &'static str {
    result.map_or_else(|error| error.code(), |()| NOTHING)
}

#[derive(event_core::Event)]
pub(crate) enum Notes {
    Noted(Noted),
    Closed(Closed),
}

/// Counts.
pub(crate) struct Counted;

impl PgProjection for Counted {
    type Event = Notes;
    const NAME: &'static str = "counted";
    const BUILD: u32 = 1;

    fn filter(&self) -> Filter {
        Filter::all().category("note")
    }

    async fn create(&self, connection: &mut PgConnection) -> Result<(), BoxError> {
        sqlx::raw_sql("CREATE TABLE counted (position bigint)").execute(connection).await?;
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        events: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        for (_, event) in events {
            let insert = sqlx::query("INSERT INTO counted VALUES ($1)");
            insert.bind(i64::try_from(event.position().get())?).execute(&mut *connection).await?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_means_the_same_wherever_the_server_raises_it() {
    let database = pg::shared().database().await;
    let (as_role, owner) = crate::row_security::role(&database).await;
    let owner = Arc::new(owner);
    let mut server = Server { admin: database.connection().await };
    pg::run(&mut server.admin, RAISE).await;
    let options = |url: &str| url.parse::<PgOptions>().unwrap().pool_size(1).notify(false);
    let role = Arc::new(options(&as_role).connect().await.unwrap());
    let writer = options(&database.url).connect().await.unwrap();
    let once = |adapter: Arc<PgAdapter>| {
        EventStore::builder(adapter).retry(RetryPolicy::never()).build().unwrap()
    };
    let (reader, name) = (once(Arc::clone(&role)), stream("note-1"));
    let mut projector = owner.projector(Counted).await.unwrap();
    let key = SubscriptionKey { tenant: None, name: "s".into() };
    let wanted = Registered { filter: "all".into(), partitions: 1 };
    let registered = owner.checkpoints().unwrap().register(&key, &wanted, Position::START);
    let id = registered.await.unwrap().incarnation;
    let note = || async {
        let store = once(Arc::clone(&owner));
        store.append(&stream("note-1"), ExpectedVersion::Any, Noted::many(1)).await.unwrap();
    };
    note().await;
    let mut imported = 0;

    println!("{:<44}{}", "code", PLACES.map(|place| format!("{place:<18}")).concat());
    for (code, message, expected) in CODES {
        let mut table = BTreeMap::new();
        for place in PLACES {
            if place == "projection" {
                server.disarm().await;
                note().await;
            }
            server.arm(code, message).await;
            let result = match place {
                "append" => {
                    writer.commit(&one("s", ExpectedVersion::Any, events(1))).await.map(drop)
                }
                "read" => reader.read_stream(&name, ReadOptions::forward()).await.map(drop),
                "checkpoint" => {
                    let checkpoints = owner.checkpoints().unwrap();
                    let owner = format!("{code} {}", event_core::EventId::new());
                    checkpoints.heartbeat(&key, id, &owner, Duration::from_secs(9)).await.map(drop)
                }
                "projection" => projector.catch_up().await.map(drop),
                "import" => {
                    imported += 1;
                    owner.import(&batch(imported)).await.map(drop)
                }
                "opening" => match options(&as_role).connect().await {
                    Ok(adapter) => {
                        adapter.close().await;
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
                place => unreachable!("{place}"),
            };
            assert!(server.was_raised().await, "{code} was raised at {place}");
            server.disarm().await;
            if let Err(error) = &result {
                let error = with_causes(error);
                let text = if message.is_empty() { "raised on purpose" } else { message };
                assert_eq!(error.matches(text).count(), 1, "said once: {error}");
            }
            table.insert(place, seen(result));
        }
        let row = PLACES.map(|place| format!("{:<18}", table[place])).concat();
        println!(
            "{:<44}{row}",
            format!("{code} {}", message.get(..message.len().min(36)).unwrap())
        );
        for (place, found) in table {
            let is_single = ["append", "read", "checkpoint"].contains(&place);
            let expected = match expected {
                // An import begins its batch again by itself, unless the statement took too long.
                Some(BUSY) if place == "import" && *code != "57014" => NOTHING,
                // An append asks again for a lock, as long as it may wait.
                Some(_) if place == "append" && *code == "55P03" => NOTHING,
                Some(expected) => expected,
                None if is_single => NOTHING,
                // The planner does not raise it here: the server cannot do what was asked.
                None if *code == "0A000" => FINAL,
                None => LOST,
            };
            assert_eq!(found, expected, "{code} `{message}` at {place}");
        }
        // Whatever it was, it has passed: the only connection of each pool works.
        writer.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
        reader.read_stream(&name, ReadOptions::forward()).await.unwrap();
        projector.catch_up().await.unwrap();
    }
}

const PLACES: [&str; 6] = ["append", "read", "checkpoint", "projection", "import", "opening"];

fn batch(number: u64) -> ImportBatch {
    ImportBatch::Events { positions: Positions::Assign, events: vec![crate::import::at(number)] }
}

/// A reader of the log's end outlives whatever the server answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_outlive_every_passing_code() {
    let database = pg::shared().database().await;
    let (as_role, owner) = crate::row_security::role(&database).await;
    let mut server = Server { admin: database.connection().await };
    pg::run(&mut server.admin, RAISE).await;
    // Only reading raises.
    pg::run(&mut server.admin, "DROP TRIGGER raise ON event_store.events").await;
    let role = PgAdapter::connect(&as_role).await.unwrap();
    let store = EventStore::new(role).unwrap();
    let mut follower = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    for (code, message, _) in CODES.iter().filter(|(_, _, it)| *it != Some(FINAL)) {
        server.arm(code, message).await;
        let last = owner.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap()[0];
        loop {
            let event = follower.next().await.unwrap();
            let event = event.unwrap_or_else(|error| panic!("{code}: {}", with_causes(&error)));
            if event.position() == last.position {
                break;
            }
        }
        assert!(server.was_raised().await, "{code} was raised");
        server.disarm().await;
    }
}

/// Keeps what it has seen in a table, by statements that name no columns.
struct Seen;

impl PgInlineProjection for Seen {
    type Event = Notes;

    fn wants(&self, stream_id: &StreamId) -> bool {
        stream_id.category() == "note"
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        _: Vec<InlineEvent<Notes>>,
    ) -> Result<(), BoxError> {
        sqlx::query("UPDATE public.seen SET number = number + 1").execute(&mut *connection).await?;
        sqlx::query("SELECT * FROM public.seen").fetch_one(connection).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_read_model_may_change_its_tables_under_a_running_program() {
    let database = pg::shared().database().await;
    let mut admin = database.connection().await;
    pg::run(
        &mut admin,
        "CREATE TABLE public.seen (number bigint); INSERT INTO public.seen VALUES (0)",
    )
    .await;
    let adapter = database.options().connect().await.unwrap().inline(Seen);
    let store = EventStore::builder(adapter).retry(RetryPolicy::never()).build().unwrap();
    for round in 0..4 {
        // Several connections of the pool have prepared the statements.
        let appends: Vec<_> = (0..6)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let name = stream(&format!("note-{n}"));
                    store.append(&name, ExpectedVersion::Any, Noted::many(1)).await
                })
            })
            .collect();
        for append in appends {
            append.await.unwrap().unwrap();
        }
        pg::run(&mut admin, &format!("ALTER TABLE public.seen ADD COLUMN c{round} text")).await;
    }
    assert_eq!(pg::number(&mut admin, "SELECT number FROM public.seen").await, 24);
}

#[tokio::test]
async fn the_tables_of_the_store_may_change_under_a_running_program() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
    let mut admin = database.connection().await;
    for kind in ["varchar(200)", "text"] {
        assert_eq!(page(&adapter, "s").await.unwrap().len(), 1);
        assert_eq!(after(&adapter, 0).await.len(), 1);
        let alter = format!("ALTER TABLE event_store.events ALTER COLUMN event_type TYPE {kind}");
        pg::run(&mut admin, &alter).await;
        assert_eq!(page(&adapter, "s").await.unwrap().len(), 1, "as {kind}");
        assert_eq!(after(&adapter, 0).await.len(), 1, "as {kind}");
    }
}

#[tokio::test]
async fn a_transaction_that_did_not_begin_is_not_used_for_the_next_statement() {
    let database = pg::shared().database().await;
    database.adapter().await.close().await;
    let proxy = Proxy::start(database.address());
    let url = proxy.url(&database.url, &database.address());
    let options: PgOptions = format!("{url}?pooler_mode=transaction").parse().unwrap();
    let adapter = options.pool_size(1).notify(false).connect().await.unwrap();
    adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
    for round in 0..5_u64 {
        // A setting that the server does not know, after the `BEGIN` of the same message.
        proxy.rewrite_next(b"SET LOCAL jit ", b"SET LOCAL jot ");
        let error = adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap_err();
        assert!(with_causes(&error).contains("jot"), "{}", with_causes(&error));
        let answer = adapter.commit(&one("s", ExpectedVersion::Any, events(1))).await.unwrap();
        assert_eq!(answer[0].stream_version.get(), round + 2);
    }
}

#[tokio::test]
async fn a_session_that_ends_in_between_ends_no_projector() {
    let database = pg::shared().database().await;
    let mut admin = database.connection().await;
    let alter = format!(
        "ALTER DATABASE {} SET idle_in_transaction_session_timeout = '50ms'",
        database.name()
    );
    pg::run(&mut admin, &alter).await;
    let adapter = Arc::new(database.adapter().await);
    let store = EventStore::new(Arc::clone(&adapter)).unwrap();
    let mut projector = adapter.projector(Slow).await.unwrap();
    store.append(&stream("note-1"), ExpectedVersion::Any, Noted::many(3)).await.unwrap();
    assert_eq!(projector.catch_up().await.unwrap(), 3);
}

/// Thinks for longer between its statements than the database lets a transaction be idle.
pub(crate) struct Slow;

impl PgProjection for Slow {
    type Event = Notes;
    const NAME: &'static str = "slow";
    const BUILD: u32 = 1;

    fn filter(&self) -> Filter {
        Filter::all().category("note")
    }

    async fn create(&self, _: &mut PgConnection) -> Result<(), BoxError> {
        Ok(())
    }

    async fn apply(
        &self,
        connection: &mut PgConnection,
        _: Vec<(Notes, RecordedEvent)>,
    ) -> Result<(), BoxError> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sqlx::query("SELECT 1").execute(connection).await?;
        Ok(())
    }
}
