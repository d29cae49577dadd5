//! The fuzz targets of this crate, over their corpus and some mutations of it.

#[path = "../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../fuzz/src/credentials.rs"]
mod targets;

use rstest::rstest;

#[rstest]
#[case("config_json", targets::config_json)]
#[case("secret", targets::secret)]
#[case("keyring", targets::keyring)]
#[case("image_name", targets::image_name)]
fn what_has_to_hold_of_any_input_holds(#[case] name: &str, #[case] target: fn(&[u8])) {
    replay::replay(target, name, [], 2_000);
}
