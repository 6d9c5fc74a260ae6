//! Resources, the operations on them, what went through those that are streams, and the process's descriptors, as the frames have them.

use std::collections::HashMap;

use taskscope_proto::{limits, v1};

use super::{Fold, Task, at, rule, slots};

/// A resource, and its traffic where it is a stream, a file, a signal or a child.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is the field of the schema that has its name")]
pub struct Resource {
    pub slot: u32,
    pub generation: u32,
    pub concrete_type: String,
    pub name: String,
    pub site: u32,
    pub fd: Option<u32>,
    pub in_bytes: u64,
    pub out_bytes: u64,
    pub reads: u64,
    pub writes: u64,
    pub errors: u64,
    pub local: String,
    pub peer: String,
    pub last_error: String,
}

/// An operation under way.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is the field of the schema that has its name")]
pub struct Op {
    pub source: String,
    /// Slot and generation.
    pub resource: Option<(u32, u32)>,
    /// Slot and generation.
    pub task: Option<(u32, u32)>,
    pub created_ns: u64,
}

/// What the frames said of all this.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each is the part of the frame that has its name")]
pub struct Io {
    pub resources: HashMap<u32, Resource>,
    pub ops: HashMap<u32, Op>,
    pub descriptors: v1::Descriptors,
    /// Readings of the descriptors that came.
    pub readings: u64,
}

impl Fold {
    pub(super) fn add_io(&mut self, frame: &v1::Frame) -> Result<(), String> {
        if frame.snapshot_start {
            self.io.resources.clear();
            self.io.ops.clear();
        }
        for slot in &frame.freed_ops {
            rule(self.io.ops.remove(slot).is_some(), "a freed slot had an operation")?;
        }
        for slot in &frame.freed_resources {
            rule(self.io.resources.remove(slot).is_some(), "a freed slot had a resource")?;
        }
        if let Some(columns) = &frame.resources {
            self.resources(columns)?;
        }
        if let Some(columns) = &frame.io {
            self.streams(columns)?;
        }
        if let Some(columns) = &frame.ops {
            self.ops(columns)?;
        }
        if let Some(columns) = &frame.op_stats {
            self.op_stats(columns)?;
        }
        if let Some(descriptors) = &frame.descriptors {
            self.descriptors(descriptors)?;
        }
        Ok(())
    }

    fn resources(&mut self, columns: &v1::ResourceColumns) -> Result<(), String> {
        let slots = slots(&columns.slot_delta)?;
        let rows = slots.len();
        for (row, slot) in slots.into_iter().enumerate() {
            let resource = Resource {
                slot,
                generation: at(&columns.generation, row, rows)?,
                concrete_type: text(&columns.strings, at(&columns.concrete_type, row, rows)?)?,
                name: text(&columns.strings, at(&columns.name, row, rows)?)?,
                site: at(&columns.site, row, rows)?,
                ..Resource::default()
            };
            rule(
                resource.site == 0 || self.sites.contains_key(&resource.site),
                "a resource's site was sent",
            )?;
            self.io.resources.insert(slot, resource);
        }
        Ok(())
    }

    fn streams(&mut self, columns: &v1::IoColumns) -> Result<(), String> {
        let slots = slots(&columns.slot_delta)?;
        let rows = slots.len();
        for (row, slot) in slots.into_iter().enumerate() {
            let stream = self.io.resources.get_mut(&slot).ok_or("traffic is of a known resource")?;
            let (in_bytes, out_bytes) = (stream.in_bytes, stream.out_bytes);
            stream.fd = at(&columns.fd_plus1, row, rows)?.checked_sub(1);
            stream.in_bytes = at(&columns.in_bytes, row, rows)?;
            stream.out_bytes = at(&columns.out_bytes, row, rows)?;
            stream.reads = at(&columns.reads, row, rows)?;
            stream.writes = at(&columns.writes, row, rows)?;
            stream.errors = at(&columns.errors, row, rows)?;
            stream.local = text(&columns.strings, at(&columns.local, row, rows)?)?;
            stream.peer = text(&columns.strings, at(&columns.peer, row, rows)?)?;
            stream.last_error = text(&columns.strings, at(&columns.last_error, row, rows)?)?;
            let grows = stream.in_bytes >= in_bytes && stream.out_bytes >= out_bytes;
            rule(grows, "bytes never go back")?;
        }
        Ok(())
    }

