//! Which keys of the mall a channel uses, and until when.

use jiff::SignedDuration;
use uriba::store::sheets::ChannelSheet;

use super::Place;

#[test]
fn a_channel_says_since_when_each_key_is_known_and_when_it_ends() {
    let place = Place::with_one_channel();
    place.fine("run-once --step expire");
    let sheet: ChannelSheet = place.json("channel show sample-main");
    let [app, key] = &sheet.credentials[..] else { panic!("{:?}", sheet.credentials) };
    assert_eq!((app.name.as_str(), app.expires_at), ("app", None));
    assert_eq!(key.expires_at, Some(key.since + SignedDuration::from_hours(365 * 24)));
    let page = place.fine("channel show sample-main");
    assert!(page.contains("CREDENTIAL  KNOWN SINCE") && page.contains("ENDS BY"), "{page}");
    assert!(!page.contains("a-key"), "{page}");

    place.write("key", "another-key");
    place.fine("run-once --step expire");
    let later: ChannelSheet = place.json("channel show sample-main");
    assert_eq!(later.credentials[0], *app);
    assert!(later.credentials[1].since > key.since);
}
