// ---- the scene: what is drawn of the map, and how
//
// Points are written directly into the pixels of one canvas, tens of thousands in a few milliseconds; pictures, names and the selection are
// drawn on a second one above it. Positions are from 0 to 1; `scale` is the number of CSS pixels per unit.

const PICTURE = 34; // side of a picture on the map, in CSS pixels
const STEP = 1.35; // from one zoom level to the next, at which more pictures fit
const LEVELS = 20;
const WORTH = 0.025; // pictures are shown from the level at which this share of them fits

const view = { x: 0.5, y: 0.5, scale: 1, width: 1, height: 1, ratio: 1, fit: 1 };
const scene = {
  groups: [], named: [], // {name, count, colour, hidden, at: the position of its name}
  of: null, // the group of each image
  found: null, // 1 where an image matches the search, else null
  pictures: true,
  hover: -1, picked: -1, near: [],
  keyboard: false, // a cross shows what Enter selects
};
let order = null; // images in random order, so that none is systematically on top
let grid = null; // images by position
let levels = null; // the level from which on the picture of each image fits
let counts = []; // how many fit at each level
let levelsFit = 1; // the scale of the first level

const toX = (x) => (x - view.x) * view.scale + view.width / 2;
const toY = (y) => (y - view.y) * view.scale + view.height / 2;
const isShown = (row) => !scene.groups[scene.of[row]].hidden && (!scene.found || scene.found[row] === 1);

function shuffled(n) {
  const rows = Uint32Array.from({ length: n }, (_, i) => i);
  let state = 1;
  for (let i = n - 1; i > 0; i -= 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state / 4294967296) * (i + 1));
    [rows[i], rows[j]] = [rows[j], rows[i]];
  }
  return rows;
}
/** Images by square cells: those of cell c are sorted[starts[c]] to sorted[starts[c + 1]]. */
function gridOf(rows) {
  const side = Math.max(8, Math.min(256, Math.round(Math.sqrt(all.n / 3))));
  const cell = (row) => Math.min(side - 1, Math.floor(all.y[row] * side)) * side + Math.min(side - 1, Math.floor(all.x[row] * side));
  const starts = new Uint32Array(side * side + 1);
  for (const row of rows) starts[cell(row) + 1] += 1;
  for (let c = 0; c < side * side; c += 1) starts[c + 1] += starts[c];
  const next = starts.slice();
  const sorted = new Uint32Array(all.n);
  for (const row of rows) sorted[next[cell(row)]++] = row;
  return { side, starts, sorted };
}
/** Calls `each` with the images whose cells meet the box, in no particular order. */
function within(left, top, right, bottom, each) {
  const { side, starts, sorted } = grid;
  const clamp = (at) => Math.max(0, Math.min(side - 1, Math.floor(at * side)));
  const [x0, x1, y0, y1] = [left, right, top, bottom].map(clamp);
  for (let y = y0; y <= y1; y += 1) {
    for (let i = starts[y * side + x0]; i < starts[y * side + x1 + 1]; i += 1) each(sorted[i]);
  }
}
/** Finds, level by level, from which level on the picture of each image fits beside those of all earlier levels. */
function* findLevels() {
  const found = new Uint8Array(all.n).fill(255);
  const size = 2 ** Math.ceil(Math.log2(2 * all.n + 2));
  const slots = new Int32Array(size); // an open hash table: cell -> the image whose picture is in it, from 1
  let left = order;
  levelsFit = view.fit;
  let there = [];
  for (let level = 0; level < LEVELS && left.length > 0; level += 1) {
    const cell = (PICTURE + 2) / (levelsFit * STEP ** level);
    slots.fill(0);
    const slot = (cx, cy) => (Math.imul(cx, 73856093) ^ Math.imul(cy, 19349663)) & (size - 1);
    const put = (row) => {
      let at = slot(Math.floor(all.x[row] / cell), Math.floor(all.y[row] / cell));
      while (slots[at] !== 0) at = (at + 1) & (size - 1);
      slots[at] = row + 1;
    };
    const isFree = (row) => {
      const [x, y] = [all.x[row], all.y[row]];
      const [cx, cy] = [Math.floor(x / cell), Math.floor(y / cell)];
      for (let dy = -1; dy <= 1; dy += 1) {
        for (let dx = -1; dx <= 1; dx += 1) {
          for (let at = slot(cx + dx, cy + dy); slots[at] !== 0; at = (at + 1) & (size - 1)) {
            const other = slots[at] - 1;
            if (Math.abs(all.x[other] - x) < cell && Math.abs(all.y[other] - y) < cell) return false;
          }
        }
      }
      return true;
    };
    there.forEach(put);
    const rest = [];
    const more = [];
    for (const row of left) {
      if (hasPicture(row) && isFree(row)) {
        found[row] = level;
        put(row);
        more.push(row);
      } else rest.push(row);
    }
    there = there.concat(more);
    left = rest;
    counts.push(there.length);
    levels = found;
    yield;
  }
}
/** The level of the view, and the side of a picture at it; nothing if pictures do not fit or are switched off. */
function pictureLevel() {
  if (!scene.pictures || !levels || counts.length === 0) return null;
  const exact = Math.log(view.scale / levelsFit) / Math.log(STEP);
  const level = Math.min(Math.floor(exact + 1e-6), counts.length - 1);
  if (level < 0 || counts[level] < WORTH * all.n) return null;
  const beyond = level === counts.length - 1 ? STEP ** Math.max(0, exact - level) : 1;
  return { level, side: PICTURE * Math.min(beyond, 3) };
}

