//! Many cases on one cluster: in which order they start, and how many at a time.

use std::{collections::VecDeque, sync::Arc};

use tokio::{
    sync::{
        OwnedRwLockWriteGuard, RwLock,
        mpsc::{self, UnboundedReceiver, UnboundedSender},
    },
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
    /// How many outcomes are not known yet.
    open: usize,
    /// How many of those that need the node alone have not ended.
    alone: usize,
    /// Held as long as there are any.
    first: Option<OwnedRwLockWriteGuard<()>>,
    /// The cases that run or clean up.
    running: JoinSet<()>,
    tell: UnboundedSender<(usize, Outcome)>,
    told: UnboundedReceiver<(usize, Outcome)>,
}

/// What runs a case: a [`Session`], or what stands for one in a test.
pub trait Runner: Send + Sync + 'static {
    /// Runs a case from its first step to its clean-up. Its outcome is told as soon as it is known, and
    /// what is left of the clean-up then may be dropped.
    fn case(
        &self,
        file: &CaseFile,
        tell: impl FnOnce(Outcome) + Send,
    ) -> impl Future<Output = ()> + Send;

    /// Held for writing while cases that need the node alone have not ended: the others wait.
    fn first(&self) -> Arc<RwLock<()>>;
}

impl<R: Runner> Schedule<R> {
    /// A schedule without cases.
    pub fn new(session: R) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        Self {
            session: Arc::new(session),
            cases: Arc::new([]),
            waiting: VecDeque::new(),
            open: 0,
            alone: 0,
            first: None,
            running: JoinSet::new(),
            tell,
            told,
        }
    }

    /// What the cases share.
    pub fn session(&self) -> &R {
        &self.session
    }

    /// Starts cases, so many at a time, after the outcomes of an earlier start are all known. What of
    /// these still cleans up counts as well.
    pub fn start(&mut self, cases: &Arc<[CaseFile]>, jobs: usize) {
        debug_assert!(self.open == 0, "cases of an earlier start still run");
        self.cases = cases.clone();
        self.open = cases.len();
        let mut order: Vec<usize> = (0..cases.len()).collect();
        order.sort_by_key(|index| cases[*index].start_order());
        self.alone = cases.iter().filter(|case| case.needs_node_alone()).count();
        // They wait for the kubelet more than they compute, one after the other. Meanwhile the others
        // start their registries, and that is computing.
        if self.alone > 0 {
            self.first = self.session.first().try_write_owned().ok();
        }
        self.waiting = order.into();
        while self.running.len() < jobs.max(1) && !self.waiting.is_empty() {
            self.start_next();
        }
    }

    /// The next outcome, with the case's index; none when all are known. The last cases may still clean
    /// up then.
    pub async fn next(&mut self) -> Option<(usize, Outcome)> {
        while self.open > 0 {
            tokio::select! {
                biased;
                Some(told) = self.told.recv() => return Some(self.known(told)),
                Some(ended) = self.running.join_next() => {
                    if let Err(error) = ended {
                        match error.try_into_panic() {
                            Ok(panic) => std::panic::resume_unwind(panic),
                            Err(error) => unreachable!("only the end of a schedule ends a case: {error}"),
                        }
                    }
                    self.start_next();
                }
            }
        }
        None
    }

    fn known(&mut self, (index, outcome): (usize, Outcome)) -> (usize, Outcome) {
        self.open -= 1;
        if self.cases[index].needs_node_alone() {
            self.alone -= 1;
            if self.alone == 0 {
                self.first = None;
            }
        }
        (index, outcome)
    }

    /// Drops the cases that run or clean up, and gives back what they shared.
    pub async fn end(mut self) -> R {
        self.running.shutdown().await;
        match Arc::try_unwrap(self.session) {
            Ok(session) => session,
            Err(_) => unreachable!("only tasks share it, and they are gone"),
        }
    }

    fn start_next(&mut self) {
        let Some(index) = self.waiting.pop_front() else { return };
        let (session, cases, tell) = (self.session.clone(), self.cases.clone(), self.tell.clone());
        self.running.spawn(async move {
            // The schedule may have been dropped meanwhile.
            let tell = |outcome| drop(tell.send((index, outcome)));
            session.case(&cases[index], tell).await;
        });
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
        /// How long a case cleans up when its outcome is known.
        cleans_up: Duration,
    }

    impl Runner for Stage {
        async fn case(&self, file: &CaseFile, tell: impl FnOnce(Outcome) + Send) {
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
            tell(Outcome::begin(file, &versions()));
            tokio::time::sleep(self.cleans_up).await;
            self.running.lock().unwrap().0 -= 1;
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
    async fn outcomes_are_known_before_the_clean_up_which_counts_as_running() {
        let all: Arc<[CaseFile]> =
            (0..4).map(|at| case(&format!("plain-{at}"), "run: 'true'")).collect();
        let cleans_up = Duration::from_secs(5);
        let mut schedule = Schedule::new(Stage { cleans_up, ..Stage::default() });
        let began = tokio::time::Instant::now();
        for ends in [1, 7] {
            // The second round waits for the clean-up of the first.
            schedule.start(&all, 4);
            while schedule.next().await.is_some() {}
            assert_eq!(began.elapsed().as_secs() / ends, 1, "round that ends after {ends} s");
        }
        let stage = schedule.end().await;
        assert_eq!(stage.running.lock().unwrap().1, 4);
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
