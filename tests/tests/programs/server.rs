//! The server's manners: consoles that pause, lag, ask again, crowd, or say nonsense.
