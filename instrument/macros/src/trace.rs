//! `#[taskscope::trace]`: the body of an async function becomes a future that is traced.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{Error, ItemFn, LitStr, Result, ReturnType, Type, spanned::Spanned as _, visit::Visit};

pub(super) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let mut function: ItemFn = syn::parse2(item)?;
    if function.sig.asyncness.is_none() {
        return Err(Error::new(
            function.sig.fn_token.span(),
            "only an async function can be traced; for a function that returns a future, write `.trace(\"…\")` on it",
        ));
    }
    let name = &function.sig.ident;
    let text = if attribute.is_empty() {
        let name = name.to_string();
        quote!(::core::concat!(::core::module_path!(), "::", #name))
    } else {
        syn::parse2::<LitStr>(attribute)?.into_token_stream()
    };
    let type_hint = type_hint(&function.sig.output);
    let body = &function.block;
    // With the span of the name, the frame's place is the function's.
    let traced = quote_spanned!(name.span()=> ::taskscope::FutureExt::trace(__body, #text).await);
    function.block = syn::parse2(quote!({
        let __body = async move {
            #type_hint
            #body
        };
        #traced
    }))?;
    Ok(function.into_token_stream())
}

/// Shows the compiler what the body's future returns, so that `?` and `return` know, by a return that is never reached.
fn type_hint(output: &ReturnType) -> TokenStream {
    let given = match output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, given) if names_its_type(given) => given.to_token_stream(),
        ReturnType::Type(..) => return TokenStream::new(),
    };
    quote! {
        #[allow(unreachable_code, clippy::all, clippy::pedantic, clippy::restriction, reason = "a hint for the compiler's types")]
        if false {
            let __output: #given = loop {};
            return __output;
        }
    }
}

/// `impl Trait` can't be written as a variable's type.
fn names_its_type(given: &Type) -> bool {
    struct Finds(bool);
    impl Visit<'_> for Finds {
        fn visit_type_impl_trait(&mut self, _: &syn::TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut finds = Finds(false);
    finds.visit_type(given);
    !finds.0
}
