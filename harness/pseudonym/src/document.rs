//! A document of credentials, whole or broken, with its values renamed. Each byte keeps its place, so
//! that a fault stays where it is.

use crate::lexer::{Piece, Token, tokens};
use crate::registry_key;
use crate::shape::{self, At, Kind, Renaming};
use crate::units::Units;

/// What the names in an object are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// Of Docker's config.json.
    Config,
    /// Keys of registries.
    Auths,
    /// `auth`, `username` and their like.
    Entry,
    /// Hosts, whose values are names of programs.
    Helpers,
    /// JSON of any other form, of which the names are kept.
    Generic,
    /// Anything else, or no object.
    Other,
}

/// Names that are kept, and what is nearly one of them: a slip is part of the shape.
const FIELDS: [&str; 25] = [
    "auths",
    "auth",
    "username",
    "password",
    "email",
    "identitytoken",
    "registrytoken",
    "serveraddress",
    "credsStore",
    "credHelpers",
    "HttpHeaders",
    "User-Agent",
    "Authorization",
    "psFormat",
    "imagesFormat",
    "detachKeys",
    "currentContext",
    "cliPluginsExtraDirs",
    "plugins",
    "aliases",
    "features",
    "proxies",
    "experimental",
    "unknown",
    "token",
];

/// Values of a service account's key or a token that are the same for everybody.
const CONSTANTS: [&str; 17] = [
    "service_account",
    "authorized_user",
    "external_account",
    "https://accounts.google.com/o/oauth2/auth",
    "https://oauth2.googleapis.com/token",
    "https://www.googleapis.com/oauth2/v1/certs",
    "googleapis.com",
    "DATA_KEY",
    "JWT",
    "JOSE",
    "HS256",
    "RS256",
    "RS512",
    "PS256",
    "ES256",
    "ES384",
    "EdDSA",
];

/// Times, by which a token is valid or not.
const TIMES: [&str; 5] = ["exp", "iat", "nbf", "auth_time", "expiration"];

/// Renames the values of a document, whose outermost object is of this context.
pub(crate) fn rewrite(
    document: &[u8],
    root: Context,
    at: &At,
    names: &mut dyn Renaming,
) -> Vec<u8> {
    if let Some(renamed) = encoded(document, root, at, names) {
        return renamed;
    }
    let is_whole = serde_json::from_slice::<serde::de::IgnoredAny>(document).is_ok();
    let outermost = Frame { context: Context::Other, name: String::new(), key: at.key.clone() };
    let mut walk = Walk { document, root, at, names, is_whole, open: vec![outermost] };
    let tokens = tokens(document);
    let mut written = Vec::with_capacity(document.len());
    for (number, token) in tokens.iter().enumerate() {
        let is_name = || {
            let mut after = tokens[number + 1..].iter();
            let skipped = |token: &&Token| !matches!(token.piece, Piece::Space | Piece::Comment);
            after.find(skipped).is_some_and(|next| next.piece == Piece::Mark(b':'))
        };
        let new = walk.token(token, is_name);
        written.extend(&document[token.range.start..token.inside.start]);
        written.extend(&new);
        written.extend(&document[token.inside.end..token.range.end]);
        // What an escape less makes shorter, white space makes up for.
        written.resize(written.len() + token.inside.len().saturating_sub(new.len()), b' ');
    }
    written
}

/// A document that was encoded once too often.
fn encoded(document: &[u8], root: Context, at: &At, names: &mut dyn Renaming) -> Option<Vec<u8>> {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_- \t\r\n".contains(byte);
    if !document.starts_with(b"ey") && !document.starts_with(b"ew")
        || !document.iter().all(is_base64)
    {
        return None;
    }
    shape::through_base64(document, |inner| {
        inner.starts_with(b"{").then(|| rewrite(inner, root, at, names))
    })
}

/// An object or array that is open.
struct Frame {
    context: Context,
    /// The name that was read last.
    name: String,
    /// The registry that everything in it is about.
    key: Option<String>,
}

struct Walk<'a> {
    document: &'a [u8],
    root: Context,
    at: &'a At,
    names: &'a mut dyn Renaming,
    is_whole: bool,
    open: Vec<Frame>,
}

