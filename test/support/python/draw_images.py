"""Draws images that decode, of all types in turn: draw_images.py FOLDER COUNT makes FOLDER/0.png, 1.jpg, 2.webp, …"""

import sys

from PIL import Image

FORMATS = [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")]

_, folder, count = sys.argv
for number in range(int(count)):
    extension, name = FORMATS[number % len(FORMATS)]
    image = Image.effect_mandelbrot((16 + number, 20), (-2, -1.5, 1, 1.5), 20 + number).convert("RGB")
    image.save(f"{folder}/{number}.{extension}", name)
