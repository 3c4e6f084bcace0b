//! Uploads under way. What becomes of one is in the functions of the migrations.

pub(crate) mod load;

pub(crate) use load::load;
