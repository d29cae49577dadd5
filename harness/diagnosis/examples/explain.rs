//! Reads one JSON object a line with a `message` and prints its diagnosis, one JSON object a line.

use std::io::{self, BufRead, Write};

fn main() -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if line.trim().is_empty() {
            continue;
        }
        let answer = pullproof_diagnosis::explain::line(&line).map_err(io::Error::other)?;
        writeln!(out, "{answer}")?;
    }
    out.flush()
}
