//! The JSON Schema of the format, for editors.

/// The schema of a case file, as `pullproof schema` prints it and the repository keeps it.
pub fn schema() -> String {
    let schema = schemars::schema_for!(super::model::Case);
    // A schema is plain data: it always serializes.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
