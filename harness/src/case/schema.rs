//! The JSON Schema of the format, for editors. It accepts what the reader accepts, as far as that can be said of a
//! value without the rest of the case. One thing it cannot: the reader takes `1` for a text, and `'1'` for a number.

/// The schema of a case file, as `pullproof schema` prints it and the repository keeps it.
pub fn schema() -> String {
    let schema = schemars::schema_for!(super::model::Case);
    // A schema is plain data: it always serializes.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
