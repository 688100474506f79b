// ---- using the map: colours and their legend, search, navigation

const LEGEND = 40; // groups in the legend; the rest is counted
const SCORES = [['usual: below 90 %', 0.9], ['90 to 99 %', 0.99], ['99 to 99.9 %', 0.999], ['outliers: above 99.9 %', 2]];
const SCORE_COLOURS = { light: ['#b9bcc4', '#e0a94e', '#d95f1e', '#a01245'], dark: ['#5a616d', '#c99a3f', '#f0803c', '#ff5d8f'] };
const COLOURINGS = {
  labels: { name: 'Label', is: () => data.labelled, of: () => ({ of: all.labels, names: data.labels.map(([label]) => label), none: 'no label' }) },
  clusters: { name: 'Cluster', is: () => data.clusters.n > 0, of: () => ({ of: all.clusters, names: Array.from({ length: data.clusters.n }, (_, i) => `cluster ${i}`), none: 'in no cluster' }) },
  scores: { name: 'Outlier score', is: () => true, of: () => ({ of: Int32Array.from(all.score, (score) => SCORES.findIndex(([, most]) => score < most)), names: SCORES.map(([name]) => name), none: '', scores: true }) },
};
let colouring = data.labelled ? 'labels' : data.clusters.n > 0 ? 'clusters' : 'scores';

function colourBy(kind) {
  colouring = kind;
  const { of, names: groupNames, none, scores } = COLOURINGS[kind].of();
  const sizes = new Uint32Array(groupNames.length + 1);
  const last = groupNames.length;
  const groupsOf = Int32Array.from(of, (group) => (group < 0 ? last : group));
  for (const group of groupsOf) sizes[group] += 1;
  scene.of = groupsOf;
  scene.groups = [...groupNames, none].map((name, i) => ({ name, number: i, count: sizes[i], hidden: false, scores, none: i === last, rgb: [0, 0, 0], at: null }));
  paint();
  scene.named = scores ? [] : scene.groups.filter((group) => group.count > 0 && !group.none).sort((a, b) => b.count - a.count).slice(0, 60);
  placeNames();
  for (const button of $('colour-by').children) {
    const on = button.dataset.kind === kind;
    button.setAttribute('aria-checked', String(on));
    button.tabIndex = on ? 0 : -1;
  }
  showLegend();
  redraw();
}
function paint() {
  for (const group of scene.groups) {
    if (group.scores) group.rgb = rgbOf(SCORE_COLOURS[isDark() ? 'dark' : 'light'][group.number] ?? '#888888');
    else group.rgb = group.none ? rgbOf(isDark() ? '#7a808b' : '#a2a6ae') : groupColour(group.number, scene.groups.length - 1);
  }
}
/** Places the name of each group where most of its images are. */
function placeNames() {
  const SIDE = 40;
  for (const group of scene.named) group.cells = new Uint32Array(SIDE * SIDE);
  const cell = (row) => Math.min(SIDE - 1, Math.floor(all.y[row] * SIDE)) * SIDE + Math.min(SIDE - 1, Math.floor(all.x[row] * SIDE));
  for (let row = 0; row < all.n; row += 1) {
    const { cells } = scene.groups[scene.of[row]];
    if (cells) cells[cell(row)] += 1;
  }
  for (const group of scene.named) {
    let best = [-1, 0];
    for (let y = 0; y < SIDE; y += 1) {
      for (let x = 0; x < SIDE; x += 1) {
        let sum = 0;
        for (let dy = -2; dy <= 2; dy += 1) {
          for (let dx = -2; dx <= 2; dx += 1) {
            if (x + dx >= 0 && y + dy >= 0 && x + dx < SIDE && y + dy < SIDE) sum += group.cells[(y + dy) * SIDE + x + dx] / (1 + dx * dx + dy * dy);
          }
        }
        if (sum > best[0]) best = [sum, y * SIDE + x];
      }
    }
    group.at = centred([((best[1] % SIDE) + 0.5) / SIDE, (Math.floor(best[1] / SIDE) + 0.5) / SIDE], group.cells, SIDE);
    delete group.cells;
  }
}
/** Moves a position to the centre of what is around it (mean shift). */
function centred(place, cells, side) {
  const REACH = 0.1;
  for (let round = 0; round < 8; round += 1) {
    const sum = [0, 0, 0];
    cells.forEach((n, cell) => {
      const at = [((cell % side) + 0.5) / side, (Math.floor(cell / side) + 0.5) / side];
      if (n === 0 || Math.hypot(at[0] - place[0], at[1] - place[1]) > REACH) return;
      sum[0] += n * at[0];
      sum[1] += n * at[1];
      sum[2] += n;
    });
    if (sum[2] > 0) place = [sum[0] / sum[2], sum[1] / sum[2]];
  }
  return place;
}
function showLegend() {
  const groups = scene.groups.filter((group) => group.count > 0);
  if (!scene.groups[0].scores && groups.length > 12) groups.sort((a, b) => Number(a.none) - Number(b.none) || b.count - a.count);
  const shown = groups.slice(0, LEGEND);
  const buttons = shown.map((group) => {
    const swatch = h('i', { class: 'swatch', 'aria-hidden': 'true' });
    swatch.style.background = css(group.rgb);
    const button = h('button', {
      type: 'button', class: 'group', 'aria-pressed': String(!group.hidden), title: visible(group.name),
      onclick: () => toggleGroup(group), ondblclick: () => showAlone(group),
      onkeydown: (event) => { if (event.key === 'o') { showAlone(group); event.stopPropagation(); } },
    }, swatch, h('span', { class: 'name' }, h('bdi', {}, short(visible(group.name), 28))), h('b', {}, number(group.count)));
    group.button = button;
    return button;
  });
  const everything = h('button', { type: 'button', class: 'everything', id: 'legend-all', onclick: showGroups }, 'Show all groups');
  everything.hidden = !scene.groups.some((group) => group.hidden);
  $('legend').replaceChildren(...buttons,
    ...(groups.length > LEGEND ? [h('span', { class: 'more' }, `and ${number(groups.length - LEGEND)} more`)] : []), everything);
}
function groupsChanged() {
  for (const group of scene.groups) group.button?.setAttribute('aria-pressed', String(!group.hidden));
  const everything = $('legend-all');
  if (everything) everything.hidden = !scene.groups.some((group) => group.hidden);
  redraw();
}
function toggleGroup(group) {
  group.hidden = !group.hidden;
  groupsChanged();
}
function showAlone(group) {
  for (const other of scene.groups) other.hidden = other !== group;
  groupsChanged();
}
function showGroups() {
  for (const group of scene.groups) group.hidden = false;
  groupsChanged();
  $('marks').focus();
}

