//! Pages come from the index of their order, one look at each event's stream, also before the server has statistics.

use sqlx::{AssertSqlSafe, Row};

use crate::pg;

/// Pages in an order of the log, each with what it is executed with.
const PAGES: [(&str, &str); 5] = [
    (
        include_str!("../../event-postgres/src/sql/read/read_all.sql"),
        "(0, 3000, NULL, NULL, NULL, NULL, 1000)",
    ),
    (
        include_str!("../../event-postgres/src/sql/read/read_all_backward.sql"),
        "(0, 3000, NULL, NULL, NULL, NULL, 1000, NULL, NULL, NULL)",
    ),
    (
        include_str!("../../event-postgres/src/sql/read/read_category.sql"),
        "(0, 3000, NULL, NULL, NULL, NULL, 1000, 'note')",
    ),
    (
        include_str!("../../event-postgres/src/sql/read/read_correlated.sql"),
        "(0, 3000, NULL, NULL, NULL, NULL, 1000, 'none')",
    ),
    (include_str!("../../event-postgres/src/sql/read/tail.sql"), "(0, 1000)"),
];

/// The settings of the adapter's connections.
const SETTINGS: &str = "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                        SET jit = off; SET plan_cache_mode = force_generic_plan";

const FILL: &str = "
    INSERT INTO event_store.tenants (name) VALUES ('default') ON CONFLICT DO NOTHING;
    INSERT INTO event_store.categories (name) VALUES ('note') ON CONFLICT DO NOTHING;
    INSERT INTO event_store.streams (tenant_key, stream_id, category_key, version)
    SELECT t.tenant_key, 'note-' || n, c.category_key, 10 FROM generate_series(1, 300) n, event_store.tenants t, event_store.categories c;
    INSERT INTO event_store.events (tenant_key, stream_key, category_key, version, event_id, event_type, schema_version, data, metadata)
    SELECT s.tenant_key, s.stream_key, s.category_key, v, gen_random_uuid(), 'contract.noted', 1, '{\"text\":\"a note\"}', '{}'
    FROM generate_series(1, 10) v, event_store.streams s";

#[tokio::test]
async fn pages_look_up_one_stream_for_each_event_before_there_are_statistics() {
    let database = pg::shared().database().await;
    let adapter = database.adapter().await;
    let mut connection = database.connection().await;
    pg::run(&mut connection, FILL).await;
    pg::run(&mut connection, SETTINGS).await;
    for (number, (statement, values)) in PAGES.into_iter().enumerate() {
        pg::run(&mut connection, &format!("PREPARE page_{number} AS {statement}")).await;
        let explain = format!("EXPLAIN EXECUTE page_{number} {values}");
        let plan = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        assert!(plan.contains("streams_pkey"), "{plan}");
        assert!(!plan.contains("streams_stream_id"), "every stream of the tenant: {plan}");
    }
    drop(adapter);
}
