//! The documentation's fixtures are built in, so a new one is a change of the source.

fn main() {
    println!("cargo::rerun-if-changed=../fixtures");
}