// ---- navigation

let moving = 0; // the number of the current animation
/** Moves to a position and scale, animated unless the reader prefers otherwise. */
function go(x, y, scale, soon = false) {
  const from = { x: view.x, y: view.y, scale: Math.log(view.scale) };
  const to = Math.log(Math.max(view.fit, Math.min(view.fit * STEP ** LEVELS, scale)));
  moving += 1;
  const mine = moving;
  const start = performance.now();
  const time = soon || calm.matches ? 0 : 320;
  const step = (now) => {
    if (mine !== moving) return;
    const part = time === 0 ? 1 : Math.max(0, Math.min(1, (now - start) / time));
    const eased = 1 - (1 - part) ** 3;
    view.scale = Math.exp(from.scale + (to - from.scale) * eased);
    view.x = from.x + (x - from.x) * eased;
    view.y = from.y + (y - from.y) * eased;
    bound();
    redraw();
    if (part < 1) requestAnimationFrame(step);
  };
  step(start);
}
function bound() {
  if (Math.abs(view.scale / view.fit - 1) < 1e-6) view.scale = view.fit;
  view.x = Math.max(0, Math.min(1, view.x));
  view.y = Math.max(0, Math.min(1, view.y));
}
const showAll = (soon) => go(0.5, 0.5, view.fit, soon);
/** Zooms around a position of the canvas. */
function zoomAt(px, py, factor) {
  moving += 1;
  const scale = Math.max(view.fit, Math.min(view.fit * STEP ** LEVELS, view.scale * factor));
  const [dx, dy] = [px - view.width / 2, py - view.height / 2];
  view.x += dx / view.scale - dx / scale;
  view.y += dy / view.scale - dy / scale;
  view.scale = scale;
  bound();
  redraw();
}
const zoomBy = (factor) => go(view.x, view.y, view.scale * factor);
function shift(dx, dy) {
  moving += 1;
  view.x += dx / view.scale;
  view.y += dy / view.scale;
  bound();
  redraw();
}
/** Shows the region of some images. */
function frameRows(rows) {
  if (rows.length === 0) return;
  const sorted = (values) => Float32Array.from(rows, (row) => values[row]).sort();
  const [xs, ys] = [sorted(all.x), sorted(all.y)];
  const at = (values, part) => values[Math.floor(part * (values.length - 1))];
  const [left, right, top, bottom] = [at(xs, 0.02), at(xs, 0.98), at(ys, 0.02), at(ys, 0.98)];
  const scale = Math.min(view.width / Math.max(right - left, 0.004), view.height / Math.max(bottom - top, 0.004)) * 0.8;
  go((left + right) / 2, (top + bottom) / 2, Math.min(scale, view.fit * 40));
}

