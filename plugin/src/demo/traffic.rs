//! A shop that answers late, and clients that do not wait: what the demonstration shows.
//!
//! | client    | asks                     | how long it waits | what happens            |
//! |-----------|--------------------------|-------------------|-------------------------|
//! | impatient | GET /items               | 500 ms            | often gives up, as Envoy does at its timeout: FIN, then the late answer meets RST |
//! | regular   | GET /cart, POST /orders  | 5 s               | always answered, on one connection |
//! | probe     | GET /health              | 5 s               | always answered, on a connection each |
//! | lost      | connects to a closed port | -                | refused                 |
//!
//! Everything random comes from fixed seeds.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Where the shop listens.
const SHOP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Where nobody listens.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

/// The timeout that is too short for the shop's slower answers.
const IMPATIENT: Duration = Duration::from_millis(500);

/// The timeout of everyone else.
const PATIENT: Duration = Duration::from_secs(5);

/// Serves and asks for as long as `duration`, or until `stop`.
///
/// Returns when the clients have ended; the server's threads end with the process.
///
/// # Errors
/// If the shop's port is taken: this needs a network of its own.
pub(super) fn run(duration: Duration, stop: &AtomicBool) -> io::Result<()> {
    let listener = TcpListener::bind(SHOP)?;
    thread::spawn(move || serve(&listener));
    let visit = Visit { shop: SHOP, end: Instant::now() + duration, stop };
    thread::scope(|scope| {
        for seed in 1..=3 {
            scope.spawn(move || visit.impatient(Dice(seed)));
        }
        scope.spawn(move || visit.regular(Dice(11)));
        scope.spawn(move || visit.probe(Dice(12)));
        scope.spawn(move || visit.lost());
    });
    Ok(())
}

/// Answers every connection in a thread of its own.
fn serve(listener: &TcpListener) {
    static SEED: AtomicU64 = AtomicU64::new(100);
    for connection in listener.incoming().flatten() {
        let seed = SEED.fetch_add(1, Ordering::Relaxed);
        // Its error is the client that left: what this is about.
        thread::spawn(move || answer(connection, Dice(seed)));
    }
}

/// Answers the requests of one connection in turn. It does not look whether the client is still
/// there, as most servers do not while they work.
fn answer(mut connection: TcpStream, mut dice: Dice) -> io::Result<()> {
    let mut requests = BufReader::new(connection.try_clone()?);
    while let Some(request) = Head::read(&mut requests)? {
        let mut words = request.first.split(' ');
        let (status, work, body) = match (words.next(), words.next()) {
            (Some("GET"), Some("/items")) => {
                ("200 OK", dice.mostly_short(3000), "[\"umbrella\",\"kettle\",\"lamp\"]\n")
            }
            (Some("GET"), Some("/cart")) => ("200 OK", dice.millis(1..10), "{\"items\":2}\n"),
            (Some("POST"), Some("/orders")) => {
                ("201 Created", dice.millis(20..80), "{\"order\":\"accepted\"}\n")
            }
            (Some("GET"), Some("/health")) => ("200 OK", Duration::ZERO, "ok\n"),
            _ => ("404 Not Found", Duration::ZERO, "no such page\n"),
        };
        thread::sleep(work);
        // One write, one packet.
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// What all clients of one demonstration share.
#[derive(Clone, Copy)]
struct Visit<'a> {
    shop: SocketAddr,
    end: Instant,
    stop: &'a AtomicBool,
}

impl Visit<'_> {
    /// Waits `pause`, and says whether to go on. Looks up often, so as not to hold up the end.
    fn goes_on_after(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            let now = Instant::now();
            if now >= self.end || self.stop.load(Ordering::Relaxed) {
                return false;
            }
            if now >= until {
                return true;
            }
            thread::sleep((until - now).min(Duration::from_millis(50)));
        }
    }

    fn impatient(&self, mut dice: Dice) {
        let mut client = Client::new(self.shop, IMPATIENT, "impatient/1.0");
        while self.goes_on_after(dice.millis(100..400)) {
            client.ask("GET", "/items", "", &mut dice);
        }
    }

    fn regular(&self, mut dice: Dice) {
        let mut client = Client::new(self.shop, PATIENT, "regular/1.0");
        while self.goes_on_after(dice.millis(100..300)) {
            client.ask("GET", "/cart", "", &mut dice);
            if dice.below(3) == 0 {
                client.ask("POST", "/orders", "{\"item\":\"lamp\",\"count\":1}\n", &mut dice);
            }
        }
    }

    fn probe(&self, mut dice: Dice) {
        while self.goes_on_after(Duration::from_secs(1)) {
            Client::new(self.shop, PATIENT, "probe/1.0").ask("GET", "/health", "", &mut dice);
        }
    }

    fn lost(&self) {
        while self.goes_on_after(Duration::from_millis(2500)) {
            let refused = TcpStream::connect_timeout(&NOBODY, PATIENT);
            debug_assert!(refused.is_err());
        }
    }
}

