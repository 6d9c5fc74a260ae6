//! Real servers under their own kind of load, read as a console reads them.