    fn ops(&mut self, columns: &v1::OpColumns) -> Result<(), String> {
        let slots = slots(&columns.slot_delta)?;
        let rows = slots.len();
        for (row, slot) in slots.into_iter().enumerate() {
            let resource = at(&columns.resource_slot_plus1, row, rows)?;
            let op = Op {
                source: text(&columns.strings, at(&columns.source, row, rows)?)?,
                resource: pair(resource, at(&columns.resource_generation, row, rows)?),
                created_ns: self.now_ns.saturating_sub(at(&columns.created_ago_ns, row, rows)?),
                task: None,
            };
            self.io.ops.insert(slot, op);
        }
        Ok(())
    }

    fn op_stats(&mut self, columns: &v1::OpStatColumns) -> Result<(), String> {
        let slots = slots(&columns.slot_delta)?;
        let rows = slots.len();
        for (row, slot) in slots.into_iter().enumerate() {
            let op = self.io.ops.get_mut(&slot).ok_or("counters are of a known operation")?;
            let task = at(&columns.task_slot_plus1, row, rows)?;
            op.task = pair(task, at(&columns.task_generation, row, rows)?);
        }
        Ok(())
    }

    fn descriptors(&mut self, sent: &v1::Descriptors) -> Result<(), String> {
        rule(sent.descriptors.len() <= limits::MAX_DESCRIPTORS, "descriptors are within their limit")?;
        for pair in sent.descriptors.windows(2) {
            rule(pair[0].fd < pair[1].fd, "descriptors ascend")?;
        }
        // Whoever has a number now, and was there before under another one, has changed hands.
        for new in &sent.descriptors {
            let same = |old: &&v1::Descriptor| old.identity == new.identity;
            if let Some(old) = self.io.descriptors.descriptors.iter().find(same) {
                rule((old.fd, old.inode) == (new.fd, new.inode), "an identity is of one file alone")?;
            }
        }
        self.io.readings += 1;
        self.io.descriptors.clone_from(sent);
        Ok(())
    }

    /// The resources of a type: `TcpStream`, `Signal`, `Child`.
    pub fn of_type<'a>(&'a self, concrete_type: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.io.resources.values().filter(move |resource| resource.concrete_type == concrete_type)
    }

    /// The descriptor of a number.
    pub fn descriptor(&self, fd: u32) -> Option<&v1::Descriptor> {
        self.io.descriptors.descriptors.iter().find(|descriptor| descriptor.fd == fd)
    }

    /// The descriptors with this local address.
    pub fn sockets<'a>(&'a self, local: &'a str) -> impl Iterator<Item = &'a v1::Descriptor> {
        self.io.descriptors.descriptors.iter().filter(move |descriptor| descriptor.local == local)
    }

    /// The tasks that wait on a resource, with the method.
    pub fn waiting(&self, resource: &Resource) -> Vec<(&Task, &str)> {
        let key = Some((resource.slot, resource.generation));
        let ops = self.io.ops.values().filter(|op| op.resource == key);
        ops.filter_map(|op| {
            let (slot, generation) = op.task?;
            Some((self.task(Some(v1::TaskRef { slot, generation }))?, op.source.as_str()))
        })
        .collect()
    }
}

/// A 1-based index into the strings of the columns.
pub(super) fn text(strings: &[String], index: u32) -> Result<String, String> {
    match index {
        0 => Ok(String::new()),
        _ => strings.get(index as usize - 1).cloned().ok_or_else(|| "a string's index is in range".into()),
    }
}

fn pair(slot_plus1: u32, generation: u32) -> Option<(u32, u32)> {
    Some((slot_plus1.checked_sub(1)?, generation))
}
