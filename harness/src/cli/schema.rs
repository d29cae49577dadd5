//! `pullproof schema`

/// Prints the schema.
pub fn main() -> anyhow::Result<()> {
    print!("{}", crate::case::schema());
    Ok(())
}
