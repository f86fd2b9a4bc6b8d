use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::{Semaphore, oneshot};

use super::families::Families;
use crate::talk::say;

/// Connections at once; more wait.
const CONNECTIONS: usize = 8;
/// A connection is one scrape, and has this long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Before the next try where a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `/metrics` over HTTP, on a thread of its own: whoever reads slowly holds up nobody else.
pub(super) struct Server {
    /// Dropping it is the end.
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    /// The port is open when this returns, and said.
    pub(super) fn open(address: SocketAddr, families: Arc<Families>) -> Result<Self> {
        let listener = TcpListener::bind(address).with_context(|| {
            format!("--metrics {address} cannot be listened on; name another port, or :0 for any")
        })?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        say(&format!("Metrics: http://{}/metrics", listener.local_addr()?));
        let thread = Builder::new().name("metrics".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, families) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { stop, thread })
    }

    pub(super) fn finish(self) -> Result<()> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow!("the serving of metrics failed"))
    }
}

/// Takes connections for ever.
async fn accept(listener: TcpListener, families: Arc<Families>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let families = Arc::clone(&families);
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let answer = answer(&request, &families);
                async { Ok::<_, Infallible>(answer) }
            });
            let mut http = http1::Builder::new();
            let scrape = http.keep_alive(false).serve_connection(TokioIo::new(stream), answer);
            // A scrape that fails is made again by whoever wants it.
            let _ = tokio::time::timeout(PATIENCE, scrape).await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, families: &Families) -> Response<Full<Bytes>> {
    let plain = (CONTENT_TYPE, "text/plain; charset=utf-8");
    let (status, header, text): (_, (HeaderName, _), String) =
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/metrics") => match families.text() {
                Ok(text) => (StatusCode::OK, (CONTENT_TYPE, OPEN_METRICS), text),
                Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, plain, "no metrics\n".into()),
            },
            (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, (ALLOW, "GET, HEAD"), "".into()),
            _ => (StatusCode::NOT_FOUND, plain, "metrics are at /metrics\n".into()),
        };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header.0, hyper::header::HeaderValue::from_static(header.1));
    response
}
