//! What sockets of TCP and of Unix have in common: attempts, readiness and halves.

/// The methods that move bytes or wait, for a stream and its halves: written once for types that share no trait.
macro_rules! reading {
    ($type:ty, $name:literal) => {
        impl $type {
            /// Waits until something can be read.
            ///
            /// # Errors
            /// As tokio's.
            #[track_caller]
            pub fn readable(&self) -> impl Future<Output = io::Result<()>> + Send + '_ {
                let call =
                    Call { way: Way::In, method: concat!($name, "::readable"), at: Location::caller() };
                self.meter().wait(call, self.get_ref().readable(), nothing)
            }

            /// Reads what is there.
            ///
            /// # Errors
            /// As tokio's; `WouldBlock` when there is nothing.
            pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
                self.meter().attempt(Way::In, || self.get_ref().try_read(buffer), bytes)
            }

            /// Reads what is there behind what a buffer has.
            ///
            /// # Errors
            /// As tokio's; `WouldBlock` when there is nothing.
            pub fn try_read_buf<B: ::bytes::BufMut>(&self, buffer: &mut B) -> io::Result<usize> {
                self.meter().attempt(Way::In, || self.get_ref().try_read_buf(buffer), bytes)
            }

            /// Reads what is there into several buffers.
            ///
            /// # Errors
            /// As tokio's; `WouldBlock` when there is nothing.
            pub fn try_read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.meter().attempt(Way::In, || self.get_ref().try_read_vectored(buffers), bytes)
            }
        }
    };
}

/// See [`reading`].
macro_rules! writing {
    ($type:ty, $name:literal) => {
        impl $type {
            /// Waits until something can be written.
            ///
            /// # Errors
            /// As tokio's.
            #[track_caller]
            pub fn writable(&self) -> impl Future<Output = io::Result<()>> + Send + '_ {
                let call =
                    Call { way: Way::Out, method: concat!($name, "::writable"), at: Location::caller() };
                self.meter().wait(call, self.get_ref().writable(), nothing)
            }

            /// Writes what there is room for.
            ///
            /// # Errors
            /// As tokio's; `WouldBlock` when there is no room.
            pub fn try_write(&self, data: &[u8]) -> io::Result<usize> {
                self.meter().attempt(Way::Out, || self.get_ref().try_write(data), bytes)
            }

            /// Writes what there is room for, of several buffers.
            ///
            /// # Errors
            /// As tokio's; `WouldBlock` when there is no room.
            pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
                self.meter().attempt(Way::Out, || self.get_ref().try_write_vectored(parts), bytes)
            }
        }
    };
}

/// Halves, and how they come together again.
macro_rules! halves {
    ($stream:ty, $inner:ty, $module:ident, $tokio:path) => {
        /// Halves of a stream, borrowed or owned.
        pub mod $module {
            use std::{error::Error, fmt, sync::Arc};

            use $tokio as tokio_halves;

            use crate::io::Instrumented;

            /// A borrowed half for reading.
            pub type ReadHalf<'a> = Instrumented<tokio_halves::ReadHalf<'a>>;
            /// A borrowed half for writing.
            pub type WriteHalf<'a> = Instrumented<tokio_halves::WriteHalf<'a>>;
            /// An owned half for reading.
            pub type OwnedReadHalf = Instrumented<tokio_halves::OwnedReadHalf>;
            /// An owned half for writing.
            pub type OwnedWriteHalf = Instrumented<tokio_halves::OwnedWriteHalf>;

            /// The two halves are not of one stream.
            #[derive(Debug)]
            pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

            impl fmt::Display for ReuniteError {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("tried to reunite halves that are not from the same socket")
                }
            }

            impl Error for ReuniteError {}

            impl Instrumented<$inner> {
                /// Halves that borrow the stream.
                pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
                    let meter = Arc::clone(self.meter());
                    let (read, write) = self.get_mut().split();
                    (Instrumented::metered(read, Arc::clone(&meter)), Instrumented::metered(write, meter))
                }

                /// Halves that own the stream.
                pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
                    let (stream, meter) = self.into_parts();
                    let (read, write) = stream.into_split();
                    (Instrumented::metered(read, Arc::clone(&meter)), Instrumented::metered(write, meter))
                }
            }

            impl OwnedReadHalf {
                /// Makes one stream of both halves again.
                ///
                /// # Errors
                /// They are of different streams; they come back in the error.
                pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                    let (read, read_meter) = self.into_parts();
                    let (write, write_meter) = other.into_parts();
                    match read.reunite(write) {
                        Ok(stream) => Ok(Instrumented::metered(stream, read_meter)),
                        Err(error) => Err(ReuniteError(
                            Instrumented::metered(error.0, read_meter),
                            Instrumented::metered(error.1, write_meter),
                        )),
                    }
                }
            }

            impl OwnedWriteHalf {
                /// See [`OwnedReadHalf::reunite`].
                ///
                /// # Errors
                /// They are of different streams.
                pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                    other.reunite(self)
                }

                /// Drops the half without shutting the stream's writing side down.
                pub fn forget(self) {
                    self.into_inner().forget();
                }
            }
        }
    };
}

pub(super) use {halves, reading, writing};
