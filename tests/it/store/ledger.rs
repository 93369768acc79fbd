//! Stock events: what is booked once, what a count means, and what the database itself refuses.

use uriba_sdk::Line;

use crate::support::{SHOP, WAREHOUSE, clock, line, on_every_database, order};

#[tokio::test]
async fn the_same_movement_sent_twice_is_booked_once() {
    on_every_database(async |base| {
        base.trade(&["a"], "tea", 10).await;
        let movement = base.movement("receipt", "delivery-1", "tea", &[(SHOP, "main", 5)]).await;
        assert_eq!(base.book(movement.clone()).await, 1);
        assert_eq!(base.book(movement).await, 0);
        assert_eq!(base.in_shop("tea").await, 15);
    })
    .await;
}
