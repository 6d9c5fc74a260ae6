//! What the tables list, one file each: the columns as data, what is known of a row, how rows fold and where they lead.

pub(crate) mod channels;
pub(crate) mod findings;
pub(crate) mod io;
pub(crate) mod locks;
pub(crate) mod made;
pub(crate) mod resources;
pub(crate) mod signals;
pub(crate) mod sockets;
pub(crate) mod tasks;
pub(crate) mod timers;
pub(crate) mod workers;
