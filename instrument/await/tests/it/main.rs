//! Walks over made-up programs: what trees say, and what hostile memory can't do.

mod hostile;
mod make;
mod trees;
