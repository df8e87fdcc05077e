//! Several builds of a projection: a new build is filled beside the old one, readers switch to it, the old one is dropped.

use std::time::Duration;

use event_testing::Noted;

use super::{Digests, adapter, append, assert_equals_log, store};
use crate::pg;

#[tokio::test]
async fn a_new_build_is_filled_beside_the_old_one_and_readers_switch() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database.url).await;
    let (store, mut connection) = (store(&adapter), database.connection().await);
    append(&store, "note-1", Noted::many(2_500)).await;
    let mut first = adapter.projector(Digests::<1>).await.unwrap();
    let mut reports = Vec::new();
    assert_eq!(first.catch_up().progress(|progress| reports.push(progress)).await.unwrap(), 2_500);
    assert!(reports.len() >= 3, "{reports:?}");
    assert!(reports.windows(2).all(|pair| pair[0].position < pair[1].position));
    let end = reports.last().unwrap();
    assert_eq!((end.events, end.position, end.left), (2_500, end.goal, Some(Duration::ZERO)));
    assert!(end.rate > 0.0 && reports[0].left.is_some());
    let current = async || adapter.projection_status("digests", None).await.unwrap().unwrap();
    assert_eq!((current().await.build, current().await.schema.as_str()), (1, "digests_1"));

    let mut second = adapter.projector(Digests::<2>).await.unwrap();
    let error = second.switch().await.unwrap_err();
    assert!(event_core::error::with_causes(&error).contains("behind"), "{error}");
    assert_eq!(current().await.build, 1);
    append(&store, "note-2", Noted::many(3)).await;
    assert_eq!((second.catch_up().await.unwrap(), first.catch_up().await.unwrap()), (2_503, 3));
    let listed = store.projections().await.unwrap();
    let listed: Vec<_> =
        listed.iter().map(|it| (it.name.as_str(), it.build, it.is_current, it.events)).collect();
    assert_eq!(listed, [("digests", 1, true, 2_503), ("digests", 2, false, 2_503)]);
    second.switch().await.unwrap();
    second.switch().await.unwrap();
    let status = current().await;
    assert_eq!((status.build, status.is_current, status.events), (2, true, 2_503));
    assert!(!first.status().await.unwrap().is_current);
    // Both builds exist and both can be kept up to date.
    append(&store, "note-2", Noted::many(1)).await;
    for (caught_up, schema) in
        [(first.catch_up().await, first.schema()), (second.catch_up().await, second.schema())]
    {
        assert_eq!(caught_up.unwrap(), 1);
        assert_eq!(assert_equals_log(&store, &mut connection, schema).await, 2_504);
    }
    // A new projector resumes from the stored checkpoint.
    let mut again = adapter.projector(Digests::<2>).await.unwrap();
    assert_eq!(again.catch_up().await.unwrap(), 0);

    // The first build is not the current one any more.
    let error = adapter.drop_projection("digests", 2).await.unwrap_err();
    assert!(
        event_core::error::with_causes(&error).contains("switch to another build first"),
        "{error}"
    );
    assert!(adapter.drop_projection("digests", 1).await.unwrap());
    assert!(!adapter.drop_projection("digests", 1).await.unwrap(), "it is dropped already");
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'digests_1'";
    assert_eq!(pg::number(&mut connection, left).await, 0);
    append(&store, "note-2", Noted::many(1)).await;
    let message = event_core::error::with_causes(&first.catch_up().await.unwrap_err());
    assert!(message.contains("is gone"), "{message}");
}

#[tokio::test]
async fn foreign_schemas_are_not_touched() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database.url).await;
    let mut connection = database.connection().await;
    pg::run(
        &mut connection,
        "CREATE SCHEMA digests_1; CREATE TABLE digests_1.seen AS SELECT 7 AS mine; CREATE TABLE public.seen (x int)",
    )
    .await;
    let error = adapter.projector(Digests::<1>).await.unwrap_err();
    assert!(event_core::error::with_causes(&error).contains("digests_1"), "{error}");
    assert_eq!(pg::number(&mut connection, "SELECT sum(mine) FROM digests_1.seen").await, 7);
    assert!(adapter.projection_status("digests", Some(1)).await.unwrap().is_none());
    let mut other = adapter.projector(Digests::<2>).await.unwrap();
    append(&store(&adapter), "note-1", Noted::many(2)).await;
    other.catch_up().await.unwrap();
    assert_eq!(pg::number(&mut connection, "SELECT count(*) FROM public.seen").await, 0);
    assert!(adapter.projector(Digests::<0>).await.is_err());
    assert!(adapter.projector(Digests::<{ u32::MAX }>).await.is_err());
}