/** The shown image nearest to a position of the canvas, within `reach`; -1 if there is none. */
function imageAt(px, py, reach) {
  const level = pictureLevel();
  const most = Math.max(reach, level ? level.side / 2 : 0);
  const [x, y] = [(px - view.width / 2) / view.scale + view.x, (py - view.height / 2) / view.scale + view.y];
  const around = (most * 1.1) / view.scale;
  let [best, nearest] = [-1, most];
  within(x - around, y - around, x + around, y + around, (row) => {
    if (!isShown(row)) return;
    let far = Math.hypot(all.x[row] - x, all.y[row] - y) * view.scale;
    // a position on a picture means that picture
    if (level && levels[row] <= level.level) {
      const box = Math.max(Math.abs(all.x[row] - x), Math.abs(all.y[row] - y)) * view.scale;
      far = box <= level.side / 2 ? far / 100 : far;
    }
    if (far < nearest) [best, nearest] = [row, far];
  });
  return best;
}
function hoverAt(px, py, reach) {
  const row = imageAt(px, py, reach);
  if (row === scene.hover) return;
  scene.hover = row;
  showTip(row);
  redraw();
}

function listen() {
  const canvas = $('marks');
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const pointers = new Map();
  let moved = 0;
  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    moved = pointers.size > 1 ? Infinity : 0;
    scene.keyboard = false;
    moving += 1;
  });
  canvas.addEventListener('pointermove', (event) => {
    const now = at(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === 'mouse') hoverAt(...now, 9);
      return;
    }
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    pointers.set(event.pointerId, now);
    if (others.length === 0) {
      moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      if (moved > 4) {
        canvas.classList.add('dragged');
        if (scene.hover >= 0) hoverAt(-999, -999, 0);
        shift(before[0] - now[0], before[1] - now[1]);
      }
    } else {
      const [other] = others;
      const far = (place) => Math.max(8, Math.hypot(place[0] - other[0], place[1] - other[1]));
      shift((before[0] - now[0]) / 2, (before[1] - now[1]) / 2);
      zoomAt((now[0] + other[0]) / 2, (now[1] + other[1]) / 2, far(now) / far(before));
    }
  });
  const end = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    canvas.classList.remove('dragged');
    if (event.type === 'pointerup' && moved <= 4) {
      const row = imageAt(...at(event), event.pointerType === 'mouse' ? 9 : 18);
      if (row >= 0) pick(row);
      else clearSelection();
    }
  };
  canvas.addEventListener('pointerup', end);
  canvas.addEventListener('pointercancel', end);
  canvas.addEventListener('pointerleave', () => { if (pointers.size === 0 && scene.hover >= 0 && !scene.keyboard) hoverAt(-999, -999, 0); });

  // scrolling the page continues when the map comes under the pointer; and the whole map cannot be made smaller
  let elsewhere = -Infinity;
  document.addEventListener('wheel', (event) => { if (event.target !== canvas) elsewhere = event.timeStamp; }, { passive: true });
  canvas.addEventListener('wheel', (event) => {
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? view.height : 1;
    const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016));
    if (event.timeStamp - elsewhere < 350 && !event.ctrlKey) {
      elsewhere = event.timeStamp;
      return;
    }
    if (factor < 1 && view.scale <= view.fit && !event.ctrlKey) return;
    event.preventDefault();
    scene.keyboard = false;
    zoomAt(...at(event), factor);
    hoverAt(...at(event), 9);
  }, { passive: false });

  const middle = () => { scene.keyboard = true; hoverAt(view.width / 2, view.height / 2, 60); redraw(); };
  const KEYS = {
    ArrowLeft: () => shift(-60, 0), ArrowRight: () => shift(60, 0), ArrowUp: () => shift(0, -60), ArrowDown: () => shift(0, 60),
    '+': () => zoomAt(view.width / 2, view.height / 2, 1.4), '=': () => zoomAt(view.width / 2, view.height / 2, 1.4),
    '-': () => zoomAt(view.width / 2, view.height / 2, 1 / 1.4), 0: () => showAll(true),
    Enter: () => { if (scene.hover >= 0) pick(scene.hover); }, ' ': () => { if (scene.hover >= 0) pick(scene.hover); },
    ',': () => nextNeighbour(-1), '.': () => nextNeighbour(1),
    c: () => { if (scene.picked >= 0) go(all.x[scene.picked], all.y[scene.picked], view.scale); },
    i: () => $('pictures-toggle').click(),
    Escape: () => clearSelection(),
  };
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
    event.preventDefault();
    KEYS[event.key]();
    if (/^(Arrow.*|[-+=0])$/.test(event.key)) middle();
  });
  canvas.addEventListener('focus', () => { if (canvas.matches(':focus-visible')) middle(); });
  canvas.addEventListener('blur', () => { scene.keyboard = false; redraw(); });

  $('zoom-in').addEventListener('click', () => zoomBy(1.8));
  $('zoom-out').addEventListener('click', () => zoomBy(1 / 1.8));
  $('zoom-all').addEventListener('click', () => showAll());
  $('pictures-toggle').addEventListener('click', () => {
    scene.pictures = !scene.pictures;
    $('pictures-toggle').setAttribute('aria-pressed', String(scene.pictures));
    redraw();
  });
  $('colour-by').append(...Object.entries(COLOURINGS).filter(([, { is }]) => is()).map(([kind, { name }]) => h('button', {
    type: 'button', role: 'radio', 'data-kind': kind, 'aria-checked': 'false', onclick: () => colourBy(kind),
  }, name)));
  $('colour-by').addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...$('colour-by').children];
    const next = buttons[(buttons.findIndex((button) => button.tabIndex === 0) + step + buttons.length) % buttons.length];
    colourBy(next.dataset.kind);
    next.focus();
  });
}

