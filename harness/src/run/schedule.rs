//! Many cases on one cluster: in which order they start, and how many at a time.

use std::{collections::VecDeque, sync::Arc};

use tokio::{
    sync::{OwnedRwLockWriteGuard, RwLock},
    task::JoinSet,
};

use crate::{case::CaseFile, outcome::Outcome};

use super::session::Session;

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
pub struct Schedule<R = Session> {
    session: Arc<R>,
    cases: Arc<[CaseFile]>,
    waiting: VecDeque<usize>,
    /// How many of those that need the node alone have not ended.
    alone: usize,
    /// Held as long as there are any.
    first: Option<OwnedRwLockWriteGuard<()>>,
    running: JoinSet<(usize, Outcome)>,
}

/// What runs a case: a [`Session`], or what stands for one in a test.
pub trait Runner: Send + Sync + 'static {
    /// Runs a case from its first step to its clean-up.
    fn case(&self, file: &CaseFile) -> impl Future<Output = Outcome> + Send;

    /// Held for writing while cases that need the node alone have not ended: the others wait.
    fn first(&self) -> Arc<RwLock<()>>;
}

impl<R: Runner> Schedule<R> {
    /// A schedule without cases.
    pub fn new(session: R) -> Self {
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
    pub fn session(&self) -> &R {
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
            self.first = self.session.first().try_write_owned().ok();
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
    pub async fn end(mut self) -> R {
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

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Mutex, time::Duration};

    use super::*;
    use crate::expectation::sample::versions;

    /// Notes which cases began and how many ran at a time. As a session does, it has who leaves the node
    /// as it is wait for who needs it alone.
    #[derive(Default)]
    struct Stage {
        began: Mutex<Vec<String>>,
        running: Mutex<(usize, usize)>,
        first: Arc<RwLock<()>>,
    }

    impl Runner for Stage {
        async fn case(&self, file: &CaseFile) -> Outcome {
            {
                let mut running = self.running.lock().unwrap();
                running.0 += 1;
                running.1 = running.1.max(running.0);
            }
            if !file.needs_node_alone() {
                drop(self.first.read().await);
            }
            self.began.lock().unwrap().push(file.name.clone());
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.running.lock().unwrap().0 -= 1;
            Outcome::begin(file, &versions())
        }

        fn first(&self) -> Arc<RwLock<()>> {
            self.first.clone()
        }
    }

    fn case(name: &str, step: &str) -> CaseFile {
        let text = format!("title: t\nsource: s\nsteps:\n- {step}\n- run: 'true'\n");
        let path = format!("theme/{name}.yaml");
        CaseFile::parse(Path::new(&path), &text).unwrap_or_else(|error| panic!("{error}"))
    }

    #[tokio::test(start_paused = true)]
    async fn who_needs_the_node_alone_goes_first_and_so_many_run_at_a_time() {
        let mut all: Vec<CaseFile> =
            (0..6).map(|at| case(&format!("plain-{at}"), "run: 'true'")).collect();
        all.push(case("alone", "node: {restartKubelet: true}"));
        let mut schedule = Schedule::new(Stage::default());
        schedule.start(&all.into(), 3);
        let mut ended = Vec::new();
        while let Some((index, outcome)) = schedule.next().await {
            assert_eq!(outcome.name, schedule.cases[index].name);
            ended.push(index);
        }
        let stage = schedule.end().await;
        assert_eq!(stage.began.lock().unwrap()[0], "theme/alone");
        assert_eq!(stage.running.lock().unwrap().1, 3);
        ended.sort_unstable();
        assert_eq!(ended, [0, 1, 2, 3, 4, 5, 6]);
        assert!(stage.first.try_read().is_ok(), "nobody needs the node alone any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_schedule_may_start_again_when_all_have_ended() {
        let all: Arc<[CaseFile]> = [case("one", "run: 'true'")].into();
        let mut schedule = Schedule::new(Stage::default());
        for _ in 0..2 {
            schedule.start(&all, 1);
            assert!(schedule.next().await.is_some());
            assert!(schedule.next().await.is_none());
        }
        assert_eq!(schedule.end().await.began.lock().unwrap().len(), 2);
    }
}
