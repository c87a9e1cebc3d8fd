// What every kind of step computes, in plain script, and a whole network's values for a sample.

const ACTIVATIONS = {
  ReLU: (x) => Math.max(x, 0),
  ReLU6: (x) => Math.min(Math.max(x, 0), 6),
  Elu: (x) => (x < 0 ? Math.expm1(x) : x),
  Tanh: Math.tanh,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Softplus: (x) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0),
  Sqrt: Math.sqrt,
};

const COMPUTE = {
  convolution(step, [values], [source], shape) {
    const out = new Float32Array(product(shape));
    const [, , , maps] = shape;
    const incoming = source[3];
    const { window, bias } = step.weightsOf;
    const sides = three(step.window, 1);
    const sum = new Float64Array(maps);
    for (const at of everywhere(shape)) {
      if (bias) sum.set(bias);
      else sum.fill(0);
      for (const [tap, place] of taps(step, source, at)) {
        const from = offset(source, place, 0);
        let weight = ((tap[0] * sides[1] + tap[1]) * sides[2] + tap[2]) * incoming * maps;
        for (let i = 0; i < incoming; i++, weight += maps) {
          const value = values[from + i];
          if (value !== 0) for (let o = 0; o < maps; o++) sum[o] += value * window[weight + o];
        }
      }
      out.set(sum, offset(shape, at, 0));
    }
    return out;
  },
  fully_connected(step, [values], _, shape) {
    const maps = shape[3];
    const { window, bias } = step.weightsOf;
    const sum = bias ? Float64Array.from(bias) : new Float64Array(maps);
    values.forEach((value, i) => {
      for (let o = 0; o < maps; o++) sum[o] += value * window[i * maps + o];
    });
    return Float32Array.from(sum);
  },
  pooling(step, [values], [source], shape) {
    const out = new Float32Array(product(shape));
    for (const at of everywhere(shape)) {
      const places = taps(step, source, at).map(([, place]) => offset(source, place, 0));
      const to = offset(shape, at, 0);
      for (let map = 0; map < shape[3]; map++) {
        let found = step.how === "max" ? -Infinity : 0;
        for (const place of places) found = step.how === "max" ? Math.max(found, values[place + map]) : found + values[place + map];
        out[to + map] = step.how === "max" ? found : found / places.length;
      }
    }
    return out;
  },
  global_pooling(step, [values], [source], shape) {
    const maps = shape[3];
    const sum = new Float64Array(maps).fill(step.how === "max" ? -Infinity : 0);
    values.forEach((value, i) => {
      sum[i % maps] = step.how === "max" ? Math.max(sum[i % maps], value) : sum[i % maps] + value;
    });
    return Float32Array.from(sum, (one) => (step.how === "max" ? one : one / (source[0] * source[1] * source[2])));
  },
  scale(step, [values], _, shape) {
    const { factor, addend } = step.weightsOf;
    const maps = shape[3];
    return values.map((value, i) => value * factor[factor.length === 1 ? 0 : i % maps] + addend[addend.length === 1 ? 0 : i % maps]);
  },
  batch_norm: (...all) => COMPUTE.scale(...all),
  activation: (step, [values]) => values.map(ACTIVATIONS[step.how]),
  add: (_, several) => several[0].map((value, i) => several.reduce((sum, one, k) => (k ? sum + one[i] : sum), value)),
  concat(_, several, sources, shape) {
    const out = new Float32Array(product(shape));
    let first = 0;
    several.forEach((values, k) => {
      const maps = sources[k][3];
      for (let i = 0; i < values.length; i++) out[Math.floor(i / maps) * shape[3] + first + (i % maps)] = values[i];
      first += maps;
    });
    return out;
  },
};

/** All steps' values for a sample; a pause between the steps keeps the page alive. */
const computed = async (steps, sample, tell) => {
  const found = [];
  for (const [number, step] of steps.entries()) {
    if (number % 4 === 3) {
      tell(`computing step ${number + 1} of ${steps.length} …`);
      await new Promise((resolve) => setTimeout(resolve));
    }
    if (number === 0) found.push(Float32Array.from(decoded(sample.features ?? sample.pixels)));
    else if (step.closed) found.push(decoded(sample.values[number]));
    else found.push(COMPUTE[step.kind](step, step.inputs.map((k) => found[k]), step.inputs.map((k) => shapeOf(steps[k])), shapeOf(step)));
  }
  return found;
};