/// A client of HTTP/1.1 that keeps its connection until it gives up.
struct Client {
    server: SocketAddr,
    timeout: Duration,
    name: &'static str,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    fn new(server: SocketAddr, timeout: Duration, name: &'static str) -> Self {
        Self { server, timeout, name, connection: None }
    }

    /// Asks once, and says whether the answer came in time.
    ///
    /// If it did not, the connection is closed by a plain `close`, as Envoy does: with nothing
    /// unread it sends FIN, and the kernel answers what comes later with RST.
    fn ask(&mut self, method: &str, path: &str, body: &str, dice: &mut Dice) -> bool {
        match self.try_ask(method, path, body, dice) {
            Ok(connection) => self.connection = Some(connection),
            Err(_timeout) => self.connection = None,
        }
        self.connection.is_some()
    }

    fn try_ask(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
        dice: &mut Dice,
    ) -> io::Result<BufReader<TcpStream>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(TcpStream::connect_timeout(&self.server, self.timeout)?),
        };
        connection.get_ref().set_read_timeout(Some(self.timeout))?;
        let (name, id, length) = (self.name, dice.request_id(), body.len());
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: shop\r\nuser-agent: {name}\r\nx-request-id: {id}\r\n"
        );
        if !body.is_empty() {
            request += "content-type: application/json\r\n";
            request += &format!("content-length: {length}\r\n");
        }
        request += "\r\n";
        request += body;
        connection.get_mut().write_all(request.as_bytes())?;
        Head::read(&mut connection)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(connection)
    }
}

/// The first line of a request or an answer; the rest of it has been read.
struct Head {
    first: String,
}

impl Head {
    /// Reads one with its body; `None` if the other side closed before it.
    fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut first = String::new();
        if from.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            from.read_line(&mut line)?;
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim_end().parse().unwrap_or(0);
            }
            if line.trim_end().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        Ok(Some(Self { first: first.trim_end().to_owned() }))
    }
}

/// Chance from a fixed seed: splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(range.start + self.below(range.end - range.start))
    }

    /// From 0 to `longest` milliseconds, half of them below an eighth of it.
    fn mostly_short(&mut self, longest: u64) -> Duration {
        let part = self.below(1000);
        Duration::from_millis(longest * part.pow(3) / 1_000_000_000)
    }

    /// In the shape of a UUID, as Envoy makes them.
    fn request_id(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xFFFF,
            high & 0x0FFF | 0x4000,
            low >> 48 & 0x3FFF | 0x8000,
            low & 0xFFFF_FFFF_FFFF
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shop on a port of the system's choice.
    fn shop() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || serve(&listener));
        address
    }

    #[test]
    fn everyone_but_the_impatient_is_answered() {
        let shop = shop();
        let mut regular = Client::new(shop, PATIENT, "regular");
        assert!(regular.ask("GET", "/cart", "", &mut Dice(1)));
        assert!(regular.ask("POST", "/orders", "{}", &mut Dice(2)));
        assert!(regular.ask("GET", "/health", "", &mut Dice(3)), "on the same connection");

        let mut hasty = Client::new(shop, Duration::from_millis(5), "hasty");
        assert!(!hasty.ask("POST", "/orders", "{}", &mut Dice(4)));
        assert!(hasty.connection.is_none());
    }

    #[test]
    fn some_items_are_too_late_and_most_are_not() {
        let mut dice = Dice(7);
        let times: Vec<Duration> = (0..1000).map(|_| dice.mostly_short(3000)).collect();
        let late = times.iter().filter(|&&time| time > IMPATIENT).count();
        assert!((350..550).contains(&late), "{late} of 1000");
        assert!(times.iter().all(|&time| time < Duration::from_secs(3)));
    }

    #[test]
    fn request_ids_are_uuids_and_differ() {
        let mut dice = Dice(1);
        let (one, other) = (dice.request_id(), dice.request_id());
        assert_eq!(one.len(), 36);
        assert_eq!(one.as_bytes()[14], b'4');
        assert_ne!(one, other);
    }

    #[test]
    fn the_end_does_not_wait_for_a_pause() {
        let stop = AtomicBool::new(false);
        let visit = Visit { shop: SHOP, end: Instant::now(), stop: &stop };
        assert!(!visit.goes_on_after(PATIENT));
    }
}
