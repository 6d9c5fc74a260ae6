//! What stands in the brackets of an attribute.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use syn::{
    Error, Expr, ExprLit, Lit, LitBool, LitInt, LitStr, MetaNameValue, Path, Result, Token,
    ext::IdentExt as _, parse::Parser as _, punctuated::Punctuated, spanned::Spanned as _,
};

const KNOWN: &str = "flavor, worker_threads, start_paused, name, crate";

/// The options, each as it was written, so that errors point there.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) flavor: Option<Flavor>,
    pub(crate) worker_threads: Option<LitInt>,
    pub(crate) start_paused: Option<LitBool>,
    pub(crate) name: Option<LitStr>,
    pub(crate) krate: Option<Path>,
}

/// How many threads drive the runtime.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavor {
    MultiThread,
    CurrentThread,
}

impl Options {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let parser =
            |input: syn::parse::ParseStream<'_>| Punctuated::<Assignment, Token![,]>::parse_terminated(input);
        let mut options = Self::default();
        let mut seen = HashSet::new();
        for Assignment(assignment) in parser.parse2(tokens)? {
            let path = &assignment.path;
            let name = path.get_ident().map(|ident| ident.unraw().to_string()).unwrap_or_default();
            if !seen.insert(name.clone()) {
                return Err(Error::new(path.span(), format!("`{name}` is set twice")));
            }
            options.set(&name, &assignment)?;
        }
        options.check()?;
        Ok(options)
    }

    fn set(&mut self, name: &str, assignment: &MetaNameValue) -> Result<()> {
        let Expr::Lit(ExprLit { lit, .. }) = &assignment.value else {
            return Err(Error::new(assignment.value.span(), format!("`{name}` takes a literal")));
        };
        match (name, lit) {
            ("flavor", Lit::Str(flavor)) => self.flavor = Some(Flavor::parse(flavor)?),
            ("worker_threads", Lit::Int(threads)) => {
                if threads.base10_parse::<usize>()? == 0 {
                    return Err(Error::new(threads.span(), "a runtime has at least one worker"));
                }
                self.worker_threads = Some(threads.clone());
            }
            ("start_paused", Lit::Bool(paused)) => self.start_paused = Some(paused.clone()),
            ("name", Lit::Str(name)) => self.name = Some(name.clone()),
            ("crate", Lit::Str(path)) => self.krate = Some(path.parse()?),
            ("flavor" | "name" | "crate", _) => {
                return Err(Error::new(lit.span(), format!("`{name}` takes a string")));
            }
            ("worker_threads", _) => return Err(Error::new(lit.span(), "`worker_threads` takes a number")),
            ("start_paused", _) => return Err(Error::new(lit.span(), "`start_paused` takes true or false")),
            _ => {
                let text = format!("unknown option; known are {KNOWN}");
                return Err(Error::new(assignment.path.span(), text));
            }
        }
        Ok(())
    }

    /// What fits together.
    fn check(&self) -> Result<()> {
        if let (Some(Flavor::CurrentThread), Some(threads)) = (self.flavor, &self.worker_threads) {
            return Err(Error::new(
                threads.span(),
                "a runtime with flavor \"current_thread\" has no workers to count",
            ));
        }
        Ok(())
    }
}

impl Flavor {
    fn parse(text: &LitStr) -> Result<Self> {
        match text.value().as_str() {
            "multi_thread" => Ok(Self::MultiThread),
            "current_thread" => Ok(Self::CurrentThread),
            _ => Err(Error::new(text.span(), "the flavors are \"multi_thread\" and \"current_thread\"")),
        }
    }
}

/// `name = value`, where the name may be the keyword `crate`.
struct Assignment(MetaNameValue);

impl syn::parse::Parse for Assignment {
    fn parse(input: syn::parse::ParseStream<'_>) -> Result<Self> {
        let name = input.call(syn::Ident::parse_any)?;
        if !input.peek(Token![=]) {
            return Err(Error::new(name.span(), format!("expected `{name} = …`; known options are {KNOWN}")));
        }
        Ok(Self(MetaNameValue { path: name.into(), eq_token: input.parse()?, value: input.parse()? }))
    }
}
