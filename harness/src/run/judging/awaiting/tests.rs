//! Expectations over timelines and records that change while they are awaited.

use std::sync::Mutex;

use jiff::Timestamp;

use super::*;
use crate::expectation::sample::{expect, versions};

const HOUR: Duration = Duration::from_secs(3600);

/// A pod `a` of one container as the watch delivers it.
fn pod(timeline: &Timeline, phase: &str, state: &str) {
    let pod = format!(
        "{{metadata: {{name: a, namespace: n, uid: u}}, spec: {{containers: [{{name: c}}]}}, \
         status: {{phase: {phase}, containerStatuses: [{{name: c, image: i, imageID: '', \
         ready: false, restartCount: 0, state: {state}}}]}}}}"
    );
    timeline.pod(serde_saphyr::from_str(&pod).unwrap(), Timestamp::UNIX_EPOCH);
}

fn event(timeline: &Timeline, reason: &str) {
    let event = format!(
        "{{metadata: {{name: {reason}, uid: {reason}}}, reason: {reason}, involvedObject: \
         {{kind: Pod, name: a, namespace: n, uid: u, fieldPath: 'spec.containers{{c}}'}}}}"
    );
    timeline.event(serde_saphyr::from_str(&event).unwrap(), Timestamp::UNIX_EPOCH);
}

const RUNS: &str = "{running: {}}";
const FAILS: &str = "{waiting: {reason: ErrImagePull, message: no basic auth credentials}}";

#[derive(Default)]
struct Nudges(Mutex<Vec<String>>);

impl Nudge for Nudges {
    async fn nudge(&self, pod: &str) {
        self.0.lock().unwrap().push(pod.to_owned());
    }
}

