// ---- the sections above and below the map: facts, clusters, outliers, labels, duplicates

const facts = (rows) => h('dl', { class: 'list' }, ...rows.map(([name, value, about]) => h('div', {}, h('dt', {}, name),
  h('dd', {}, h('bdi', {}, visible(value))), about ? h('dd', { class: 'about' }, about) : null)));
const panel = (title, ...children) => {
  const id = `p-${title.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  return h('section', { class: 'panel', 'aria-labelledby': id }, h('h3', { id }, title), ...children);
};
/** Figures from 0 to 1 as bars. */
function bars(rows) {
  return h('table', { class: 'bars' }, h('tbody', {}, ...rows.map(([name, value, about]) => {
    const bar = h('i', {});
    bar.style.width = `${100 * Math.max(0, Math.min(1, value))}%`;
    return h('tr', {}, h('th', { scope: 'row' }, name, about ? h('small', {}, about) : null),
      h('td', { 'aria-hidden': 'true' }, h('div', { class: 'track' }, bar)), h('td', { class: 'n' }, share(value)));
  })));
}
/** A line chart with the ends of both axes labelled; x may be logarithmic. */
function line(points, { log = false, name, xText, yText, mark = -1 }) {
  const [width, height, pad] = [320, 110, 8];
  const xs = points.map(([x]) => (log ? Math.log(Math.max(x, 1)) : x));
  const ys = points.map(([, y]) => y);
  const scaled = (values, from, to) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return values.map((value) => from + (high > low ? (value - low) / (high - low) : 0.5) * (to - from));
  };
  const [px, py] = [scaled(xs, pad, width - pad), scaled(ys, height - pad, pad)];
  const last = points.length - 1;
  const chart = svg('svg', { viewBox: `0 0 ${width} ${height}`, class: 'chart', role: 'img', 'aria-label': `${name}: from ${yText(ys[0])} at ${xText(points[0][0])} to ${yText(ys[last])} at ${xText(points[last][0])}` },
    svg('polyline', { points: px.map((x, i) => `${x.toFixed(1)},${py[i].toFixed(1)}`).join(' ') }));
  px.forEach((x, i) => chart.append(svg('circle', { cx: x.toFixed(1), cy: py[i].toFixed(1), r: i === mark ? 5 : 2, class: i === mark ? 'mark' : '' }, svg('title', {}, `${xText(points[i][0])}: ${yText(ys[i])}`))));
  return h('figure', { class: 'line' }, chart, h('figcaption', {}, h('span', {}, xText(points[0][0])), h('b', {}, name), h('span', {}, xText(points[last][0]))));
}
/** A picture with words below it, which selects its image on the map. */
function card(row, box, ...words) {
  const button = h('button', { type: 'button', class: 'card-image', 'aria-label': described(row), title: visible(names()[row]), onclick: () => pick(row, { go: true, from: button }) },
    thumb(row, box), ...words);
  return button;
}
/** The first ones of a list, and a button for the rest. */
function some(rows, shown, each, className) {
  const list = h('ul', { class: className }, ...rows.slice(0, shown).map((row) => h('li', {}, each(row))));
  const rest = rows.slice(shown);
  if (rest.length === 0) return list;
  const more = h('button', { type: 'button', class: 'more', onclick: () => {
    const added = rest.map((row) => h('li', {}, each(row)));
    list.append(...added);
    more.remove();
    added[0].querySelector('button')?.focus();
  } }, `Show ${number(rest.length)} more`);
  return h('div', {}, list, more);
}

// ---- what is shown first

function showHead() {
  const groups = data.duplicates ? data.duplicates.kinds.reduce((sum, [, n]) => sum + n, 0) : null;
  const faulty = data.faults.reduce((sum, fault) => sum + fault.count, 0);
  const rows = [
    [number(data.images), data.images === 1 ? 'image' : 'images', 'about'],
    data.labelled ? [number(data.labels.length), 'labels', 'about'] : null,
    [number(data.clusters.n), data.clusters.n === 1 ? 'cluster' : 'clusters', 'clusters'],
    [number(faulty), faulty === 1 ? 'fault' : 'faults', 'outliers'],
    data.labelled ? [number(data.n_doubts), data.n_doubts === 1 ? 'doubtful label' : 'doubtful labels', 'labels'] : null,
    groups === null ? null : [number(groups), groups === 1 ? 'group of duplicates' : 'groups of duplicates', 'duplicates'],
    data.n_skipped ? [number(data.n_skipped), 'skipped', 'skipped'] : null,
  ].filter(Boolean);
  $('facts').append(...rows.map(([value, name]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))));
  const named = data.sources.filter(([name]) => name).slice(0, 3).map(([name]) => visible(name));
  const more = data.sources.length + data.more_sources - named.length;
  $('base').replaceChildren(...named.flatMap((name, i) => [i ? ', ' : '', h('bdi', {}, name)]), named.length && more > 0 ? ` and ${count(more, 'more folder')}` : '');
  const notices = [];
  if (!data.pictured) notices.push('The images were not read: there are no pictures, faults or reconstructions.');
  $('notices').append(...notices.map((text) => h('p', { class: 'notice' }, text)));
  const shown = [['map', 'Map'], ['about', 'What was indexed'], ['clusters', 'Clusters'], ['outliers', 'Outliers and faults'], ['labels', 'Doubtful labels'], ['duplicates', 'Duplicates'], ['skipped', 'Skipped images']];
  $('labels').hidden = !data.labelled;
  $('skipped').hidden = data.n_skipped === 0;
  $('parts').append(...shown.filter(([id]) => !$(id).hidden).map(([id, name]) => h('li', {}, h('a', { href: `#${id}` }, name))));
  $('map-about').textContent = data.map === 'pca'
    ? 'The plane along which latents vary most: distances are meaningful, but groups overlap.'
    : 'Similar images are near each other (t-SNE); distances between groups mean little.';
  $('foot').append(`Made by aesearch ${data.version}. This file is self-contained and makes no network requests.`);
}
function showAbout() {
  const { quality } = data;
  const sources = data.sources.map(([name, n]) => h('li', {}, h('span', {}, h('bdi', {}, name ? visible(name) : 'the working directory')), h('b', {}, number(n))));
  const most = Math.max(...data.labels.map(([, n]) => n), 1);
  const labels = data.labels.map(([label, n], i) => [label, n, i]).sort((a, b) => (data.labels.length > 12 ? b[1] - a[1] : 0));
  const labelBars = labels.slice(0, 12).map(([label, n, i]) => {
    const bar = h('i', {});
    bar.style.width = `${(100 * n) / most}%`;
    const paintBar = () => { bar.style.background = css(groupColour(i, data.labels.length)); };
    paintBar();
    themed.push(paintBar);
    return h('tr', {}, h('th', { scope: 'row' }, h('bdi', {}, visible(label))), h('td', { 'aria-hidden': 'true' }, h('div', { class: 'track' }, bar)), h('td', { class: 'n' }, number(n)));
  });
  $('about-panels').append(...[
    panel('Collection', facts([['images', number(data.images), ''], ...data.collection]),
      h('h4', {}, 'Folders and containers'), h('ul', { class: 'sources' }, ...sources, data.more_sources ? h('li', {}, `and ${count(data.more_sources, 'more folder')}`) : null)),
    data.labelled ? panel('Labels', h('table', { class: 'bars labels' }, h('tbody', {}, ...labelBars)), labels.length > 12 ? h('p', {}, `and ${number(labels.length - 12)} more`) : null) : null,
    panel('Model', facts(data.model)),
    panel('Code quality', bars(quality.figures), h('p', {}, quality.note), facts(quality.facts),
      quality.curve.length > 1 ? line(quality.curve, { log: true, name: 'recall of the index by codes compared', xText: number, yText: (y) => share(y) }) : null),
  ].filter(Boolean));
}

