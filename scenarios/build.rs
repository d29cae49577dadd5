//! The tests are made from the case files, so a new file is a change of the source.

fn main() {
    println!("cargo::rerun-if-changed=.");
}
