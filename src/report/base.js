// The page of the report. The small data is shown first; the values for each image, and the pictures, are read after that.
// Paths and labels are inserted only as text nodes or as values of fixed attributes; nothing is ever parsed as markup.
'use strict';

const $ = (id) => document.getElementById(id);
const data = JSON.parse($('data').textContent);
$('data').remove(); // the text is not needed twice

// ---- small things

/** An element: h('p', {class: 'x', onclick: f}, 'text', child). */
function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
/** Replaces the content of an element by those of `children` that are not empty. */
const put = (element, ...children) => element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
const svg = (tag, properties, ...children) => {
  const element = document.createElementNS($('svg').namespaceURI, tag);
  for (const [name, value] of Object.entries(properties)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const number = (n) => Number(n).toLocaleString('en-US', { maximumFractionDigits: 0 });
const count = (n, noun) => `${number(n)} ${noun}${n === 1 ? '' : 's'}`;
/** Three significant digits: 0.0000012 is 1.2e-6. */
function few(x) {
  if (x === null || x === undefined || Number.isNaN(x)) return 'unknown';
  if (x === 0) return '0';
  if (Math.abs(x) >= 1000) return number(x);
  return Math.abs(x) < 0.0005 ? x.toExponential(1).replace('.0e', 'e') : String(Number(x.toPrecision(3)));
}
/** 0.98765 is 98.8 %; only 1 is 100 %. */
function percent(part, digits = 1) {
  const shown = (100 * part).toFixed(digits);
  return `${Number(shown) === 100 ? (part < 1 ? (100 - 10 ** -digits).toFixed(digits) : '100') : shown}\u00a0%`;
}
const share = (x) => (x >= 0.9995 && x < 1 ? '.999' : x.toFixed(3).replace(/^(-?)0\./, '$1.'));
/** Spells out invisible characters, and those that change the direction of text. */
const visible = (text) => text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
  (c) => `\u27e8U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}\u27e9`);
const short = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
/** Keeps the end of a name, which says more than its start. */
const tail = (text, most) => (text.length > most ? `…${text.slice(1 - most)}` : text);
const calm = matchMedia('(prefers-reduced-motion: reduce)');

// ---- light and dark

const THEMES = ['system', 'light', 'dark'];
const PLACE = 'aesearch.report.theme';
let theme = 'system';
try {
  theme = THEMES.find((name) => name === localStorage.getItem(PLACE)) ?? 'system';
} catch { /* this browser stores nothing for files */ }
const darkSystem = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (theme === 'system' ? darkSystem.matches : theme === 'dark');
const themed = []; // called when the theme changes
function applyTheme() {
  if (theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $('theme').textContent = `◐ ${theme}`;
  $('theme').setAttribute('aria-label', `Colours: ${theme}`);
  for (const update of themed) update();
}
$('theme').addEventListener('click', () => {
  theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  try {
    localStorage.setItem(PLACE, theme);
  } catch { /* it is kept until the page is closed */ }
  applyTheme();
});
darkSystem.addEventListener('change', applyTheme);
const colourOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** The ten colours of the program are for a light background; these are equally distinct on a dark one. */
const ON_DARK = [[133, 146, 255], [127, 211, 247], [47, 191, 165], [92, 178, 82], [181, 181, 46], [240, 220, 130], [255, 143, 135], [222, 64, 117], [199, 125, 255], [154, 160, 168]];
/** The colour of label or cluster `i` of `groups`: with more than ten, the second nine are paler, the third nine darker, the rest grey. */
function groupColour(i, groups) {
  const palette = isDark() ? ON_DARK : data.colours;
  const round = groups > 10 ? Math.floor(i / 9) : 0;
  let rgb = groups > 10 ? palette[round < 3 ? i % 9 : 9] : palette[i];
  const mix = (other, part) => rgb.map((value, c) => Math.round(value + part * (other[c] - value)));
  if (round === 1) rgb = mix([255, 255, 255], 0.4);
  if (round === 2) rgb = mix([0, 0, 0], 0.35);
  const light = () => (0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]) / 255;
  const dark = isDark();
  for (let step = 0; step < 12 && (dark ? light() < 0.42 : light() > 0.66); step += 1) {
    rgb = mix(dark ? [255, 255, 255] : [0, 0, 0], 0.1);
  }
  return rgb;
}
const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

// ---- columns: a value for each image

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
  return bytes;
}
/** Numbers; a missing one is -1. */
function numbers({ width, data: packed }) {
  const bytes = bytesOf(packed);
  const values = new Int32Array(bytes.length / width);
  const none = 256 ** width - 1;
  for (let i = 0, at = 0; i < values.length; i += 1) {
    let value = 0;
    for (let byte = 0, factor = 1; byte < width; byte += 1, factor *= 256, at += 1) value += bytes[at] * factor;
    values[i] = value === none ? -1 : value;
  }
  return values;
}
/** Fractions of 1; a missing one is NaN. */
const parts = (column) => Float32Array.from(numbers(column), (value) => (value < 0 ? NaN : value / 65534));

let all = null; // the values for each image, once they are read
function readColumns(columns) {
  const places = numbers(columns.places);
  const n = data.images;
  const x = new Float32Array(n);
  const y = new Float32Array(n);
  for (let i = 0; i < n; i += 1) {
    x[i] = places[2 * i] / 65534;
    y[i] = 1 - places[2 * i + 1] / 65534; // y goes down on a screen
  }
  const extent = (values) => values.reduce((most, value) => Math.max(most, 2 * Math.abs(value - 0.5)), 0.05);
  const drawn = parts(columns.drawn);
  const alone = parts(columns.alone);
  const score = alone.map((value, i) => (drawn[i] > value ? drawn[i] : value));
  all = {
    n, x, y, drawn, alone, score,
    width: extent(x), height: extent(y), // the longer one is 1; both are centred at 0.5
    labels: numbers(columns.labels), clusters: numbers(columns.clusters),
    near: numbers(columns.near), perImage: columns.n_near,
    distances: null, names: null, packed: columns,
  };
}
/** The distance of the i-th neighbour of an image. */
function distance(row, i) {
  all.distances ??= numbers(all.packed.distances);
  const value = all.distances[row * all.perImage + i];
  return data.unit === 'bits' ? value : (value / 65534) ** 2 * all.packed.farthest;
}
/** The neighbours of an image, the nearest first. */
const neighboursOf = (row) => Array.from(all.near.subarray(row * all.perImage, (row + 1) * all.perImage)).filter((near) => near >= 0);
function names() {
  if (!all.names) {
    const { shared, rest } = all.packed.names;
    let before = '';
    const lengths = numbers(shared);
    all.names = rest.map((text, i) => (before = before.slice(0, lengths[i]) + text));
  }
  return all.names;
}
const labelOf = (row) => (all.labels[row] < 0 ? null : data.labels[all.labels[row]][0]);
/** The folder and the file name of a path. */
function split(path) {
  const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1;
  return [path.slice(0, at), path.slice(at)];
}
const distanceText = (value) => (data.unit === 'bits' ? count(value, 'bit') : value < 0.0005 ? few(value) : value.toFixed(3));
