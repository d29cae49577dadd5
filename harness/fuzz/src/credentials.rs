//! What has to hold of any config.json, secret, keyring and image name.

use std::collections::BTreeSet;

use pullproof_credentials::{Format, Image, Keyring, KubernetesVersion, Lookup, PullSecret};

/// A password that nothing contains by chance.
const CANARY: &str = "c4n4ry-Passw0rd";
/// `jane:c4n4ry-Passw0rd` in base64.
const ENCODED: &str = "amFuZTpjNG40cnktUGFzc3cwcmQ=";
/// One version per set of rules.
const MINORS: [u32; 4] = [28, 31, 33, 37];
const IMAGES: [&str; 3] = ["registry.example:5000/team/app:v1", "nginx", "[fd00::1]:5000/app"];

/// Beginnings of a config.json in which the canary is a password, whatever follows.
const BEGINNINGS: [&str; 8] = [
    r#"{"auths":{"registry.example:5000":{"username":"jane","password":"CANARY","#,
    r#"{"auths":{"registry.example:5000":{"auth":"ENCODED","#,
    r#"{"auths":{"https://jane:CANARY@registry.example:5000"#,
    r#"{"auths":{"jane:a/CANARY@registry.example:5000"#,
    r#"{"auths":{"jane:CANARY://a@registry.example:5000"#,
    r#"{"auths":{"registry.example:5000":{"registrytoken":"CANARY","#,
    r#"{"HttpHeaders":{"Authorization":"CANARY"},"#,
    r#"{"auths":{"registry.example:5000":{"auth":"ENCODED!"#,
];

/// Any bytes as the content of a pull secret of either type.
pub fn config_json(document: &[u8]) {
    for format in [Format::Json, Format::Legacy] {
        let secret = secret_of(0, format.secret_type(), document);
        look_up(&[secret], &IMAGES, document.len());
    }
}

/// Any bytes behind a password, which is never shown. The first byte chooses what stands before.
pub fn secret(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let choice = usize::from(*choice);
    let beginning = BEGINNINGS[choice % BEGINNINGS.len()];
    let legacy = choice / BEGINNINGS.len() % 2 == 1;
    let beginning = match beginning.strip_prefix(r#"{"auths":"#) {
        Some(entries) if legacy => entries,
        _ => beginning,
    };
    let mut document = beginning
        .replace("CANARY", CANARY)
        .replace("ENCODED!", ENCODED.trim_end_matches('='))
        .replace("ENCODED", ENCODED)
        .into_bytes();
    document.extend_from_slice(rest);
    let format = if legacy { Format::Legacy } else { Format::Json };
    let types = [format.secret_type(), format.secret_type(), "Opaque"];
    let secret = secret_of(0, types[choice / BEGINNINGS.len() / 2 % types.len()], &document);
    let shown =
        format!("{secret:?}{}", look_up(std::slice::from_ref(&secret), &IMAGES, rest.len()));
    // Rest that has the canary itself may show it, as a key for example.
    if contains(rest, CANARY.as_bytes()) || contains(rest, ENCODED.trim_end_matches('=').as_bytes())
    {
        return;
    }
    let bytes = format!("{:?}", CANARY.as_bytes());
    for form in [CANARY, ENCODED.trim_end_matches('='), bytes.trim_matches(['[', ']'])] {
        assert!(
            !shown.contains(form),
            "{form} of {:?} in {shown}",
            String::from_utf8_lossy(&document)
        );
    }
}

/// An image on the first line, then the contents of secrets, with a NUL between them; a first letter
/// of `l` or `o` makes one a `.dockercfg` or of another type.
pub fn keyring(data: &[u8]) {
    let line = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    let image = String::from_utf8_lossy(&data[..line]);
    let rest = data.get(line + 1..).unwrap_or_default();
    let secrets: Vec<_> = rest
        .split(|&byte| byte == 0)
        .take(8)
        .enumerate()
        .map(|(at, content)| match content {
            [b'l', content @ ..] => secret_of(at, Format::Legacy.secret_type(), content),
            [b'o', content @ ..] => secret_of(at, "Opaque", content),
            content => secret_of(at, Format::Json.secret_type(), content),
        })
        .collect();
    look_up(&secrets, &[&image], rest.len());
}

/// Any text as the name of an image.
pub fn image_name(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for minor in MINORS {
        let version = KubernetesVersion::new(minor, 0);
        let read = Image::parse(&text, version);
        assert_eq!(read, Image::parse(&text, version));
        match read {
            Ok(image) => {
                let name = image.repository();
                assert!(
                    !name.contains(|letter: char| letter.is_control() || letter == ' '),
                    "{name:?}"
                );
                let again = Image::parse(&name, version);
                let parts = again.as_ref().map(|image| (image.host(), image.path()));
                assert_eq!(parts, Ok((image.host(), image.path())), "{text:?} in 1.{minor}");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn secret_of(at: usize, kind: &str, content: &[u8]) -> PullSecret {
    let names = [Format::Json, Format::Legacy].map(Format::data_key);
    let secret = PullSecret::new("team", format!("secret-{at}"), kind);
    names.into_iter().fold(secret, |secret, name| secret.with_data(name, content))
}

/// Looks images up, twice with the same answer, which has a line for each secret. The size of the input
/// chooses the version. Returns all that can be shown of it.
fn look_up(secrets: &[PullSecret], images: &[&str], size: usize) -> String {
    let version = KubernetesVersion::new(MINORS[size % MINORS.len()], 0);
    let read = Keyring::new(secrets, version);
    let mut shown = format!("{read:?}");
    assert_eq!(shown, format!("{:?}", Keyring::new(secrets, version)));
    let ring = match read {
        Ok(ring) => ring,
        Err(error) => {
            assert_eq!(error.passed_over.len(), secrets.len());
            return shown + &format!("{error}{:?}", error.error.kubelet_text());
        }
    };
    for image in images.iter().filter_map(|image| Image::parse(image, version).ok()) {
        let lookup = ring.lookup(&image);
        let debug = format!("{lookup:?}");
        assert_eq!(debug, format!("{:?}", ring.lookup(&image)));
        check(&lookup, secrets);
        shown += &debug;
        lookup.tried.iter().for_each(|credential| shown += &credential.to_string());
    }
    shown
}

fn check(lookup: &Lookup, secrets: &[PullSecret]) {
    let named: BTreeSet<_> = lookup.rows().map(|row| row.secret.clone()).collect();
    assert_eq!(named, secrets.iter().map(PullSecret::id).collect(), "a secret is left out");
    assert!(lookup.sent().count() <= lookup.tried.len());
    let unreasoned = lookup.passed_over.iter().find(|passed| {
        matches!(&passed.reason, pullproof_credentials::Reason::Mismatch(all) if all.is_empty())
    });
    assert!(unreasoned.is_none(), "{unreasoned:?} does not differ from the image");
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