// ---- points

const dots = $('dots').getContext('2d', { alpha: false });
let pixels = null;
let buffer = null; // the same as 32-bit values
let dotRatio = 0; // canvas pixels per CSS pixel; fewer while a large map moves
const little = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
const packed = ([r, g, b]) => (little ? (255 << 24) | (b << 16) | (g << 8) | r : (r << 24) | (g << 16) | (b << 8) | 255) >>> 0;
/** The components of a colour of the style sheet, #rrggbb. */
const rgbOf = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));

/** A disc as offsets into lines of `width` and the cover of each pixel, 0 to 256; `fx`, `fy`: the position of its centre in a pixel. */
function stamp(radius, width, fx, fy, opacity) {
  const reach = Math.ceil(radius + 0.5);
  const offsets = [];
  const covers = [];
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      const far = Math.hypot(dx + 0.5 - fx, dy + 0.5 - fy);
      const cover = Math.max(0, Math.min(1, radius + 0.5 - far)) * opacity;
      // pixels that are hardly covered are skipped, and those nearly covered are full
      if (cover > 0.12) {
        offsets.push(dy * width + dx);
        covers.push(cover > 0.9 ? 256 : Math.round(cover * 256));
      }
    }
  }
  return { reach: reach + 1, offsets: Int32Array.from(offsets), covers: Int32Array.from(covers) };
}
/** The radius of a point, in CSS pixels: larger if there are few, and when zoomed in. */
function radius() {
  const base = Math.max(0.75, Math.min(3.5, 0.34 * Math.sqrt((view.width * view.height) / all.n)));
  return Math.min(7, base * Math.max(1, view.scale / view.fit) ** 0.42);
}
function drawDots(faded) {
  const { width, height } = $('dots');
  const ratio = dotRatio;
  buffer.fill(packed(rgbOf(colourOf('map'))));
  const size = radius() * ratio;
  const stamps = (opacity) => [0.25, 0.75].flatMap((fy) => [0.25, 0.75].map((fx) => stamp(size, width, fx, fy, opacity)));
  const full = stamps(faded ? 0.5 : size < 1.8 ? 1 : 0.88);
  const faint = [stamp(Math.max(0.6, size * 0.6), width, 0.5, 0.5, 1)];
  const colours = scene.groups.map((group) => packed(group.rgb));
  const pale = packed(rgbOf(colourOf('map-faint')));
  const scale = view.scale * ratio;
  const [left, top] = [width / 2 - view.x * scale, height / 2 - view.y * scale];
  const { x: xs, y: ys } = all;
  const put = (row, kinds, colour) => {
    const px = xs[row] * scale + left;
    const py = ys[row] * scale + top;
    const [ix, iy] = [Math.floor(px), Math.floor(py)];
    const { reach, offsets, covers } = kinds.length === 1 ? kinds[0] : kinds[(py - iy >= 0.5 ? 2 : 0) + (px - ix >= 0.5 ? 1 : 0)];
    if (ix < reach || iy < reach || ix >= width - reach || iy >= height - reach) return;
    const at = iy * width + ix;
    const [even, odd] = [colour & 0xff00ff, (colour >>> 8) & 0xff00ff];
    for (let i = 0; i < offsets.length; i += 1) {
      const cover = covers[i];
      const to = at + offsets[i];
      if (cover >= 256) {
        buffer[to] = colour;
        continue;
      }
      const under = buffer[to];
      const rest = 256 - cover;
      const low = ((Math.imul(even, cover) + Math.imul(under & 0xff00ff, rest)) >>> 8) & 0xff00ff;
      const high = (Math.imul(odd, cover) + Math.imul((under >>> 8) & 0xff00ff, rest)) & 0xff00ff00;
      buffer[to] = (high | low) >>> 0;
    }
  };
  const hidden = scene.groups.map((group) => group.hidden);
  const { of, found } = scene;
  const some = found !== null || hidden.includes(true);
  const shown = (row) => !hidden[of[row]] && (found === null || found[row] === 1);
  const visit = (each) => {
    const [w, h_] = [view.width / 2 / view.scale, view.height / 2 / view.scale];
    if (w > 0.35 && h_ > 0.35) for (let i = 0; i < order.length; i += 1) each(order[i]);
    else within(view.x - w, view.y - h_, view.x + w, view.y + h_, each);
  };
  if (some) visit((row) => { if (!shown(row)) put(row, faint, pale); });
  visit((row) => { if (!some || shown(row)) put(row, full, colours[of[row]]); });
  dots.putImageData(pixels, 0, 0);
}

