//! One type, read from its entry: its parts, with the types of those as places.

use gimli::{AttributeValue, DebuggingInformationEntry, DwAt};

use crate::units::{Place, Slice, Unit, Value};

/// Fields, variants and parameters of one type, each.
pub const MAX_PARTS: usize = 1 << 16;
/// Bytes of a pointer.
const POINTER_BYTES: u64 = 8;

/// A type as its unit has it.
#[derive(Debug, Default)]
pub(crate) struct Die<'a> {
    /// Number of its unit.
    pub(crate) unit: u32,
    /// Its namespace in that unit.
    pub(crate) scope: Option<u32>,
    pub(crate) shape: Shape,
    pub(crate) name: &'a [u8],
    pub(crate) size: u64,
    pub(crate) members: Vec<Part<'a>>,
    pub(crate) variants: Option<Variants<'a>>,
    pub(crate) params: Vec<(&'a [u8], Place)>,
    /// What a pointer points to, what an array is of.
    pub(crate) target: Place,
    /// Length of an array.
    pub(crate) count: u64,
    /// Of a vtable's type: whose it is.
    pub(crate) containing: Place,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    #[default]
    Other,
    Bool,
    Unsigned,
    Signed,
    Base,
    /// An enumeration without data.
    Names,
    Struct,
    Union,
    Pointer,
    Array,
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) ty: Place,
    pub(crate) offset: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Variants<'a> {
    /// Where the number is, and its type.
    pub(crate) number: Option<(u64, Place)>,
    pub(crate) list: Vec<Variant<'a>>,
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Variant<'a> {
    pub(crate) value: Option<u64>,
    pub(crate) part: Part<'a>,
    /// Number of the file in the unit; 0: none.
    pub(crate) file: u64,
    pub(crate) line: u32,
}

/// The name and the size of a type, which are read without its parts.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Glance<'a> {
    pub(crate) shape: Shape,
    pub(crate) name: &'a [u8],
    pub(crate) size: u64,
    pub(crate) scope: Option<u32>,
    pub(crate) target: Place,
}

type Entry<'a> = DebuggingInformationEntry<Slice<'a>>;

/// A type without its parts. `None`: there is no entry.
pub(crate) fn glance<'a>(unit: &Unit<'a>, place: Place) -> Option<Glance<'a>> {
    let offset = unit.offset(place)?;
    let mut entry = Entry::null();
    let mut entries = unit.entries(Some(offset)).ok()?;
    entries.read_entry(&mut entry).ok()?.then(|| head(unit, &entry, offset.0))
}

fn head<'a>(unit: &Unit<'a>, entry: &Entry<'a>, offset: usize) -> Glance<'a> {
    let shape = shape(entry);
    let has_path = matches!(shape, Shape::Struct | Shape::Union | Shape::Names);
    let size = number(entry, gimli::DW_AT_byte_size);
    Glance {
        shape,
        name: text(unit, entry),
        size: size.unwrap_or(if shape == Shape::Pointer { POINTER_BYTES } else { 0 }),
        scope: if has_path { unit.scopes.of(offset) } else { None },
        target: if matches!(shape, Shape::Pointer | Shape::Array) {
            refers(unit, entry, gimli::DW_AT_type)
        } else {
            0
        },
    }
}

/// A type with its parts. `None`: there is no entry, or one that can't be read. Each entry that is read is taken from `entries_left`.
pub(crate) fn read<'a>(
    unit: &Unit<'a>,
    number_of_unit: u32,
    place: Place,
    entries_left: &mut u64,
) -> Option<Die<'a>> {
    let offset = unit.offset(place)?;
    let mut entries = unit.entries(Some(offset)).ok()?;
    let mut entry = Entry::null();
    if !entries.read_entry(&mut entry).ok()? {
        return None;
    }
    let head = head(unit, &entry, offset.0);
    let mut die = Die {
        unit: number_of_unit,
        scope: head.scope,
        shape: head.shape,
        name: head.name,
        size: head.size,
        target: head.target,
        containing: refers(unit, &entry, gimli::DW_AT_containing_type),
        ..Die::default()
    };
    if !entry.has_children() {
        return Some(die);
    }
    let mut reader = Parts { unit, die: &mut die, number: 0, value: None, hidden: isize::MAX };
    while entries.next_depth() > 0 && !entries.is_empty() {
        *entries_left = entries_left.checked_sub(1)?;
        if !entries.read_entry(&mut entry).ok()? {
            continue;
        }
        reader.part(&entry);
    }
    Some(die)
}

/// What is read of a type's parts so far.
struct Parts<'u, 'd, 'a> {
    unit: &'u Unit<'a>,
    die: &'d mut Die<'a>,
    /// The place of the field that has the number of the live variant.
    number: Place,
    /// The number of the variant that is open.
    value: Option<u64>,
    /// Entries deeper than this one belong to another type or to a function.
    hidden: isize,
}

