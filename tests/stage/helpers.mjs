/** A small frame, packed as the host packs it, and a canvas context that only writes down what it is asked. */

export function pack(header, arrays = {}) {
  const codes = new Map([[Float32Array, "f4"], [Float64Array, "f8"], [Uint8Array, "u1"], [Int32Array, "i4"]]);
  const index = {}, blobs = [];
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    index[name] = { dtype: codes.get(array.constructor), shape: [array.length], offset };
    const padded = new Uint8Array(8 * Math.ceil(array.byteLength / 8));
    padded.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    blobs.push(padded), (offset += padded.length);
  }
  let text = JSON.stringify({ version: 1, id: 0, key: "k", ...header, arrays: index });
  let json = new TextEncoder().encode(text);
  while ((8 + json.length) % 8) json = new TextEncoder().encode((text += " "));
  const bytes = new Uint8Array(8 + json.length + offset);
  bytes.set([90, 79, 70, 49]);
  new DataView(bytes.buffer).setUint32(4, json.length, true);
  bytes.set(json, 8);
  blobs.reduce((at, blob) => (bytes.set(blob, at), at + blob.length), 8 + json.length);
  return bytes;
}

export const lut = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));

/** x² + 3y on the plane. */
export const bowl = { ops: [["x"], ["y"], ["powi", 0, 2], ["const", 3], ["mul", 3, 1], ["add", 2, 4], ["const", 2], ["mul", 6, 0]], outputs: [5, 7, 3] };

/** Two runs that turn together, the right one growing by `growth` a step in logs, and apart by `tilt` radians. */
export function twins({ steps = 100, growth = 1, tilt = 0, horizon = null, ends = {}, compared = {} } = {}) {
  const t = Float64Array.from({ length: steps + 1 }, (_, i) => i);
  const arrays = {
    lx: t.map((i) => Math.cos(0.1 * i)), ly: t.map((i) => Math.sin(0.1 * i)),
    rx: t.map((i) => Math.cos(0.1 * i + tilt)), ry: t.map((i) => Math.sin(0.1 * i + tilt)), rk: t.map((i) => growth * i), lut,
    gap: t.map(() => Math.log(Math.abs(tilt))),
    loss0: t.map((i) => 1 / (1 + i)), loss1: t.map((i) => 2 / (1 + i)),
  };
  const path = (x, y, k) => ({ x, y, k, start: [1, 0], start_index: 0, status: "finished", stopped_at: null, status_text: null, horizon, ...ends });
  const field = { program: bowl, scale_invariant: false, colours: { lut: "lut", transform: "linear", offset: 0, lo: 0, hi: 1 }, quiver: null, contours: null };
  const panel = { window: [-2, 2, -2, 2], field: 0, start_handle: true, equal_aspect: true, corner: "norm" };
  return pack({
    steps, clock: { seconds: 10 }, fields: [field], summary: "",
    runs: [{ label: "left", colour: "#d55e00", dash: [], paths: [path("lx", "ly", null)] }, { label: "right", colour: "#0072b2", dash: [4, 2], paths: [path("rx", "ry", "rk")] }],
    panels: [{ ...panel, title: "Left", runs: [0], camera: { kind: "fixed" } }, { ...panel, title: "Right", runs: [1], camera: { kind: "zoom", log_scale: "rk" }, ...compared }],
    strips: [{ title: "loss", series: [{ run: 0, path: 0, array: "loss0" }, { run: 1, path: 0, array: "loss1" }] }],
    caption: { kind: "twins", left: [0, 0], right: [1, 0], log_difference: "gap" },
  }, arrays);
}

/** The plane in other coordinates: an angle in degrees that wraps, and the logarithm of a curvature. */
export function portrait() {
  const path = (start) => ({ x: "x", y: "y", k: null, start, status: "finished", stopped_at: null, status_text: null, horizon: null });
  return pack({
    steps: 3, strips: [], runs: [{ label: "a", colour: "#d55e00", paths: [path([1, 1])] }, { label: "b", colour: "#0072b2", paths: [path([1, 1])] }],
    panels: [{
      title: "Portrait", runs: [0, 1], field: null, window: [-180, 180, Math.log(0.05), Math.log(20)], camera: { kind: "fixed" }, start_handle: false, equal_aspect: false,
      traces: [{ run: 0, path: 0, x: "angle", y: "log" }, { run: 1, path: 0, x: "angle", y: "log" }],
      axes: { x: { label: "θ", degrees: true }, y: { label: "κ", log: true } },
      curves: [{ x: "cx", y: "cy", label: "κ f″ = 2" }], points: [{ x: 90, y: 0, label: "two-cycle" }],
    }],
  }, {
    x: Float32Array.of(9, 9, 9, 9), y: Float32Array.of(9, 9, 9, 9), angle: Float32Array.of(0, 150, -150, -90), log: Float32Array.of(0, 1, 1, 0),
    cx: Float32Array.from({ length: 41 }, (_, i) => -160 + 8 * i), cy: Float32Array.from({ length: 41 }, (_, i) => (i === 20 ? NaN : -2 + (i % 20) / 20)),
  });
}

/** A context that draws nothing and remembers every call and every setting. */
export function recorder() {
  const log = [];
  const ctx = new Proxy({}, {
    get: (_, name) => (...args) => (log.push([name, ...args]), name === "measureText" ? { width: 7 * String(args[0]).length } : undefined),
    set: (_, name, value) => (log.push([`${name} =`, value]), true),
  });
  return { ctx, log };
}

export const theme = { dark: false, unit: 16, small: 13, line: 1, font: "sans-serif", text: "#111", muted: "#666", border: "#ccc", casing: "#fff", background: "#fff", plot: "#eee", ink: "#fff", halo: "#000" };
export const view = { left: 40, right: 24, bottom: 32, width: 400, height: 400, window: [-2, 2, -2, 2], gauge: 1, follow: 0, hidden: new Set(), layer: null };