// ---- marks: pictures, names, the selection

const marks = $('marks').getContext('2d');

function drawPictures({ level, side }) {
  const [w, h_] = [(view.width / 2 + side) / view.scale, (view.height / 2 + side) / view.scale];
  marks.imageSmoothingEnabled = true;
  marks.lineWidth = 2;
  within(view.x - w, view.y - h_, view.x + w, view.y + h_, (row) => {
    if (levels[row] > level || !isShown(row)) return;
    const picture = pictureOf(row);
    if (!picture) return;
    drawPicture(picture, toX(all.x[row]), toY(all.y[row]), side, css(scene.groups[scene.of[row]].rgb));
  });
}
function drawPicture(picture, x, y, side, colour) {
  const scale = side / Math.max(picture.width, picture.height, 1);
  const [width, height] = [picture.width * scale, picture.height * scale];
  const [left, top] = [Math.round(x - width / 2), Math.round(y - height / 2)];
  marks.drawImage(picture.image, picture.x, picture.y, picture.width, picture.height, left, top, width, height);
  marks.strokeStyle = colour;
  marks.strokeRect(left, top, Math.round(width), Math.round(height));
}
/** The names of groups where most of their images are; they do not overlap. */
function drawNames() {
  if (view.scale / view.fit > 5) return;
  const taken = [];
  const size = scene.named.length <= 15 ? 16 : 13;
  marks.font = `650 ${size}px ${getComputedStyle(document.body).fontFamily}`;
  marks.textAlign = 'center';
  marks.textBaseline = 'middle';
  marks.lineJoin = 'round';
  marks.lineWidth = 4;
  marks.strokeStyle = colourOf('map');
  marks.fillStyle = colourOf('ink');
  for (const group of scene.named) {
    if (group.hidden) continue;
    const text = short(visible(group.name), 22);
    const width = marks.measureText(text).width / 2 + 4;
    const [x, y] = [Math.max(width, Math.min(view.width - width, toX(group.at[0]))), toY(group.at[1])];
    if (toX(group.at[0]) < 0 || toX(group.at[0]) > view.width || y < 10 || y > view.height - 10) continue;
    if (taken.some(([left, top, half]) => Math.abs(left - x) < half + width && Math.abs(top - y) < size + 6)) continue;
    taken.push([x, y, width]);
    marks.strokeText(text, x, y);
    marks.fillText(text, x, y);
  }
}
function ring(row, size, colour, width) {
  marks.beginPath();
  marks.arc(toX(all.x[row]), toY(all.y[row]), size, 0, 2 * Math.PI);
  marks.lineWidth = width + 2;
  marks.strokeStyle = colourOf('map');
  marks.stroke();
  marks.lineWidth = width;
  marks.strokeStyle = colour;
  marks.stroke();
}
function drawPicked(side) {
  const colour = colourOf('ink');
  const [x, y] = [toX(all.x[scene.picked]), toY(all.y[scene.picked])];
  marks.lineWidth = 1.25;
  marks.strokeStyle = colour;
  marks.beginPath();
  for (const row of scene.near) {
    marks.moveTo(x, y);
    marks.lineTo(toX(all.x[row]), toY(all.y[row]));
  }
  marks.stroke();
  for (const row of scene.near) ring(row, radius() + 3, colour, 1.5);
  const picture = side ? pictureOf(scene.picked) : null;
  if (!picture) {
    ring(scene.picked, radius() + 6, colourOf('accent'), 3);
    return;
  }
  marks.lineWidth = 4;
  drawPicture(picture, x, y, side * 1.2, colourOf('accent'));
}
function drawMarks(level) {
  const { ratio, width, height } = view;
  marks.setTransform(ratio, 0, 0, ratio, 0, 0);
  marks.clearRect(0, 0, width, height);
  // pictures show what a group is, and names would cover them
  if (level) drawPictures(level);
  else drawNames();
  if (scene.picked >= 0) drawPicked(level?.side);
  if (scene.hover >= 0) ring(scene.hover, level && levels[scene.hover] <= level.level ? level.side * 0.76 : radius() + 2.5, colourOf('accent'), 2);
  if (scene.keyboard) {
    marks.lineWidth = 1.5;
    marks.strokeStyle = colourOf('accent');
    marks.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      marks.moveTo(width / 2 + 5 * dx, height / 2 + 5 * dy);
      marks.lineTo(width / 2 + 13 * dx, height / 2 + 13 * dy);
    }
    marks.stroke();
  }
}

