//! SVG to PNG, with the committed fonts and no other.

use std::sync::Arc;

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{Options, Tree, fontdb::Database},
};

/// The fonts, first choice first.
const FONTS: [&[u8]; 3] = [
    include_bytes!("../fonts/JetBrainsMono-Regular.ttf"),
    include_bytes!("../fonts/JetBrainsMono-Bold.ttf"),
    include_bytes!("../fonts/DejaVuSansMono.ttf"),
];

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PngError {
    /// Not an SVG document.
    #[error("the SVG can't be read: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// A picture without an area, or one that doesn't fit in memory.
    #[error("no picture of {0} x {1} pixels can be made")]
    Size(u32, u32),
    /// The pixels can't be packed.
    #[error("the PNG can't be written: {0}")]
    Encode(String),
}

/// Renders an SVG document.
///
/// # Errors
/// The document is no SVG, or its picture can't be held or packed.
pub fn png(svg: &str) -> Result<Vec<u8>, PngError> {
    let mut fonts = Database::new();
    for font in FONTS {
        fonts.load_font_data(font.to_vec());
    }
    let options = Options { fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options)?;
    let size = tree.size().to_int_size();
    let mut pixels =
        Pixmap::new(size.width(), size.height()).ok_or(PngError::Size(size.width(), size.height()))?;
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| PngError::Encode(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_svg_becomes_a_png_of_its_size() {
        let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"/>"#;
        let png = png(svg).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        assert_eq!(png[16..24], [0, 0, 0, 3, 0, 0, 0, 2]);
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(matches!(png("<not"), Err(PngError::Svg(_))));
    }
}
