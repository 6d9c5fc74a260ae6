//! The client state of taskscope: store, lints, columns, update. Pure.
