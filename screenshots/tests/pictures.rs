//! The committed pictures show what the console draws today, and every character in them can be drawn.

use std::{collections::BTreeSet, fs, path::Path};

use screenshots::SHOTS;
use ttf_parser::Face;

#[test]
fn committed_pictures_are_not_stale() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for shot in SHOTS {
        let path = folder.join(shot.name).with_extension("svg");
        let committed = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert!(
            committed == shot.svg(),
            "{} is stale: run `just shots`, look at it, and commit it",
            path.display()
        );
        assert!(path.with_extension("png").exists(), "{} has no PNG: run `just shots`", shot.name);
    }
}

#[test]
fn the_same_fixture_gives_the_same_picture() {
    assert!(SHOTS[0].svg() == SHOTS[0].svg());
}

#[test]
fn the_fonts_have_every_character() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fonts");
    let fonts =
        ["JetBrainsMono-Regular.ttf", "DejaVuSansMono.ttf"].map(|name| fs::read(folder.join(name)).unwrap());
    let faces = fonts.each_ref().map(|data| Face::parse(data, 0).unwrap());
    let symbols: BTreeSet<char> = SHOTS
        .iter()
        .flat_map(|shot| {
            shot.buffer().content.into_iter().flat_map(|cell| cell.symbol().chars().collect::<Vec<_>>())
        })
        .collect();
    // Dots are drawn as such.
    let symbols = symbols.into_iter().filter(|c| !('\u{2800}'..='\u{28ff}').contains(c));
    let missing: String =
        symbols.filter(|c| faces.iter().all(|face| face.glyph_index(*c).is_none())).collect();
    assert!(missing.is_empty(), "no font has {missing}");
}
