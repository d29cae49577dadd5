//! The API server's log of requests, for as long as somebody wants it.

use std::time::Duration;

use anyhow::Context;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kube::Client;

use super::{Cluster, Node};

/// From this verbosity on the API server logs each request with its time and latency.
const REQUESTS: u8 = 3;
/// kubeadm's.
const USUAL: u8 = 0;

/// The log of requests, which is off until this is made. Other users of the cluster see no
/// difference but the size of the log.
pub struct ApiLog {
    client: Client,
    node: Node,
}

impl ApiLog {
    /// Turns the log on.
    ///
    /// # Errors
    /// The API server refuses.
    pub async fn start(cluster: &Cluster) -> anyhow::Result<Self> {
        set_verbosity(&cluster.client, REQUESTS).await?;
        Ok(Self { client: cluster.client.clone(), node: cluster.node.clone() })
    }

    /// Turns the log off and returns the kubelet's writes, in the order of the log's files.
    ///
    /// # Errors
    /// The API server refuses, or the node's files cannot be read.
    pub async fn end(self) -> anyhow::Result<Vec<StatusWrite>> {
        set_verbosity(&self.client, USUAL).await?;
        // The kubelet rotates and compresses it; no match is no error.
        let script = "zgrep -h 'verb=\"PATCH\" URI=\"/api/v1/namespaces/[^/]*/pods/' \
                      /var/log/pods/kube-system_kube-apiserver-*/kube-apiserver/*.log* || true";
        let log = self.node.shell(script).await.context("reading the API server's log")?;
        Ok(log.lines().filter_map(StatusWrite::parse).collect())
    }
}

async fn set_verbosity(client: &Client, level: u8) -> anyhow::Result<()> {
    let request = hyper::Request::put("/debug/flags/v").body(level.to_string().into_bytes())?;
    let answer = client.request_text(request).await;
    answer.map(drop).context("setting the verbosity of the API server")
}

/// A write of a pod's status by the kubelet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusWrite {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// When the API server received it.
    pub received: Timestamp,
}

impl StatusWrite {
    /// Reads a line of the API server's log: the container runtime's time, then klog's.
    pub fn parse(line: &str) -> Option<Self> {
        let value = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split_once('"').map(|(value, _)| value)
        };
        if value("verb")? != "PATCH" || !value("userAgent")?.starts_with("kubelet/") {
            return None;
        }
        let path = value("URI")?.strip_prefix("/api/v1/namespaces/")?;
        let (namespace, rest) = path.split_once("/pods/")?;
        let pod = rest.split('?').next()?.strip_suffix("/status")?;
        // klog leaves out the year: `I1124 07:56:58.315378`. Its zone is the node's, UTC.
        let written: Timestamp = line.split(' ').next()?.parse().ok()?;
        let mut words = line.split(' ').skip_while(|word| !word.starts_with('I'));
        let (day, time) = (words.next()?, words.next()?);
        let year = written.to_zoned(TimeZone::UTC).year();
        let date = Date::new(year, day.get(1..3)?.parse().ok()?, day.get(3..5)?.parse().ok()?);
        let time: jiff::civil::Time = time.parse().ok()?;
        let logged = date.ok()?.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp();
        let received = logged.checked_sub(go_duration(value("latency")?)?).ok()?;
        Some(Self { namespace: namespace.to_owned(), pod: pod.to_owned(), received })
    }
}

/// A duration as Go prints it below a minute: `817.329µs`, `10.7ms`, `1.2s`.
fn go_duration(text: &str) -> Option<Duration> {
    let (unit, seconds) = [("µs", 1e-6), ("ms", 1e-3), ("ns", 1e-9), ("s", 1.0)]
        .into_iter()
        .find(|(unit, _)| text.ends_with(unit))?;
    let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = concat!(
        "2026-11-24T07:56:58.325840448Z stderr F I1124 07:56:58.315378       1 httplog.go:135] \"HTTP\" ",
        "verb=\"PATCH\" URI=\"/api/v1/namespaces/n/pods/a/status\" latency=\"10.378ms\" ",
        "userAgent=\"kubelet/v1.37.2 (linux/amd64) kubernetes/$Format\" resp=200"
    );

    #[test]
    fn a_write_was_received_when_its_answer_began() {
        assert_eq!(
            StatusWrite::parse(LINE),
            Some(StatusWrite {
                namespace: "n".into(),
                pod: "a".into(),
                received: "2026-11-24T07:56:58.305Z".parse().unwrap(),
            })
        );
        for other in [
            LINE.replace("kubelet/", "kubectl/"),
            LINE.replace("PATCH", "GET"),
            LINE.replace("/status", ""),
            LINE.replace("10.378ms", "soon"),
            String::new(),
        ] {
            assert_eq!(StatusWrite::parse(&other), None, "{other}");
        }
    }
}
