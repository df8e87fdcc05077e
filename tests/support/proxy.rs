//! A proxy between the adapter and the server that counts the client's messages and can drop a response.
//!
//! It parses the messages of the client, each with a type byte and a length. `Sync` and `Query` end a round trip, so their
//! number is the number of round trips.

#![allow(dead_code, reason = "each test binary uses some of it")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
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
                thread::spawn(move || forward_requests(up.0, up.1, &shared));
                let shared = Arc::clone(&counters);
                thread::spawn(move || forward_responses(server, client, &shared));
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

    /// Closes the connection instead of forwarding the next response.
    pub(crate) fn drop_next_response(&self) {
        self.shared.drop_next.store(true, Ordering::SeqCst);
    }
}

/// Forwards and counts the messages of the client.
fn forward_requests(mut client: TcpStream, mut server: TcpStream, shared: &Shared) {
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
fn forward_responses(mut server: TcpStream, mut client: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = server.read(&mut buffer) {
        if shared.drop_next.swap(false, Ordering::SeqCst)
            || client.write_all(&buffer[..length]).is_err()
        {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
