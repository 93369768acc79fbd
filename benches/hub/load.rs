//! A crowd of clients that ask over kept connections, each waiting for its answer before it asks again. It
//! reads no more of HTTP than it must: on a small machine the crowd runs on the processors that it measures.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::report::quantile;

/// What a crowd met with.
#[derive(Default)]
pub struct Crowd {
    pub latencies: Vec<Duration>,
    /// Answers of each status that was hoped for.
    pub granted: usize,
    pub refused: usize,
    /// Sent away because too many were waiting.
    pub busy: usize,
    pub spent: Duration,
}

impl Crowd {
    pub fn per_second(&self) -> f64 {
        (self.granted + self.refused) as f64 / self.spent.as_secs_f64()
    }

    pub fn granted_per_second(&self) -> f64 {
        self.granted as f64 / self.spent.as_secs_f64()
    }

    pub fn quantile(&self, part: f64) -> Duration {
        quantile(&self.latencies, part)
    }
}

/// One connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4_096) })
    }

    /// Sends the bytes of a request; gives the status of its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server closed the connection");
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head])?.to_ascii_lowercase();
        let status = text.get(9..12).context("no status line")?.parse()?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(Ok(0), |length| length.trim().parse())?;
        while self.buffer.len() < head + length {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server closed the connection");
        }
        Ok(status)
    }
}

/// The bytes of a request with this body.
pub fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// So many clients at once for so long. `next`: the bytes of a client's n-th request. 200, 201 and 204 are
/// granted, 409 is refused, 503 is busy, anything else breaks the measurement.
pub async fn crowd(
    address: SocketAddr,
    clients: usize,
    length: Duration,
    next: impl Fn(usize, usize) -> Vec<u8> + Send + Sync + 'static,
) -> Result<Crowd> {
    let next = Arc::new(next);
    let mut tasks = JoinSet::new();
    let mut connections = Vec::with_capacity(clients);
    for _ in 0..clients {
        connections.push(Client::connect(address).await?);
    }
    let began = Instant::now();
    for (number, mut client) in connections.into_iter().enumerate() {
        let next = next.clone();
        tasks.spawn(async move {
            let mut mine = Crowd::default();
            for n in 0.. {
                if began.elapsed() > length {
                    break;
                }
                let request = next(number, n);
                let asked = Instant::now();
                let status = client.exchange(&request).await?;
                mine.latencies.push(asked.elapsed());
                match status {
                    200 | 201 | 204 => mine.granted += 1,
                    409 => mine.refused += 1,
                    503 => mine.busy += 1,
                    other => anyhow::bail!("a request was answered with {other}"),
                }
            }
            Ok(mine)
        });
    }
    let mut all = Crowd::default();
    while let Some(one) = tasks.join_next().await {
        let one = one??;
        all.latencies.extend(one.latencies);
        all.granted += one.granted;
        all.refused += one.refused;
        all.busy += one.busy;
    }
    all.spent = began.elapsed();
    Ok(all)
}
