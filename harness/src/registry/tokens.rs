//! The token server of a registry, served by its gateway.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Body;
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, StatusCode};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq as _;

use super::authorization::{self, Authorization, Password};
use super::exchange::GatewayResponse;
use super::jwt::{Access, SERVICE, SigningKey};
use super::password::PasswordMark;
use crate::case::model::{Anonymous, TokenAuth, TokenField, TokenForms, TokenUser};

/// Longer than any form that a client sends.
const LONGEST_FORM: usize = 64 * 1024;

/// A token server: users, their rights, and the key that signs.
#[derive(Debug)]
pub struct TokenServer {
    rules: TokenAuth,
    users: RwLock<BTreeMap<String, TokenUser>>,
    key: SigningKey,
}

/// A token request as it arrived.
#[derive(Debug)]
pub(super) struct TokenRequest {
    method: Method,
    header: Authorization,
    /// None where the form could not be read.
    parameters: Option<TokenParameters>,
}

/// The parameters of a token request (distribution/distribution, docs/content/spec/auth/token.md).
#[derive(Debug, Default)]
struct TokenParameters {
    credentials: Option<(String, Password)>,
    service: Option<String>,
    scopes: Vec<String>,
    grant: Option<String>,
}

/// Why no token is given.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn of(message: &str) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, message: message.to_owned() }
    }
}

impl TokenServer {
    /// A token server by the rules of a case.
    pub fn new(rules: &TokenAuth, key: SigningKey) -> Self {
        Self { users: RwLock::new(rules.users.clone()), rules: rules.clone(), key }
    }

    /// Replaces users and passwords. A user who stays keeps the repositories.
    pub fn set_users(&self, users: &BTreeMap<String, SecretString>) {
        let mut known = self.users.write().unwrap_or_else(PoisonError::into_inner);
        *known = users
            .iter()
            .map(|(name, password)| {
                let repositories = known.get(name).and_then(|user| user.repositories.clone());
                (name.clone(), TokenUser { password: password.clone(), repositories })
            })
            .collect();
    }

    /// Returns the token that anybody gets to pull from a repository, or the status of the refusal.
    pub(super) fn anonymous(&self, repository: &str) -> Result<SecretString, StatusCode> {
        let parameters = TokenParameters {
            scopes: vec![format!("repository:{repository}:pull")],
            ..TokenParameters::default()
        };
        self.token(&parameters).map_err(|refusal| refusal.status)
    }

    /// Answers a request.
    pub(super) fn answer(&self, request: &TokenRequest) -> GatewayResponse {
        let Some(parameters) = &request.parameters else {
            return GatewayResponse::error(StatusCode::BAD_REQUEST, "the form cannot be read");
        };
        if request.method == Method::GET {
            // A header that is there and cannot be read is not the same as none.
            if parameters.credentials.is_none() && request.header != Authorization::None {
                return refused("the Authorization header is no Basic credentials");
            }
            self.grant(parameters)
        } else if request.method == Method::POST && self.rules.forms == TokenForms::Both {
            if parameters.grant.as_deref() != Some("password") {
                let message = "grant_type must be password: no refresh tokens are given";
                return GatewayResponse::error(StatusCode::BAD_REQUEST, message);
            }
            self.grant(parameters)
        } else {
            GatewayResponse::error(StatusCode::NOT_FOUND, "no such form of the token request")
        }
    }

    /// Returns the response to the parameters of a request.
    fn grant(&self, parameters: &TokenParameters) -> GatewayResponse {
        let token = match self.token(parameters) {
            Ok(token) => token,
            Err(Refusal { status: StatusCode::UNAUTHORIZED, message }) => return refused(&message),
            Err(Refusal { status, message }) => return GatewayResponse::error(status, &message),
        };
        let token = token.expose_secret();
        let mut body = json!({
            "expires_in": self.rules.expires,
            "issued_at": Timestamp::now().to_string(),
        });
        let fields: &[&str] = match self.rules.field {
            TokenField::Both => &["token", "access_token"],
            TokenField::Token => &["token"],
            TokenField::AccessToken => &["access_token"],
        };
        for &field in fields {
            body[field] = token.into();
        }
        GatewayResponse::json(StatusCode::OK, body.to_string())
    }

