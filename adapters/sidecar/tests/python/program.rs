//! The program as its user runs it: a file of the shop, a file with the token, a port of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/sidecar-python/sidecar.py");

/// A program that says nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Program {
    pub token: String,
    folder: TempDir,
    child: Child,
    address: String,
}

pub fn can_run() -> bool {
    let asked = Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

impl Program {
    pub fn start(shop: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let token = format!("hub-of-{shop}-77b0e1c94d2f");
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, format!("{token}\n")).unwrap();
        let mut child = Command::new("python3")
            .args(["-B", FILE, "--port", "0", "--shop"])
            .arg(folder.path().join("shop.json"))
            .arg("--token-file")
            .arg(token_file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect(&line).to_owned();
        Self { token, folder, child, address }
    }

    /// Status and body.
    pub fn ask(&self, path: &str, bearer: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut line = TcpStream::connect(&self.address).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: {bearer}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        line.set_read_timeout(Some(PATIENCE)).unwrap();
        line.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        line.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let status = std::str::from_utf8(&answer[..end]).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_off(end + 4))
    }

    pub fn lay_out(&self, state: &Value) {
        std::fs::write(self.file(), state.to_string()).unwrap();
    }

    pub fn state(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file()).unwrap()).unwrap()
    }

    pub fn buy(&self, what: &str) {
        let bought = Command::new("python3").args(["-B", FILE, "--buy", what, "--shop"]).arg(self.file()).output();
        assert!(bought.unwrap().status.success());
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("shop.json")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
