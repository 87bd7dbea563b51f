/**
 * Numbers that a reader moves, as the modules read them: hyperparameters in place, rates as tables.
 *
 *     η_t = m · 2^e, and of a twin η̃_t = η P_t^power / P_{t+1},  P_{t+1} = P_t (1 − ηλ)      (as dynamics/twins.py has it)
 */

const FLOAT_BITS = new DataView(new ArrayBuffer(8));

/** m · 2^e with 1/2 <= |m| < 1, exactly. */
function halved(x) {
  if (x === 0) return [0, 0];
  FLOAT_BITS.setFloat64(0, x);
  const high = FLOAT_BITS.getInt32(0), e = ((high >> 20) & 0x7ff) - 1022;
  FLOAT_BITS.setInt32(0, (high & 0x800fffff) | 0x3fe00000);
  return [FLOAT_BITS.getFloat64(0), e];
}

const put = (view, at, kind, value) => (kind === "i32" ? view.setInt32(at, value, true) : kind === "f32" ? view.setFloat32(at, value, true) : view.setFloat64(at, value, true));

/** Rows of rates, eight bytes a number, in the order of the module's columns. */
function table(columns, rows) {
  const bytes = new Uint8Array(8 * columns.length * rows.length), view = new DataView(bytes.buffer);
  rows.forEach((row, t) => columns.forEach(([name, kind], k) => put(view, 8 * (t * columns.length + k), kind, row[name])));
  return bytes;
}

/** The one row of constant rates. */
function constant({ learning_rate, weight_decay }) {
  const [rate, rate_exponent] = halved(learning_rate), [decay, decay_exponent] = halved(weight_decay);
  return [{ rate, rate_exponent, decay, decay_exponent, fading: 1 }];
}

/** A twin's rows, and ln P_t for t = 0 … T; null where ηλ is 1 or more and there is no twin. */
function grown({ learning_rate, weight_decay }, { power, fading, shrinks }, steps) {
  const remains = 1 - learning_rate * weight_decay, [mantissa, exponent] = halved(learning_rate), rows = [], projection = [];
  if (!(remains > 0)) return null;
  let m = 1, e = 0;
  for (let t = 0; t <= steps; t++) {
    projection.push(Math.log(m) + e * Math.LN2);
    const [next, shift] = halved(shrinks ? m * remains : remains), after = e + shift;
    const rate = mantissa / ((power ? m : 1) * next);
    rows.push({ rate, rate_exponent: exponent + power * e - after, decay: 0, decay_exponent: 0, fading: t && fading ? remains : 1 });
    if (shrinks) [m, e] = [next, after];
  }
  return { rows, projection };
}

/** A job with other numbers, or null where they make no run; `values` are those of the run, or of the partner of a twin. */
export function moved(job, values) {
  const numbers = job.numbers.slice(), view = new DataView(numbers.buffer);
  job.names.forEach(([name, kind], k) => name in values && put(view, 8 * k, kind, values[name]));
  const twin = job.twin && grown(values, job.twin, job.steps);
  if (job.twin && !twin) return null;
  const rows = twin ? twin.rows : constant(values), single = rows.length === 1;
  return {
    ...job, numbers, rates: table(job.columns, rows), stride: single ? 0 : 8 * job.columns.length,
    rows: job.ticks || !single ? Math.max(job.steps, 1) : 1, projection: twin?.projection,
  };
}

/** ln η_t of a job's steps, from its table. */
export function logRates(job) {
  const view = new DataView(job.rates.buffer, job.rates.byteOffset, job.rates.length), at = (name) => job.columns.findIndex((column) => column[0] === name);
  const [rate, exponent] = [at("rate"), at("rate_exponent")], real = job.columns[rate][1] === "f32" ? "getFloat32" : "getFloat64";
  return (t) => {
    const row = job.stride * Math.min(t, Math.max(job.rates.length / (8 * job.columns.length) - 1, 0));
    return Math.log(view[real](row + 8 * rate, true)) + view.getInt32(row + 8 * exponent, true) * Math.LN2;
  };
}
