//! Walks over made-up programs: what trees say, and what hostile memory can't do.

mod corpus;
mod hostile;
mod make;
mod trees;