// ---- clusters

const clusterUnit = (value) => (data.clusters.unit === 'bits' ? count(Math.round(value), 'bit') : few(value));
/** The labels of a cluster as one bar. */
function mix(cluster) {
  const bar = h('div', { class: 'mix', 'aria-hidden': 'true' });
  const pieces = [...cluster.labels.map(([label, n]) => [n, label]), [cluster.others, -1]].filter(([n]) => n > 0);
  for (const [n, label] of pieces) {
    const piece = h('i', label < 0 ? {} : { title: `${visible(data.labels[label][0])}: ${number(n)}` });
    piece.style.flexGrow = n;
    const paintPiece = () => { piece.style.background = label < 0 ? '' : css(groupColour(label, data.labels.length)); };
    paintPiece();
    themed.push(paintPiece);
    bar.append(piece);
  }
  const words = cluster.labels.slice(0, 3).map(([label, n]) => [visible(data.labels[label][0]), n / cluster.size]).filter(([, part], i) => i === 0 || part >= 0.005);
  return [bar, h('p', { class: 'words' }, ...words.flatMap(([label, part], i) => [i ? ', ' : '', h('b', {}, h('bdi', {}, short(label, 24))), ` ${percent(part)}`]))];
}
function clusterCard([cluster, i]) {
  const strip = (rows, name) => (rows.length ? h('div', { class: 'strip' }, h('h4', {}, name), h('div', {}, ...rows.map((row) => card(row, 44)))) : null);
  const swatch = h('i', { class: 'swatch', 'aria-hidden': 'true' });
  const paintSwatch = () => { swatch.style.background = css(groupColour(i, data.clusters.n)); };
  paintSwatch();
  themed.push(paintSwatch);
  return h('article', { class: 'cluster', 'aria-label': `Cluster ${i}` },
    h('header', {}, swatch, h('h3', {}, `Cluster ${i}`), h('span', {}, count(cluster.size, 'image')),
      h('button', { type: 'button', class: 'quiet', 'aria-label': `Show cluster ${i} on the map`, onclick: () => showCluster(i) }, 'Show on the map')),
    h('p', { class: 'meta' }, h('bdi', {}, fileOf(cluster.medoid)), ` · silhouette ${cluster.silhouette.toFixed(3)} · diameter ${clusterUnit(cluster.diameter)}`),
    data.labelled ? mix(cluster) : null,
    h('div', { class: 'montage' }, h('div', { class: 'medoid' }, h('h4', {}, 'Medoid'), card(cluster.medoid, 112)),
      h('div', {}, strip(cluster.near, 'Nearest to the medoid'), strip(cluster.far, 'Farthest from the medoid'))));
}
function showCluster(i) {
  if (colouring !== 'clusters') colourBy('clusters');
  showAlone(scene.groups[i]);
  const rows = [];
  for (let row = 0; row < all.n; row += 1) if (all.clusters[row] === i) rows.push(row);
  frameRows(rows);
  $('map').scrollIntoView({ behavior: calm.matches ? 'auto' : 'smooth', block: 'start' });
  $('marks').focus({ preventScroll: true });
}
function showClusters() {
  const { method, n, apart, silhouette, tried, agreement, list, unit } = data.clusters;
  $('clusters-lead').textContent = `${count(n, 'cluster')} by ${method}${apart ? `, ${number(apart)} images in none` : ''}. The medoid of a cluster is the image nearest to all its others; distances are ${unit === 'bits' ? 'differing bits of codes' : '1 minus the cosine of latents'}.`;
  $('clusters-panels').append(...[
    agreement.length ? panel('Clusters and labels', bars(agreement)) : null,
    panel('How well they are separated', facts([['silhouette', silhouette.toFixed(3), 'how much nearer images are to their own cluster than to the next nearest, -1 to 1'], ['largest', number(list[0]?.size ?? 0), ''], ['smallest', number(list[list.length - 1]?.size ?? 0), n > list.length ? `of the ${list.length} largest` : '']])),
    tried.length > 1 ? panel('Number of clusters', line(tried, { name: 'silhouette by number of clusters', xText: (k) => count(k, 'cluster'), yText: (y) => y.toFixed(3), mark: tried.findIndex(([k]) => k === n) }),
      h('p', {}, 'The number with the largest mean silhouette is chosen.')) : null,
  ].filter(Boolean));
  $('clusters-cards').append(some(list.map((cluster, i) => [cluster, i]), 24, clusterCard, 'clusters'));
  if (n > list.length) $('clusters-cards').append(h('p', { class: 'rest' }, `and ${number(n - list.length)} more`));
}

