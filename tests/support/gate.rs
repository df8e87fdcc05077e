//! A TCP address whose server can be exchanged, and on the way to which everything can go wrong: connections are cut, go
//! silent, or are slow.
//!
//! It knows nothing of the protocol; see `proxy.rs` for a proxy that counts messages.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// An address that clients use instead of a server's. Its threads end with their connections.
#[derive(Debug)]
pub(crate) struct Gate {
    port: u16,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The server for new connections; without one they are refused.
    server: Mutex<Option<String>>,
    /// How long each piece of data is held back, in milliseconds.
    delay: AtomicU64,
    connections: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    status: Arc<Status>,
}

#[derive(Debug, Default)]
struct Status {
    /// Nothing reaches the other end any more.
    silent: AtomicBool,
    closed: AtomicBool,
}

impl Connection {
    fn cut(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

impl Gate {
    /// Starts listening in front of a server.
    pub(crate) fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { server: Mutex::new(Some(server)), ..State::default() });
        let accepting = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accepting.connect(client);
            }
        });
        Self { port, state }
    }

    /// Host and port for clients.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Cuts all connections; new ones reach another server.
    pub(crate) fn point_to(&self, server: String) {
        *self.state.server.lock().unwrap() = Some(server);
        self.cut();
    }

    /// Cuts all connections and refuses new ones, until it is pointed to a server.
    pub(crate) fn close(&self) {
        *self.state.server.lock().unwrap() = None;
        self.cut();
    }

    /// Cuts all connections.
    pub(crate) fn cut(&self) {
        for connection in self.state.connections.lock().unwrap().drain(..) {
            connection.cut();
        }
    }

    /// Drops what clients send on the connections of now, without closing them, as a firewall does that has forgotten
    /// them; the server gives them up. New connections work.
    pub(crate) fn silence(&self) {
        for connection in &*self.state.connections.lock().unwrap() {
            connection.status.silent.store(true, Ordering::SeqCst);
            let _ = connection.server.shutdown(Shutdown::Both);
        }
    }

    /// Holds each piece of data back for a time.
    pub(crate) fn delay(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.state.delay.store(millis, Ordering::SeqCst);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    /// Connects a client to the server; one that cannot be reached closes the client's connection.
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let Some(address) = self.server.lock().unwrap().clone() else { return };
        let Ok(server) = TcpStream::connect(address) else { return };
        let connection = Connection { client, server, status: Arc::default() };
        if self.forward(&connection).is_err() {
            return connection.cut();
        }
        let mut connections = self.connections.lock().unwrap();
        connections.retain(|connection| !connection.status.closed.load(Ordering::SeqCst));
        connections.push(connection);
    }

    fn forward(self: &Arc<Self>, connection: &Connection) -> std::io::Result<()> {
        connection.client.set_nodelay(true)?;
        connection.server.set_nodelay(true)?;
        let ends = [
            (connection.client.try_clone()?, connection.server.try_clone()?),
            (connection.server.try_clone()?, connection.client.try_clone()?),
        ];
        for (from, to) in ends {
            let (state, status) = (Arc::clone(self), Arc::clone(&connection.status));
            thread::spawn(move || state.copy(from, to, &status));
        }
        Ok(())
    }

    /// Forwards one direction of a connection until either end is closed.
    fn copy(&self, mut from: TcpStream, mut to: TcpStream, status: &Status) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if status.silent.load(Ordering::SeqCst) {
                continue;
            }
            let delay = self.delay.load(Ordering::SeqCst);
            if delay > 0 {
                thread::sleep(Duration::from_millis(delay));
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        // The end of a silent connection is not passed on either.
        if !status.silent.load(Ordering::SeqCst) {
            status.closed.store(true, Ordering::SeqCst);
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
        }
    }
}
