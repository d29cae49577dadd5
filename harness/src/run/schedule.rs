//! Many cases on one cluster: in which order they start, and how many at a time.

use std::{collections::VecDeque, sync::Arc};

use tokio::{sync::OwnedRwLockWriteGuard, task::JoinSet};

use crate::case::CaseFile;

use super::{outcome::Outcome, session::Session};

/// Cases that run, each as a task of its own: what one computes does not delay what another decides.
///
/// ```no_run
/// # async fn all(session: pullproof::run::Session, cases: Vec<pullproof::case::CaseFile>) {
/// use pullproof::run::Schedule;
/// let mut schedule = Schedule::new(session);
/// schedule.start(&cases.into(), 16);
/// while let Some((index, outcome)) = schedule.next().await {
///     println!("{index}: {}", outcome.name);
/// }
/// schedule.end().await.close().await;
/// # }
/// ```
pub struct Schedule {
    session: Arc<Session>,
    cases: Arc<[CaseFile]>,
    waiting: VecDeque<usize>,
    /// How many of those that need the node alone have not ended.
    alone: usize,
    /// Held as long as there are any.
    first: Option<OwnedRwLockWriteGuard<()>>,
    running: JoinSet<(usize, Outcome)>,
}

impl Schedule {
    /// A schedule without cases.
    pub fn new(session: Session) -> Self {
        Self {
            session: Arc::new(session),
            cases: Arc::new([]),
            waiting: VecDeque::new(),
            alone: 0,
            first: None,
            running: JoinSet::new(),
        }
    }

    /// What the cases share.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Starts cases, so many at a time, after those of an earlier start have all ended.
    pub fn start(&mut self, cases: &Arc<[CaseFile]>, jobs: usize) {
        debug_assert!(self.running.is_empty(), "cases of an earlier start still run");
        self.cases = cases.clone();
        let mut order: Vec<usize> = (0..cases.len()).collect();
        order.sort_by_key(|index| cases[*index].start_order());
        self.alone = cases.iter().filter(|case| case.needs_node_alone()).count();
        // They wait for the kubelet more than they compute, one after the other. Meanwhile the others
        // start their registries, and that is computing.
        if self.alone > 0 {
            self.first = self.session.first.clone().try_write_owned().ok();
        }
        self.waiting = order.into();
        for _ in 0..jobs.max(1) {
            self.start_next();
        }
    }

    /// The next outcome, with the case's index; none when all have ended.
    pub async fn next(&mut self) -> Option<(usize, Outcome)> {
        let ended = self.running.join_next().await?;
        self.start_next();
        let (index, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => unreachable!("only the end of a schedule ends a case: {error}"),
            },
        };
        if self.cases[index].needs_node_alone() {
            self.alone -= 1;
            if self.alone == 0 {
                self.first = None;
            }
        }
        Some((index, outcome))
    }

    /// Drops the cases that run, and gives back what they shared.
    pub async fn end(mut self) -> Session {
        self.running.shutdown().await;
        match Arc::try_unwrap(self.session) {
            Ok(session) => session,
            Err(_) => unreachable!("only tasks share it, and they are gone"),
        }
    }

    fn start_next(&mut self) {
        let Some(index) = self.waiting.pop_front() else { return };
        let (session, cases) = (self.session.clone(), self.cases.clone());
        self.running.spawn(async move { (index, session.case(&cases[index]).await) });
    }
}
