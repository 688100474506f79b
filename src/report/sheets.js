// ---- pictures: sprite sheets, decoded when needed, a limited number at a time

const KEPT = 160; // decoded sheets, of at most 1 MB each
const sheets = { small: null, large: null };
const waiting = new Set(); // called when a sheet is decoded

function readSprites(raw) {
  if (!raw.side || !raw.rows) return null;
  const rows = numbers(raw.rows);
  const tiles = new Int32Array(data.images).fill(-1);
  rows.forEach((row, tile) => { tiles[row] = tile; });
  return {
    side: raw.side, across: raw.across, tiles, sizes: raw.sizes ? numbers(raw.sizes) : null,
    sources: raw.sheets, decoded: new Map(), loading: new Set(),
  };
}
function readSheets({ small, large }) {
  sheets.small = readSprites(small);
  sheets.large = readSprites(large);
}
async function decode(sprites, sheet) {
  sprites.loading.add(sheet);
  const image = new Image();
  try {
    image.src = sprites.sources[sheet];
    await image.decode();
    sprites.decoded.set(sheet, await createImageBitmap(image));
    if (sprites.decoded.size > KEPT) {
      const [oldest, bitmap] = sprites.decoded.entries().next().value;
      sprites.decoded.delete(oldest);
      bitmap.close();
    }
    sprites.loading.delete(sheet);
    for (const notify of waiting) notify();
  } catch { /* it stays in `loading`, so that a damaged one is not tried again */ }
}
/** The picture of an image: {image, x, y, width, height}; null if there is none, or if it is not decoded yet, which starts here. */
function pictureOf(row, large = false) {
  const sprites = large && sheets.large && sheets.large.tiles[row] >= 0 ? sheets.large : sheets.small;
  const tile = sprites ? sprites.tiles[row] : -1;
  if (tile < 0) return null;
  const perSheet = sprites.across ** 2;
  const sheet = Math.floor(tile / perSheet);
  const image = sprites.decoded.get(sheet);
  if (!image) {
    if (!sprites.loading.has(sheet)) decode(sprites, sheet);
    return null;
  }
  if (sprites.decoded.size > KEPT / 2) { // the least recently used one goes first
    sprites.decoded.delete(sheet);
    sprites.decoded.set(sheet, image);
  }
  const at = tile % perSheet;
  const size = sprites.sizes ? sprites.sizes[tile] : 257 * sprites.side;
  return {
    image, x: (at % sprites.across) * sprites.side, y: Math.floor(at / sprites.across) * sprites.side,
    width: size >> 8, height: size & 255,
  };
}
/** Whether an image has a picture. */
function hasPicture(row) {
  return [sheets.small, sheets.large].some((sprites) => sprites && sprites.tiles[row] >= 0);
}

// ---- pictures among text: canvases that are filled when they become visible

const undrawn = new Set();
const seeing = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    seeing.unobserve(target);
    if (!fill(target)) undrawn.add(target);
  }
}, { rootMargin: '300px' });
waiting.add(() => {
  for (const canvas of undrawn) {
    if (!canvas.isConnected || fill(canvas)) undrawn.delete(canvas);
  }
});
function fill(canvas) {
  const { row, box } = canvas.wanted;
  const picture = pictureOf(row, true);
  if (!picture) return !hasPicture(row);
  const most = Math.max(picture.width, picture.height, 1);
  const scale = box / most;
  const ratio = Math.min(devicePixelRatio || 1, 3);
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext('2d');
  pen.imageSmoothingEnabled = !Number.isInteger(scale); // at whole factors, pixels stay sharp
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(picture.image, picture.x, picture.y, picture.width, picture.height, 0, 0, canvas.width, canvas.height);
  return true;
}
/** A picture that fits into a square box. It is hidden from screen readers, as the text around it describes it. */
function thumb(row, box) {
  const frame = h('span', { class: 'thumb', 'aria-hidden': 'true' });
  frame.style.width = frame.style.height = `${box}px`;
  if (!all || !hasPicture(row)) {
    frame.append(h('span', { class: 'none' }, 'no picture'));
    return frame;
  }
  const canvas = h('canvas', { width: 1, height: 1 });
  canvas.wanted = { row, box };
  frame.append(canvas);
  seeing.observe(canvas);
  return frame;
}
window.addEventListener('beforeprint', () => {
  for (const canvas of document.querySelectorAll('.thumb canvas')) if (canvas.width === 1) fill(canvas);
});
