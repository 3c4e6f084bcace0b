//! Migrations are embedded when the crate is compiled, so a new one must have it compiled anew.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/sqlite");
}
