//! The wire of taskscope: messages, generated code, limits.
