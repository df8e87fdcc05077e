//! The dialects' own statements, by example.

use event_core::error::with_causes;

use super::*;

const CREATE: &[&str] = &[
    "CREATE TABLE {orders} (\n  tenant text NOT NULL, -- whose\n  id uuid, total numeric(12, 2) DEFAULT 0 CHECK (total >= 0),\n  at double precision, \
     PRIMARY KEY (tenant, id)\n)",
    "create unique index orders_at ON {orders} (at) WHERE total > 0;",
    "CREATE TABLE {lines} (\"order\" UUID REFERENCES {orders} (id), note Text)",
];

fn sql(create: &'static [&'static str], dialect: Dialect) -> Result<TablesSql> {
    TablesSql::new(TableModel { name: "shop", build: 2, create, is_shared: false }, dialect)
}

#[test]
fn tables_are_created_with_the_types_and_names_of_the_backend() {
    let postgres = sql(CREATE, Dialect::Postgres).unwrap().create();
    assert_eq!(
        postgres,
        [
            "CREATE TABLE \"shop_2\".\"orders\" ( tenant text COLLATE \"C\" NOT NULL, id uuid, total numeric DEFAULT 0 CHECK (total >= \
             0), at double precision, PRIMARY KEY (tenant, id)\n)",
            "create unique index \"orders_at\" ON \"shop_2\".\"orders\" (at) WHERE total > 0",
            "CREATE TABLE \"shop_2\".\"lines\" ( \"order\" uuid REFERENCES \"shop_2\".\"orders\" (id), note text COLLATE \"C\")",
        ]
    );
    let sqlite = sql(CREATE, Dialect::Sqlite).unwrap().create();
    assert_eq!(
        sqlite,
        [
            "CREATE TABLE \"shop_2_orders\" ( tenant TEXT NOT NULL, id TEXT, total REAL DEFAULT 0 CHECK (total >= 0), at REAL, PRIMARY \
             KEY (tenant, id)\n) STRICT",
            "create unique index \"shop_2_orders_at\" ON \"shop_2_orders\" (at) WHERE total > 0",
            "CREATE TABLE \"shop_2_lines\" ( \"order\" TEXT REFERENCES \"shop_2_orders\" (id), note TEXT) STRICT",
        ]
    );
}

#[test]
fn other_statements_are_refused_before_anything_runs() {
    let cases: [(&'static [&'static str], &str); 14] = [
        (&[], "declares no table"),
        (&["CREATE TABLE orders (id text)"], "only `CREATE TABLE {name}"),
        (&["CREATE VIEW {v} AS SELECT 1"], "only `CREATE TABLE"),
        (
            &["CREATE TABLE {a} (id varchar(3))"],
            "has the type `varchar`; the types of both backends are text, integer",
        ),
        (&["CREATE TABLE {a} (id text(3))"], "with an argument"),
        (&["CREATE TABLE {a} (id)"], "the column `id` has no type"),
        (&["CREATE TABLE {a} (id text,)"], "a column without a name"),
        (&["CREATE TABLE {a} (id text); DROP TABLE x"], "several statements"),
        (&["CREATE TABLE {a} (id text) STRICT"], "not the end of the statement"),
        (&["CREATE TABLE {a} (id text REFERENCES {b} (id))"], "`{b}` is not declared"),
        (&["CREATE TABLE {a} (id text DEFAULT $1)"], "a parameter"),
        (&["CREATE TABLE {a} (id text)", "CREATE TABLE {a} (id text)"], "declared twice"),
        (&["CREATE INDEX i ON {a} (id)"], "`{a}` is not declared yet"),
        (
            &["CREATE TABLE {a} (id text)", "CREATE INDEX \"I\" ON {a} (id)"],
            "an index is created by",
        ),
    ];
    for (create, words) in cases {
        for dialect in [Dialect::Postgres, Dialect::Sqlite] {
            let refused = with_causes(&sql(create, dialect).unwrap_err());
            assert!(refused.contains(words), "{create:?}: {refused}");
        }
    }
}

#[test]
fn statements_name_the_tables_of_the_build() {
    let all = Use::Read(&TenantView::All);
    let text = "SELECT o.id FROM {orders} o WHERE {orders}.id = $1 AND note = '{lines} $2';";
    let translate =
        |dialect| sql(CREATE, dialect).unwrap().translate("test", text, 1, all).unwrap();
    assert_eq!(
        translate(Dialect::Postgres),
        "SELECT o.id FROM \"shop_2\".\"orders\" o WHERE \"shop_2\".\"orders\".id = $1 AND note = '{lines} $2'"
    );
    assert_eq!(
        translate(Dialect::Sqlite),
        "SELECT o.id FROM \"shop_2_orders\" o WHERE \"shop_2_orders\".id = ?1 AND note = '{lines} $2'"
    );
}

#[test]
fn a_tenant_reads_its_own_rows() {
    let tenant = TenantView::One(Tenant::new("o'neil").unwrap());
    let tables = sql(CREATE, Dialect::Sqlite).unwrap();
    let read = |text: &str| tables.translate("test", text, 0, Use::Read(&tenant));
    let own =
        "\"orders\" AS NOT MATERIALIZED (SELECT * FROM \"shop_2_orders\" WHERE tenant = 'o''neil')";
    for (text, wanted) in [
        (
            "SELECT * FROM {orders}, {orders} b",
            format!("WITH {own} SELECT * FROM \"orders\", \"orders\" b"),
        ),
        (
            " -- all\nwith x AS (SELECT 1) SELECT * FROM {orders}",
            format!("WITH {own},  x AS (SELECT 1) SELECT * FROM \"orders\""),
        ),
        (
            "WITH RECURSIVE x AS (SELECT 1) SELECT * FROM {orders}",
            format!("WITH RECURSIVE {own},  x AS (SELECT 1) SELECT * FROM \"orders\""),
        ),
    ] {
        assert_eq!(read(text).unwrap(), wanted);
    }
    let refused = with_causes(&read("SELECT * FROM {lines}").unwrap_err());
    assert!(refused.contains("the table `lines` has no column `tenant`"), "{refused}");
    assert_eq!(tables.without_tenant(), Some("lines"));
}

#[test]
fn a_statement_of_another_kind_is_refused() {
    let tables = sql(CREATE, Dialect::Postgres).unwrap();
    let all = Use::Read(&TenantView::All);
    for (text, params, used, words) in [
        (
            "SELECT * FROM {order}",
            0,
            all,
            "`{order}` is not declared; declared are {orders}, {lines}",
        ),
        ("SELECT 1; SELECT 2", 0, all, "several statements in one"),
        ("DELETE FROM {orders}", 0, all, "a query is a SELECT"),
        (
            "WITH x AS (DELETE FROM {orders} RETURNING id) SELECT * FROM x",
            0,
            all,
            "this one has DELETE",
        ),
        ("SELECT $2", 1, all, "it has 2 parameters, and 1 values were given"),
        ("SELECT 1", 1, all, "it has 0 parameters"),
        ("COMMIT", 0, Use::Change, "INSERT, UPDATE, DELETE and SELECT only"),
        ("", 0, Use::Change, "INSERT, UPDATE"),
    ] {
        let refused = with_causes(&tables.translate("test", text, params, used).unwrap_err());
        assert!(refused.contains(words), "{text}: {refused}");
    }
    assert!(
        tables.translate("test", "SELECT replace(note, 'insert', '') FROM {lines}", 0, all).is_ok()
    );
}
