//! An API server of a test's own.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

use super::{Ran, pullproof, run};

/// Answers by path: a status and a body.
pub type Answers = BTreeMap<String, (u16, Value)>;

/// An API server that has objects by path and logs what it is asked for.
pub struct Api {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Api {
    /// Serves the answers; lists by field selectors and in chunks, as it is asked to.
    pub fn serve(answers: Answers) -> Self {
        Self::serve_with(answers, |_| None)
    }

    /// Serves the answers, but for requests to which `instead` has other bytes as a body.
    pub fn serve_with(answers: Answers, instead: fn(&str) -> Option<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": format!("http://{address}")}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "shop"}}],
            "users": [{"name": "test", "user": {}}],
        });
        fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (asked.clone(), Arc::new(answers));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, log) = (answers.clone(), log.clone());
                thread::spawn(move || answer(stream, &answers, &log, instead));
            }
        });
        Self { folder, asked }
    }

    /// `pullproof explain` with this server.
    pub fn command(&self, words: &[&str]) -> Command {
        self.command_of("explain", words)
    }

    /// A command of `pullproof` that reads this server.
    pub fn command_of(&self, name: &str, words: &[&str]) -> Command {
        let mut command = pullproof(&[name, "--kubeconfig"]);
        command.arg(self.folder.path().join("kubeconfig")).args(words);
        command
    }

    pub fn explain(&self, words: &[&str]) -> Ran {
        run(&mut self.command(words))
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    answers: &Answers,
    log: &Mutex<Vec<String>>,
    instead: fn(&str) -> Option<Vec<u8>>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    reader.read_line(&mut head).unwrap_or_default();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    log.lock().unwrap().push(target.clone());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (code, body) = match answers.get(path) {
        Some((code, body)) => (*code, chunk(body, query)),
        None => (404, status(404, "NotFound")),
    };
    let body = instead(&target).unwrap_or_else(|| body.to_string().into_bytes());
    let head = format!(
        "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok();
    stream.write_all(&body).ok();
}

/// The part of a list that a query asks for; anything else is as it was.
fn chunk(body: &Value, query: &str) -> Value {
    let Some(items) = body["items"].as_array() else { return body.clone() };
    let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let selector = query.get("fieldSelector").and_then(|selector| selector.split_once('='));
    let selected = |item: &&Value| match selector {
        Some((field, value)) => {
            item.pointer(&format!("/{}", field.replace('.', "/"))) == Some(&json!(value))
        }
        None => true,
    };
    let number = |name: &str| query.get(name).and_then(|number| number.parse().ok());
    let (start, limit) = (number("continue").unwrap_or(0), number("limit").unwrap_or(usize::MAX));
    let mut rest = items.iter().filter(selected).skip(start);
    let items: Vec<Value> = rest.by_ref().take(limit).cloned().collect();
    let token = rest.next().map(|_| (start + limit).to_string());
    let metadata = json!({"continue": token.unwrap_or_default()});
    json!({"kind": body["kind"], "apiVersion": "v1", "metadata": metadata, "items": items})
}

/// A status of the API server.
pub fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "by the test", "reason": reason, "code": code})
}

/// A list.
pub fn list(items: Vec<Value>) -> (u16, Value) {
    (200, json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items}))
}