    /// Decides what is granted: a token, or the refusal.
    fn token(&self, parameters: &TokenParameters) -> Result<SecretString, Refusal> {
        let user = match &parameters.credentials {
            Some((name, password)) => match self.user(name, password) {
                Some(user) => Some((name.as_str(), user)),
                None => return Err(Refusal::of("incorrect username or password")),
            },
            None => None,
        };
        let mut granted = Vec::new();
        let mut all = !parameters.scopes.is_empty();
        for scope in &parameters.scopes {
            let access = self.access(scope, user.as_ref().map(|(_, user)| user));
            all &= access.is_some();
            granted.extend(access);
        }
        if user.is_none() && !all && self.rules.anonymous == Anonymous::Refused {
            return Err(Refusal::of("authentication required"));
        }
        let subject = user.map_or("", |(name, _)| name);
        let service = parameters.service.as_deref().unwrap_or(SERVICE);
        self.key
            .sign(subject, service, &granted, self.rules.not_before, self.rules.expires)
            .map_err(|error| Refusal {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                message: error.to_string(),
            })
    }

    fn user(&self, name: &str, password: &Password) -> Option<TokenUser> {
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        let user = users.get(name)?;
        let right: bool =
            user.password.expose_secret().as_bytes().ct_eq(password.expose_secret()).into();
        right.then(|| user.clone())
    }

    /// The part of a scope that is granted: `repository:name:pull,push` gives `pull` where the user
    /// may read the repository, or anyone may.
    fn access(&self, scope: &str, user: Option<&TokenUser>) -> Option<Access> {
        let (kind, rest) = scope.split_once(':')?;
        // A name may hold a colon: `repository:host:5000/name:pull`.
        let (name, actions) = rest.rsplit_once(':')?;
        if kind != "repository" || !actions.split(',').any(|action| action == "pull") {
            return None;
        }
        let public = self.rules.public.iter().any(|public| public == name);
        let response = user.is_some_and(|user| match &user.repositories {
            Some(repositories) => repositories.iter().any(|repository| repository == name),
            None => true,
        });
        (public || response).then(|| Access::repository(name, &["pull"]))
    }
}

impl TokenRequest {
    /// Reads a request to its end. It is read whatever answers it: by whom it was sent is in the
    /// form of a POST.
    pub(super) async fn read<B>(request: Request<B>) -> Self
    where
        B: Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let parameters = if head.method == Method::POST {
            let body = Limited::new(body, LONGEST_FORM).collect().await;
            body.ok().map(|body| TokenParameters::of(&body.to_bytes()))
        } else {
            let mut parameters =
                TokenParameters::of(head.uri.query().unwrap_or_default().as_bytes());
            parameters.credentials = authorization::basic(&head.headers);
            Some(parameters)
        };
        Self { header: Authorization::of(&head.headers), method: head.method, parameters }
    }

    /// The user that its form or header names, with the mark of the password.
    pub(super) fn credentials(&self) -> Option<(&str, PasswordMark)> {
        let (user, password) = self.parameters.as_ref()?.credentials.as_ref()?;
        Some((user, PasswordMark::of_bytes(password.expose_secret())))
    }
}

impl TokenParameters {
    /// Reads a query or a form.
    fn of(encoded: &[u8]) -> Self {
        let mut parameters = Self::default();
        let (mut user, mut password) = (None, None);
        for (name, value) in form_urlencoded::parse(encoded) {
            match name.as_ref() {
                "service" => parameters.service = Some(value.into_owned()),
                // OAuth joins scopes by spaces, the older form repeats the parameter.
                "scope" => parameters.scopes.extend(value.split_whitespace().map(str::to_owned)),
                "username" => user = Some(value.into_owned()),
                "password" => password = Some(value.into_owned().into_bytes().into()),
                "grant_type" => parameters.grant = Some(value.into_owned()),
                _ => {}
            }
        }
        parameters.credentials = user.zip(password);
        parameters
    }
}

