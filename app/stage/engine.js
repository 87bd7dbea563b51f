/** A step's program, run in the page: the bytes that a server's run has, from the same module. */

const FREE = 1024, WIDTH = 8, PAGE = 65536; // as in dynamics/portable

/** Bytes from what a header carries. */
export function unpacked(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/** An instance of a module; rejects where a policy or a browser forbids WebAssembly. */
export async function engine(code) {
  const { instance } = await WebAssembly.instantiate(code);
  return instance.exports;
}

/** x, y, frame, loss, gradient's x and y, and sharpness over t, from every start of a job; the arrays are copies. */
export function runs(exports, job) {
  const { memory, clock, path, read } = exports;
  const plane = WIDTH * (job.steps + 1);
  let end = FREE;
  const room = (size) => {
    const at = end;
    end += (size + 63) & ~63;
    return at;
  };
  const [numbers, rates, rows, start, out] = [
    job.numbers.length, job.rates.length, job.row * job.rows, 64, 7 * plane,
  ].map(room);
  const lacking = Math.ceil((end - memory.buffer.byteLength) / PAGE);
  if (lacking > 0) memory.grow(lacking);
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(job.numbers, numbers);
  bytes.set(job.rates, rates);
  clock(numbers, rates, job.stride, rows, job.rows);
  return job.starts.map((given) => {
    bytes.set(given, start);
    const sound = path(numbers, start, rows, job.rows > 1 ? job.row : 0, out, plane, job.steps);
    read(numbers, out, plane, out + 3 * plane, job.steps + 1);
    const columns = Array.from({ length: 7 }, (_, k) => new Float64Array(memory.buffer, out + k * plane, job.steps + 1).slice());
    return { columns, sound: Boolean(sound) };
  });
}
