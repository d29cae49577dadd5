//! The documents in generated secrets, and what is wrong with them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
use rand::{Rng as _, RngCore as _};

use super::generator::Generator;
use super::wire::{Bytes, Secret};
use super::words::TYPES;

const JSON: &str = "kubernetes.io/dockerconfigjson";
const LEGACY: &str = "kubernetes.io/dockercfg";

impl Generator {
    pub fn secret(&mut self) -> Secret {
        let legacy = self.happens(30);
        let (kind, key) = if legacy { (LEGACY, ".dockercfg") } else { (JSON, ".dockerconfigjson") };
        let kind = if self.happens(4) { self.pick(TYPES) } else { kind };
        let key = match self.random.random_range(0..100) {
            0 => ".dockerconfigjson",
            1 => ".dockercfg",
            2 => "data-1",
            3 => ".DockerConfigJson",
            _ => key,
        };
        let mut data = BTreeMap::new();
        if self.happens(3) {
            self.shapes.push("shape: both data keys");
            data.insert(".dockercfg".to_owned(), Bytes(b"{".to_vec()));
            data.insert(".dockerconfigjson".to_owned(), Bytes(b"{}".to_vec()));
        }
        let document = if self.happens(2) { Vec::new() } else { self.document(legacy) };
        data.insert(key.to_owned(), Bytes(document));
        Secret { kind: kind.to_owned(), data }
    }

    fn document(&mut self, legacy: bool) -> Vec<u8> {
        let mut document = match self.random.random_range(0..100) {
            0 => self.value(0),
            1..=5 if legacy => self.config(),
            1..=4 => self.entries(),
            _ if legacy => self.entries(),
            _ => self.config(),
        };
        if self.random.random_ratio(1, 300) {
            document.splice(0..0, *b"\xef\xbb\xbf");
        }
        if self.random.random_ratio(1, 1000) {
            let depth = self.random.random_range(9_997..=10_001);
            let nested = ["[".repeat(depth), "]".repeat(depth)].concat();
            document = format!("{{\"nested\":{nested}}}").into_bytes();
        }
        if self.happens(2) { self.spoiled_bytes(document) } else { document }
    }

    /// The bytes cut off, lengthened, or with one of them changed.
    fn spoiled_bytes(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let place = self.random.random_range(0..=bytes.len());
        let byte = match self.happens(50) {
            true => self.pick(b"{}[]\",:\\ \n0-.eEtfnu="),
            false => self.random.random(),
        };
        match self.random.random_range(0..5) {
            0 => bytes.truncate(place),
            1 => bytes.push(byte),
            2 => bytes.insert(place, byte),
            _ if place == bytes.len() => {}
            3 => bytes[place] = byte,
            _ => drop(bytes.remove(place)),
        }
        self.shapes.push("shape: spoiled document");
        bytes
    }

    fn config(&mut self) -> Vec<u8> {
        let mut members = Vec::new();
        if self.happens(97) {
            let auths = self.field("auths");
            let entries = if self.happens(98) { self.entries() } else { self.value(0) };
            members.push((auths, entries));
        }
        if self.shape(4, "shape: a second auths") {
            let auths = self.field("auths");
            let entries = if self.happens(70) { self.entries() } else { b"null".to_vec() };
            members.push((auths, entries));
        }
        if self.happens(5) {
            let headers = self.field("HttpHeaders");
            let agent: &[u8] = b"{\"User-Agent\":\"Docker\",\"X\":null}";
            let value = if self.happens(80) { agent.to_vec() } else { self.value(1) };
            members.push((headers, value));
        }
        if self.happens(6) {
            members.push((self.string("credsStore"), self.string("desktop")));
        }
        if self.happens(4) {
            let helpers = b"{\"reg.example.com\":\"gcloud\",\"docker.io\":\"hub\"}";
            members.push((self.string("credHelpers"), helpers.to_vec()));
        }
        if self.happens(5) {
            members.push((self.string("unknown"), self.value(2)));
        }
        self.object(members)
    }

    fn entries(&mut self) -> Vec<u8> {
        let count = self.pick(&[0, 1, 1, 1, 2, 2, 3, 4]);
        let mut members: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        for _ in 0..count {
            let repeated = members.last().map(|(key, _)| key.clone());
            let key = match repeated {
                Some(key) if self.shape(4, "shape: a key twice") => key,
                _ => {
                    let key = self.key();
                    self.string(&key)
                }
            };
            let entry = self.entry();
            members.push((key, entry));
        }
        self.object(members)
    }

    fn entry(&mut self) -> Vec<u8> {
        if self.random.random_ratio(1, 100) {
            return self.value(1);
        }
        let mut members = Vec::new();
        let with_auth = self.happens(70);
        if with_auth {
            members.push((self.field("auth"), self.auth()));
        }
        for name in ["username", "password", "email"] {
            if self.happens(if with_auth { 15 } else { 85 }) {
                let text =
                    self.pick(&["jane", "", "hunter2", "p\u{e4}ss:w\u{f6}rd", "a\nb", "\u{0}"]);
                members.push((self.field(name), self.string(text)));
            }
        }
        if self.happens(1) {
            let name = self.pick(&["username", "password", "email", "auth"]);
            members.push((self.field(name), self.value(1)));
        }
        if self.happens(6) {
            let name = self.pick(&["identitytoken", "registrytoken", "unknown"]);
            members.push((self.string(name), self.string("token")));
        }
        if self.happens(2) {
            members.clear();
            members.push((self.string("identitytoken"), self.string("token")));
        }
        self.object(members)
    }

