//! Values of every column type come back as they were written.

use event_core::error::{BoxError, with_causes};
use event_core::projection::Decimal;
use event_core::serde_json::{Value, json};
use event_core::{ReadOptions, RecordedEvent, TableProjection, TablesTx};

use super::{note, with_tables};
use crate::contract::decide::Note;
use crate::contract::{Subject, stream};

/// A table with a column of each type.
#[derive(Debug, Default)]
struct Types;

impl TableProjection for Types {
    type Event = Note;
    const NAME: &'static str = "types";

    fn create() -> &'static [&'static str] {
        &["CREATE TABLE {types} (
             id uuid PRIMARY KEY, words text, small int, large bigint, share real, half double precision, price numeric(12, 2),
             paid boolean, at timestamp, day date, data json, bytes blob, missing text
           )"]
    }

    async fn apply(
        &self,
        _: Note,
        recorded: &RecordedEvent,
        tables: &mut TablesTx<'_>,
    ) -> Result<(), BoxError> {
        let price: Decimal = "1234567890123.45".parse()?;
        let day = recorded.recorded_at().date_naive();
        let data = json!({ "a": [1, "ü", null] });
        let sql =
            "INSERT INTO {types} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let values: Vec<event_core::projection::TableValue> = vec![
            recorded.event_id().into(),
            "ü'\n\u{10ffff}".into(),
            (-7_i32).into(),
            i64::MIN.into(),
            0.1_f64.into(),
            (-1e300_f64).into(),
            price.into(),
            true.into(),
            recorded.recorded_at().into(),
            day.into(),
            data.into(),
            vec![0_u8, 255].into(),
            None::<String>.into(),
        ];
        tables.execute(sql, values).await?;
        Ok(())
    }
}

pub async fn values_come_back_as_they_were(adapter: Subject) {
    let Some(store) = with_tables(&adapter).await else { return };
    note(&store, &["one"]).await;
    let tables = store.tables::<Types>();
    tables.catch_up().await.unwrap();
    let event = store.read_stream(&stream("notes-1"), ReadOptions::forward()).await;
    let event = event.unwrap().remove(0);
    let by_all = "SELECT * FROM {types} WHERE id = $1 AND small = $2 AND paid = $3 AND at = $4 AND day = $5 AND price = $6";
    let price: Decimal = "1234567890123.45".parse().unwrap();
    let at = event.recorded_at();
    let day = at.date_naive();
    let wanted = (event.event_id(), -7, true, at, day, &price);
    let rows = tables.query(by_all, wanted).await.unwrap();
    let row = rows.first().unwrap();
    assert_eq!(row.get::<String>("id").unwrap(), event.event_id().to_string());
    assert_eq!(row.get::<String>("words").unwrap(), "ü'\n\u{10ffff}");
    assert_eq!(
        (row.get::<i32>("small").unwrap(), row.get::<i64>("large").unwrap()),
        (-7, i64::MIN)
    );
    let reals: [f64; 2] = [row.get("share").unwrap(), row.get("half").unwrap()];
    assert_eq!(reals.map(f64::to_bits), [0.1, -1e300].map(f64::to_bits));
    assert_eq!(row.get::<Decimal>("price").unwrap(), price);
    assert!(row.get::<bool>("paid").unwrap());
    assert_eq!(row.get::<String>("at").unwrap().len(), "2026-01-31T12:00:00.000000Z".len());
    assert_eq!(row.get::<String>("day").unwrap(), day.to_string());
    assert_eq!(row.get::<Value>("data").unwrap(), json!({ "a": [1, "ü", null] }));
    assert_eq!(row.get::<Vec<u8>>("bytes").unwrap(), [0, 255]);
    assert_eq!(row.get::<Option<String>>("missing").unwrap(), None);

    for (column, words) in
        [("missing", "is null"), ("none", "no column `none`"), ("words", "is text")]
    {
        let refused = with_causes(&row.get::<i64>(column).unwrap_err());
        assert!(refused.contains(words), "{refused}");
    }
    let sum = "SELECT count(*) AS rows, sum(small) AS small, sum(price) AS price, avg(share) AS share FROM {types}";
    let rows = tables.query(sum, ()).await.unwrap();
    assert_eq!(rows[0].get::<u64>("rows").unwrap(), 1);
    assert_eq!(rows[0].get::<i64>("small").unwrap(), -7);
    assert_eq!(rows[0].get::<Decimal>("price").unwrap(), price);
    assert!((rows[0].get::<f64>("share").unwrap() - 0.1).abs() < 1e-9);
    // A column of floating-point numbers would keep them as other numbers.
    for digits in ["9".repeat(400), "0.12345678901234567".to_owned()] {
        let number: Decimal = digits.parse().unwrap();
        let refused = tables.query("SELECT id FROM {types} WHERE share = $1", [number]).await;
        assert!(refused.is_err(), "{digits}");
    }
    // A parameter that was null before is of the same type.
    for value in [None, Some(-7)] {
        let found = tables.query("SELECT id FROM {types} WHERE price > $1", [value]).await.unwrap();
        assert_eq!(found.len(), usize::from(value.is_some()));
    }
}
