use std::{sync::Arc, time::Instant};
use uriba::{domain::ledger::CountsShipments, engine::import::*, store::{*, channels::*, sheets::*, catalogue::Mapping}};
use uriba_sdk::SystemEnv;
#[tokio::test]
async fn perf() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("u.db").display());
    let store = Store::open(&url, Arc::new(SystemEnv::new())).await.unwrap();
    migrate(&store).await.unwrap();
    let pools = [PoolSetup { id: "online".into(), locations: vec!["shop".into()] }];
    let ch: Vec<_> = ["a","b","c"].iter().map(|id| ChannelSetup { id: (*id).into(), mall: "plain".into(), name: (*id).into(), pool: "online".into(), live: true }).collect();
    store.configure(&pools, &ch, "t").await.unwrap();
    let n = 30_000;
    let rows: String = (0..n).map(|n| format!("shop,S{n:06},{}\n", n % 50)).collect();
    let text = format!("location,sku,quantity\n{rows}");
    let profile = Profile::default();
    let file = BookFile { name: "b", bytes: text.as_bytes(), as_of: None, zone: &jiff::tz::TimeZone::UTC, profile: &profile, counts: Some(CountsShipments::AtOnce), dry_run: false, skip_invalid: false, by: "t" };
    let t = Instant::now();
    let r = import_book(&store, &file).await.unwrap();
    println!("book {n}: {:?} booked {}", t.elapsed(), r.booked);
    let t = Instant::now();
    let now = store.now();
    let f2 = BookFile { as_of: Some(now), ..file.clone() };
    let r = import_book(&store, &f2).await.unwrap();
    println!("book again other instant: {:?} booked {} unchanged {}", t.elapsed(), r.booked, r.unchanged);
    let t = Instant::now();
    let r = import_book(&store, &file).await.unwrap();
    println!("book known: {:?} {:?}", t.elapsed(), r.state);
    for c in ["a","b","c"] {
        let t = Instant::now();
        let maps: String = (0..n).map(|n| format!("{c},S{n:06},S{n:06}\n")).collect();
        let text = format!("channel,mall_key,sku\n{maps}");
        let lf = ListingsFile { bytes: text.as_bytes(), profile: &profile, create_skus: false, dry_run: false, skip_invalid: false, by: "t" };
        let r = import_listings(&store, &lf).await.unwrap();
        println!("listings {c}: {:?} {}", t.elapsed(), r.booked);
    }
    let _ = Mapping::default();
    let outlines = Outlines::new();
    for (l) in [1u64, 100, 1000] {
        let t = Instant::now();
        let p = store.sku_sheets(&outlines, &Paging::new(Some(l), None)).await.unwrap();
        println!("sku_sheets {l}: {:?} {}", t.elapsed(), p.items.len());
        let t = Instant::now();
        let p = store.listing_sheets(&ListingFilter::default(), &outlines, &Paging::new(Some(l), None)).await.unwrap();
        println!("listing_sheets {l}: {:?} {}", t.elapsed(), p.items.len());
    }
    let t = Instant::now();
    store.pool_totals().await.unwrap();
    println!("pool_totals: {:?}", t.elapsed());
    let t = Instant::now();
    store.channel_sheets(&outlines, &Paging::new(None, None)).await.unwrap();
    println!("channel_sheets: {:?}", t.elapsed());
    let t = Instant::now();
    store.unmapped_sheets(None, &Paging::new(None, None)).await.unwrap();
    println!("unmapped: {:?}", t.elapsed());
}
