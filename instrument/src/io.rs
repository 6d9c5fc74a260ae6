//! Streams on record: bytes and operations each way, rates, waits, the task that waits and since when, errors.
//!
//! [`Instrumented`] goes around anything that is read or written: a TLS stream, a pipe, a child's stdout. `taskscope::net` has tokio's sockets in
//! it, under their own names. No `tokio_unstable` is needed.
//!
//! A read or write costs some 30 ns more; buffers pass through without a copy, vectored writes stay vectored. A wait is an operation of some
//! 200 ns. Without a recorder everything passes through.

pub(crate) mod meter;

use std::{
    fmt,
    io::{self, IoSlice, SeekFrom},
    ops::Deref,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use self::meter::{Meter, Way, bytes, nothing};

pin_project! {
    /// A stream on record.
    ///
    /// ```
    /// use taskscope::io::Instrumented;
    /// use tokio::io::AsyncWriteExt as _;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let (near, far) = tokio::io::duplex(64);
    /// let mut near = Instrumented::with_name("to-backend", near);
    /// near.write_all(b"hello").await?;
    /// # drop(far);
    /// # Ok(())
    /// # }
    /// ```
    pub struct Instrumented<T> {
        #[pin]
        inner: T,
        meter: Arc<Meter>,
    }
}

impl<T> Instrumented<T> {
    /// Puts a stream on record, under the name of its type and the place of this call.
    #[track_caller]
    pub fn new(inner: T) -> Self {
        Self::with_name("", inner)
    }

    /// The same with a name for the console.
    #[track_caller]
    pub fn with_name(name: &'static str, inner: T) -> Self {
        let meter = Meter::new(short_type_name::<T>(), name, Location::caller());
        Self { inner, meter: Arc::new(meter) }
    }

    pub(crate) fn metered(inner: T, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }

    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// The stream itself; what is done with it is not on record.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The stream itself; what is done with it is not on record.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// The stream, off the record.
    pub fn into_inner(self) -> T {
        self.inner
    }

    pub(crate) fn into_parts(self) -> (T, Arc<Meter>) {
        (self.inner, self.meter)
    }
}

/// `DuplexStream` of `tokio::io::util::mem::DuplexStream`, and of a generic type the part before its parameters.
fn short_type_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

/// The stream's own methods: those that move bytes without going through this type are not on record.
impl<T> Deref for Instrumented<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> AsRef<T> for Instrumented<T> {
    fn as_ref(&self) -> &T {
        &self.inner
    }
}

impl<T: fmt::Debug> fmt::Debug for Instrumented<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: AsyncRead> AsyncRead for Instrumented<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buffer.filled().len();
        let inner = this.inner;
        let read = || match inner.poll_read(context, buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len() - before)),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        this.meter.poll(Way::In, "read", read, bytes).map_ok(|_| ())
    }
}

impl<T: AsyncBufRead> AsyncBufRead for Instrumented<T> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        let inner = this.inner;
        // What is taken from the buffer is counted, not what lies in it.
        this.meter.poll(Way::In, "read", || inner.poll_fill_buf(context), nothing)
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.project();
        let inner = this.inner;
        let consume = || {
            inner.consume(amount);
            Ok(amount)
        };
        // It can't fail.
        let _consumed = this.meter.attempt(Way::In, consume, bytes);
    }
}

impl<T: AsyncWrite> AsyncWrite for Instrumented<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.project();
        let inner = this.inner;
        this.meter.poll(Way::Out, "write", || inner.poll_write(context, data), bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let inner = this.inner;
        let write = || inner.poll_write_vectored(context, parts);
        this.meter.poll(Way::Out, "write", write, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let inner = this.inner;
        this.meter.poll(Way::Out, "flush", || inner.poll_flush(context), nothing)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let inner = this.inner;
        this.meter.poll(Way::Out, "shutdown", || inner.poll_shutdown(context), nothing)
    }
}

impl<T: AsyncSeek> AsyncSeek for Instrumented<T> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.project().inner.start_seek(position)
    }

    fn poll_complete(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.project().inner.poll_complete(context)
    }
}

#[cfg(unix)]
impl<T: std::os::fd::AsRawFd> std::os::fd::AsRawFd for Instrumented<T> {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.inner.as_raw_fd()
    }
}

#[cfg(unix)]
impl<T: std::os::fd::AsFd> std::os::fd::AsFd for Instrumented<T> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// The descriptor of a file or socket, where there are such.
#[cfg(unix)]
pub(crate) fn descriptor(of: &impl std::os::fd::AsRawFd) -> Option<u32> {
    u32::try_from(of.as_raw_fd()).ok()
}

/// The descriptor of a file or socket, where there are such.
#[cfg(not(unix))]
pub(crate) fn descriptor<T>(_of: &T) -> Option<u32> {
    None
}
