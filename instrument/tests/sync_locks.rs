//! The same program on tokio's locks and on taskscope's: it must compile against both and do the same.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]
#![allow(
    clippy::format_push_string,
    reason = "what is seen is one text to compare, and `write!` can't fail here"
)]

use std::{
    any::type_name_of_val,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
};

fn send_sync<T: Send + Sync>() {}
fn send<T: Send>() {}
fn unpin<T: Unpin>() {}
fn fixed<T: 'static>() {}
fn send_sync_value<T: Send + Sync>(_: &T) {}
fn fixed_value<T: 'static>(_: &T) {}
fn future_of<T>(_: &impl Future<Output = T>) {}

/// Whether a future is done at its first poll.
fn done<F: Future>(future: F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

/// A type's name without its path.
fn short<T>(value: &T) -> String {
    let (path, generics) = type_name_of_val(value).split_once('<').unwrap();
    format!("{}<{generics}", path.rsplit("::").next().unwrap())
}

/// Whether it panics; the message must not be lost in the log of a test that passes.
fn panics<R>(call: impl FnOnce() -> R) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(call)).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap())
}

/// Both crates run the same text; what they print must be equal.
macro_rules! on_both {
    ($($body:tt)*) => {
        mod on_tokio {
            use super::*;
            use tokio::sync::*;
            $($body)*
        }
        mod on_taskscope {
            use super::*;
            use taskscope::sync::*;
            $($body)*
        }
    };
}

