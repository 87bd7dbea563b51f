import { engine, runs } from "./engine.js";
import { logRates, moved } from "./numbers.js";

/**
 * A picture whose starts and numbers move without a server: the header's jobs are run again, and new arrays take the old ones'
 * places.
 *
 *     answering(source, show)   → request    what a host answers: show(source) with new arrays, and the same words
 *
 * Everything here is a reading of the columns that the module gives; no step is made in JavaScript.
 */

const LN2 = Math.log(2), FAR = 1e6; // as in dynamics/path.py
const FRAME_LIMIT = 30; // as in dynamics/simulate.py
const WORDS = new DataView(new ArrayBuffer(8));

/** The next number above, in the job's precision: where a ghost starts. */
function above(x, float) {
  const [real, whole, one] = float === "f32" ? ["Float32", "Int32", 1] : ["Float64", "BigInt64", 1n];
  WORDS[`set${real}`](0, x || 0);
  const bits = WORDS[`get${whole}`](0);
  WORDS[`set${whole}`](0, x >= 0 ? bits + one : bits - one);
  return WORDS[`get${real}`](0);
}

/** A start as the module reads it: x, y, its frame and its place, eight bytes each. */
function written([x, y], place, { float, ghost }) {
  const bytes = new Uint8Array(32), view = new DataView(bytes.buffer), set = float === "f32" ? "setFloat32" : "setFloat64";
  view[set](0, ghost ? above(x, float) : x, true);
  view[set](8, y, true);
  view.setInt32(24, place, true);
  return bytes;
}

const finite = (...values) => values.every(Number.isFinite);

/** How a path ended, and at which step: as dynamics/path.py has it. */
function ending([x, y, , loss, gx, gy], invariant) {
  const last = x.length - 1;
  const at = x.findIndex((_, t) => !finite(x[t], y[t], loss[t], gx[t], gy[t]));
  if (at >= 0) {
    if (invariant && x[at] === 0 && y[at] === 0) return ["reached_the_origin", at];
    const before = finite(x[at], y[at]) ? at : at - 1;
    const over = [x[at], y[at]].some((v) => Math.abs(v) === Infinity);
    return [over || before < 0 || Math.hypot(x[before], y[before]) > FAR ? "diverged" : "left_the_plane", at];
  }
  if (gx[last] !== 0 || gy[last] !== 0) return ["finished", null];
  let moving = last;
  while (moving >= 0 && gx[moving] === 0 && gy[moving] === 0) moving--;
  return ["zero_gradient", moving + 1];
}

/** A path in the page's samples, held from where it stopped. */
function path({ columns }, job, every) {
  const [status, stopped] = ending(columns, job.invariant);
  const end = status === "finished" || status === "zero_gradient" ? Infinity : Math.max(stopped - 1, 0);
  const sampled = (column) => Float64Array.from({ length: Math.floor(job.steps / every) + 1 }, (_, i) => column[Math.min(i * every, end)]);
  const [x, y, frame, loss, gx, gy, bend] = every === 1 && end === Infinity ? columns : columns.map(sampled);
  return { x, y, k: frame.map((f) => f * LN2), loss, gx, gy, bend, status, stopped };
}

/** What strips show of a path: logarithms. */
const READ = {
  loss: ({ loss }) => loss.map((a) => Math.log(a)),
  norm: ({ x, y, k }) => x.map((a, i) => Math.log(Math.hypot(a, y[i])) + k[i]),
  gradient_norm: ({ gx, gy, k }) => gx.map((a, i) => Math.log(Math.hypot(a, gy[i])) - k[i]),
  sharpness: ({ bend, k }) => bend.map((a, i) => Math.log(a) - 2 * k[i]),
};

const angles = ({ x, y }) => x.map((a, i) => Math.atan2(y[i], a));

/** ‖P v − w‖/‖w‖ as a logarithm, from logarithms. */
function gap(left, right, projection) {
  const [a, b, n, m] = [angles(left), angles(right), READ.norm(left), READ.norm(right)];
  return a.map((angle, i) => {
    const stretch = Math.exp(m[i] + projection[i] - n[i]);
    return Math.log(Math.hypot(stretch * Math.cos(b[i]) - Math.cos(angle), stretch * Math.sin(b[i]) - Math.sin(angle)));
  });
}

/** A strip's line, a logarithm, from paths and what was given beside them; null where numbers were moved that it needs. */
function line({ name, offset, lengths, partner }, { run, path }, found, jobs, given, every) {
  const one = found[run][path], { projection, rest } = jobs[run];
  if (name === "gap") return gap(found[partner][path], one, projection ? one.x.map((_, i) => projection[i * every]) : given(offset));
  if (name === "effective_rate") {
    const rate = logRates(jobs[run]);
    return READ.norm(one).map((n, i) => rate(i * every) - lengths[run] * n);
  }
  if (name === "sharpness") return rest === false ? null : READ.sharpness(one).map((n, i) => n + given(offset)[i]);
  return READ[name](one);
}

