//! What all guards have in common.

/// `Deref`, `Debug` and `Display` of a guard are those of what it guards.
macro_rules! read_guard {
    ([$($generics:tt)*] $guard:ty, $target:ident, $($path:ident).+) => {
        impl<$($generics)*> std::ops::Deref for $guard {
            type Target = $target;

            #[inline]
            fn deref(&self) -> &$target {
                &self.$($path).+
            }
        }

        impl<$($generics)*> std::fmt::Debug for $guard
        where
            $target: std::fmt::Debug,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, f)
            }
        }

        impl<$($generics)*> std::fmt::Display for $guard
        where
            $target: std::fmt::Display,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&**self, f)
            }
        }
    };
}

/// The same and `DerefMut`.
macro_rules! write_guard {
    ([$($generics:tt)*] $guard:ty, $target:ident, $($path:ident).+) => {
        $crate::sync::guard::read_guard!([$($generics)*] $guard, $target, $($path).+);

        impl<$($generics)*> std::ops::DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut $target {
                &mut self.$($path).+
            }
        }
    };
}

pub(super) use {read_guard, write_guard};