/// Awaits an expectation while `happens` goes on beside it. Returns what it came to, and after how
/// many seconds.
async fn awaited(
    yaml: &str,
    timeline: &Timeline,
    record: &Record,
    happens: impl Future<Output = ()>,
) -> (Result<Met, Mismatch>, f64) {
    let (expect, versions, looked) = (expect(yaml), versions(), Looked::default());
    let which = expect.pod.as_deref().map(|pod| PodSelector::parse(pod).unwrap());
    let registries =
        expect.registry.0.iter().map(|one| (one, record.clone(), Mark::START)).collect();
    let witnesses = Witnesses {
        expect: &expect,
        timeline,
        namespace: "n",
        pod: which.as_ref(),
        looked: &looked,
        registries,
        versions: &versions,
    };
    let began = Instant::now();
    let nudges = Nudges::default();
    let ended = async {
        let ended = tokio::time::timeout(HOUR, witnesses.until_met(&nudges)).await;
        (ended.expect("an end"), began.elapsed().as_secs_f64())
    };
    let ((ended, after), ()) = tokio::join!(ended, happens);
    let ended = ended.map_err(|ended| match ended {
        Ended::Missed(missed) => missed.mismatch,
        Ended::Blind(error) => panic!("{error}"),
    });
    (ended, after)
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_comes_is_given_up_soon_and_what_is_there_is_named() {
    let timeline = Timeline::default();
    pod(&timeline, "Running", RUNS);
    let record = Record::new();
    let (ended, after) = awaited("{pod: b, phase: Running}", &timeline, &record, async {}).await;
    assert_eq!(ended.unwrap_err().seen, "only a");
    assert_eq!(after, APPEARANCE.as_secs_f64());
}

#[tokio::test(start_paused = true)]
async fn a_container_that_a_command_added_is_waited_for_and_another_is_not() {
    let timeline = Timeline::default();
    pod(&timeline, "Running", RUNS);
    let record = Record::new();
    let yaml = "{pod: a, container: debugger, phase: Running}";
    let (ended, after) = awaited(yaml, &timeline, &record, async {}).await;
    assert_eq!(ended.unwrap_err().seen, "only c");
    assert_eq!(after, APPEARANCE.as_secs_f64());

    let added = async {
        seconds(1).await;
        let pod = "{metadata: {name: a, namespace: n, uid: u}, spec: {containers: [{name: c}], \
                   ephemeralContainers: [{name: debugger}]}, status: {phase: Running, \
                   ephemeralContainerStatuses: [{name: debugger, image: i, imageID: '', ready: false, \
                   restartCount: 0, state: {running: {}}}]}}";
        timeline.pod(serde_saphyr::from_str(pod).unwrap(), Timestamp::UNIX_EPOCH);
    };
    let (ended, after) = awaited(yaml, &timeline, &record, added).await;
    assert!(ended.is_ok());
    assert_eq!(after, 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_event_that_comes_late_is_not_missed() {
    let timeline = Timeline::default();
    pod(&timeline, "Running", RUNS);
    let record = Record::new();
    let late = async {
        seconds(5).await;
        event(&timeline, "FailedToRetrieveImagePullSecret");
        event(&timeline, "Started");
    };
    let yaml = "{pod: a, phase: Running, noEvents: [FailedToRetrieveImagePullSecret]}";
    let (ended, after) = awaited(yaml, &timeline, &record, late).await;
    assert_eq!(ended.unwrap_err().expected, "no FailedToRetrieveImagePullSecret");
    assert_eq!(after, 5.0);

    // Without it, the kubelet's last event of the attempt says that no more is on its way.
    let timeline = Timeline::default();
    pod(&timeline, "Running", RUNS);
    let last = async {
        seconds(5).await;
        event(&timeline, "Started");
    };
    let (ended, after) = awaited(yaml, &timeline, &record, last).await;
    assert!(ended.unwrap().waited);
    assert_eq!(after, 5.0);
}

#[tokio::test(start_paused = true)]
async fn an_absence_is_asserted_only_after_the_outcome_has_settled() {
    let timeline = Timeline::default();
    pod(&timeline, "Pending", "{waiting: {reason: ContainerCreating}}");
    let record = Record::new();
    let yaml = "{pod: a, phase: Running, settle: 3, registry: {requests: none}}";
    let runs = async {
        seconds(7).await;
        pod(&timeline, "Running", RUNS);
    };
    let (ended, after) = awaited(yaml, &timeline, &record, runs).await;
    assert!(ended.is_ok());
    assert_eq!(after, 10.0);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_settles_while_the_kubelet_begins_to_back_off() {
    let timeline = Timeline::default();
    pod(&timeline, "Pending", FAILS);
    let record = Record::new();
    let yaml = "{pod: a, reasons: [ErrImagePull, ImagePullBackOff], settle: 3, registry: {requests: none}}";
    let backs_off = async {
        seconds(2).await;
        pod(&timeline, "Pending", "{waiting: {reason: ImagePullBackOff}}");
    };
    let (ended, after) = awaited(yaml, &timeline, &record, backs_off).await;
    assert!(ended.unwrap().waited);
    assert_eq!(after, 3.0);
}

#[tokio::test(start_paused = true)]
async fn a_request_while_the_outcome_settles_is_not_missed() {
    let timeline = Timeline::default();
    pod(&timeline, "Running", RUNS);
    let record = Record::new();
    let late = async {
        seconds(2).await;
        record.example("node HEAD /v2/a/manifests/v1 - 401");
    };
    let yaml = "{pod: a, phase: Running, settle: 3, registry: {requests: none}}";
    let (ended, after) = awaited(yaml, &timeline, &record, late).await;
    assert_eq!(ended.unwrap_err().expected, "no request at all");
    assert_eq!(after, 2.0);
}

#[tokio::test(start_paused = true)]
async fn what_has_to_stay_is_watched_until_the_end() {
    let timeline = Timeline::default();
    pod(&timeline, "Running", RUNS);
    let record = Record::new();
    let yaml = "{pod: a, phase: Running, staysFor: 8}";
    let (ended, after) = awaited(yaml, &timeline, &record, async {}).await;
    assert!(ended.is_ok());
    assert_eq!(after, 8.0);

    let ends = async {
        seconds(5).await;
        pod(&timeline, "Failed", "{terminated: {exitCode: 1}}");
    };
    let (ended, after) = awaited(yaml, &timeline, &record, ends).await;
    let mismatch = ended.unwrap_err();
    assert_eq!(mismatch.expected, "Running, for 8 s");
    assert_eq!(mismatch.seen, "Failed, after 5.0 s");
    assert_eq!(after, 5.0);
}

#[tokio::test(start_paused = true)]
async fn reports_may_lag_behind_the_status_but_not_for_ever() {
    let timeline = Timeline::default();
    pod(&timeline, "Pending", FAILS);
    let record = Record::new();
    let yaml = "{pod: a, reasons: [ErrImagePull], events: [{reason: Failed}]}";
    let (ended, after) = awaited(yaml, &timeline, &record, async {}).await;
    assert_eq!(ended.unwrap_err().of, "events");
    assert_eq!(after, REPORT_LAG.as_secs_f64());
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_that_backs_off_is_nudged_again_and_again() {
    let timeline = Timeline::default();
    pod(&timeline, "Pending", FAILS);
    let expect = expect("{pod: a, reasons: [ErrImagePull, ImagePullBackOff]}");
    let (versions, looked) = (versions(), Looked::default());
    let which = PodSelector::Name("a".to_owned());
    let witnesses = Witnesses {
        expect: &expect,
        timeline: &timeline,
        namespace: "n",
        pod: Some(&which),
        looked: &looked,
        registries: Vec::new(),
        versions: &versions,
    };
    let nudges = Nudges::default();
    let backs_off = async {
        seconds(5).await;
        pod(&timeline, "Pending", "{waiting: {reason: ImagePullBackOff}}");
    };
    let (met, ()) = tokio::join!(witnesses.until_met(&nudges), backs_off);
    let met = met.unwrap();
    assert_eq!(nudges.0.lock().unwrap().len(), 3, "at 0, 2 and 4 s");
    // The next expectation has the state of now and not those of before.
    assert_eq!(met.looked.states["u"], timeline.find("n", &which).unwrap().now().unwrap().mark);
}