// ---- search

let searching = 0;
function search() {
  const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    scene.found = null;
    $('found').textContent = '';
    showFound([]);
    return redraw();
  }
  const paths = names();
  const labels = data.labels.map(([label]) => label.toLowerCase());
  scene.found = new Uint8Array(all.n);
  const rows = [];
  for (let row = 0; row < all.n; row += 1) {
    const path = paths[row].toLowerCase();
    const label = all.labels[row] < 0 ? '' : labels[all.labels[row]];
    if (words.every((word) => path.includes(word) || label.includes(word))) {
      scene.found[row] = 1;
      rows.push(row);
    }
  }
  $('found').textContent = rows.length ? `${number(rows.length)} found` : 'nothing found';
  showFound(rows);
  return redraw();
}
function listenToSearch() {
  $('search').addEventListener('input', () => {
    clearTimeout(searching);
    searching = setTimeout(search, 130);
  });
  $('search').addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      clearTimeout(searching);
      search();
      const rows = [];
      if (scene.found) for (let row = 0; row < all.n; row += 1) if (scene.found[row]) rows.push(row);
      if (rows.length === 1) pick(rows[0]);
      frameRows(rows);
    }
    if (event.key === 'Escape') {
      $('search').value = '';
      search();
      $('marks').focus();
    }
  });
}

function startMap() {
  order = shuffled(all.n);
  grid = gridOf(order);
  listen();
  listenToSearch();
  resize();
  colourBy(colouring);
  showAll(true);
  new ResizeObserver(resize).observe($('canvas'));
  themed.push(() => { paint(); showLegend(); redraw(); });
  const find = findLevels();
  const rest = () => {
    if (!find.next().done) setTimeout(rest, 0);
    redraw();
  };
  setTimeout(rest, 0);
}
