//! Encrypted connections to a server with a certificate of its own: the right root and host name are accepted on every
//! connection, wrong ones refused in words.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use event_core::adapter::Adapter as _;
use event_core::error::with_causes;
use event_core::{EventStore, ExpectedVersion, Filter, StartFrom};
use event_postgres::PgAdapter;
use event_testing::Noted;
use tokio::time::timeout;

use crate::failover::wait_until;
use crate::{pg, stream};

/// A root and what it signed: the certificate of a server named `localhost`.
fn certificates(folder: &Path) {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        let output = command.current_dir(folder).args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -days 2 -subj /CN=root -keyout root.key -out root.crt"));
    openssl(&format!("req -x509 {key} -days 2 -subj /CN=other -keyout other.key -out other.crt"));
    openssl(&format!("req -new {key} -subj /CN=localhost -keyout server.key -out server.csr"));
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    openssl(&format!("req -new {key} -subj /CN=postgres -keyout client.key -out client.csr"));
    openssl(
        "x509 -req -in client.csr -CA root.crt -CAkey root.key -CAcreateserial -days 2 -extfile names -out client.crt",
    );
    openssl(
        "x509 -req -in server.csr -CA root.crt -CAkey root.key -CAcreateserial -days 2 -extfile names -out server.crt",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verified_server_is_used_encrypted_and_an_unverified_one_is_refused() {
    let folder = tempfile::Builder::new().prefix("event-tls-").tempdir().unwrap();
    certificates(folder.path());
    pg::chown_to_server(folder.path());
    let path = folder.path().to_str().unwrap().to_owned();
    let settings =
        format!("-c ssl=on -c ssl_cert_file={path}/server.crt -c ssl_key_file={path}/server.key");
    let start = move || pg::Cluster::start_with(pg::Fsync::Off, &settings);
    let cluster = tokio::task::spawn_blocking(start).await.unwrap();
    let database = cluster.database().await;
    let port = cluster.address().rsplit_once(':').unwrap().1.to_owned();
    let url = |host: &str, root: &str| {
        let name = database.name();
        format!(
            "postgres://postgres@{host}:{port}/{name}?sslmode=verify-full&sslrootcert={path}/{root}"
        )
    };
    modes(&database, &url("localhost", "root.crt"), &url("127.0.0.1", "other.crt")).await;

    let store =
        EventStore::new(PgAdapter::connect(&url("localhost", "root.crt")).await.unwrap()).unwrap();
    let mut events = store.subscribe(StartFrom::Beginning, Filter::all()).await.unwrap();
    store.append(&stream("s"), ExpectedVersion::NoStream, Noted::many(3)).await.unwrap();
    for _ in 0..3 {
        timeout(Duration::from_secs(30), events.next()).await.unwrap().unwrap().unwrap();
    }
    let of_store = "FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
        WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()";
    let mut connection = database.connection().await;
    let listening = format!("SELECT count(*) {of_store} AND s.ssl AND a.query LIKE 'LISTEN%'");
    wait_until("an encrypted connection that listens", async || {
        pg::number(&mut database.connection().await, &listening).await == 1
    })
    .await;
    let all = pg::number(&mut connection, &format!("SELECT count(*) {of_store}")).await;
    let plain = format!("SELECT count(*) {of_store} AND NOT s.ssl");
    assert!(all >= 2, "{all} connections");
    assert_eq!(pg::number(&mut connection, &plain).await, 0, "of {all} connections");
    store.close().await;

    for (what, url) in [
        ("a root that did not sign it", url("localhost", "other.crt")),
        ("a name that it does not have", url("127.0.0.1", "root.crt")),
    ] {
        let error = PgAdapter::connect(&url).await.unwrap_err();
        let said = with_causes(&error);
        eprintln!("{what}: {} (transient: {}): {said}", error.code(), error.is_transient());
        assert!(said.contains("certificate"), "{what}: {said}");
        assert!(!error.is_transient() && !said.contains("postgres:"), "{what}: {said}");
    }
    let error = PgAdapter::connect(&url("localhost", "missing.crt")).await.unwrap_err();
    eprintln!("a root that is missing: {}", with_causes(&error));
    assert!(with_causes(&error).contains("missing.crt") || with_causes(&error).contains("No such"));
}

/// Each mode does what libpq's does, against the right root and name, and against neither.
async fn modes(database: &pg::Database<'_>, right: &str, wrong: &str) {
    let used = "SELECT count(*) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) \
                WHERE a.datname = current_database() AND a.application_name = 'event-postgres' AND s.ssl";
    for (mode, of_right, of_wrong) in [
        ("disable", Some(false), Some(false)),
        ("allow", Some(false), Some(false)),
        ("prefer", Some(true), Some(true)),
        ("require", Some(true), Some(true)),
        ("verify-ca", Some(true), None),
        ("verify-full", Some(true), None),
    ] {
        for (url, encrypted) in [(right, of_right), (wrong, of_wrong)] {
            let url = url.replace("verify-full", mode) + "&notify=off";
            match (PgAdapter::connect(&url).await, encrypted) {
                (Ok(adapter), Some(encrypted)) => {
                    let count = pg::number(&mut database.connection().await, used).await;
                    assert_eq!(count > 0, encrypted, "{mode}, {url}");
                    adapter.close().await;
                    wait_until("the connections close", async || {
                        pg::number(&mut database.connection().await, used).await == 0
                    })
                    .await;
                }
                (Err(error), None) => {
                    assert!(with_causes(&error).contains("certificate"), "{}", with_causes(&error));
                }
                (Err(error), Some(_)) => panic!("{mode}, {url}: {}", with_causes(&error)),
                (Ok(_), None) => panic!("{mode}, {url}: it is accepted"),
            }
        }
    }
}

/// A server that asks for a certificate lets in who has one that its root signed, and nobody else; without encryption nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_the_client_is_shown_where_the_server_asks_for_it() {
    let folder = tempfile::Builder::new().prefix("event-tls-").tempdir().unwrap();
    certificates(folder.path());
    pg::chown_to_server(folder.path());
    let path = folder.path().to_str().unwrap().to_owned();
    let rules = "local all all trust\nhostssl all all all trust clientcert=verify-full\n";
    std::fs::write(folder.path().join("hba"), rules).unwrap();
    pg::chown_to_server(folder.path());
    let settings = format!(
        "-c ssl=on -c ssl_cert_file={path}/server.crt -c ssl_key_file={path}/server.key -c ssl_ca_file={path}/root.crt"
    );
    let start = move || pg::Cluster::start_with(pg::Fsync::Off, &settings);
    let cluster = tokio::task::spawn_blocking(start).await.unwrap();
    let database = cluster.database().await;
    let mut admin = database.connection().await;
    // From now on.
    pg::run(&mut admin, &format!("ALTER SYSTEM SET hba_file = '{path}/hba'")).await;
    cluster.crash();
    cluster.restart();
    let port = cluster.address().rsplit_once(':').unwrap().1.to_owned();
    let url = |keys: &str| {
        let name = database.name();
        format!("postgres://postgres@localhost:{port}/{name}?sslrootcert={path}/root.crt&{keys}")
    };
    let shown = format!("sslcert={path}/client.crt&sslkey={path}/client.key");
    let adapter = PgAdapter::connect(&url(&format!("sslmode=verify-full&{shown}"))).await.unwrap();
    let store = EventStore::new(adapter).unwrap();
    store.append(&stream("s"), ExpectedVersion::NoStream, Noted::many(1)).await.unwrap();
    store.close().await;
    for keys in ["sslmode=verify-full".to_owned(), format!("sslmode=disable&{shown}")] {
        let error = PgAdapter::connect(&url(&keys)).await.unwrap_err();
        assert!(!with_causes(&error).contains("postgres://"), "{keys}: {}", with_causes(&error));
        assert!(!error.is_transient(), "{keys}: {}", with_causes(&error));
    }
}