impl Walk<'_> {
    fn token(&mut self, token: &Token, is_name: impl Fn() -> bool) -> Vec<u8> {
        let text = &self.document[token.inside.clone()];
        match token.piece {
            Piece::Mark(mark) => {
                self.mark(mark);
                text.to_vec()
            }
            Piece::Space => text.to_vec(),
            Piece::Comment => {
                let at = At::new(None, "a comment", Kind::Other);
                shape::value(text, &at, self.names)
            }
            Piece::Text | Piece::Word => {
                let units = Units::of_json(text);
                let new = match is_name() {
                    true => self.name(&units.decoded),
                    false => self.value(&units.decoded, token.piece == Piece::Word),
                };
                units.write(&new)
            }
        }
    }

    fn mark(&mut self, mark: u8) {
        let depth = self.open.len();
        let Some(last) = self.open.last_mut() else { return };
        match mark {
            b'{' => {
                let context = match depth {
                    1 => self.root,
                    _ => child(last.context, &last.name),
                };
                let is_key = matches!(last.context, Context::Auths | Context::Config)
                    && context == Context::Entry;
                let key = if is_key { Some(shown(&last.name)) } else { last.key.clone() };
                self.open.push(Frame { context, name: String::new(), key });
            }
            b'[' => {
                let frame =
                    Frame { context: last.context, name: last.name.clone(), key: last.key.clone() };
                self.open.push(frame);
            }
            b'}' | b']' if depth > 1 => drop(self.open.pop()),
            _ => {}
        }
    }

    fn name(&mut self, text: &[u8]) -> Vec<u8> {
        let name = String::from_utf8_lossy(text).into_owned();
        let Some(frame) = self.open.last_mut() else { return text.to_vec() };
        frame.name.clone_from(&name);
        let looks_like_host = name.contains(['.', '/', ':']) && !name.contains(char::is_whitespace);
        let is_key = match frame.context {
            Context::Auths | Context::Helpers => true,
            Context::Config => looks_like_host,
            Context::Generic | Context::Entry | Context::Other => false,
        };
        let at = At::new(frame.key.as_deref(), "the name of a field", Kind::Other);
        if is_field(&name) || frame.context == Context::Generic && self.is_whole {
            text.to_vec()
        } else if is_key {
            registry_key::rename(text, self.names)
        } else {
            shape::value(text, &at, self.names)
        }
    }

    fn value(&mut self, text: &[u8], is_word: bool) -> Vec<u8> {
        let Some(frame) = self.open.last() else { return text.to_vec() };
        let (context, name) = (frame.context, frame.name.clone());
        let field = folded(&name);
        let is_program = context == Context::Helpers || field == "credsstore";
        let is_constant = context == Context::Generic
            && (CONSTANTS.iter().any(|known| known.as_bytes() == text)
                || TIMES.contains(&name.as_str()) && crate::invent::is_number(text));
        if is_word && is_literal(text, context) || is_program && names_program(text) || is_constant
        {
            return text.to_vec();
        }
        let kind = match field.as_str() {
            "username" => Kind::User,
            "password" | "auth" | "identitytoken" | "registrytoken" => Kind::Password,
            _ => self.at.kind,
        };
        let field_shown = match context {
            Context::Generic if self.is_whole => format!("{}, {name}", self.at.field),
            _ if is_field(&name) => name,
            _ => self.at.field.clone(),
        };
        let at = At::new(frame.key.as_deref(), &field_shown, kind);
        let is_number = is_word && crate::invent::is_number(text);
        match field.as_str() {
            "auth" if context != Context::Generic && !is_number => {
                shape::auth(text, &at, self.names)
            }
            _ => shape::value(text, &at, self.names),
        }
    }
}

fn child(context: Context, name: &str) -> Context {
    match (context, folded(name).as_str()) {
        (Context::Generic, _) => Context::Generic,
        (Context::Config | Context::Auths, "auths") => Context::Auths,
        (Context::Config, "credhelpers") => Context::Helpers,
        (Context::Config, _) if is_field(name) => Context::Other,
        (Context::Config | Context::Auths, _) => Context::Entry,
        _ => Context::Other,
    }
}

/// As names are compared: without capitals (encoding/json/fold.go).
fn folded(name: &str) -> String {
    let fold = |letter| match letter {
        'ſ' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
}

/// Whether a name is one of the fields or differs from one in few letters.
fn is_field(name: &str) -> bool {
    let range = crate::invent::core(name.as_bytes());
    let name = folded(&name[range]);
    let letters = match name.chars().count() {
        0..3 => 0,
        3..6 => 1,
        _ => 2,
    };
    FIELDS.iter().any(|field| strsim::levenshtein(&folded(field), &name) <= letters)
}

/// `null`, `true`, `false`, also cut off, and numbers that are too short to be credentials.
fn is_literal(text: &[u8], context: Context) -> bool {
    let literals: [&[u8]; 3] = [b"null", b"true", b"false"];
    let is_short = text.iter().filter(|byte| byte.is_ascii_digit()).count() < 4;
    let is_number = crate::invent::is_number(text) && is_short && context != Context::Entry;
    text.len() > 1 && literals.iter().any(|literal| literal.starts_with(text)) || is_number
}

fn names_program(text: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    text.len() <= 32 && text.iter().all(letter)
}

/// The key without what stands before its host.
fn shown(key: &str) -> String {
    key.rsplit('@').next().unwrap_or_default().to_owned()
}
