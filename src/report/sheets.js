// ---- pictures: sheets of them, decoded when they are wanted, a limited number at a time

const KEPT = 160; // decoded sheets, of at most 1 MB each
const atlases = { small: null, large: null };
const waiting = new Set(); // who is to be told when a sheet is there

function readAtlas(raw) {
  if (!raw.side || !raw.rows) return null;
  const rows = numbers(raw.rows);
  const tiles = new Int32Array(data.images).fill(-1);
  rows.forEach((row, tile) => { tiles[row] = tile; });
  return {
    side: raw.side, columns: raw.columns, tiles, sizes: raw.sizes ? numbers(raw.sizes) : null,
    sources: raw.sheets, decoded: new Map(), loading: new Set(),
  };
}
function readAtlases({ small, large }) {
  atlases.small = readAtlas(small);
  atlases.large = readAtlas(large);
}
async function decode(atlas, sheet) {
  atlas.loading.add(sheet);
  const image = new Image();
  try {
    image.src = atlas.sources[sheet];
    await image.decode();
    atlas.decoded.set(sheet, await createImageBitmap(image));
    if (atlas.decoded.size > KEPT) {
      const [oldest, bitmap] = atlas.decoded.entries().next().value;
      atlas.decoded.delete(oldest);
      bitmap.close();
    }
    atlas.loading.delete(sheet);
    for (const tell of waiting) tell();
  } catch { /* it stays among those that load: a damaged one is not tried for ever */ }
}
/** Where the picture of an image is: {image, x, y, width, height}; null where there is none, or none yet, which is asked for. */
function pictureOf(row, large = false) {
  const atlas = large && atlases.large && atlases.large.tiles[row] >= 0 ? atlases.large : atlases.small;
  const tile = atlas ? atlas.tiles[row] : -1;
  if (tile < 0) return null;
  const perSheet = atlas.columns ** 2;
  const sheet = Math.floor(tile / perSheet);
  const image = atlas.decoded.get(sheet);
  if (!image) {
    if (!atlas.loading.has(sheet)) decode(atlas, sheet);
    return null;
  }
  if (atlas.decoded.size > KEPT / 2) { // the one that was not looked at for longest goes first
    atlas.decoded.delete(sheet);
    atlas.decoded.set(sheet, image);
  }
  const at = tile % perSheet;
  const size = atlas.sizes ? atlas.sizes[tile] : 257 * atlas.side;
  return {
    image, x: (at % atlas.columns) * atlas.side, y: Math.floor(at / atlas.columns) * atlas.side,
    width: size >> 8, height: size & 255,
  };
}
/** Whether there is a picture at all. */
function hasPicture(row) {
  return [atlases.small, atlases.large].some((atlas) => atlas && atlas.tiles[row] >= 0);
}

// ---- pictures among text: canvases that are filled when they come into the window

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
  pen.imageSmoothingEnabled = !Number.isInteger(scale); // enlarged by a whole number, pixels stay sharp
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(picture.image, picture.x, picture.y, picture.width, picture.height, 0, 0, canvas.width, canvas.height);
  return true;
}
/** A picture that fits into a square box; it says nothing by itself: what is around it does. */
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
