//! The conformance kit over this adapter and its fake.
#[tokio::test]
async fn the_adapter_keeps_the_contract() {
    let report = uriba_sdk::kit::run(&uriba_mercari::MALL).await;
    println!("{report}");
    report.assert_green();
}
