//! From addresses to functions: names, files and lines, inlined functions too.

use std::collections::HashMap;

use super::module::Module;
use crate::Frame;

/// Addresses whose frames are kept. A program is stuck in few places; past this all are forgotten and looked up again.
const MAX_KNOWN: usize = 4096;
/// Frames of addresses looked up before.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    known: HashMap<u64, Box<[Frame]>>,
}

impl Symbols {
    /// The functions at an address of a module, the innermost first: several where they were inlined. The error says why there is no name.
    pub(super) fn frames(&mut self, address: u64, module: &mut Module) -> Result<&[Frame], String> {
        if !self.known.contains_key(&address) {
            let frames = look_up(address, module)?;
            if self.known.len() >= MAX_KNOWN {
                self.known.clear();
            }
            self.known.insert(address, frames.into());
        }
        Ok(self.known.get(&address).map_or(&[], |frames| frames))
    }

    /// What was mapped somewhere is mapped no more.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}

fn look_up(address: u64, module: &mut Module) -> Result<Vec<Frame>, String> {
    let at = module.in_file(address);
    if let Some(name) = module.kernel_name(at) {
        return Ok(vec![Frame::in_module(name, "", 0, true)]);
    }
    let path = module.mapping().path.clone();
    let (names, shared) = module.names().map_err(|why| format!("{path} has no names: {why}"))?;
    let mut frames = Vec::new();
    // Half a name is better than none: an error ends the inlined functions of this address alone.
    if let Ok(mut inlined) = names.find_frames(at) {
        while let Ok(Some(frame)) = inlined.next() {
            let name =
                frame.function.as_ref().and_then(|function| function.raw_name().ok()).unwrap_or_default();
            let place = frame.location;
            frames.push((
                name.into_owned(),
                place.as_ref().and_then(|place| place.file).unwrap_or_default().to_owned(),
                place.and_then(|place| place.line).unwrap_or(0),
            ));
        }
    }
    if frames.is_empty() {
        frames.push(Default::default());
    }
    // Tables of lines alone name no function that is not inlined, or name it without its path. The symbol has all of it.
    let symbol = names.find_symbol_info(at);
    if let (Some((name, ..)), Some(symbol)) = (frames.last_mut(), &symbol) {
        symbol.name().clone_into(name);
    }
    let is_library = path.contains(".so");
    let frames =
        frames.into_iter().map(|(name, file, line)| Frame::in_module(&name, &file, line, is_library));
    let mut frames: Vec<Frame> = frames.collect();
    let said = symbol.and_then(|symbol| shared.name(symbol.address()));
    if let (Some(frame), Some(said)) = (frames.last_mut(), said) {
        said.clone_into(&mut frame.function);
    }
    Ok(frames)
}
