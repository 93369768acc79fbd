//! What comes before any answer: a certificate that nobody vouches for, and a body without an end.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{attention, minutes};
use crate::hub::Hub;

/// Serves each connection in a thread of its own, as long as the test runs.
fn serve(answer: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    address
}

/// Rakuten is at this address, Yahoo! where it always is.
async fn rakuten_at(address: String) -> Hub {
    let malls = [&uriba_rakuten::MALL, &uriba_yahoo::MALL];
    let hub = Hub::open_with(&malls, |plan| {
        if plan.id == "rakuten" {
            plan.settings.base_url = Some(address.clone());
        }
    })
    .await;
    hub.list(0, "tea", 1, 0).await;
    hub.stock("tea", 10).await;
    hub
}

#[tokio::test]
async fn a_body_of_two_gigabytes_is_cut_off_and_named() {
    let written: Arc<AtomicU64> = Arc::default();
    let count = written.clone();
    let address = serve(move |mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", 2_u64 << 30);
        let _ = stream.write_all(head.as_bytes());
        let spaces = [b' '; 65_536];
        while stream.write_all(&spaces).is_ok() {
            count.fetch_add(65_536, Ordering::Relaxed);
        }
    });
    let hub = rakuten_at(format!("http://{address}")).await;
    hub.run_until("yahoo goes on", minutes(5), |hub| hub.counter("yahoo", 0) == 10).await;
    hub.run_for(minutes(30)).await;
    let items = attention(&hub, "lane").await;
    let orders = items.iter().find(|item| item.message.contains("orders are not read")).expect("somebody hears of it");
    assert_eq!(orders.channel.as_deref(), Some("rakuten"));
    assert!(orders.message.contains("larger than 33554432 bytes"), "{}", orders.message);
    assert!(written.load(Ordering::Relaxed) < 3 << 30, "each answer was cut off after 32 MB");
}

/// Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj /CN=localhost`.
const CERTIFICATE: &str = include_str!("self_signed.crt");
const KEY: &str = include_str!("self_signed.key");

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_named_and_nothing_is_sent() {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let heard: Arc<AtomicU64> = Arc::default();
    let count = heard.clone();
    let address = serve(move |mut stream| {
        let mut connection = rustls::ServerConnection::new(config.clone()).unwrap();
        let mut line = rustls::Stream::new(&mut connection, &mut stream);
        if let Ok(read) = line.read(&mut [0; 4_096]) {
            count.fetch_add(read as u64, Ordering::Relaxed);
        }
    });
    let hub = rakuten_at(format!("https://localhost:{}", address.port())).await;
    hub.run_until("yahoo goes on", minutes(5), |hub| hub.counter("yahoo", 0) == 10).await;
    hub.run_for(minutes(30)).await;
    let items = attention(&hub, "lane").await;
    let orders = items.iter().find(|item| item.message.contains("orders are not read")).expect("somebody hears of it");
    assert_eq!(orders.channel.as_deref(), Some("rakuten"));
    assert!(orders.message.contains("certificate"), "{}", orders.message);
    assert_eq!(heard.load(Ordering::Relaxed), 0, "no secret was sent to a stranger");
}
