//! End-to-end tests of taskscope.
