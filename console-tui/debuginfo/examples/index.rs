//! Reads a program's debug information and prints what it took: `cargo run --release --example index -- BIN [TYPE]`.

use std::{env, error::Error, path::PathBuf, time::Instant};

use taskscope_debuginfo::{Sources, read};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let binary = PathBuf::from(arguments.next().ok_or("name a program")?);
    let started = Instant::now();
    let read = read(&Sources { binary, debug_file: None }, &mut |_| {})?;
    println!("{:?} in all; {:#?}", started.elapsed(), read.stats);
    let index = &read.index;
    println!("index: {} bytes, {} texts, problem {:?}", index.write().len(), index.texts.len(), read.problem);
    println!(
        "{} tasks, {} vtables, {} polls, {} block_ons, {} named, context {:?}, tls {} bytes",
        index.tasks.len(),
        index.vtables.len(),
        index.polls.len(),
        index.block_ons.len(),
        index.named.len(),
        index.context,
        index.tls_bytes
    );
    let text_bytes: usize = index.texts.iter().map(String::len).sum();
    let parts: usize = index.types.iter().map(|ty| ty.members.len()).sum();
    println!("{text_bytes} bytes of texts, {parts} members, {} types", index.types.len());
    for name in arguments {
        for (number, ty) in index.types.iter().enumerate() {
            let full = index.full_name(taskscope_await::types::TypeId(number as u32));
            if full.contains(&name) {
                println!("{number} {full}: {ty:?}");
            }
        }
    }
    Ok(())
}
