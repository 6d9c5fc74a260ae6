use crate::programs::*;
use taskscope_await::types::*;
#[test]
fn dump() {
    let b = built("shapes", Profile::Dev);
    let i = b.program.index();
    for (n, t) in i.types.iter().enumerate() {
        let full = i.full_name(TypeId(n as u32));
        if full.contains("JoinAll")
            || full.contains("SelectAll<")
            || full.contains("[futures_util::future::maybe_done")
            || full.starts_with("alloc::vec::Vec<core::pin")
            || full.contains("BlockingTask<shapes")
            || full.contains("BlockingTask<{")
            || full.contains("Box<[")
        {
            println!(
                "{full} {:?} holds {} size {}",
                t.kind,
                b.program.holds_futures(TypeId(n as u32)),
                t.size
            );
            for m in &t.members {
                println!("    .{} @{}: {}", i.text(m.name), m.offset, i.full_name(m.ty));
            }
            for m in t.variants.iter().flat_map(|v| &v.list) {
                println!(
                    "    |{} @{}: {} {}:{}",
                    i.text(m.name),
                    m.offset,
                    i.full_name(m.ty),
                    i.text(m.file),
                    m.line
                );
            }
            for (n, m) in &t.params {
                println!("    <{}: {}", i.text(*n), i.full_name(*m));
            }
        }
    }
    let r = Running::start(&b.path, &[]);
    let o = crate::looking::settled(&mut crate::looking::observer(&b, &r));
    for t in &o.tasks {
        for f in &t.task.tree.frames {
            if f.name.contains("acquire_many") {
                println!("{f:?}");
            }
        }
    }
}
