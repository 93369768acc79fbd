use std::time::Duration;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)).cloned();
    let mut options = uriba::demo::DemoOptions::default();
    if let Some(v) = value("--seed") { options.seed = v.parse().unwrap(); }
    if let Some(v) = value("--speed") { options.speed = v.parse().unwrap(); }
    if let Some(v) = value("--orders-per-minute") { options.orders_per_minute = v.parse().unwrap(); }
    if let Some(v) = value("--duration") { options.duration = Some(Duration::from_secs(v.parse().unwrap())); }
    options.chaos = args.iter().any(|a| a == "--chaos");
    if let Some(path) = value("--log") {
        let file = std::fs::File::create(path).unwrap();
        tracing_subscriber::fmt().with_env_filter("info,uriba=debug").with_ansi(false).with_writer(std::sync::Mutex::new(file)).init();
    }
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let outcome = rt.block_on(uriba::demo::run(options));
    std::process::exit(match outcome {
        Ok(uriba::demo::DemoOutcome::Broken(_)) => 4,
        Ok(_) => 0,
        Err(e) => { eprintln!("{}", uriba::engine::driver::chain(&e)); 1 }
    });
}
