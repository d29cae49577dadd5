//! Time grows with the size of a secret, and not with its square: a secret may have a megabyte.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use pullproof_credentials::{Image, Keyring, KubernetesVersion, PullSecret};
use rstest::rstest;
use rustix::time::{ClockId, clock_gettime};

const VERSION: KubernetesVersion = KubernetesVersion::new(37, 2);
const SMALL: usize = 1 << 16;
const LARGE: usize = 1 << 20;

/// A config.json of about `size` bytes whose entries have these keys.
fn keys(size: usize, key: impl Fn(usize) -> String) -> String {
    let mut document = "{\"auths\":{".to_owned();
    for at in 0.. {
        document += &format!("\"{}\":{{\"auth\":\"dTpw\"}}", key(at));
        if document.len() >= size {
            break;
        }
        document.push(',');
    }
    document + "}}"
}

/// `registry.example` with stars for some of its letters, others for each number.
fn pattern(at: usize) -> String {
    let letters = "registry.example".chars().filter(|&letter| letter != '.');
    let letters = letters.enumerate().map(|(place, letter)| match at >> place & 1 {
        0 => letter,
        _ => '*',
    });
    let mut host: String = letters.collect();
    host.insert(8, '.');
    host
}

/// The processor time of this thread that one look-up takes, the least of some.
fn took(document: &str, of: usize) -> u128 {
    let image = Image::parse("registry.example/team/app:v1", VERSION).unwrap();
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        u128::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u128::try_from(time.tv_nsec).unwrap()
    };
    let once = |_| {
        let start = now();
        let secret = PullSecret::docker_config_json("team", "regcred", document);
        let rows = Keyring::new(&[secret], VERSION).map(|ring| ring.lookup(&image).rows().count());
        assert_ne!(rows, Ok(0));
        now() - start
    };
    (0..of).map(once).min().unwrap()
}

#[rstest]
#[case::keys_that_match(|size| keys(size, pattern))]
#[case::spellings_of_one_key(|size| keys(size, |at| format!("jane-{at}@registry.example")))]
#[case::equal_keys(|size| keys(size, |_| "registry.example".to_owned()))]
#[case::other_hosts(|size| keys(size, |at| format!("host-{at}.test")))]
#[case::paths(|size| keys(size, |at| format!("registry.example/team/{at}")))]
#[case::one_long_host(|size| keys(1, |_| "a".repeat(size)))]
#[case::one_long_name_of_a_label(|size| keys(1, |_| "a.".repeat(size / 2)))]
#[case::one_long_pattern(|size| keys(1, |_| "*a".repeat(size / 2)))]
#[case::one_long_class(|size| keys(1, |_| format!("[{}]", "a-b".repeat(size / 3))))]
#[case::escapes(|size| keys(1, |_| "\\u0041".repeat(size / 6)))]
#[case::at_signs(|size| keys(1, |_| ":@".repeat(size / 2)))]
#[case::arrays(|size| format!("{{\"auths\":{{\"a\":[{}[]]}}}}", "[],".repeat(size / 3)))]
#[case::members(|size| format!("{{{}\"a\":{{}}}}", "\"a\":{},".repeat(size / 7)))]
#[case::open_objects(|size| "{\"a\":".repeat(size / 5))]
fn time_grows_with_the_size(#[case] document: fn(usize) -> String) {
    let (small, large) = (document(SMALL), document(LARGE));
    let times = u128::try_from(large.len() / small.len()).unwrap();
    let (before, after) = (took(&small, 3), took(&large, 1));
    println!("{before} ns, {times} times as large: {after} ns");
    // A square is another 16 times as much; what does not fit into caches is less than four.
    assert!(
        after <= before.max(100_000) * times * 5,
        "{before} ns, {times} times as large: {after} ns"
    );
}
