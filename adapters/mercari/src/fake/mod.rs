use std::{future::Future, pin::Pin};
use uriba_sdk::fake::{FakeMall, FakeOptions};
pub fn start(_options: FakeOptions) -> Pin<Box<dyn Future<Output = Box<dyn FakeMall>> + Send>> {
    unimplemented!()
}
