//! A proxy on this machine, SOCKS5 or HTTP as it is spoken to.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// It serves until this process ends.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                thread::spawn(move || {
                    if let Some((client, server)) = connected(client) {
                        count.fetch_add(1, Ordering::Relaxed);
                        let (from, to) = (clone(&client), clone(&server));
                        thread::spawn(move || pass(from, to));
                        pass(server, client);
                    }
                });
            }
        });
        Self { address, connections }
    }

    /// How many connections were made through it since this was asked.
    pub(crate) fn connections(&self) -> usize {
        self.connections.swap(0, Ordering::Relaxed)
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a descriptor")
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

/// The client, and the server that it asked for.
fn connected(mut client: TcpStream) -> Option<(TcpStream, TcpStream)> {
    let mut first = [0];
    client.peek(&mut first).ok()?;
    if first == [5] {
        let mut hello = [0; 2];
        client.read_exact(&mut hello).ok()?;
        client.read_exact(&mut vec![0; hello[1].into()]).ok()?;
        client.write_all(&[5, 0]).ok()?;
        let mut request = [0; 4];
        client.read_exact(&mut request).ok()?;
        let host = match request[3] {
            1 => {
                let mut address = [0; 4];
                client.read_exact(&mut address).ok()?;
                std::net::Ipv4Addr::from(address).to_string()
            }
            3 => {
                let mut length = [0];
                client.read_exact(&mut length).ok()?;
                let mut name = vec![0; length[0].into()];
                client.read_exact(&mut name).ok()?;
                String::from_utf8(name).ok()?
            }
            _ => return None,
        };
        let mut port = [0; 2];
        client.read_exact(&mut port).ok()?;
        let server = TcpStream::connect((host, u16::from_be_bytes(port))).ok()?;
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
        return Some((client, server));
    }
    let mut lines = BufReader::new(clone(&client));
    let mut line = String::new();
    lines.read_line(&mut line).ok()?;
    let server = TcpStream::connect(line.strip_prefix("CONNECT ")?.split(' ').next()?).ok()?;
    while line.trim() != "" {
        line.clear();
        lines.read_line(&mut line).ok()?;
    }
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    Some((client, server))
}
