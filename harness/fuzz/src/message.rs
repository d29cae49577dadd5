//! What has to hold of the diagnosis of any message.

use pullproof_diagnosis::keyring::{Keyring, Lookup, Near, Passed, Why};
use pullproof_diagnosis::message::is_hidden;
use pullproof_diagnosis::{Diagnosis, Evidence, Place, Pod, Said, diagnose, explain};

/// Any text as a message, alone and with names around it: the lines behind a NUL are the waiting
/// reason, the image, a secret and a key.
pub fn message(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut fields = text.split('\0');
    let message = fields.next().unwrap_or_default();
    check(&Evidence::of_message(message));
    check(&Evidence::of_message(text.clone()));

    let mut field = || fields.next().unwrap_or_default().to_owned();
    let said = Said { text: message.to_owned(), place: Place::Waiting(field()) };
    let image = Some(field()).filter(|image| !image.is_empty());
    let (secret, key) = (field(), field());
    for why in [Why::Near(Near::Port), Why::WrongType { found: key.clone() }] {
        let passed = vec![Passed { secret: secret.clone(), key: Some(key.clone()), why }];
        let pod = Pod { namespace: "team".to_owned(), secrets: vec![secret.clone()] };
        check(&Evidence {
            messages: vec![said.clone()],
            image: image.clone(),
            pod: Some(pod),
            keyring: Some(Lookup::Read(Keyring { tried: Vec::new(), passed })),
            ..Evidence::default()
        });
    }
}

fn check(evidence: &Evidence) {
    let diagnosis = diagnose(evidence);
    assert_eq!(diagnosis, diagnose(evidence), "another diagnosis of the same evidence");
    let candidates = diagnosis.candidates();
    assert!(candidates.len() <= 4, "{candidates:?}");
    if let Some(cause) = diagnosis.cause() {
        let listed: Vec<_> = candidates.iter().map(|candidate| candidate.id).collect();
        assert_eq!(listed, [cause]);
    }
    for text in texts(&diagnosis) {
        assert!(!text.contains(is_hidden), "{text:?}");
        assert!(text.len() <= 1 << 17, "{} bytes", text.len());
    }
    let json = explain::json(&diagnosis).unwrap_or_default();
    let read: Result<serde_json::Value, _> = serde_json::from_str(&json);
    assert!(read.is_ok() && !json.contains('\n'), "{json}");
}

fn texts(diagnosis: &Diagnosis) -> impl Iterator<Item = &str> {
    let remedy = diagnosis.remedy.iter();
    let steps =
        remedy.flat_map(|step| [step.text.as_str(), step.command.as_deref().unwrap_or_default()]);
    let facts = diagnosis.facts.iter().map(|fact| fact.text.as_str());
    [diagnosis.sentence.as_str()].into_iter().chain(steps).chain(facts)
}
