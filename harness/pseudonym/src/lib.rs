//! Invented secrets of the same shape, for a file that is given away.
//!
//! A kubelet and a registry treat them as they treat the real ones: the same keys match, the same
//! documents are refused at the same byte, the same credentials are sent.
//!
//! ```
//! use pullproof_credentials::PullSecret;
//! use pullproof_pseudonym::Pseudonyms;
//!
//! let config = r#"{"auths": {"registry.acme.com": {"auth": "amFuZWRvZTpodW50ZXItMjI="}}}"#;
//! let secret = PullSecret::docker_config_json("team", "regcred", config);
//! let pseudonyms = Pseudonyms::builder(42).secret(&secret).build();
//!
//! let (key, invented) = &pseudonyms.secret(&secret)?[0];
//! let invented = String::from_utf8_lossy(invented);
//! assert_eq!((key.as_str(), invented.len()), (".dockerconfigjson", config.len()));
//! assert!(invented.starts_with(r#"{"auths": {"registry.acme.com": {"auth": ""#));
//! assert!(pseudonyms.leaks(invented.as_bytes()).is_empty());
//! assert!(!pseudonyms.text("janedoe:hunter-22 was refused").contains("hunter"));
//!
//! let leak = &pseudonyms.leaks(b"amFuZWRvZTpodW50ZXItMjI=")[0];
//! assert_eq!(leak.to_string(), "auth of registry.acme.com in the secret regcred");
//! # Ok::<(), pullproof_pseudonym::ShapeError>(())
//! ```
//!
//! # Replaced
//!
//! User names, passwords, tokens, e-mails, headers, comments, the values of fields that the kubelet does
//! not read, user and query of a key, names of fields that are none, data of any other key. Each
//! character becomes one of its class and length: capitals, small letters, digits, letters of other
//! scripts. Punctuation stays, unless a value is mostly that. Equal values become equal ones,
//! different ones different; none becomes one that is real. Within base64, JSON and a JSON Web Token the
//! values are replaced, so that claims and fields keep their names.
//!
//! # Kept
//!
//! * The structure: every byte that is no part of a value, so each fault with its place; white space,
//!   NUL, quotes and a byte order mark around a value; padding, line breaks and faults of base64; the
//!   form of each escape.
//! * Names of fields, also slightly misspelt; names of credential helpers; `null`, `true`, `false`.
//! * User names that say which kind of registry this is: `AWS`, `_json_key`, `_json_key_base64`,
//!   `_dcgcr_token`, `oauth2accesstoken`, `00000000-0000-0000-0000-000000000000`, `$oauthtoken`,
//!   `<token>`, `_token`, `__token__`, `x-access-token`; the prefixes `robot$` and
//!   `gitlab+deploy-token-`.
//! * Of tokens and keys of service accounts: algorithms, the type, Google's own URLs, and the times from
//!   which and until which they are valid. Of hashes, algorithm and cost.
//! * Scheme, port and path of a key; its host too, unless hosts are replaced.
//! * With hosts replaced: IP addresses, `localhost`, the labels of Docker Hub and other public
//!   registries, regions of clouds, common top-level domains, `*`.

mod builder;
mod document;
pub mod encoding;
mod forms;
mod hosts;
mod invent;
pub mod layer;
mod leak;
mod lexer;
mod pseudonyms;
mod registry_key;
mod shape;
mod units;
mod values;

pub use builder::Builder;
pub use leak::Leak;
pub use pseudonyms::{Pseudonyms, ShapeError};
