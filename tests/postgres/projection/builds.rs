//! Builds of a projection beside one another: readers move over, the old one goes, and nothing else is touched.

use std::time::Duration;

use event_testing::Noted;

use super::{Digests, adapter, append, same_as_the_log, store};
use crate::pg;

#[tokio::test]
async fn a_build_is_made_beside_the_old_one_and_readers_move_over() {
    let database = pg::shared().database().await;
    let adapter = adapter(&database.url).await;
    let (store, mut connection) = (store(&adapter), database.connection().await);
    append(&store, "note-1", Noted::many(2_500)).await;
    let mut first = adapter.projector(Digests::<1>).await.unwrap();
    let mut told = Vec::new();
    assert_eq!(first.catch_up().progress(|progress| told.push(progress)).await.unwrap(), 2_500);
    assert!(told.len() >= 3, "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0].position < pair[1].position));
    let end = told.last().unwrap();
    assert_eq!((end.events, end.position, end.left), (2_500, end.goal, Some(Duration::ZERO)));
    assert!(end.rate > 0.0 && told[0].left.is_some());
    let current = async || adapter.projection_status("digests", None).await.unwrap().unwrap();
    assert_eq!((current().await.build, current().await.schema.as_str()), (1, "digests_1"));

    let mut second = adapter.projector(Digests::<2>).await.unwrap();
    let error = second.switch().await.unwrap_err();
    assert!(event_core::error::with_causes(&error).contains("behind"), "{error}");
    assert_eq!(current().await.build, 1);
    append(&store, "note-2", Noted::many(3)).await;
    assert_eq!((second.catch_up().await.unwrap(), first.catch_up().await.unwrap()), (2_503, 3));
    second.switch().await.unwrap();
    second.switch().await.unwrap();
    let status = current().await;
    assert_eq!((status.build, status.is_current, status.events), (2, true, 2_503));
    assert!(!first.status().await.unwrap().is_current);
    // Both are there, and both go on.
    append(&store, "note-2", Noted::many(1)).await;
    for (caught_up, schema) in
        [(first.catch_up().await, first.schema()), (second.catch_up().await, second.schema())]
    {
        assert_eq!(caught_up.unwrap(), 1);
        assert_eq!(same_as_the_log(&store, &mut connection, schema).await, 2_504);
    }
    // Started again, it goes on where it was.
    let mut again = adapter.projector(Digests::<2>).await.unwrap();
    assert_eq!(again.catch_up().await.unwrap(), 0);

    // Nobody reads the first any more.
    let error = adapter.drop_projection("digests", 2).await.unwrap_err();
    assert!(
        event_core::error::with_causes(&error).contains("switch to another build first"),
        "{error}"
    );
    assert!(adapter.drop_projection("digests", 1).await.unwrap());
    assert!(!adapter.drop_projection("digests", 1).await.unwrap(), "it is gone");
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'digests_1'";
    assert_eq!(pg::number(&mut connection, left).await, 0);
    append(&store, "note-2", Noted::many(1)).await;
    let said = event_core::error::with_causes(&first.catch_up().await.unwrap_err());
    assert!(said.contains("is gone"), "{said}");
}

#[tokio::test]
async fn what_it_does_not_own_it_does_not_touch() {
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
