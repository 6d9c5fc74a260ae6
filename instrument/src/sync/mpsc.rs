//! tokio's mpsc channels, with who sends, who receives and who waits on record.
//!
//! Same API, errors and cancel safety as [`tokio::sync::mpsc`]; what is not wrapped is tokio's own.
//!
//! ```
//! use taskscope::sync::mpsc;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (sender, mut receiver) = mpsc::channel(8);
//! sender.send("hello").await.unwrap();
//! assert_eq!(receiver.recv().await, Some("hello"));
//! # }
//! ```

mod bounded;
mod receiver;
mod unbounded;

pub use tokio::sync::mpsc::error;

pub use self::{
    bounded::{
        OwnedPermit, Permit, PermitIterator, Receiver, Sender, WeakSender, channel, channel_with_name,
    },
    unbounded::{
        UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel,
        unbounded_channel_with_name,
    },
};