// ---- outliers, labels, duplicates

/** What tells an image from others of its folder. */
const fileOf = (row) => tail(visible(split(names()[row])[1]), 24);

const ABOUT = {
  'near-constant': 'almost blank', dark: 'far darker than usual', bright: 'far brighter than usual',
  blurred: 'far less sharp than usual', 'odd-aspect': 'of unusual proportions',
};
function showOutliers() {
  $('outliers-lead').textContent = `An image is an outlier if ${all.drawn.some((part) => part >= 0) ? 'the model reconstructs it worse than nearly all others, or if ' : ''}its neighbours are farther away than those of nearly all others. The highest scores come first.`;
  const outlier = (row) => card(row, 84, h('span', { class: 'words' }, h('b', {}, h('bdi', {}, fileOf(row))), ...[visible(labelOf(row) ?? ''), ...scoreReasons(row)].filter((text) => text).map((text) => h('small', {}, text))));
  $('outliers-body').append(some(data.outliers, 24, outlier, 'gallery wide'));
  for (const { name, count: n, rows } of data.faults) {
    $('outliers-body').append(h('h3', {}, `${name.replace('-', ' ')} `, h('small', {}, `${count(n, 'image')}, ${ABOUT[name]}`)),
      some(rows, 24, (row) => card(row, 84, h('span', { class: 'words' }, h('small', {}, h('bdi', {}, tail(visible(split(names()[row])[1]), 18))))), 'gallery'));
    if (n > rows.length) $('outliers-body').append(h('p', { class: 'rest' }, `and ${number(n - rows.length)} more`));
  }
  if (data.faults.length === 0 && data.pictured) $('outliers-body').append(h('p', { class: 'empty' }, 'No image has a fault: none is blank, far darker, brighter or less sharp than usual, or of unusual proportions.'));
}
function showLabels() {
  if (!data.labelled) return;
  $('labels-lead').textContent = data.n_doubts
    ? `${count(data.n_doubts, 'image')} whose nearest neighbours have another label, and unusually few of them their own: the label is wrong, the image is ambiguous, or the model does not see the difference. The clearest cases come first.`
    : 'No label is contradicted by its neighbours.';
  const doubt = ([row, suggested, part]) => {
    const [own, other] = [labelOf(row) ?? 'none', data.labels[suggested][0]].map(visible);
    return card(row, 84, h('span', { class: 'words' },
      h('span', { class: 'change' }, h('s', {}, h('span', { class: 'sr' }, 'labelled '), h('bdi', {}, short(own, 16))), ' → ', h('b', {}, h('bdi', {}, short(other, 16)))),
      h('small', {}, `${percent(part, 0)} of the neighbours`)));
  };
  $('labels-body').append(some(data.doubts, 24, doubt, 'gallery'));
  if (data.n_doubts > data.doubts.length) $('labels-body').append(h('p', { class: 'rest' }, `and ${number(data.n_doubts - data.doubts.length)} more`));
}
function showDuplicates() {
  const found = data.duplicates;
  const body = $('duplicates-body');
  if (!found) {
    body.append(h('p', { class: 'empty' }, 'Duplicates were not searched for.'));
    return;
  }
  const rows = found.kinds.map(([name, groups, duplicates]) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', { class: 'n' }, number(groups)), h('td', { class: 'n' }, number(duplicates))));
  body.append(h('div', { class: 'panels' },
    panel('Groups', h('table', { class: 'counts' }, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'kind'), h('th', { scope: 'col', class: 'n' }, 'groups'), h('th', { scope: 'col', class: 'n' }, 'duplicates'))), h('tbody', {}, ...rows))),
    panel('Near duplicates', facts(found.facts)),
    panel('Review and remove duplicates', h('pre', {}, 'aesearch dedupe scan --report duplicates.html -o plan.json\naesearch dedupe apply plan.json'), h('p', {}, 'The first command writes a page for reviewing them and changes nothing; the second shows what it would do.'))));
  const group = ({ kind, rows: images, more, similarity, conflict }) => h('div', { class: 'same' },
    h('p', {}, h('span', { class: `chip kind-${kind}` }, found.kinds[kind][0]), kind >= 2 ? ` ${similarity.toFixed(4)}` : '', conflict ? h('span', { class: 'chip warn' }, 'labels differ') : null),
    h('div', { class: 'images' }, ...images.map((row) => card(row, 60)), more ? h('span', {}, `and ${number(more)} more`) : null));
  if (found.groups.length) body.append(some(found.groups, 12, group, 'sames'));
}
function showSkipped() {
  $('skipped-body').append(h('ul', { class: 'left-out' }, ...data.skipped.map(([path, reason]) => h('li', {}, h('bdi', {}, visible(path)), `: ${visible(reason)}`))),
    data.n_skipped > data.skipped.length ? h('p', {}, `and ${number(data.n_skipped - data.skipped.length)} more`) : '');
}

// ---- keys that work anywhere

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if ($('help').open) {
    if (event.key === '?') { event.preventDefault(); $('help').close(); }
    return;
  }
  if (event.target instanceof HTMLElement && event.target.matches('input, select, textarea')) return;
  if (event.key === '/') { event.preventDefault(); $('search').focus(); $('search').select(); }
  if (event.key === '?') { event.preventDefault(); $('help').showModal(); }
});
$('help-open').addEventListener('click', () => $('help').showModal());

applyTheme();
showHead();
showAbout();
requestAnimationFrame(() => setTimeout(() => {
  // what is already painted can be read meanwhile
  const heavy = JSON.parse($('heavy').textContent);
  $('heavy').remove();
  readColumns(heavy.columns);
  readSheets(heavy);
  $('loading').remove();
  showPicked();
  startMap();
  requestAnimationFrame(() => setTimeout(() => {
    showClusters();
    showOutliers();
    showLabels();
    showDuplicates();
    showSkipped();
    document.documentElement.dataset.ready = 'true';
  }));
}));
