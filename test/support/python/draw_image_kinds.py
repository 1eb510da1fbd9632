"""Draws one picture in every way that pillow can write PNG, JPEG and WebP: draw_image_kinds.py FOLDER."""

import sys

from PIL import Image, PngImagePlugin

_, folder = sys.argv
picture = Image.effect_mandelbrot((61, 47), (-2, -1.5, 1, 1.5), 60).convert("RGB")


def save(name, image, form, **options):
    image.save(f"{folder}/{name}", form, **options)


for mode in ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]:
    image = (picture.convert("L").convert("I") if mode == "I;16" else picture).convert(mode)
    for level in [0, 1, 9]:
        save(f"{mode.replace(';', '')}-{level}.png", image, "PNG", compress_level=level)
for bits in [1, 2, 4, 8]:
    save(f"palette-{bits}.png", picture.quantize(2**bits), "PNG", bits=bits, optimize=True)
info = PngImagePlugin.PngInfo()
info.add_text("Comment", "a fox")
info.add_itxt("Title", "ein Fuchs", zip=True)
info.add_text("Long", "x" * 9000, zip=True)
save("text.png", picture, "PNG", pnginfo=info, dpi=(300, 300))
frames = [picture.rotate(angle) for angle in (90, 180)]
save("animated.png", picture, "PNG", save_all=True, append_images=frames, default_image=False)
save("animated-default.png", picture, "PNG", save_all=True, append_images=frames, default_image=True)
for name, options in {
    "plain": {},
    "progressive": {"progressive": True},
    "rough": {"quality": 1},
    "fine": {"quality": 100, "subsampling": 0},
    "restarts": {"restart_marker_rows": 1},
    "optimized": {"optimize": True, "progressive": True, "quality": 5},
}.items():
    save(f"{name}.jpg", picture, "JPEG", **options)
    save(f"grey-{name}.jpg", picture.convert("L"), "JPEG", **options)
save("cmyk.jpg", picture.convert("CMYK"), "JPEG")
save("exif.jpg", picture, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", comment=b"a fox")
flat = Image.new("RGB", picture.size, "white")
for form, extension in [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")]:
    save(f"flat.{extension}", flat, form)
save("flat-progressive.jpg", flat, "JPEG", progressive=True)
for name, options in {"lossy": {}, "rough": {"quality": 0}, "lossless": {"lossless": True}}.items():
    save(f"{name}.webp", picture, "WEBP", **options)
    save(f"{name}-alpha.webp", picture.convert("RGBA"), "WEBP", **options)
save("exif.webp", picture, "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")
save("animated.webp", picture, "WEBP", save_all=True, append_images=frames)
