//! The built program, as a person or a script runs it: what it prints, and how it ends.

mod audit;
mod authorize;
mod backfill;
mod commands;
mod configuration;
mod credentials;
mod database;
mod discover;
mod fake;
mod order_files;
mod orders;
mod sale;
mod service;
mod why;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::ExposeSecret;
use tempfile::TempDir;
use uriba::malls;
use uriba_sdk::{
    Env, SystemEnv,
    fake::{FakeMall, FakeOptions, Item},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_uriba");

/// A folder to work in, with a configuration.
pub struct Place {
    pub folder: TempDir,
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new(configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("uriba.toml"), configuration).unwrap();
        Self { folder }
    }

    /// A shop on the sample mall, which nobody answers for.
    pub fn with_one_channel() -> Self {
        Self::new(&format!("{HEAD}\n{}", channel("sample-main", "sample", NOBODY)))
            .and("app", "an-app")
            .and("key", "a-key")
    }

    pub fn and(self, file: &str, text: &str) -> Self {
        self.write(file, text);
        self
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path().join(file), text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Nothing of this machine's environment gets in.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments.split_whitespace()).current_dir(self.path()).env_clear().env("USER", "maria");
        command
    }

    pub fn run(&self, arguments: &str) -> Ran {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        Ran {
            code: output.status.code().expect("it ends by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Must end well; gives what it printed.
    pub fn fine(&self, arguments: &str) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "uriba {arguments}: {ran:?}");
        ran.out
    }

    pub fn json<T: serde::de::DeserializeOwned>(&self, arguments: &str) -> T {
        let out = self.fine(&format!("--json {arguments}"));
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("uriba {arguments}: {error}\n{out}"))
    }

    /// Starts the service on a free port and waits until it has written down that it serves.
    pub fn serve(&self, more: &str) -> Service {
        self.start(&format!("serve --listen 127.0.0.1:0 {more}"), "serve.log", "uriba serves")
    }

    /// Starts what doesn't end by itself, and waits until it has said these words.
    pub fn start(&self, arguments: &str, log: &str, words: &str) -> Service {
        let log = self.path().join(log);
        let file = std::fs::File::create(&log).unwrap();
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let mut service = Service { child: command.spawn().unwrap(), log };
        until(&format!("uriba {arguments} says {words:?}"), || {
            let ended = service.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", service.log());
            service.log().contains(words)
        });
        service
    }
}

/// Where no mall answers.
pub const NOBODY: &str = "base_url = \"http://127.0.0.1:9\"\n";

pub const HEAD: &str = "[core]\ncounts_shipments = \"at_once\"\n\n[pools.online]\nlocations = [\"tokyo\", \"osaka\"]\n";

/// After [`HEAD`]: every mall shows everything that there is.
pub const SHARED: &str = "exposure = \"shared\"\n";

/// A live channel whose required secrets are in files of their keys' names.
pub fn channel(id: &str, mall: &str, more: &str) -> String {
    let card = malls::find(mall).unwrap().card;
    let keys = card.credentials.iter().filter(|credential| credential.required);
    let credentials = keys.map(|credential| format!("{0} = {{ file = \"{0}\" }}", credential.key));
    section(id, mall, more, credentials.collect())
}

fn section(id: &str, mall: &str, more: &str, credentials: Vec<String>) -> String {
    let credentials = credentials.join(", ");
    format!(
        "[[channels]]\nid = \"{id}\"\nmall = \"{mall}\"\nmode = \"live\"\npoll_interval = \"1s\"\n\
         initial_lookback = \"1d\"\n{more}credentials = {{ {credentials} }}\n\n"
    )
}

/// A running `uriba serve` or `uriba adapter fake`.
pub struct Service {
    child: Child,
    log: std::path::PathBuf,
}

impl Service {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal and waits; gives the exit code and how long it took.
    pub fn stop(&mut self, signal: &str) -> (Option<i32>, Duration) {
        let asked = Instant::now();
        // The shell's own: a small machine has no program of that name.
        let line = format!("kill -{signal} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &line]).status().unwrap();
        assert!(sent.success());
        let status = self.child.wait().unwrap();
        (status.code(), asked.elapsed())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Shops on fake malls, in real time, with the folder that a hub for them works in.
pub struct Street {
    pub place: Place,
    pub shops: Vec<(String, Box<dyn FakeMall>)>,
}

impl Street {
    pub async fn open(malls: &[&str]) -> Self {
        let env: Arc<dyn Env> = Arc::new(SystemEnv::new());
        let mut configuration = format!("{HEAD}{SHARED}");
        let mut shops = Vec::new();
        let place = Place::new("");
        for mall in malls {
            let options = FakeOptions::new(env.clone(), Arc::default(), "a");
            let shop = (malls::find(mall).unwrap().fake)(options).await;
            let settings = shop.settings(mall);
            let mut more = String::new();
            for (key, url) in [("base_url", &settings.base_url), ("auth_url", &settings.auth_url)] {
                more.extend(url.iter().map(|url| format!("{key} = \"{url}\"\n")));
            }
            let mut credentials = Vec::new();
            for (key, secret) in &settings.credentials {
                place.write(&format!("{mall}-{key}"), secret.expose_secret());
                credentials.push(format!("{key} = {{ file = \"{mall}-{key}\" }}"));
            }
            configuration.push_str(&section(mall, mall, &more, credentials));
            shops.push(((*mall).to_owned(), shop));
        }
        place.write("uriba.toml", &configuration);
        Self { place, shops }
    }

    pub fn shop(&self, mall: &str) -> &dyn FakeMall {
        let found = self.shops.iter().find(|(name, _)| name == mall);
        found.map(|(_, shop)| shop.as_ref()).unwrap()
    }

    /// Each shop lists its first item with this figure; the rows of a listings file for it.
    pub fn list(&self, sku: &str, shown: i64) -> String {
        let mut file = "channel,mall_key,sku\n".to_owned();
        for (mall, shop) in &self.shops {
            let key = shop.mall_key(0);
            shop.book().list(&key, Item::new(shown));
            file.push_str(&format!("{mall},{key},{sku}\n"));
        }
        file
    }

    pub fn counters(&self) -> Vec<i64> {
        self.shops.iter().map(|(_, shop)| shop.book().item(&shop.mall_key(0)).unwrap().counter).collect()
    }
}

/// Looks again and again; what takes three minutes is not coming.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(180), "not within three minutes: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
