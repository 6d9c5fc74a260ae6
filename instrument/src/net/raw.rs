//! The program's own system calls on a socket that is on record: `try_io` and `async_io`, as for `recvmmsg` or file descriptors as messages.

use std::io;

use tokio::io::Interest;

use crate::io::Instrumented;

macro_rules! own_calls {
    ($($(#[$attribute:meta])* $socket:ident),*) => {$(
        $(#[$attribute])*
        impl Instrumented<tokio::net::$socket> {
            /// Tries a system call of the program's own, if the socket seems ready. It is counted as an operation; its bytes are
            /// not counted: from the first one on the console shows the bytes of that direction as unknown.
            ///
            /// # Errors
            /// As tokio's; `WouldBlock` when it is not ready.
            pub fn try_io<R>(&self, interest: Interest, call: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
                let outcome = self.get_ref().try_io(interest, call);
                self.meter().uncounted(interest, &outcome);
                outcome
            }

            /// Waits until the socket is ready for a system call of the program's own, and makes it. Bytes as with `try_io`.
            ///
            /// # Errors
            /// As tokio's.
            pub async fn async_io<R>(
                &self,
                interest: Interest,
                call: impl FnMut() -> io::Result<R>,
            ) -> io::Result<R> {
                let outcome = self.get_ref().async_io(interest, call).await;
                self.meter().uncounted(interest, &outcome);
                outcome
            }
        }
    )*};
}

own_calls!(
    TcpStream,
    UdpSocket,
    #[cfg(unix)]
    UnixStream
);