/** The lowest and highest value of a strip, without dust below a double's last digit. */
function range(lines, log) {
  let low = Infinity, high = -Infinity;
  for (const values of lines) for (const value of values) if (Math.abs(value) < Infinity) (low = Math.min(low, value)), (high = Math.max(high, value));
  if (low > high) return [0, 1];
  return [log && high > Math.log(1e-12) ? Math.max(low, Math.log(1e-17)) : low, high];
}

const wrapped = (a) => a - 2 * Math.PI * Math.round(a / (2 * Math.PI));

/** A panel whose camera, or whose ring, follows the growth of a twin with other numbers. */
function grownBy(panel, jobs, every, keep) {
  const job = panel.runs.map((r) => jobs[r]).find(({ projection }) => projection);
  if (!job || (!panel.echo && panel.camera.kind !== "zoom")) return panel;
  const log_scale = keep("live growth", Float64Array.from(job.projection.filter((_, t) => t % every === 0), (p) => -p));
  return {
    ...panel, camera: panel.camera.kind === "zoom" ? { ...panel.camera, log_scale } : panel.camera,
    ...(panel.echo && { echo: { ...panel.echo, log_scale } }),
  };
}

/** The source with everything that depends on the starts computed again. */
function again({ header, arrays }, jobs, starts, id) {
  const { live, every } = header, made = { ...arrays };
  const keep = (name, array) => ((made[name] = array), name);
  const given = (name) => arrays[name];
  const found = jobs.map((job) => runs(job.exports, { ...job, starts: starts.map((at, place) => written(at, place, job)) }).map((run) => path(run, job, every)));
  const located = header.runs.map((run, r) => ({
    ...run,
    paths: run.paths.map((before, p) => {
      const { x, y, k, status, stopped } = found[r][p], name = `live ${r} ${p}`;
      const text = status === "finished" ? null : `${live.endings[status]} (step ${stopped})`;
      return {
        ...before, x: keep(`${name} x`, x), y: keep(`${name} y`, y), k: k.some(Boolean) ? keep(`${name} k`, k) : null,
        start: jobs[r].ghost ? [above(starts[p][0], jobs[r].float), starts[p][1]] : starts[p],
        status, stopped_at: stopped, status_text: text, horizon: null,
      };
    }),
  }));
  const strips = header.strips.map((strip, s) => {
    const how = live.strips[s];
    let followed = false;
    const lines = strip.series.map((series) => {
      const logs = how && line(how, series, found, jobs, given, every), { status, stopped } = found[series.run][series.path ?? 0];
      followed ||= Boolean(logs);
      const end = status === "diverged" ? Math.ceil(stopped / every) : Infinity;
      return logs ? logs.map((value, i) => (i < end ? (strip.log ? value : Math.exp(value)) : NaN)) : new Float64Array(found[0][0].x.length).fill(NaN);
    });
    const [lo, hi] = range(lines, strip.log);
    const title = followed ? strip.title : `${strip.title}: only for the paths as they came`;
    return { ...strip, title, lo, hi, guides: [], series: strip.series.map((series, i) => ({ ...series, band: undefined, array: keep(`live strip ${s} ${i}`, lines[i]) })) };
  });
  const caption = { ...header.caption, lyapunov: null };
  if (caption.kind === "twins") {
    const [left, right] = [caption.left, caption.right].map(([r, p]) => angles(found[r][p]));
    caption.log_difference = keep("live difference", left.map((a, i) => Math.log(Math.abs(wrapped(right[i] - a)))));
  }
  const panels = header.panels.map((panel) => grownBy(panel, jobs, every, keep));
  return { header: { ...header, id, live: undefined, runs: located, panels, strips, caption, summary: live.summary }, arrays: made };
}

/**
 * What answers a moved start or number; rejects where modules may not be run. What makes no run changes nothing: a start beyond
 * one frame of floats, or numbers with which there is no twin.
 */
export async function answering(source, show) {
  const { live } = source.header;
  const starts = live.starts.map((at) => [...at]);
  const values = live.values.map((rates, r) => ({ ...rates, ...Object.fromEntries(live.numbers[r].map(({ name, value }) => [name, value])) }));
  let jobs = await Promise.all(live.jobs.map(async (sent) => {
    const job = { ...sent, numbers: source.arrays[sent.numbers], rates: source.arrays[sent.rates], exports: await engine(source.arrays[sent.code]) };
    return job.twin ? moved(job, values[job.partner]) : job;
  }));
  const answers = {
    start({ index, x, y }) {
      const size = Math.max(Math.abs(x), Math.abs(y));
      if (size > 2 ** -FRAME_LIMIT && size < 2 ** FRAME_LIMIT) starts[index] = [x, y];
    },
    number({ run, name, value }) {
      const now = { ...values[run], [name]: value };
      const made = jobs.map((job, r) => (r === run || job.partner === run ? moved(job, now) : job));
      if (made.every(Boolean)) [jobs, values[run]] = [made.map((job) => ({ ...job, rest: false })), now];
    },
  };
  return (message) => {
    answers[message.kind](message);
    show(again(source, jobs, starts, message.id));
  };
}
