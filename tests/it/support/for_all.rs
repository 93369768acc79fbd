//! Property tests over stories that wait: proptest makes and shrinks the cases, and each is told on a real
//! database.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Tells the story of so many cases, the same ones each time. The number is another one for each telling, so
/// that tellings can share a database.
pub async fn for_all<S: Strategy>(cases: u32, strategy: S, story: impl AsyncFn(u32, S::Value) -> Result<(), String>) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let mut number = 0;
    for _ in 0..cases {
        let mut tree = strategy.new_tree(&mut runner).unwrap();
        number += 1;
        let Err(mut error) = story(number, tree.current()).await else { continue };
        let mut smallest = tree.current();
        'shrinking: while tree.simplify() {
            loop {
                number += 1;
                match story(number, tree.current()).await {
                    Err(smaller) => {
                        (error, smallest) = (smaller, tree.current());
                        break;
                    }
                    Ok(()) if tree.complicate() => {}
                    Ok(()) => break 'shrinking,
                }
            }
        }
        panic!("{error}\nthe smallest case found: {smallest:#?}");
    }
}