impl<'a> Parts<'_, '_, 'a> {
    fn part(&mut self, entry: &Entry<'a>) {
        let depth = entry.depth();
        if depth > self.hidden {
            return;
        }
        self.hidden = isize::MAX;
        match (entry.tag(), depth) {
            (gimli::DW_TAG_member, 1) if self.die.members.len() < MAX_PARTS => {
                let part = self.member(entry);
                self.die.members.push(part);
            }
            (gimli::DW_TAG_variant_part, 1) => {
                self.number = refers(self.unit, entry, gimli::DW_AT_discr);
                self.die.variants = Some(Variants::default());
            }
            (gimli::DW_TAG_member, 2) => self.number_of_variants(entry),
            (gimli::DW_TAG_variant, 2) => self.value = constant(entry, gimli::DW_AT_discr_value),
            (gimli::DW_TAG_member, 3) => self.variant(entry),
            (gimli::DW_TAG_template_type_parameter, 1) if self.die.params.len() < MAX_PARTS => {
                self.die.params.push((text(self.unit, entry), refers(self.unit, entry, gimli::DW_AT_type)));
            }
            (gimli::DW_TAG_subrange_type, 1) => {
                let last = || number(entry, gimli::DW_AT_upper_bound)?.checked_add(1);
                self.die.count = number(entry, gimli::DW_AT_count).or_else(last).unwrap_or(0);
            }
            (gimli::DW_TAG_enumerator, 1) => self.enumerator(entry),
            (gimli::DW_TAG_variant_part | gimli::DW_TAG_variant | gimli::DW_TAG_member, _) => {}
            _ => self.hidden = depth,
        }
    }

    fn member(&self, entry: &Entry<'a>) -> Part<'a> {
        Part {
            name: text(self.unit, entry),
            ty: refers(self.unit, entry, gimli::DW_AT_type),
            offset: number(entry, gimli::DW_AT_data_member_location).unwrap_or(0),
        }
    }

    fn number_of_variants(&mut self, entry: &Entry<'a>) {
        if self.unit.place(entry.offset()) == self.number {
            let part = self.member(entry);
            if let Some(variants) = &mut self.die.variants {
                variants.number = Some((part.offset, part.ty));
            }
        }
    }

    fn variant(&mut self, entry: &Entry<'a>) {
        let file = match entry.attr_value(gimli::DW_AT_decl_file) {
            Some(AttributeValue::FileIndex(file)) => file,
            _ => 0,
        };
        let line = number(entry, gimli::DW_AT_decl_line).unwrap_or(0) as u32;
        let variant = Variant { value: self.value.take(), part: self.member(entry), file, line };
        self.push(variant);
    }

    fn enumerator(&mut self, entry: &Entry<'a>) {
        let value = constant(entry, gimli::DW_AT_const_value);
        let part = Part { name: text(self.unit, entry), ..Part::default() };
        self.die.variants.get_or_insert_default();
        self.push(Variant { value, part, ..Variant::default() });
    }

    fn push(&mut self, variant: Variant<'a>) {
        if let Some(variants) = self.die.variants.as_mut().filter(|it| it.list.len() < MAX_PARTS) {
            variants.list.push(variant);
        }
    }
}

fn shape(entry: &Entry<'_>) -> Shape {
    match entry.tag() {
        gimli::DW_TAG_structure_type | gimli::DW_TAG_class_type => Shape::Struct,
        gimli::DW_TAG_union_type => Shape::Union,
        gimli::DW_TAG_pointer_type | gimli::DW_TAG_reference_type => Shape::Pointer,
        gimli::DW_TAG_array_type => Shape::Array,
        gimli::DW_TAG_enumeration_type => Shape::Names,
        gimli::DW_TAG_base_type => match entry.attr_value(gimli::DW_AT_encoding) {
            Some(AttributeValue::Encoding(gimli::DW_ATE_boolean)) => Shape::Bool,
            Some(AttributeValue::Encoding(gimli::DW_ATE_unsigned)) => Shape::Unsigned,
            Some(AttributeValue::Encoding(gimli::DW_ATE_signed)) => Shape::Signed,
            _ => Shape::Base,
        },
        _ => Shape::Other,
    }
}

fn text<'a>(unit: &Unit<'a>, entry: &Entry<'a>) -> &'a [u8] {
    entry.attr_value(gimli::DW_AT_name).map_or(&[], |value| unit.text(value))
}

fn refers<'a>(unit: &Unit<'a>, entry: &Entry<'a>, name: DwAt) -> Place {
    entry.attr_value(name).and_then(|value| unit.refers(value)).unwrap_or(0)
}

fn number(entry: &Entry<'_>, name: DwAt) -> Option<u64> {
    entry.attr_value(name).and_then(|value| value.udata_value())
}

/// A constant of either sign, as the bits that it has in memory.
fn constant(entry: &Entry<'_>, name: DwAt) -> Option<u64> {
    let value: Value<'_> = entry.attr_value(name)?;
    match value {
        AttributeValue::Sdata(value) => Some(value as u64),
        value => value.udata_value().or_else(|| value.sdata_value().map(|value| value as u64)),
    }
}
