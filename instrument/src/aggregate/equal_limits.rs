//! The limits of the recorder, of runtimes and of stacks against those of the wire, compared at compile time: those parts do not know the
//! wire, and a frame has room for all that they keep.

use taskscope_proto::limits as wire;
use taskscope_recorder as recorder;

use crate::runtime;

const _: () = {
    // Below the wire's limit by one: the last index is no slot, it stands for what has none.
    assert!(recorder::MAX_SLOTS == wire::MAX_SLOTS - 1);
    assert!(recorder::MAX_NAME_BYTES == wire::MAX_NAME_BYTES);
    assert!(recorder::MAX_FIELDS_BYTES == wire::MAX_FIELDS_BYTES);
    assert!(recorder::MAX_SITES == wire::MAX_SITES);
    assert!(recorder::MAX_PATH_BYTES == wire::MAX_PATH_BYTES);
    assert!(recorder::MAX_THREADS == wire::MAX_THREADS);
    assert!(recorder::MAX_THREAD_NAME_BYTES == wire::MAX_THREAD_NAME_BYTES);
    assert!(recorder::MAX_HOLDERS == wire::MAX_HOLDERS);
    assert!(recorder::MAX_TEXT_BYTES == wire::MAX_TEXT_BYTES);
    assert!(recorder::histogram::BUCKETS <= wire::MAX_BUCKETS);
    assert!(runtime::MAX_RUNTIMES == wire::MAX_RUNTIMES);
};

#[cfg(feature = "stacks")]
const _: () = assert!(taskscope_stack::MAX_FRAMES == wire::MAX_STACK_FRAMES);
