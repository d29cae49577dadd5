//! What registries answer for the images that cannot be pulled, asked from here.

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt as _, stream};
use pullproof_credentials::{Image, Lookup};
use pullproof_diagnosis::{Obstacle, Probe};

use crate::probe::{Answers, Failure, Login, Outcome, Prober};

use super::gathered::{Failing, Gathered, kubernetes};

/// Images that are asked about.
const MOST: usize = 50;
/// Images that are asked about at the same time.
const AT_ONCE: usize = 4;

/// What is asked once: the same image with the same secrets of one namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    namespace: String,
    image: String,
    secrets: Vec<String>,
    /// By whose rules the secrets are read.
    kubelet: Option<String>,
}

/// The answers there are.
pub(super) type Probes = BTreeMap<Question, Arc<Answers>>;

impl Gathered {
    /// Asks the registries, each image once.
    pub(crate) async fn probe(&mut self, prober: &Prober) {
        let mut asked = BTreeMap::new();
        for one in self.failing.iter().filter(|one| !one.is_starting()) {
            let question = self.question(one);
            let version = kubernetes(&self.versions(one));
            let Ok(image) = Image::parse(&one.image(), version) else { continue };
            asked.entry(question).or_insert_with(|| {
                let lookup = one.lookup(&self.secrets, version);
                let sent = lookup.iter().flat_map(Lookup::sent);
                (image, sent.map(Login::from).collect::<Vec<_>>())
            });
        }
        let left_out = asked.len().saturating_sub(MOST);
        if left_out > 0 {
            self.unread.push(format!(
                "{left_out} images were not asked about: a probe asks about {MOST} at most"
            ));
        }
        let asking = asked.into_iter().take(MOST).map(async |(question, (image, logins))| {
            let answers = prober.ask(&question.image, &image, &logins).await;
            (question, Arc::new(answers))
        });
        self.probes = stream::iter(asking).buffer_unordered(AT_ONCE).collect().await;
    }

    /// The answers for a container's image.
    pub(super) fn answers(&self, one: &Failing) -> Option<&Arc<Answers>> {
        self.probes.get(&self.question(one))
    }

    fn question(&self, one: &Failing) -> Question {
        Question {
            namespace: one.namespace().to_owned(),
            image: one.image(),
            secrets: one.secrets().into_iter().map(str::to_owned).collect(),
            kubelet: self.versions(one).kubelet,
        }
    }
}

/// Returns what a diagnosis takes of answers. Of several logins it is one that works, or the first.
pub(super) fn of_answers(answers: &Answers) -> Probe {
    let status = |outcome: &Outcome| match outcome {
        Outcome::Status(status) | Outcome::TokenRefused(status) => Some(*status),
        Outcome::NotChallenged | Outcome::Failed(_) => None,
    };
    let works = answers.logins.iter().find(|login| login.outcome == Outcome::Status(200));
    let login = works.or(answers.logins.first());
    let token = login.and_then(|login| match login.outcome {
        Outcome::TokenRefused(status) => Some(status),
        _ => login.granted.then_some(200),
    });
    let authorised = login.and_then(|login| match login.outcome {
        Outcome::Status(status) => Some(status),
        _ => None,
    });
    let obstacle = match answers.anonymous {
        Outcome::Failed(failure) => of_failure(failure),
        _ => None,
    };
    Probe { anonymous: status(&answers.anonymous), authorised, token, obstacle, ..Probe::default() }
}

fn of_failure(failure: Failure) -> Option<Obstacle> {
    Some(match failure {
        Failure::NoSuchHost | Failure::ResolverFailed => Obstacle::Name,
        Failure::ConnectionRefused => Obstacle::Refused,
        Failure::NoRoute | Failure::Timeout => Obstacle::Unreachable,
        Failure::UnknownAuthority => Obstacle::UnknownAuthority,
        Failure::CertificateName => Obstacle::CertificateName,
        Failure::CertificateExpired => Obstacle::CertificateExpired,
        Failure::PlainHttp => Obstacle::PlainHttp,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::LoginAnswer;

    fn answers(anonymous: Outcome, logins: &[(Outcome, bool)]) -> Answers {
        let login = |(outcome, granted): &(Outcome, bool)| LoginAnswer {
            secret: "regcred".into(),
            key: "reg.example".into(),
            user: "jane".into(),
            outcome: *outcome,
            granted: *granted,
        };
        Answers {
            image: "reg.example/a".into(),
            anonymous,
            logins: logins.iter().map(login).collect(),
            requests: Vec::new(),
        }
    }

    #[test]
    fn of_several_logins_the_one_that_works_counts() {
        let refused = (Outcome::TokenRefused(401), false);
        let works = (Outcome::Status(200), true);
        let probe = of_answers(&answers(Outcome::Status(401), &[refused, works]));
        assert_eq!((probe.anonymous, probe.authorised), (Some(401), Some(200)));
        let probe = of_answers(&answers(Outcome::TokenRefused(401), &[refused, refused]));
        assert_eq!((probe.anonymous, probe.token), (Some(401), Some(401)));
        assert_eq!(probe.authorised, None);
    }

    #[test]
    fn a_failure_is_an_obstacle_and_no_answer() {
        let failed = Outcome::Failed(Failure::UnknownAuthority);
        let probe = of_answers(&answers(failed, &[(failed, false)]));
        let expected = Probe { obstacle: Some(Obstacle::UnknownAuthority), ..Probe::default() };
        assert_eq!(probe, expected);
    }
}
