//! Draws fixtures through the real views to SVG and PNG.
