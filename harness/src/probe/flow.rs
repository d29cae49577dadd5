//! Which requests are made about an image, in which order.

use hyper::StatusCode;
use url::Url;

use super::{
    Failure, Identity, Login, Outcome,
    request::{Authorisation, Exchange, Followed},
    token::Challenge,
};

/// What becomes of a login, and whether a token was granted for it.
type Answer = (Outcome, bool);

impl Exchange<'_> {
    /// Asks without credentials and with each login. Equal logins are one.
    pub(super) async fn answers(&mut self, url: Url, repository: &str) -> (Outcome, Vec<Answer>) {
        let logins = self.logins;
        let all = |outcome| vec![(outcome, false); logins.len()];
        let (url, first) = self.first(url).await;
        let Followed { reply, is_elsewhere } = match first {
            Ok(followed) => followed,
            Err(failure) => return (Outcome::Failed(failure), all(Outcome::Failed(failure))),
        };
        let status = Outcome::Status(reply.status.as_u16());
        let challenge = match Challenge::of(&reply.headers) {
            // The challenge of a host that a redirect led to is not answered.
            Some(challenge) if reply.status == StatusCode::UNAUTHORIZED && !is_elsewhere => {
                challenge.for_repository(repository)
            }
            _ => return (status, all(Outcome::NotChallenged)),
        };
        let anonymous = match &challenge {
            Challenge::Basic => status,
            Challenge::Bearer(_) => self.answer(&url, &challenge, None).await.0,
        };
        let mut answered: Vec<Answer> = Vec::new();
        for (at, login) in logins.iter().enumerate() {
            let same = logins[..at].iter().position(|earlier| earlier.is_same_as(login));
            let answer = match same {
                Some(at) => answered[at],
                None => self.answer(&url, &challenge, Some(login)).await,
            };
            answered.push(answer);
        }
        (anonymous, answered)
    }

    /// Asks without credentials; of an insecure host by plain HTTP if it has no HTTPS (`HTTPFallback`
    /// of core/remotes/docker/resolver.go). Returns where it was asked in the end.
    async fn first(&mut self, mut url: Url) -> (Url, Result<Followed, Failure>) {
        let nobody = || Authorisation::none(Identity::Nobody);
        let first = self.head(&url, nobody()).await;
        let is_plain = match &first {
            Err(Failure::PlainHttp) => true,
            Err(Failure::ConnectionRefused) => url.port().is_none(),
            _ => false,
        };
        if !is_plain || !self.is_insecure(&url) || url.set_scheme("http").is_err() {
            return (url, first);
        }
        let first = self.head(&url, nobody()).await;
        (url, first)
    }

    async fn answer(&mut self, url: &Url, challenge: &Challenge, login: Option<&Login>) -> Answer {
        let (authorisation, granted) = match (challenge, login) {
            (Challenge::Basic, None) => (Authorisation::none(Identity::Nobody), false),
            (Challenge::Basic, Some(login)) => (Authorisation::basic(login), false),
            (Challenge::Bearer(bearer), login) => match self.token(bearer, login, url).await {
                Ok(token) => {
                    let identity = login.map_or(Identity::Nobody, Login::identity);
                    (Authorisation::bearer(identity, &token), login.is_some())
                }
                Err(outcome) => return (outcome, false),
            },
        };
        match self.head(url, authorisation).await {
            Ok(followed) => (Outcome::Status(followed.reply.status.as_u16()), granted),
            Err(failure) => (Outcome::Failed(failure), granted),
        }
    }
}
