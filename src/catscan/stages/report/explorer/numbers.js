// Arrays, shapes, places and how numbers are written. Maps are [depth, height, width, maps]; a picture's depth is 1.

const known = new WeakMap();
const decoded = (block) => {
  if (!known.has(block)) {
    const text = atob(block.base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    known.set(block, block.dtype === "uint8" ? bytes : new Float32Array(bytes.buffer));
  }
  return known.get(block);
};
/** A block of values that are here already. */
const held = (values, shape) => {
  const block = { shape };
  known.set(block, values);
  return block;
};
const product = (sizes) => sizes.reduce((one, other) => one * other, 1);
const padded = (sizes, axes, fill) => [...Array(axes - sizes.length).fill(fill), ...sizes];
const shapeOf = (step) => padded(step.shape, 4, 1);
const three = (sizes, fill) => padded(sizes, 3, fill);
const offset = (shape, at, map) => ((at[0] * shape[1] + at[1]) * shape[2] + at[2]) * shape[3] + map;
const shown = (value) => {
  if (Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  return size >= 1000 ? value.toFixed(0) : size >= 100 ? value.toFixed(1) : size >= 0.01 ? value.toFixed(3) : value.toExponential(1);
};
/** A number as it is added to what stands before. */
const plus = (value) => `${value < 0 ? "−" : "+"} ${shown(Math.abs(value))}`;
const times = (sizes) => sizes.join(" × ");
const counted = (number) => {
  for (const [factor, letter] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]]) {
    if (number >= factor) return `${Number((number / factor).toPrecision(3))}${letter}`;
  }
  return String(number);
};

/** The taps of a window at a place that lie on the maps that come in: [tap, place] of three axes each. */
const taps = (step, source, at) => {
  const window = three(step.window, 1);
  const stride = three(step.stride, 1);
  const padding = three(step.padding, 0);
  const found = [];
  for (let a = 0; a < window[0]; a++) {
    for (let b = 0; b < window[1]; b++) {
      for (let c = 0; c < window[2]; c++) {
        const place = [a, b, c].map((tap, axis) => at[axis] * stride[axis] - padding[axis] + tap);
        if (place.every((one, axis) => one >= 0 && one < source[axis])) found.push([[a, b, c], place]);
      }
    }
  }
  return found;
};
/** A map's largest value, and its place. */
const peakOf = (values, shape, map) => {
  let [most, there] = [-Infinity, null];
  for (const at of everywhere(shape)) {
    const value = values[offset(shape, at, map)];
    if (value > most) [most, there] = [value, at];
  }
  return [most, there];
};
const everywhere = function* (shape) {
  for (let z = 0; z < shape[0]; z++) for (let y = 0; y < shape[1]; y++) for (let x = 0; x < shape[2]; x++) yield [z, y, x];
};