fn refused(message: &str) -> GatewayResponse {
    let mut response = GatewayResponse::error(StatusCode::UNAUTHORIZED, message);
    response
        .headers
        .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"pullproof\""));
    response
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use http_body_util::Full;
    use serde_json::Value;

    use super::*;

    const CANARY: &str = "canary-xxxxxxxxxxx";

    fn rules() -> TokenAuth {
        let users = [("janedoe", Some(vec!["janedoe/jdoe-private".to_owned()])), ("admin", None)];
        TokenAuth {
            users: users
                .into_iter()
                .map(|(name, repositories)| {
                    (name.to_owned(), TokenUser { password: CANARY.into(), repositories })
                })
                .collect(),
            public: vec!["library/public".to_owned()],
            anonymous: Anonymous::Refused,
            forms: TokenForms::Both,
            expires: 60,
            not_before: 0,
            field: TokenField::Both,
            challenge: Default::default(),
        }
    }

    fn server(rules: &TokenAuth) -> TokenServer {
        TokenServer::new(rules, SigningKey::generate().unwrap())
    }

    async fn get(
        server: &TokenServer,
        who: Option<(&str, &str)>,
        query: &str,
    ) -> (GatewayResponse, Authorization) {
        let mut request = Request::get(format!("/pullproof/token?{query}"));
        if let Some((user, password)) = who {
            let basic = STANDARD.encode(format!("{user}:{password}"));
            request = request.header("authorization", format!("Basic {basic}"));
        }
        ask(server, request.body(Full::<bytes::Bytes>::default()).unwrap()).await
    }

    async fn ask(
        server: &TokenServer,
        request: Request<Full<bytes::Bytes>>,
    ) -> (GatewayResponse, Authorization) {
        let request = TokenRequest::read(request).await;
        let who = match request.credentials() {
            Some((user, _)) => Authorization::Basic { user: user.to_owned() },
            None => request.header.clone(),
        };
        (server.answer(&request), who)
    }

    async fn post(server: &TokenServer, form: &str) -> (GatewayResponse, Authorization) {
        let request = Request::post("/pullproof/token")
            .body(Full::<bytes::Bytes>::from(form.to_owned()))
            .unwrap();
        ask(server, request).await
    }

    fn claims(response: &GatewayResponse) -> Value {
        let body: Value = serde_json::from_str(&response.body).unwrap();
        let token = body["token"].as_str().unwrap();
        assert_eq!(body["access_token"], body["token"]);
        let payload = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_user_gets_the_part_of_the_scope_that_is_granted() {
        let server = server(&rules());
        let query = "service=pullproof&scope=repository:janedoe/jdoe-private:pull,push";
        let (response, who) = get(&server, Some(("janedoe", CANARY)), query).await;
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(who, Authorization::Basic { user: "janedoe".into() });
        let claims = claims(&response);
        assert_eq!(claims["sub"], "janedoe");
        assert_eq!(claims["aud"], json!(["pullproof"]));
        assert_eq!(
            claims["access"],
            json!([{ "type": "repository", "name": "janedoe/jdoe-private", "actions": ["pull"] }])
        );
    }

    #[tokio::test]
    async fn a_repository_of_others_gives_a_token_without_rights() {
        let server = server(&rules());
        let query = "scope=repository:other/image:pull";
        let (response, _) = get(&server, Some(("janedoe", CANARY)), query).await;
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(claims(&response)["access"], json!([]));
        let (response, _) = get(&server, Some(("admin", CANARY)), query).await;
        assert_eq!(claims(&response)["access"][0]["name"], "other/image");
    }

    #[tokio::test]
    async fn wrong_credentials_are_refused_for_public_repositories_too() {
        let server = server(&rules());
        let query = "scope=repository:library/public:pull";
        for who in [("janedoe", "wrong"), ("nobody", CANARY), ("janedoe", "")] {
            let (response, seen) = get(&server, Some(who), query).await;
            assert_eq!(response.status, StatusCode::UNAUTHORIZED);
            assert_eq!(seen, Authorization::Basic { user: who.0.into() });
        }
    }

    #[tokio::test]
    async fn anyone_gets_what_is_public_and_nothing_else() {
        let server = server(&rules());
        let (response, who) = get(&server, None, "scope=repository:library/public:pull").await;
        assert_eq!((response.status, who), (StatusCode::OK, Authorization::None));
        assert_eq!(claims(&response)["sub"], "");
        for query in [
            "scope=repository:other:pull",
            "scope=repository:library/public:push",
            "scope=repository:library/public:pull&scope=repository:other:pull",
            "",
        ] {
            assert_eq!(get(&server, None, query).await.0.status, StatusCode::UNAUTHORIZED);
        }
    }

    #[tokio::test]
    async fn a_scopeless_server_gives_anyone_a_token_without_rights() {
        let server = server(&TokenAuth { anonymous: Anonymous::Scopeless, ..rules() });
        let (response, _) = get(&server, None, "scope=repository:other:pull").await;
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(claims(&response)["access"], json!([]));
    }

    #[tokio::test]
    async fn the_oauth_form_takes_credentials_and_several_scopes() {
        let server = server(&rules());
        let form = format!(
            "grant_type=password&username=admin&password={CANARY}&service=s&client_id=containerd-client\
             &scope=repository%3Aa%3Apull+repository%3Ab%3Apull"
        );
        let (response, who) = post(&server, &form).await;
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(who, Authorization::Basic { user: "admin".into() });
        assert_eq!(claims(&response)["access"].as_array().unwrap().len(), 2);
        assert_eq!(claims(&response)["aud"], json!(["s"]));

        let wrong = "grant_type=password&username=admin&password=wrong";
        assert_eq!(post(&server, wrong).await.0.status, StatusCode::UNAUTHORIZED);
        let refresh = "grant_type=refresh_token&refresh_token=x";
        assert_eq!(post(&server, refresh).await.0.status, StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn an_older_server_has_no_oauth_form() {
        let server = server(&TokenAuth { forms: TokenForms::Get, ..rules() });
        let form = format!("grant_type=password&username=admin&password={CANARY}");
        let (response, who) = post(&server, &form).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND);
        assert_eq!(who, Authorization::Basic { user: "admin".into() });
    }

    #[tokio::test]
    async fn the_token_is_in_the_field_that_the_case_says() {
        for (field, there) in [
            (TokenField::Both, [true, true]),
            (TokenField::Token, [true, false]),
            (TokenField::AccessToken, [false, true]),
        ] {
            let server = server(&TokenAuth { field, ..rules() });
            let (response, _) = get(&server, Some(("admin", CANARY)), "").await;
            let body: Value = serde_json::from_str(&response.body).unwrap();
            assert_eq!(["token", "access_token"].map(|it| body[it].is_string()), there);
        }
    }

    #[tokio::test]
    async fn changed_passwords_count_and_repositories_stay() {
        let server = server(&rules());
        server.set_users(&BTreeMap::from([("janedoe".to_owned(), "new".into())]));
        let query = "scope=repository:other/image:pull";
        for who in [("janedoe", CANARY), ("admin", CANARY)] {
            assert_eq!(get(&server, Some(who), query).await.0.status, StatusCode::UNAUTHORIZED);
        }
        let (response, _) = get(&server, Some(("janedoe", "new")), query).await;
        assert_eq!(claims(&response)["access"], json!([]));
    }

    #[tokio::test]
    async fn neither_answers_of_refusal_nor_debug_show_a_password() {
        let server = server(&rules());
        let (response, who) = get(&server, Some(("janedoe", "wrong-canary")), "").await;
        for text in [response.body, format!("{who:?}"), format!("{server:?}")] {
            assert!(!text.contains("canary"), "{text}");
        }
    }
}