// ---- frames

const SLOW = 8; // milliseconds for points, beyond which a moving map is drawn with fewer pixels
let asked = false;
let drawnAt = -Infinity;
let slow = false;
let settling = 0;
function setDots(ratio) {
  if (ratio === dotRatio) return;
  dotRatio = ratio;
  $('dots').width = Math.round(view.width * ratio);
  $('dots').height = Math.round(view.height * ratio);
  pixels = dots.createImageData($('dots').width, $('dots').height);
  buffer = new Uint32Array(pixels.data.buffer);
}
/** Draws at the next frame, once for all changes until then. */
function redraw() {
  if (asked || !all) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    const start = performance.now();
    const coarse = slow && start - drawnAt < 90 && view.ratio > 1;
    const level = pictureLevel();
    setDots(coarse ? 1 : view.ratio);
    drawDots(level !== null);
    drawnAt = performance.now();
    if (!coarse) slow = drawnAt - start > SLOW;
    drawMarks(level);
    clearTimeout(settling);
    if (coarse) settling = setTimeout(redraw, 140);
  });
}
waiting.add(redraw);

function resize() {
  const { clientWidth: width, clientHeight: height } = $('canvas');
  if (width === 0 || height === 0) return;
  // more pixels than this cannot be filled sixty times a second
  const most = Math.sqrt(2.6e6 / (width * height));
  const ratio = Math.max(Math.min(1, most), Math.min(devicePixelRatio || 1, 2, most));
  const wasFit = view.scale === view.fit;
  Object.assign(view, { width, height, ratio, fit: 0.92 * Math.min(width / all.width, height / all.height) });
  if (wasFit || view.scale < view.fit) view.scale = view.fit;
  $('marks').width = Math.round(width * ratio);
  $('marks').height = Math.round(height * ratio);
  dotRatio = 0;
  setDots(ratio);
  redraw();
}
