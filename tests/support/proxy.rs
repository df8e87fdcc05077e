//! A proxy between the adapter and the server that counts what the client says and can lose an answer.
//!
//! It reads the client's half of the protocol: each message is a letter and a length. `Sync` and `Query` end an
//! exchange, so their number is the number of round trips.

#![allow(dead_code, reason = "each test binary uses a part")]

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
    lose: AtomicBool,
}

impl Proxy {
    /// A proxy in front of a server.
    pub(crate) fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let own = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (shared, up) =
                    (Arc::clone(&own), (client.try_clone().unwrap(), server.try_clone().unwrap()));
                thread::spawn(move || requests(up.0, up.1, &shared));
                let shared = Arc::clone(&own);
                thread::spawn(move || answers(server, client, &shared));
            }
        });
        Self { port, shared }
    }

    /// The same URL, by way of the proxy.
    pub(crate) fn url(&self, url: &str, address: &str) -> String {
        url.replace(address, &format!("127.0.0.1:{}", self.port))
    }

    /// What was said since the last call, by letter of the protocol.
    pub(crate) fn take(&self) -> BTreeMap<char, usize> {
        std::mem::take(&mut self.shared.messages.lock().unwrap())
    }

    /// Cuts the connection instead of passing on the next answer.
    pub(crate) fn lose_next_answer(&self) {
        self.shared.lose.store(true, Ordering::SeqCst);
    }
}

fn requests(mut client: TcpStream, mut server: TcpStream, shared: &Shared) {
    // The first message has no letter.
    let mut letter = None;
    loop {
        let mut head = vec![0; if letter.is_none() { 4 } else { 5 }];
        if client.read_exact(&mut head).is_err() {
            break;
        }
        let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        if client.read_exact(&mut body).is_err() {
            break;
        }
        if letter.is_some() {
            *shared.messages.lock().unwrap().entry(char::from(head[0])).or_default() += 1;
        }
        // A request for TLS (eight bytes) is answered, and the first message comes again.
        if length != 8 {
            letter = Some(());
        }
        if server.write_all(&[head, body].concat()).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

fn answers(mut server: TcpStream, mut client: TcpStream, shared: &Shared) {
    let mut part = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = server.read(&mut part) {
        if shared.lose.swap(false, Ordering::SeqCst) || client.write_all(&part[..length]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
