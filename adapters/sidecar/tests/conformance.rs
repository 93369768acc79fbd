//! The conformance kit over this adapter and its fake.
#[tokio::test]
async fn the_adapter_keeps_the_contract() {
    uriba_sdk::kit::run(&uriba_sidecar::MALL).await.assert_green();
}
