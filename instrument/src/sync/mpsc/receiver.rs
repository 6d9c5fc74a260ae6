//! What the receivers of both mpsc channels have in common: a macro, as tokio has no trait for it.

/// The methods of a receiver, and its `Debug`.
macro_rules! receiver {
    ($receiver:ident) => {
        impl<T> $receiver<T> {
            /// Receives the next value; `None` when the channel is closed and empty. As tokio's.
            ///
            /// Cancel safe. A wait is on record from the first poll that finds nothing until this future is dropped.
            #[track_caller]
            pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
                let at = Location::caller();
                async move {
                    self.waiting = None;
                    let value = self.end.wait(RECV, at, self.inner.recv()).await;
                    self.received(usize::from(value.is_some()));
                    value
                }
            }

            /// Receives up to `limit` values into `buffer` and returns how many. As tokio's; cancel safe.
            #[track_caller]
            pub fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> impl Future<Output = usize> {
                let at = Location::caller();
                async move {
                    self.waiting = None;
                    let count = self.end.wait(RECV_MANY, at, self.inner.recv_many(buffer, limit)).await;
                    self.received(count);
                    count
                }
            }

            /// Receives a value if there is one.
            ///
            /// # Errors
            /// `Empty` or `Disconnected`, as tokio's.
            pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
                let value = self.inner.try_recv()?;
                self.received(1);
                Ok(value)
            }

            /// Receives the next value and blocks the thread until there is one.
            ///
            /// # Panics
            /// Inside async code, as tokio's.
            #[track_caller]
            pub fn blocking_recv(&mut self) -> Option<T> {
                let at = Location::caller();
                let value = self.block(RECV_BLOCKING, at, |inner| inner.blocking_recv());
                self.received(usize::from(value.is_some()));
                value
            }

            /// Receives up to `limit` values and blocks the thread until there is at least one.
            ///
            /// # Panics
            /// Inside async code, as tokio's.
            #[track_caller]
            pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
                let at = Location::caller();
                let count =
                    self.block(RECV_MANY_BLOCKING, at, |inner| inner.blocking_recv_many(buffer, limit));
                self.received(count);
                count
            }

            /// Polls for the next value. As tokio's.
            ///
            /// A wait is on record from the first poll that finds nothing until a value comes or the receiver is used otherwise.
            #[track_caller]
            pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
                let at = Location::caller();
                let Self { end, inner, waiting } = self;
                let polled = end.poll(waiting, POLL_RECV, at, || inner.poll_recv(context));
                if let Poll::Ready(Some(_)) = &polled {
                    self.received(1);
                }
                polled
            }

            /// Polls for up to `limit` values. As tokio's.
            #[track_caller]
            pub fn poll_recv_many(
                &mut self,
                context: &mut Context<'_>,
                buffer: &mut Vec<T>,
                limit: usize,
            ) -> Poll<usize> {
                let at = Location::caller();
                let Self { end, inner, waiting } = self;
                let polled =
                    end.poll(waiting, POLL_RECV_MANY, at, || inner.poll_recv_many(context, buffer, limit));
                if let Poll::Ready(count) = &polled {
                    self.received(*count);
                }
                polled
            }

            /// Closes this half: no more can be sent; what was sent can still be received.
            pub fn close(&mut self) {
                self.end.closed();
                self.inner.close();
            }

            /// Whether this half was closed or all senders are gone.
            pub fn is_closed(&self) -> bool {
                self.inner.is_closed()
            }

            /// Whether no value waits.
            pub fn is_empty(&self) -> bool {
                self.inner.is_empty()
            }

            /// Values that wait.
            pub fn len(&self) -> usize {
                self.inner.len()
            }

            /// Senders alive.
            pub fn sender_strong_count(&self) -> usize {
                self.inner.sender_strong_count()
            }

            /// Weak senders alive.
            pub fn sender_weak_count(&self) -> usize {
                self.inner.sender_weak_count()
            }

            fn received(&self, count: usize) {
                if count > 0 {
                    self.end.received(count as u64);
                }
            }

            /// Receives by blocking; on record if it will. Only this receiver takes values, so what is there now stays.
            fn block<R>(
                &mut self,
                what: What,
                at: &'static Location<'static>,
                receive: impl FnOnce(&mut inner::$receiver<T>) -> R,
            ) -> R {
                self.waiting = None;
                let Self { end, inner, .. } = self;
                if inner.is_empty() { end.block(what, at, || receive(inner)) } else { receive(inner) }
            }
        }

        impl<T> fmt::Debug for $receiver<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.inner.fmt(f)
            }
        }
    };
}

pub(super) use receiver;
