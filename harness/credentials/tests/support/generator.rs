//! Pull secrets and images: valid, nearly valid and hostile. Each follows from a seed and a number.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::wire::{Bytes, Input};
use super::words::{
    HOSTILE, HOSTS, IMAGE_HOSTS, PATHS, REPOSITORIES, SCHEMES, TAGS, USERS, WRONG_TAGS,
};

/// Generates an input, and names of what was put into it.
pub fn input(seed: u64, number: u64) -> (Input, Vec<&'static str>) {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number;
    let random = StdRng::seed_from_u64(mixed);
    let mut generator = Generator { random, shapes: Vec::new(), image: String::new() };
    generator.image = generator.image();
    let secrets = generator.random.random_range(0..=3) + u8::from(number.is_multiple_of(7));
    let secrets = (0..secrets).map(|_| generator.secret()).collect();
    let image = Bytes(generator.image.into_bytes());
    (Input { secrets, image }, generator.shapes)
}

/// What generates one input.
pub struct Generator {
    pub random: StdRng,
    pub shapes: Vec<&'static str>,
    /// The image, which keys are made for.
    image: String,
}

impl Generator {
    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.random_range(0..choices.len())]
    }

    /// Whether something happens that does so in `percent` of cases.
    pub fn happens(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }

    /// Whether it happens; if so, it is counted.
    pub fn shape(&mut self, percent: u32, shape: &'static str) -> bool {
        let happens = self.happens(percent);
        if happens {
            self.shapes.push(shape);
        }
        happens
    }

    fn image(&mut self) -> String {
        if self.random.random_ratio(1, 500) {
            return "0123456789abcdef".repeat(4);
        }
        let (host, repository) = (self.pick(IMAGE_HOSTS), self.pick(REPOSITORIES));
        let mut name = format!("{host}{repository}");
        if self.happens(1) {
            let length = self.random.random_range(230..260);
            name = format!("{host}{}", "a".repeat(length));
        }
        name.push_str(if self.happens(3) { self.pick(WRONG_TAGS) } else { self.pick(TAGS) });
        if self.happens(1) {
            let length = self.random.random_range(126..=130);
            name.push_str(&format!(":{}", "v".repeat(length)));
        }
        if self.happens(10) {
            let algorithms =
                ["sha256", "sha256", "sha512", "sha384", "md5", "SHA256", "sha256+b64"];
            let algorithm = self.pick(&algorithms);
            let length = match algorithm {
                "sha256" | "SHA256" => 64,
                "sha512" => 128,
                _ => 96,
            };
            let length = if self.happens(20) { self.random.random_range(30..70) } else { length };
            let digit = self.pick(&["a", "a", "a", "0", "A", "g"]);
            name.push_str(&format!("@{algorithm}:{}", digit.repeat(length)));
        }
        if self.happens(4) { self.spoiled_text(&name) } else { name }
    }

    pub fn key(&mut self) -> String {
        if self.happens(2) {
            let length = self.random.random_range(0..6);
            return (0..length).map(|_| self.pick(HOSTILE)).collect();
        }
        let key = if self.happens(60) { self.key_for_the_image() } else { self.any_key() };
        if self.happens(5) { self.spoiled_text(&key) } else { key }
    }

    fn any_key(&mut self) -> String {
        [SCHEMES, USERS, HOSTS, PATHS].map(|texts| self.pick(texts)).concat()
    }

    /// A key that matches, or that nearly does.
    fn key_for_the_image(&mut self) -> String {
        let image = self.image.clone();
        let (host, path) = match image.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) => (host, path),
            _ => ("index.docker.io", image.as_str()),
        };
        let host = match self.random.random_range(0..16) {
            0 => host.split(':').next().unwrap_or_default().to_owned(),
            1 => format!("{host}:443"),
            2 => host.replacen("reg", "*", 1),
            3 => host.replacen('e', "?", 1),
            4 => host.split('.').map(|_| "*").collect::<Vec<_>>().join("."),
            5 => host.split_once('.').map_or(host, |(_, parent)| parent).to_owned(),
            6 => host.to_uppercase(),
            7 => host.replacen('e', "%65", 1),
            8 if host.ends_with(".4") => format!("[::ffff:{host}]"),
            8 if host.starts_with('[') => format!("reg{host}"),
            _ => host.to_owned(),
        };
        let path = match self.random.random_range(0..8) {
            0 => format!("/{path}"),
            1 => format!(
                "/{}",
                &path[..path.floor_char_boundary(self.random.random_range(0..=path.len()))]
            ),
            2 => self.pick(PATHS).to_owned(),
            3 => format!("/v2/{}/", path.split('/').next().unwrap_or_default()),
            4 => "/v1/".to_owned(),
            _ => String::new(),
        };
        let scheme = self.pick(&["", "", "https://", "http://"]);
        format!("{scheme}{host}{path}")
    }

    /// The text with something hostile in it, in the place of a letter or between two.
    fn spoiled_text(&mut self, text: &str) -> String {
        self.shapes.push("shape: hostile text");
        let mut letters: Vec<String> = text.chars().map(String::from).collect();
        for _ in 0..self.random.random_range(1..=2) {
            let place = self.random.random_range(0..=letters.len());
            let hostile = self.pick(HOSTILE).to_owned();
            if self.happens(50) && place < letters.len() {
                letters[place] = hostile;
            } else {
                letters.insert(place, hostile);
            }
        }
        letters.concat()
    }
}

/// What the generator counts.
pub const SHAPES: &[&str] = &[
    "shape: hostile text",
    "shape: both data keys",
    "shape: spoiled document",
    "shape: a second auths",
    "shape: a key twice",
    "shape: a login that is not UTF-8",
    "shape: space in an auth",
    "shape: spoiled auth",
    "shape: a field in other letters",
    "shape: text that is not UTF-8",
];
