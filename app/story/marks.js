/**
 * What a reader predicts, as a value: a place [x, y], an angle in degrees, the number of an option, or a number.
 *
 *     codeOf(stop, question, mark)  ↔  markOf(stop, question, code)     a few letters, for others to paste
 *     verdict(question, mark)                                           how far off it was, in words
 *     drawMarks(svg, plane, question, marks)                            all of them on the figure
 */

import { clamp, formatNumber } from "../canvas/canvas.js";
import { project, unproject } from "../stage/stage.js";

const LEVELS = 46656; // three letters of base 36
const KIND = { place: "p", angle: "a", choice: "c", number: "n" };

const letters = (share) => Math.round(clamp(share, 0, 1) * (LEVELS - 1)).toString(36).padStart(3, "0");
const shareOf = (text) => parseInt(text, 36) / (LEVELS - 1);
const said = (v) => (Number.isInteger(v) && Math.abs(v) < 1e6 ? String(v).replace("-", "−") : formatNumber(v));
const turned = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;

/** A mark as a code that begins with the number of its stop: 3p7k2m0a. */
export function codeOf(stop, { kind, window: [x0, x1, y0, y1] = [] }, mark) {
  const written = {
    place: () => letters((mark[0] - x0) / (x1 - x0)) + letters((mark[1] - y0) / (y1 - y0)),
    angle: () => letters((turned(mark) + 180) / 360), choice: () => mark + 1, number: () => mark,
  };
  return `${stop}${KIND[kind]}${written[kind]()}`;
}

/** The mark that a code holds, or null where it is none of this stop's. */
export function markOf(stop, { kind, options, window: [x0, x1, y0, y1] = [] }, code) {
  const found = /^(\d+)([pacn])([-+.\w]{1,24})$/.exec(code.trim());
  if (!found || Number(found[1]) !== stop || found[2] !== KIND[kind]) return null;
  const text = found[3], number = Number(text);
  if (kind === "place") {
    const [a, b] = [text.slice(0, 3), text.slice(3)].map(shareOf);
    return /^[0-9a-z]{6}$/.test(text) ? [x0 + a * (x1 - x0), y0 + b * (y1 - y0)] : null;
  }
  if (kind === "angle") return /^[0-9a-z]{3}$/.test(text) ? 360 * shareOf(text) - 180 : null;
  if (kind === "choice") return Number.isInteger(number) && number >= 1 && number <= options.length ? number - 1 : null;
  return Number.isFinite(number) ? number : null;
}

/** How far off a mark is, in words; without one, what is true. */
export function verdict({ kind, truth, words, options, unit, window }, mark) {
  const is = `It is ${words}${unit ? ` ${unit}` : ""}`;
  if (mark === null) return kind === "choice" ? `“${words}”` : `${is}.`;
  if (kind === "choice") return mark === truth[0] ? `You chose “${options[mark]}”: right.` : `You chose “${options[mark]}”. It is “${words}”.`;
  if (kind === "angle") {
    const off = Math.abs(turned(mark - truth[0]));
    return `You said ${Math.round(turned(mark))}°. ${is}: ${off < 1 ? "hit" : `${Math.round(off)}° off`}.`.replaceAll("-", "−");
  }
  if (kind === "number") {
    const off = Math.abs(mark - truth[0]);
    return `You said ${said(mark)}. ${is}: ${off === 0 ? "hit" : `${said(off)} off`}.`;
  }
  const off = Math.hypot(mark[0] - truth[0], mark[1] - truth[1]), wide = window ? window[1] - window[0] : 0;
  const share = wide ? `, ${Math.max(1, Math.round((100 * off) / wide))} % of the picture’s width` : "";
  return `You marked (${mark.map((v) => formatNumber(v)).join(", ")}). ${is}: ${formatNumber(off)} away${share}.`;
}

const SVG_NAME = "http://www.w3.org/2000/svg";

function shape(svg, tag, fields, text = "") {
  const node = document.createElementNS(SVG_NAME, tag);
  for (const [name, value] of Object.entries(fields)) node.setAttribute(name, value);
  node.textContent = text;
  svg.append(node);
}

/** Where on the plane a pixel of the overlay is. */
export const placeAt = ({ lens }, x, y) => unproject(lens, x, y).map((v) => v * Math.exp(lens.s));

/** Marks on a figure: [{mark, name, truth}], each a cross or, for an angle, a ray from the origin. */
export function drawMarks(svg, plane, { kind }, marks) {
  svg.replaceChildren();
  const { lens, width, height } = plane, [ox, oy] = [lens.ox, lens.oy], far = 2 * (width + height);
  for (const { mark, name, truth } of marks) {
    const about = truth ? "truth" : "";
    let [x, y] = kind === "place" ? project(lens, ...mark) : [0, 0];
    if (kind === "angle") {
      const a = (mark * Math.PI) / 180, c = Math.cos(a), s = -Math.sin(a);
      for (const under of ["under", about]) shape(svg, "line", { x1: ox, y1: oy, x2: ox + far * c, y2: oy + far * s, class: under });
      const reach = 0.42 * Math.min(width, height);
      [x, y] = [ox + reach * c, oy + reach * s];
    } else if (truth) for (const under of ["under", about]) shape(svg, "circle", { cx: x, cy: y, r: 13, class: under });
    else
      for (const under of ["under", about])
        for (const [dx, dy] of [[9, 9], [9, -9]]) shape(svg, "line", { x1: x - dx, y1: y - dy, x2: x + dx, y2: y + dy, class: under });
    if (name) shape(svg, "text", { x: clamp(x + 16, 4, width - 9 * name.length - 8), y: clamp(y + 5, 16, height - 6) }, name);
  }
}
