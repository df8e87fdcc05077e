//! A proxy between the adapter and the server that counts the client's messages, can drop a response, and can fall silent.
//!
//! It parses the messages of the client, each with a type byte and a length. `Sync` and `Query` end a round trip, so their
//! number is the number of round trips.

#![allow(dead_code, reason = "each test binary uses some of it")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A running proxy; its threads end with their connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    messages: Mutex<BTreeMap<char, usize>>,
    drop_next: AtomicBool,
    rewrite: Mutex<Option<(Vec<u8>, Vec<u8>)>>,
    /// Connections so far, and how many of them are silent: what is sent on them is lost, and nothing says so.
    connections: AtomicUsize,
    silent: AtomicUsize,
    /// Bytes that the server may send on a connection before it is silent, plus one; 0: as many as it likes.
    allowance: AtomicUsize,
}

impl Proxy {
    /// Starts a proxy in front of a server.
    pub(crate) fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let counters = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (shared, up) = (
                    Arc::clone(&counters),
                    (client.try_clone().unwrap(), server.try_clone().unwrap()),
                );
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || forward_requests(up.0, up.1, &shared, number));
                let shared = Arc::clone(&counters);
                thread::spawn(move || forward_responses(server, client, &shared, number));
            }
        });
        Self { port, shared }
    }

    /// The URL with the address of the proxy instead of the server's.
    pub(crate) fn url(&self, url: &str, address: &str) -> String {
        url.replace(address, &format!("127.0.0.1:{}", self.port))
    }

    /// The number of messages since the last call, by type byte.
    pub(crate) fn take(&self) -> BTreeMap<char, usize> {
        std::mem::take(&mut self.shared.messages.lock().unwrap())
    }

    /// From now on everything is lost that is sent on the connections that are open, as behind a firewall that forgot them.
    pub(crate) fn forget_connections(&self) {
        self.shared.silent.store(self.shared.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Everything is lost that is sent on any connection, or nothing any more.
    pub(crate) fn lose_everything(&self, all: bool) {
        let number = if all { usize::MAX } else { 0 };
        self.shared.silent.store(number, Ordering::SeqCst);
    }

    /// A connection is silent once the server has sent so many bytes on it.
    pub(crate) fn silent_after(&self, bytes: Option<usize>) {
        self.shared.allowance.store(bytes.map_or(0, |bytes| bytes + 1), Ordering::SeqCst);
    }

    /// Replaces bytes by as many others, in the next message of a client that has them.
    pub(crate) fn rewrite_next(&self, from: &[u8], to: &[u8]) {
        assert_eq!(from.len(), to.len(), "the length of a message stands before it");
        *self.shared.rewrite.lock().unwrap() = Some((from.to_vec(), to.to_vec()));
    }

    /// Closes the connection instead of forwarding the next response.
    pub(crate) fn drop_next_response(&self) {
        self.shared.drop_next.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn is_silent(&self, number: usize) -> bool {
        number < self.silent.load(Ordering::SeqCst)
    }

    fn rewrite(&self, body: &mut [u8]) {
        let mut wanted = self.rewrite.lock().unwrap();
        let Some((from, to)) = &*wanted else { return };
        let found = body.windows(from.len()).position(|bytes| bytes == from);
        if let Some(at) = found {
            body[at..at + to.len()].copy_from_slice(to);
            *wanted = None;
        }
    }
}

/// Forwards and counts the messages of the client.
fn forward_requests(mut client: TcpStream, mut server: TcpStream, shared: &Shared, number: usize) {
    // The first message has no type byte.
    let mut started = false;
    loop {
        let mut head = vec![0; if started { 5 } else { 4 }];
        if client.read_exact(&mut head).is_err() {
            break;
        }
        let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        if client.read_exact(&mut body).is_err() {
            break;
        }
        if started {
            *shared.messages.lock().unwrap().entry(char::from(head[0])).or_default() += 1;
        }
        if shared.is_silent(number) {
            continue;
        }
        shared.rewrite(&mut body);
        // After a TLS request (eight bytes) the first message follows.
        if length != 8 {
            started = true;
        }
        if server.write_all(&[head, body].concat()).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

/// Forwards the responses of the server.
fn forward_responses(mut server: TcpStream, mut client: TcpStream, shared: &Shared, number: usize) {
    let mut sent = 0;
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = server.read(&mut buffer) {
        let allowance = shared.allowance.load(Ordering::SeqCst);
        let left = allowance.checked_sub(1).map_or(usize::MAX, |bytes| bytes.saturating_sub(sent));
        let length = if shared.is_silent(number) { 0 } else { length.min(left) };
        sent += length;
        if length == 0 {
            continue;
        }
        if shared.drop_next.swap(false, Ordering::SeqCst)
            || client.write_all(&buffer[..length]).is_err()
        {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