    /// The value of an `auth`: most are base64 of user and password.
    fn auth(&mut self) -> Vec<u8> {
        let login: Vec<u8> = match self.random.random_range(0..60) {
            0 => b"nocolon".to_vec(),
            1 => b":".to_vec(),
            2 => b"jane:".to_vec(),
            3 => b":hunter2".to_vec(),
            4 => b"jane:hunter2\n".to_vec(),
            5 => b"jane:hunter2\0\0".to_vec(),
            6 => b"<token>:a:b:c".to_vec(),
            7 => {
                self.shapes.push("shape: a login that is not UTF-8");
                let mut login = vec![0; self.random.random_range(0..12)];
                self.random.fill_bytes(&mut login);
                login.extend(b":\xff");
                login
            }
            _ => format!("user{}:pass", self.random.random_range(0..100)).into_bytes(),
        };
        let mut text = match self.random.random_range(0..20) {
            0..=3 => STANDARD_NO_PAD.encode(&login),
            4 => URL_SAFE.encode(&login),
            _ => STANDARD.encode(&login),
        };
        if self.shape(2, "shape: space in an auth") {
            let place = self.random.random_range(0..=text.len());
            text.insert_str(
                place,
                self.pick(&["\n", "\r\n", " ", "\t", "\u{a0}", "\u{0}", "\n\n", "\u{85}"]),
            );
        }
        if self.shape(2, "shape: spoiled auth") {
            let place = self.random.random_range(0..=text.len());
            let place = text.floor_char_boundary(place);
            match self.random.random_range(0..3) {
                0 => text.truncate(place),
                1 => text.insert_str(place, self.pick(&["=", "==", "a", "*", "-", "é"])),
                _ => text.push('='),
            }
        }
        self.string(&text)
    }

    /// A value of any kind.
    fn value(&mut self, depth: u32) -> Vec<u8> {
        match self.random.random_range(0..if depth < 3 { 10 } else { 8 }) {
            0..=3 => b"null".to_vec(),
            4 => b"true".to_vec(),
            5 => self.pick(&["0", "-1.5e+9", "1e400", "12345678901234567890"]).as_bytes().to_vec(),
            6 | 7 => {
                let text = self.pick(&["", "text", "bnVsbA=="]);
                self.string(text)
            }
            8 => {
                let element = self.value(depth + 1);
                [b"[", element.as_slice(), b" , ", element.as_slice(), b"]"].concat()
            }
            _ => {
                let member = (self.string("auth"), self.value(depth + 1));
                self.object(vec![member])
            }
        }
    }

    /// The name of a field that the kubelet reads, perhaps in other letters.
    fn field(&mut self, name: &str) -> Vec<u8> {
        let spelled = match self.random.random_range(0..60) {
            0 => name.to_uppercase(),
            1 => name.replace('s', "ſ"),
            2 => name.replace('a', "A"),
            3 => name.replace('u', "ü"),
            4 => format!("{name} "),
            _ => name.to_owned(),
        };
        if spelled != name {
            self.shapes.push("shape: a field in other letters");
        }
        self.string(&spelled)
    }

    fn object(&mut self, mut members: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<u8> {
        if self.happens(20) {
            members.reverse();
        }
        let space = if self.happens(20) { self.pick(&[" ", "\n", "\t", "\r\n "]) } else { "" };
        let parts = members.iter().map(|(name, value)| {
            [name, space.as_bytes(), b":", space.as_bytes(), value, space.as_bytes()].concat()
        });
        let parts: Vec<_> = parts.collect();
        [b"{", space.as_bytes(), &parts.join(&b","[..]), b"}", space.as_bytes()].concat()
    }

    /// A string with escapes, and at times with what is not text.
    fn string(&mut self, text: &str) -> Vec<u8> {
        let escaped = self.happens(3);
        let odd = self.random.random_ratio(1, 80).then(|| self.not_text());
        let odd_at = self.random.random_range(0..=text.chars().count());
        let mut quoted = b"\"".to_vec();
        for (place, letter) in text.chars().enumerate() {
            if place == odd_at {
                quoted.extend(odd.unwrap_or_default());
            }
            let escape = match letter {
                '"' | '\\' => format!("\\{letter}"),
                '\n' => "\\n".to_owned(),
                '/' if escaped => "\\/".to_owned(),
                ..' ' => format!("\\u{:04X}", u32::from(letter)),
                _ if escaped => letter
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}"))
                    .collect(),
                _ => letter.to_string(),
            };
            quoted.extend(escape.as_bytes());
        }
        quoted.push(b'"');
        quoted
    }

    /// Bytes that are not UTF-8, and escapes of surrogates.
    fn not_text(&mut self) -> &'static [u8] {
        self.shapes.push("shape: text that is not UTF-8");
        self.pick(&[
            b"\xff",
            b"\xe2\x82",
            b"\xed\xa0\x80",
            b"\xf0\x9f\x98",
            b"\xf4\x90\x80\x80",
            b"\\ud83d",
            b"\\ud83d\\ude00",
            b"\\udc00\\ud83d",
            b"\\ud83d\\u0041",
        ])
    }
}