on_both! {
    static MUTEX: Mutex<u32> = Mutex::const_new(7);
    static LOCK: RwLock<u32> = RwLock::const_new(7);
    static FEW_READERS: RwLock<u32> = RwLock::const_with_max_readers(7, 2);
    static SEMAPHORE: Semaphore = Semaphore::const_new(3);
    static NOTIFY: Notify = Notify::const_new();
    static CELL: OnceCell<u32> = OnceCell::const_new();

    pub(super) fn bounds() {
        use std::{cell::Cell, rc::Rc};
        send_sync::<Mutex<u32>>();
        send_sync::<Mutex<Cell<u32>>>();
        unpin::<Mutex<u32>>();
        send::<MutexGuard<'_, u32>>();
        send_sync::<MappedMutexGuard<'_, u32>>();
        send_sync::<OwnedMutexGuard<u32>>();
        send_sync::<OwnedMappedMutexGuard<u32, u8>>();
        fixed::<OwnedMutexGuard<u32>>();
        send_sync::<RwLock<u32>>();
        unpin::<RwLock<u32>>();
        send_sync::<RwLockReadGuard<'_, u32>>();
        send_sync::<RwLockWriteGuard<'_, u32>>();
        send_sync::<RwLockMappedWriteGuard<'_, u32>>();
        send_sync::<OwnedRwLockReadGuard<u32, i32>>();
        send_sync::<OwnedRwLockWriteGuard<u32>>();
        send_sync::<OwnedRwLockMappedWriteGuard<u32, i32>>();
        unpin::<OwnedRwLockMappedWriteGuard<u32, i32>>();
        send_sync::<Semaphore>();
        send_sync::<SemaphorePermit<'_>>();
        send_sync::<OwnedSemaphorePermit>();
        unpin::<Semaphore>();
        send_sync::<Notify>();
        send_sync::<futures::Notified<'_>>();
        send_sync::<futures::OwnedNotified>();
        send_sync::<Barrier>();

        let mutex = Arc::new(Mutex::new(1));
        send_sync_value(&mutex.lock());
        send_sync_value(&mutex.clone().lock_owned());
        fixed_value(&mutex.clone().lock_owned());
        let lock = Arc::new(RwLock::new(1));
        send_sync_value(&lock.read());
        send_sync_value(&lock.write());
        send_sync_value(&lock.clone().read_owned());
        send_sync_value(&lock.clone().write_owned());
        let semaphore = Arc::new(Semaphore::new(1));
        send_sync_value(&semaphore.acquire());
        send_sync_value(&semaphore.acquire_many(2));
        send_sync_value(&semaphore.clone().acquire_owned());
        send_sync_value(&semaphore.clone().acquire_many_owned(2));
        send_sync_value(&Barrier::new(1).wait());
        // What is not `Send` can be locked where it is.
        future_of::<MutexGuard<'_, Rc<u32>>>(&Mutex::new(Rc::new(1)).lock());

        // Values without a size known here.
        let slice: Arc<Mutex<[u8]>> = Arc::new(Mutex::new([1_u8, 2]));
        assert_eq!(slice.try_lock().unwrap().len(), 2);
        assert_eq!(slice.clone().try_lock_owned().unwrap().len(), 2);
        assert_eq!(done(slice.lock_owned()).unwrap().len(), 2);
        let object: Arc<RwLock<dyn std::fmt::Debug + Send + Sync>> = Arc::new(RwLock::new(5_u8));
        assert_eq!(format!("{:?} {:?}", object, object.clone().try_write_owned()), "RwLock { data: <locked> } Ok(5)");
    }

    pub(super) fn mutex() -> String {
        let mut seen = String::new();
        let mut mutex = Mutex::from((1, "a"));
        *mutex.get_mut() = (2, "b");
        seen += &format!("{mutex:?} {:?} ", Mutex::<u8>::default());
        let guard = mutex.try_lock().unwrap();
        seen += &format!("{mutex:?} {guard:?} {} {} ", mutex.try_lock().unwrap_err(), short(&guard));
        assert!(std::ptr::eq(MutexGuard::mutex(&guard), &raw const mutex));
        let guard = MutexGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
        let mut first = MutexGuard::map(guard, |pair| &mut pair.0);
        *first += 1;
        let first = MappedMutexGuard::try_map(first, |_| None::<&mut u8>).unwrap_err();
        let first = MappedMutexGuard::map::<u8, _>(first, |first| first);
        let first = MappedMutexGuard::try_map::<u8, _>(first, |first| Some(first)).unwrap();
        seen += &format!("{first} {first:?} {} ", done(mutex.lock()).is_none());
        drop(first);
        drop(MutexGuard::try_map(mutex.try_lock().unwrap(), |pair| Some(&mut pair.1)).unwrap());
        seen += &format!("{:?} ", mutex.into_inner());
        *done(MUTEX.lock()).unwrap() = 7;
        seen += &format!("{} ", *MUTEX.blocking_lock());

        let mutex = Arc::new(Mutex::new((1, 2)));
        let guard = mutex.clone().try_lock_owned().unwrap();
        assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &mutex));
        seen += &format!("{guard:?} {} ", mutex.clone().try_lock_owned().unwrap_err());
        let guard = OwnedMutexGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
        let second = OwnedMutexGuard::map::<i32, _>(guard, |pair| &mut pair.1);
        let second = OwnedMappedMutexGuard::try_map(second, |_| None::<&mut u8>).unwrap_err();
        let second = OwnedMappedMutexGuard::map::<i32, _>(second, |second| second);
        let mut second = OwnedMappedMutexGuard::try_map::<i32, _>(second, |second| Some(second)).unwrap();
        *second = 5;
        seen += &format!("{second} {} ", done(mutex.clone().lock_owned()).is_none());
        drop(second);
        drop(OwnedMutexGuard::try_map(mutex.clone().blocking_lock_owned(), |pair| Some(&mut pair.1)).unwrap());
        seen += &format!("{:?}", done(mutex.lock_owned()).unwrap());
        seen
    }

    pub(super) fn rwlock() -> String {
        let mut seen = String::new();
        let mut lock = RwLock::from((1, "a"));
        *lock.get_mut() = (2, "b");
        seen += &format!("{lock:?} {:?} ", RwLock::<u8>::default());
        let reader = lock.try_read().unwrap();
        let other = done(lock.read()).unwrap();
        seen += &format!("{lock:?} {reader:?} {} {} ", lock.try_write().unwrap_err(), short(&reader));
        let reader = RwLockReadGuard::try_map(reader, |_| None::<&u8>).unwrap_err();
        let reader = RwLockReadGuard::map(reader, |pair| &pair.0);
        let reader = RwLockReadGuard::try_map(reader, |first| Some(first)).unwrap();
        seen += &format!("{reader} {} ", done(lock.write()).is_none());
        drop((reader, other));
        let writer = done(lock.write()).unwrap();
        seen += &format!("{lock:?} {writer:?} {} {} ", lock.try_read().unwrap_err(), done(lock.read()).is_none());
        let writer = RwLockWriteGuard::try_map(writer, |_| None::<&mut u8>).unwrap_err();
        let writer = RwLockWriteGuard::try_downgrade_map(writer, |_| None::<&u8>).unwrap_err();
        let mut first = RwLockWriteGuard::map(writer, |pair| &mut pair.0);
        *first = 9;
        let first = RwLockMappedWriteGuard::try_map(first, |_| None::<&mut u8>).unwrap_err();
        let first = RwLockMappedWriteGuard::map(first, |first| first);
        drop(RwLockMappedWriteGuard::try_map(first, |first| Some(first)).unwrap());
        drop(RwLockWriteGuard::into_mapped(lock.try_write().unwrap()));
        drop(RwLockWriteGuard::try_map(lock.try_write().unwrap(), |pair| Some(&mut pair.1)).unwrap());
        let reader = lock.blocking_write().downgrade();
        seen += &format!("{} {} ", reader.0, lock.try_read().is_ok() && lock.try_write().is_err());
        drop(reader);
        drop(RwLockWriteGuard::downgrade_map(lock.try_write().unwrap(), |pair| &pair.1));
        let part = RwLockWriteGuard::try_downgrade_map(lock.try_write().unwrap(), |pair| Some(&pair.1)).unwrap();
        seen += &format!("{part} {:?} ", lock.blocking_read());
        drop(part);
        seen += &format!("{:?} ", lock.into_inner());
        let two = (FEW_READERS.try_read().unwrap(), FEW_READERS.try_read().unwrap());
        seen += &format!("{} {} ", FEW_READERS.try_read().is_err(), *LOCK.try_read().unwrap());
        drop(two);
        let none = panics(|| RwLock::with_max_readers(0, 0));
        seen += &format!("{} {}", none.is_some(), RwLock::with_max_readers(0, 1).try_read().is_ok());
        seen
    }

    pub(super) fn owned_rwlock() -> String {
        let mut seen = String::new();
        let lock = Arc::new(RwLock::new((1, "a")));
        let reader = lock.clone().try_read_owned().unwrap();
        let other = done(lock.clone().read_owned()).unwrap();
        assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&reader), &lock));
        seen += &format!("{reader:?} {} ", lock.clone().try_write_owned().unwrap_err());
        let reader = OwnedRwLockReadGuard::try_map(reader, |_| None::<&u8>).unwrap_err();
        let reader = OwnedRwLockReadGuard::map(reader, |pair| &pair.0);
        let reader = OwnedRwLockReadGuard::try_map(reader, |first| Some(first)).unwrap();
        assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&reader), &lock));
        seen += &format!("{reader} {} ", done(lock.clone().write_owned()).is_none());
        drop((reader, other));
        let writer = done(lock.clone().write_owned()).unwrap();
        assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&writer), &lock));
        seen += &format!("{writer:?} {} ", lock.clone().try_read_owned().unwrap_err());
        let writer = OwnedRwLockWriteGuard::try_map(writer, |_| None::<&mut u8>).unwrap_err();
        let writer = OwnedRwLockWriteGuard::try_downgrade_map(writer, |_| None::<&u8>).unwrap_err();
        let mut first = OwnedRwLockWriteGuard::map(writer, |pair| &mut pair.0);
        *first = 9;
        let first = OwnedRwLockMappedWriteGuard::try_map(first, |_| None::<&mut u8>).unwrap_err();
        let first = OwnedRwLockMappedWriteGuard::map(first, |first| first);
        let first = OwnedRwLockMappedWriteGuard::try_map(first, |first| Some(first)).unwrap();
        assert!(Arc::ptr_eq(OwnedRwLockMappedWriteGuard::rwlock(&first), &lock));
        drop(first);
        let write = || lock.clone().try_write_owned().unwrap();
        drop(OwnedRwLockWriteGuard::into_mapped(write()));
        drop(OwnedRwLockWriteGuard::try_map(write(), |pair| Some(&mut pair.1)).unwrap());
        let reader = write().downgrade();
        seen += &format!("{} {} ", reader.0, lock.try_read().is_ok() && lock.try_write().is_err());
        drop(reader);
        drop(OwnedRwLockWriteGuard::downgrade_map(write(), |pair| &pair.1));
        let part = OwnedRwLockWriteGuard::try_downgrade_map(write(), |pair| Some(&pair.1)).unwrap();
        seen += &format!("{part} {}", Arc::strong_count(&lock) > 1);
        drop(part);
        // The last guard keeps the value.
        let guard = done(lock.read_owned()).unwrap();
        seen += guard.1;
        seen
    }

    pub(super) fn semaphore() -> String {
        let mut seen = String::new();
        let semaphore = Arc::new(Semaphore::new(5));
        seen += &format!("{} {} ", Semaphore::MAX_PERMITS, semaphore.available_permits());
        let mut two = done(semaphore.acquire_many(2)).unwrap().unwrap();
        let one = two.split(1).unwrap();
        seen += &format!("{} {} {} ", two.num_permits(), one.num_permits(), two.split(2).is_none());
        let rest = semaphore.try_acquire_many(3).unwrap();
        seen += &format!("{} {} ", semaphore.try_acquire().unwrap_err(), done(semaphore.acquire()).is_none());
        two.merge(one);
        seen += &format!("{} {} ", two.num_permits(), std::ptr::eq(two.semaphore(), &raw const *semaphore));
        two.forget();
        drop(rest);
        semaphore.add_permits(1);
        seen += &format!("{} {} {} ", semaphore.available_permits(), semaphore.forget_permits(9), semaphore.available_permits());
        semaphore.add_permits(4);

        let mut owned = done(semaphore.clone().acquire_many_owned(3)).unwrap().unwrap();
        let part = owned.split(2).unwrap();
        seen += &format!("{} {} {} ", owned.num_permits(), part.num_permits(), owned.split(2).is_none());
        assert!(Arc::ptr_eq(owned.semaphore(), &semaphore));
        owned.merge(part);
        let last = semaphore.clone().try_acquire_owned().unwrap();
        seen += &format!("{} ", semaphore.clone().try_acquire_many_owned(1).unwrap_err());
        seen += &format!("{} ", done(semaphore.clone().acquire_owned()).is_none());
        owned.forget();
        drop(last);
        seen += &format!("{} ", semaphore.available_permits());
        drop(semaphore.blocking_acquire().unwrap());
        drop(SEMAPHORE.blocking_acquire_many(2).unwrap());
        drop(semaphore.clone().blocking_acquire_owned().unwrap());
        drop(SEMAPHORE.try_acquire().unwrap());
        let other = Arc::new(Semaphore::new(4));
        drop(other.clone().blocking_acquire_many_owned(2).unwrap());
        let mut mine = semaphore.try_acquire().unwrap();
        seen += &format!("{:?} ", panics(|| mine.merge(other.try_acquire().unwrap())));
        drop(mine);
        let mut mine = semaphore.clone().try_acquire_owned().unwrap();
        seen += &format!("{:?} ", panics(|| mine.merge(other.clone().try_acquire_owned().unwrap())));
        drop(mine);
        seen += &format!("{} ", other.available_permits());
        semaphore.close();
        seen += &format!("{} {} ", semaphore.is_closed(), semaphore.try_acquire().unwrap_err());
        seen += &format!("{} ", done(semaphore.acquire()).unwrap().unwrap_err());
        seen += &format!("{} ", done(semaphore.clone().acquire_owned()).unwrap().unwrap_err());
        seen += &format!("{}", panics(|| Semaphore::new(Semaphore::MAX_PERMITS + 1)).is_some());
        seen
    }

    pub(super) async fn rest() -> String {
        let mut seen = String::new();
        NOTIFY.notify_one();
        NOTIFY.notified().await;
        let notify = Arc::new(Notify::default());
        let mut first = pin!(notify.notified());
        let mut second = pin!(notify.clone().notified_owned());
        seen += &format!("{} {} ", first.as_mut().enable(), second.as_mut().enable());
        notify.notify_last();
        seen += &format!("{} {} ", done(first.as_mut()).is_some(), done(second.as_mut()).is_some());
        let third = notify.notified();
        notify.notify_waiters();
        first.await;
        third.await;
        seen += &format!("{} {} ", done(notify.notified()).is_some(), done(Notify::new().notified()).is_some());

        let barrier = Barrier::new(2);
        let (one, other): (BarrierWaitResult, _) = tokio::join!(barrier.wait(), barrier.wait());
        seen += &format!("{} ", u8::from(one.is_leader()) + u8::from(other.is_leader()));
        seen += &format!("{} ", CELL.get_or_init(|| async { 3 }).await);
        let unblocked: Result<(), AcquireError> = Ok(());
        seen += &format!("{unblocked:?} {:?}", TryAcquireError::NoPermits);
        // A free lock blocks no thread, and still may not be taken so within a task.
        let mutex = Arc::new(Mutex::new(1));
        seen += &format!("{:?} ", panics(|| drop(mutex.blocking_lock())));
        seen += &format!("{:?} ", panics(|| drop(mutex.clone().blocking_lock_owned())));
        seen += &format!("{:?} ", panics(|| drop(RwLock::new(1).blocking_read())));
        seen += &format!("{:?} ", panics(|| drop(Semaphore::new(1).blocking_acquire())));
        let blocking = tokio::task::spawn_blocking(move || *mutex.blocking_lock());
        seen += &format!("{}", blocking.await.unwrap());
        seen
    }
}

/// Everything in one test, before and after there is a recorder.
#[test]
fn both_do_the_same() {
    compare();
    let _subscriber = taskscope::wrap(tracing_subscriber::registry());
    assert!(taskscope::Handle::default_handle().is_some());
    compare();
}

fn compare() {
    on_tokio::bounds();
    on_taskscope::bounds();
    assert_eq!(on_taskscope::mutex(), on_tokio::mutex());
    assert_eq!(on_taskscope::rwlock(), on_tokio::rwlock());
    assert_eq!(on_taskscope::owned_rwlock(), on_tokio::owned_rwlock());
    assert_eq!(on_taskscope::semaphore(), on_tokio::semaphore());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(on_taskscope::rest()), runtime.block_on(on_tokio::rest()));
}
