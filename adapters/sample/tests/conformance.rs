//! The conformance kit over this adapter and its fake. The result is kept beside what was built.
#[tokio::test]
async fn the_adapter_keeps_the_contract() {
    let report = uriba_sdk::kit::run(&uriba_sample::MALL).await.of_version(env!("CARGO_PKG_VERSION"));
    report.write(concat!(env!("CARGO_TARGET_TMPDIR"), "/conformance/sample.json")).unwrap();
    println!("{report}");
    report.assert_green();
}
