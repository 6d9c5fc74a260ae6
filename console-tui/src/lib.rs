//! The taskscope terminal console.
