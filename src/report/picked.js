// ---- one image: under the pointer, and selected

let before = null; // the position of the reader when an image of a list was selected

/** `path, label 7, cluster 3`, for screen readers. */
function described(row) {
  const label = labelOf(row);
  const facts = [visible(names()[row])];
  if (label !== null) facts.push(`label ${visible(label)}`);
  facts.push(all.clusters[row] < 0 ? 'in no cluster' : `cluster ${all.clusters[row]}`);
  return facts.join(', ');
}
function showTip(row) {
  const tip = $('tip');
  if (row < 0) {
    tip.hidden = true;
    return;
  }
  const label = labelOf(row);
  put(tip,
    thumb(row, 84),
    h('span', { class: 'words' },
      label === null ? null : h('b', {}, h('bdi', {}, short(visible(label), 40))),
      h('span', {}, all.clusters[row] < 0 ? 'in no cluster' : `cluster ${all.clusters[row]}`),
      h('small', {}, h('bdi', {}, visible(split(names()[row])[1])))));
  tip.hidden = false;
  const [x, y] = [toX(all.x[row]), toY(all.y[row])];
  const [width, height] = [tip.offsetWidth, tip.offsetHeight];
  const left = x + 20 + width > view.width ? x - 20 - width : x + 20;
  const top = Math.max(6, Math.min(view.height - height - 6, y - height / 2));
  tip.style.transform = `translate(${Math.round(Math.max(6, Math.min(view.width - width - 6, left)))}px, ${Math.round(top)}px)`;
  if (scene.keyboard) $('said').textContent = described(row);
}

/** What the outlier score of an image consists of. */
function scoreReasons(row) {
  const reasons = [];
  const than = (part) => (part >= 1 ? 'all others' : percent(part));
  if (!Number.isNaN(all.drawn[row])) reasons.push(`reconstructed worse than ${than(all.drawn[row])}`);
  reasons.push(`more isolated than ${than(all.alone[row])}`);
  return reasons;
}
const faultsOf = (row) => data.faults.filter((fault) => fault.rows.includes(row)).map((fault) => fault.name.replace('-', ' '));

/** Selects an image: marks it and its neighbours, and shows them in the panel. */
function pick(row, { go: move = false, from = null } = {}) {
  if (from) before = { element: from, top: scrollY };
  scene.picked = row;
  scene.near = neighboursOf(row);
  $('tip').hidden = true;
  scene.hover = -1;
  showPicked();
  $('said').textContent = `Selected: ${described(row)}`;
  const [x, y] = [toX(all.x[row]), toY(all.y[row])];
  const outside = x < 20 || y < 20 || x > view.width - 20 || y > view.height - 20;
  if (move || outside) go(all.x[row], all.y[row], move ? Math.max(view.scale, view.fit * 6) : view.scale);
  if (from) {
    $('map').scrollIntoView({ behavior: calm.matches ? 'auto' : 'smooth', block: 'start' });
    $('marks').focus({ preventScroll: true });
  }
  redraw();
}
function clearSelection() {
  scene.picked = -1;
  scene.near = [];
  before = null;
  showPicked();
  redraw();
}
let visited = -1; // the last neighbour that was visited
let origin = -1; // the image whose neighbour it is
function nextNeighbour(step) {
  if (scene.picked < 0) return;
  if (visited < 0 || scene.picked !== visited) origin = scene.picked;
  const near = neighboursOf(origin);
  const at = near.indexOf(scene.picked);
  const next = near[(at + step + near.length) % near.length];
  if (next === undefined) return;
  visited = next;
  pick(next);
}

function nearRow(row, near, i) {
  const far = distance(row, i);
  const [label, own] = [labelOf(near), labelOf(row)];
  const differs = label !== null && own !== null && label !== own;
  return h('li', {}, h('button', {
    type: 'button', class: differs ? 'near differs' : 'near', 'aria-label': `Neighbour ${i + 1}: ${described(near)}, distance ${distanceText(far)}`,
    title: visible(names()[near]), onclick: () => pick(near),
    onmouseenter: () => { scene.hover = near; redraw(); }, onmouseleave: () => { scene.hover = -1; redraw(); },
  }, thumb(near, 56), h('span', {}, label === null ? null : h('b', {}, h('bdi', {}, short(visible(label), 12))), h('small', {}, distanceText(far)))));
}
function showPicked() {
  const row = scene.picked;
  if (row < 0) {
    put($('picked'),
      h('h3', {}, 'No image selected'),
      h('p', {}, 'Point at an image to see it. Click it, or press Enter, to select it and see the most similar images.'),
      h('p', {}, 'Drag to move the map, turn the wheel to zoom in until pictures appear.'));
    return;
  }
  const [folder, name] = split(names()[row]);
  const label = labelOf(row);
  const doubt = data.doubts.find(([of]) => of === row);
  const facts = [
    ['label', label === null ? 'none' : visible(label)],
    ['cluster', all.clusters[row] < 0 ? 'none' : String(all.clusters[row])],
    ['outlier score', percent(all.score[row])],
  ];
  const faults = faultsOf(row);
  const goBack = before ? h('button', { type: 'button', class: 'quiet', onclick: () => {
    const { element, top } = before;
    before = null;
    scrollTo({ top, behavior: calm.matches ? 'auto' : 'smooth' });
    element.focus({ preventScroll: true });
    showPicked();
  } }, '← Back to the list') : null;
  const near = neighboursOf(row);
  put($('picked'),
    h('div', { class: 'actions' }, goBack, h('button', { type: 'button', class: 'quiet', onclick: () => { clearSelection(); $('marks').focus({ preventScroll: true }); } }, 'Clear')),
    h('div', { class: 'one' }, thumb(row, 112),
      h('div', {}, h('h3', {}, h('bdi', {}, visible(name))), folder ? h('p', { class: 'dir' }, h('bdi', {}, visible(folder))) : null,
        h('dl', {}, ...facts.map(([key, value]) => h('div', {}, h('dt', {}, key), h('dd', {}, h('bdi', {}, value))))))),
    h('p', { class: 'reasons' }, `${scoreReasons(row).join(', ')}.`),
    doubt ? h('p', { class: 'notice' }, 'Its neighbours suggest ', h('b', {}, visible(data.labels[doubt[1]][0])), ` (${percent(doubt[2], 0)}).`) : null,
    faults.length ? h('p', { class: 'notice' }, faults.join(', ')) : null,
    near.length ? h('h4', {}, `${near.length} nearest`, h('small', {}, data.unit === 'bits' ? ' by differing bits' : ' by 1 minus the cosine')) : null,
    h('ol', { class: 'nears' }, ...near.map((other, i) => nearRow(row, other, i))));
}
/** The results of a search, while no image is selected. */
function showFound(rows) {
  if (scene.picked >= 0) return;
  if (rows.length === 0) {
    showPicked();
    return;
  }
  const SHOWN = 30;
  put($('picked'),
    h('h3', {}, `${count(rows.length, 'image')} found`),
    h('p', {}, 'Press Enter to see where they are.'),
    h('ol', { class: 'nears' }, ...rows.slice(0, SHOWN).map((row) => h('li', {}, h('button', {
      type: 'button', class: 'near', 'aria-label': described(row), title: visible(names()[row]), onclick: () => pick(row, { go: true }),
    }, thumb(row, 56), h('span', {}, h('small', {}, h('bdi', {}, tail(visible(split(names()[row])[1]), 14)))))))),
    rows.length > SHOWN ? h('p', {}, `and ${number(rows.length - SHOWN)} more`) : null);
}
