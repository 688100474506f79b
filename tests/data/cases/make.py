# Writes the files in this folder with Pillow 12 and numpy: python3 make.py
import io
import numpy as np
from PIL import Image, ImageDraw


def picture(seed, size):
    r = np.random.default_rng(seed)
    tile = r.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(tile).resize(size, Image.BICUBIC), r


# TIFF files as Pillow and libtiff write them by default for these modes
im, _ = picture(1, (24, 16))
im.save('reference.png', optimize=True)
grey, alpha = im.convert('L'), Image.linear_gradient('L').resize(im.size)
im.quantize(128).save('palette8.tif')
la = grey.copy()
la.putalpha(alpha)
la.save('grey_alpha.tif')
im.convert('YCbCr').save('ycbcr_jpeg.tif', compression='jpeg')
im.convert('YCbCr').save('ycbcr_raw.tif')
im.save('bigtiff.tif', big_tiff=True)
grey.save('grey_jpeg.tif', compression='jpeg')
im.convert('1').save('fax3.tif', compression='group3')
im.convert('1').save('fax4.tif', compression='group4')
Image.fromarray(np.asarray(grey).astype('f4') / 255).save('grey_float32.tif')
im.convert('LAB').save('lab.tif')
im.save('deflate.tif', compression='tiff_adobe_deflate')
im.save('zstd.tif', compression='zstd')
im.convert('CMYK').save('cmyk.tif')

# JPEG files with restart intervals, as cameras write them, and two bytes damaged near the start of the scan
for n in range(3):
    im, r = picture(n, (96, 72))
    d = ImageDraw.Draw(im)
    for _ in range(6):
        x, y = r.integers(0, 80), r.integers(0, 60)
        d.ellipse((x, y, x + 16, y + 12), fill=tuple(int(v) for v in r.integers(0, 255, 3)))
    b = io.BytesIO()
    im.save(b, 'JPEG', quality=75, restart_marker_rows=1)
    z, at = bytearray(b.getvalue()), 2
    while z[at + 1] != 0xda:
        at += 2 + int.from_bytes(z[at + 2:at + 4], 'big')
    at += 2 + int.from_bytes(z[at + 2:at + 4], 'big')
    z[at + 2:at + 4] = b'\xff\x9f'
    open(f'stray{n}.jpg', 'wb').write(z)
