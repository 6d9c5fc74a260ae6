//! Functions that a runtime is built for.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Error, ItemFn, Result, parse_quote, spanned::Spanned as _};

use crate::options::{Flavor, Options};

/// Which attribute it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Main,
    Test,
}

/// The function without `async`, around a runtime. In case of an error, that and the function as it was: fewer errors follow from it.
pub(crate) fn expand(entry: Entry, options: TokenStream, function: &TokenStream) -> TokenStream {
    written(entry, options, function.clone()).unwrap_or_else(|error| {
        let error = error.to_compile_error();
        quote! { #error #function }
    })
}

fn written(entry: Entry, options: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let mut function: ItemFn = syn::parse2(function)?;
    let options = Options::parse(options)?;
    if function.sig.asyncness.take().is_none() {
        return Err(Error::new(function.sig.fn_token.span(), "the function must be `async`"));
    }
    if entry == Entry::Test {
        check_test(&function)?;
        function.attrs.push(parse_quote! { #[::core::prelude::v1::test] });
    }
    let body = body(entry, &options, &function);
    *function.block = parse_quote! { { #body } };
    Ok(function.into_token_stream())
}

fn check_test(function: &ItemFn) -> Result<()> {
    if let Some(argument) = function.sig.inputs.first() {
        return Err(Error::new(argument.span(), "a test takes no arguments"));
    }
    // Another attribute that makes a test of it would run it twice.
    let is_test = |attribute: &&syn::Attribute| {
        attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
    };
    match function.attrs.iter().find(is_test) {
        Some(second) => Err(Error::new(second.span(), "the function is a test already")),
        None => Ok(()),
    }
}

fn body(entry: Entry, options: &Options, function: &ItemFn) -> TokenStream {
    let krate = options.krate.clone().unwrap_or_else(|| parse_quote! { ::taskscope });
    let flavor = options.flavor.unwrap_or(match entry {
        Entry::Main => Flavor::MultiThread,
        Entry::Test if options.worker_threads.is_some() => Flavor::MultiThread,
        Entry::Test => Flavor::CurrentThread,
    });
    let new = match flavor {
        Flavor::MultiThread => quote! { new_multi_thread },
        Flavor::CurrentThread => quote! { new_current_thread },
    };
    let install = match entry {
        Entry::Main => quote! { #krate::init(); },
        Entry::Test => quote! { #krate::__init_test(); },
    };
    let name = match &options.name {
        Some(name) => name.value(),
        None => function.sig.ident.to_string(),
    };
    let workers = options.worker_threads.as_ref().map(|threads| quote! { .worker_threads(#threads) });
    let paused = options.start_paused.as_ref().map(|paused| {
        // Tokio has the method only with its feature `test-util`: the error then points at the option.
        quote_spanned! { paused.span() => .with(|tokio| { tokio.start_paused(#paused); }) }
    });
    let block = &function.block;
    let end = block.brace_token.span.close();
    quote_spanned! { end =>
        #install
        let body = async #block;
        #[allow(clippy::expect_used, clippy::diverging_sub_expression, clippy::needless_return)]
        {
            return #krate::runtime::Builder::#new()
                .name(#name)
                .enable_all()
                #workers
                #paused
                .build()
                .expect("tokio builds its runtime")
                .block_on(body);
        }
    }
}
